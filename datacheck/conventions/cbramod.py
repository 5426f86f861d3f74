"""Pickled samples, and the keys of each set of them: CBraMod and kin (preprocessing_*.py).

`__keys__` holds a pickled mapping: "train", "val", "test" to the list of their keys, text.
"""

from __future__ import annotations

from datacheck.conventions.interface import Convention, StoreView
from datacheck.conventions.listed import KEYS, listed


def recognise(store: StoreView) -> Convention | None:
    """Return the convention where such a mapping lies there."""
    return listed("cbramod", store, (KEYS,), lambda keys, form: form.startswith("pickle") and isinstance(keys, dict))
