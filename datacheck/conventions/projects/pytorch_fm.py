"""Rows of numbers, keyed by four-byte numbers from 0: pytorch-fm (torchfm/dataset/avazu.py, criteo.py).

Keys are big-endian uint32 numbers; `field_dims` holds the number of values that each column takes. Nothing counts the
rows: a loader asks for as many as the store has records besides `field_dims`. A row is its label followed by a number
for each column, as uint32.
"""

from __future__ import annotations

from datacheck.conventions.interface import ALL, Convention, StoreView
from datacheck.conventions.keys.numbered_keys import Packed

DIMS, WIDTH = b"field_dims", 4
ITEM = 4
"""Size of a number in `field_dims`, in bytes."""


def recognise(store: StoreView) -> Convention | None:
    """Return the convention if `field_dims` and such keys exist, the least of them with a zero byte first, or None."""
    keys = [key for key in store.keys if key != DIMS]
    if store.value(DIMS) is None or not keys or {*map(len, keys)} != {WIDTH} or min(keys)[0]:
        return None
    columns, odd = divmod(len(store.value(DIMS) or b""), ITEM)
    shapes = {} if odd or not columns else {ALL: (1 + columns,)}  # the label is the first
    return Convention("pytorch-fm", (Packed(width=WIDTH),), base=0, own=frozenset({DIMS}), dense=True, shapes=shapes)
