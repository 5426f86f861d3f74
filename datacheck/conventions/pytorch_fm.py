"""Rows of numbers, numbered from 0 in four bytes: pytorch-fm (torchfm/dataset/avazu.py, criteo.py).

Keys are the number as a big-endian uint32; `field_dims` holds how many values each column takes. Nothing counts the
rows: a loader asks for as many as the store has records beside `field_dims`.
A row is its label and a number for each column, uint32.
"""

from __future__ import annotations

from datacheck.conventions.interface import ALL, Convention, StoreView
from datacheck.conventions.numbered_keys import Packed

DIMS, WIDTH = b"field_dims", 4
ITEM = 4
"""Bytes of a number."""


def recognise(store: StoreView) -> Convention | None:
    """Return the convention where `field_dims` lies beside such keys: the first of them begins with a zero byte."""
    keys = [key for key in store.keys if key != DIMS]
    if store.value(DIMS) is None or not keys or {*map(len, keys)} != {WIDTH} or min(keys)[0]:
        return None
    columns, odd = divmod(len(store.value(DIMS) or b""), ITEM)
    shapes = {} if odd or not columns else {ALL: (1 + columns,)}  # the label is the first
    return Convention("pytorch-fm", (Packed(width=WIDTH),), base=0, own=frozenset({DIMS}), dense=True, shapes=shapes)
