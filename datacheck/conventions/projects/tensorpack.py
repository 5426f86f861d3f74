"""Records numbered with eight digits, with a list of the keys: tensorpack (dataflow/serialize.py, LMDBSerializer).

`__keys__` holds the keys as bytes, serialised like the records (msgpack, pickle). A loader reads as many records as the
store has besides this one: those in the list if it shuffles, all of them if it does not.
"""

from __future__ import annotations

import re

from datacheck.conventions.interface import Convention, StoreView
from datacheck.conventions.listed import KEYS, LEN, PACKED, all_bytes, convention_of_list

_KEY = re.compile(rb"[0-9]{8,}")


def recognise(store: StoreView) -> Convention | None:
    """Return the convention if such a list exists and `__len__` does not, or None."""
    if store.value(LEN) is not None:
        return None
    return convention_of_list(
        "tensorpack",
        store,
        (KEYS,),
        lambda keys, form: form.startswith(PACKED) and all_bytes(keys) and all(map(_KEY.fullmatch, keys)),
    )
