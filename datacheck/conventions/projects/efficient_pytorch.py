"""Pickle or msgpack records, with the list of their keys and its length: Efficient-PyTorch (tools/folder2lmdb.py).

`__keys__` holds the keys as a list of bytes, and `__len__` their number, both serialised like the records. A loader
reads the records that are in the list.
"""

from __future__ import annotations

from datacheck.conventions.interface import Convention, StoreView
from datacheck.conventions.listed import KEYS, LEN, PACKED, all_bytes, convention_of_list


def recognise(store: StoreView) -> Convention | None:
    """Return the convention if both exist and the list holds bytes, not text, or None."""
    if store.value(LEN) is None:
        return None
    return convention_of_list(
        "efficient-pytorch", store, (KEYS,), lambda keys, form: form.startswith(PACKED) and all_bytes(keys)
    )
