"""Pickled features by name, and the list of the names: mmf, ViLBERT (tools/scripts/features/lmdb_conversion.py).

`keys` holds the names, bytes, as a pickled list.
"""

from __future__ import annotations

from datacheck.conventions.interface import Convention, StoreView
from datacheck.conventions.listed import all_bytes, listed


def recognise(store: StoreView) -> Convention | None:
    """Return the convention where such a list lies there."""
    return listed("mmf", store, (b"keys",), lambda keys, form: form.startswith("pickle") and all_bytes(keys))
