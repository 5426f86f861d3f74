"""Pickled features keyed by name, with a list of the names: mmf, ViLBERT (tools/scripts/features/lmdb_conversion.py).

`keys` holds the names as a pickled list of bytes.
"""

from __future__ import annotations

from datacheck.conventions.interface import Convention, StoreView
from datacheck.conventions.listed import all_bytes, convention_of_list


def recognise(store: StoreView) -> Convention | None:
    """Return the convention if `keys` holds such a list, or None."""
    return convention_of_list(
        "mmf", store, (b"keys",), lambda keys, form: form.startswith("pickle") and all_bytes(keys)
    )
