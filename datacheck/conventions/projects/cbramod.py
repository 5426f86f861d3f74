"""Pickled samples, with the keys of each set of samples: CBraMod and similar projects (preprocessing_*.py).

`__keys__` holds a pickled mapping from "train", "val" and "test" to the list of their keys, as text.
"""

from __future__ import annotations

from datacheck.conventions.interface import Convention, StoreView
from datacheck.conventions.listed import KEYS, convention_of_list


def recognise(store: StoreView) -> Convention | None:
    """Return the convention if `__keys__` holds such a mapping, or None."""
    return convention_of_list(
        "cbramod", store, (KEYS,), lambda keys, form: form.startswith("pickle") and isinstance(keys, dict)
    )
