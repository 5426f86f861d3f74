"""Find lists and arrays in one record that may have an item for each other record, such as the labels of all pictures.

Only their length suggests that they do, so a copy keeps them as they are, and the user is told about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from datacheck.conventions.counts.count_names import METADATA
from datacheck.conventions.interface import Convention, StoreView
from datacheck.conventions.lists_within import keys_with_lists
from datacheck.conventions.values.aligned import Parallel
from datacheck.conventions.values.per_record import is_of_records, without_items
from datacheck.model.blocks import Block
from datacheck.scanning.blame import Blamed, blamed

LARGEST = 1 << 24
"""Largest value that is examined, in bytes."""
FEWEST = 16
"""Minimum number of items; equal numbers below this may be chance."""


def parallel_lists(view: StoreView, conventions: Iterable[Convention]) -> Iterator[Parallel]:
    """Yield the lists and arrays of numbers in records without a number in their keys, if such records are few."""
    own = frozenset().union(*(it.own for it in conventions))
    for key in keys_with_lists(view):
        raw = view.value(key)
        if raw is None or len(raw) > LARGEST:
            continue
        yield from _lists_of_texts(key, view)
        if key not in own:
            yield from _marked(list(_arrays(key, raw)), raw)
        elif key in METADATA:
            yield from _marked(list(_numbers(key, view)), raw)


def _marked(lists: Sequence[Parallel], raw: bytes) -> Iterator[Parallel]:
    """Yield the lists of one value, with those marked that have a number for each record and can lose some."""
    named = {it.items for it in lists if is_of_records(it.key.decode("latin1") if not it.name else it.name)}
    sure = {it for it in named if without_items(raw, it, range(it - 1)) is not None}
    yield from (msgspec.structs.replace(it, of_records=it.items in sure) for it in lists)


def _arrays(key: bytes, raw: bytes) -> Iterator[Parallel]:
    """Yield the lists and arrays of numbers in a value."""
    from datacheck.decoders import decoder, kind, payload  # loads all decoders, which the parent process does not need
    from datacheck.model.batch import Batch

    name = kind(raw)
    if name is None or name.endswith("unknown") or payload(name).beside:
        return
    block = Block([key], [memoryview(raw)])
    try:
        fields = [*blamed("undecodable", decoder(name).decode, block, [0], None, pixels=False)]
    except Blamed:  # the scan reports what is wrong with it
        return
    for batch in fields:
        if isinstance(batch, Batch) and not batch.encoded and batch.shape and batch.shape[0] >= FEWEST:
            yield Parallel(key, "" if batch.field == "data" else batch.field, batch.shape[0])


def _numbers(key: bytes, view: StoreView) -> Iterator[Parallel]:
    """Yield the lists of numbers in a mapping of metadata."""
    said = view.listed(key)
    for name, items in said.value.items() if said is not None and isinstance(said.value, dict) else ():
        if isinstance(items, list) and len(items) >= FEWEST and all(type(it) in (int, float) for it in items):
            yield Parallel(key, str(name), len(items))


def _lists_of_texts(key: bytes, view: StoreView) -> Iterator[Parallel]:
    """Yield the lists of texts in a mapping, such as the names of samples, or a list of texts."""
    said = view.stored(key)
    value = None if said is None else said.value
    for name, items in value.items() if isinstance(value, dict) else [("", value)]:
        if isinstance(items, list) and len(items) >= FEWEST and all(isinstance(it, (str, bytes)) for it in items):
            yield Parallel(key, str(name), len(items))
