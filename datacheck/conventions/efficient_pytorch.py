"""A pickle or msgpack a record, with the list of their keys and its length: Efficient-PyTorch (tools/folder2lmdb.py).

`__keys__` holds the keys, bytes, as a list, and `__len__` their number, both serialised as the records are. A loader
takes the records by the list.
"""

from __future__ import annotations

from datacheck.conventions.interface import Convention, StoreView
from datacheck.conventions.listed import KEYS, LEN, PACKED, all_bytes, listed


def recognise(store: StoreView) -> Convention | None:
    """Return the convention where both lie there, and the list is no text."""
    if store.value(LEN) is None:
        return None
    return listed("efficient-pytorch", store, (KEYS,), lambda keys, form: form.startswith(PACKED) and all_bytes(keys))
