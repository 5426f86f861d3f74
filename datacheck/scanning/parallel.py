"""Lists and arrays in one record that may have an item for each of the others: the labels of all pictures.

Nothing tells whether they do, beside that they have as many: a copy has them as they are, and whoever makes it is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from datacheck.conventions.interface import Convention, Parallel, StoreView
from datacheck.conventions.lists_within import names_of
from datacheck.model.blocks import Block
from datacheck.scanning.blame import Blamed, blamed

LARGEST = 1 << 24
"""Bytes of a value that is looked at."""
FEWEST = 16
"""So many items at least are no chance."""


def parallel(view: StoreView, conventions: Iterable[Convention]) -> Iterator[Parallel]:
    """Yield the lists and arrays of numbers in records that have no number in their keys, where these are few."""
    from datacheck.decoders import decoder, kind, payload  # loads all of them, which the parent does without
    from datacheck.model.batch import Batch

    own = frozenset().union(*(it.own for it in conventions))
    for key in names_of(view):
        raw = view.value(key)
        if key in own or raw is None or len(raw) > LARGEST:
            continue
        name = kind(raw)
        if name is None or name.endswith("unknown") or payload(name).beside:
            continue
        block = Block([key], [memoryview(raw)])
        try:
            fields = [*blamed("undecodable", decoder(name).decode, block, [0], None, pixels=False)]
        except Blamed:  # the scan says what is wrong with it
            continue
        for batch in fields:
            if isinstance(batch, Batch) and not batch.encoded and batch.shape and batch.shape[0] >= FEWEST:
                yield Parallel(key, "" if batch.field == "data" else batch.field, batch.shape[0])
