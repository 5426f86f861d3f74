"""Find lists and arrays in one record that may have an item for each other record, such as the labels of all pictures.

Only their length suggests that they do, so a copy keeps them as they are, and the user is told about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from datacheck.conventions.interface import Convention, StoreView
from datacheck.conventions.lists_within import keys_with_lists
from datacheck.conventions.values.aligned import Parallel
from datacheck.model.blocks import Block
from datacheck.scanning.blame import Blamed, blamed

LARGEST = 1 << 24
"""Largest value that is examined, in bytes."""
FEWEST = 16
"""Minimum number of items; equal numbers below this may be chance."""


def parallel_lists(view: StoreView, conventions: Iterable[Convention]) -> Iterator[Parallel]:
    """Yield the lists and arrays of numbers in records without a number in their keys, if such records are few."""
    from datacheck.decoders import decoder, kind, payload  # loads all decoders, which the parent process does not need
    from datacheck.model.batch import Batch

    own = frozenset().union(*(it.own for it in conventions))
    for key in keys_with_lists(view):
        raw = view.value(key)
        if raw is None or len(raw) > LARGEST:
            continue
        yield from _lists_of_texts(key, view)
        if key in own:
            continue
        name = kind(raw)
        if name is None or name.endswith("unknown") or payload(name).beside:
            continue
        block = Block([key], [memoryview(raw)])
        try:
            fields = [*blamed("undecodable", decoder(name).decode, block, [0], None, pixels=False)]
        except Blamed:  # the scan reports what is wrong with it
            continue
        for batch in fields:
            if isinstance(batch, Batch) and not batch.encoded and batch.shape and batch.shape[0] >= FEWEST:
                yield Parallel(key, "" if batch.field == "data" else batch.field, batch.shape[0])


def _lists_of_texts(key: bytes, view: StoreView) -> Iterator[Parallel]:
    """Yield the lists of texts in a mapping, such as the names of samples."""
    said = view.stored(key)
    for name, items in said.value.items() if said is not None and isinstance(said.value, dict) else ():
        if isinstance(items, list) and len(items) >= FEWEST and all(isinstance(it, (str, bytes)) for it in items):
            yield Parallel(key, str(name), len(items))
