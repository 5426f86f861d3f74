"""Records numbered with eight digits, and the list of their keys: tensorpack (dataflow/serialize.py, LMDBSerializer).

`__keys__` holds the keys, bytes, serialised as the records are (msgpack, pickle). A loader takes as many records as the
store has beside this one: by the list where it shuffles, all of them where it does not.
"""

from __future__ import annotations

import re

from datacheck.conventions.interface import Convention, StoreView
from datacheck.conventions.listed import KEYS, LEN, PACKED, all_bytes, listed

_KEY = re.compile(rb"[0-9]{8,}")


def recognise(store: StoreView) -> Convention | None:
    """Return the convention where such a list lies there, and nothing counts it."""
    if store.value(LEN) is not None:
        return None
    return listed(
        "tensorpack",
        store,
        (KEYS,),
        lambda keys, form: form.startswith(PACKED) and all_bytes(keys) and all(map(_KEY.fullmatch, keys)),
    )
