"""Merge the tables and logs of a LevelDB into its records: in key order, with the newest write of each key.

Tables that do not overlap form a run, so that most stores have few runs. If only one run has keys in a range, its
records are passed on block by block. A Chunk is what a run or a log yields next.
"""

from __future__ import annotations

import os
import resource
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from operator import itemgetter, lt
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import numpy as np

from datacheck.backends.leveldb.block import Damaged, Value, read_failure
from datacheck.backends.leveldb.many_blocks import read
from datacheck.backends.leveldb.staleness import LostWrites
from datacheck.backends.leveldb.table import VALUE, Edge, Table, Tags
from datacheck.backends.leveldb.version import Origin
from datacheck.backends.leveldb.write_batches import LogIndex
from datacheck.files.regular import open_descriptor
from datacheck.model.equal_lengths import EqualLengths
from datacheck.model.slips import NO_DESCRIPTORS

T = TypeVar("T")

OPEN_FILES = 64
CHUNK_BYTES = 1 << 20
CHUNK_RECORDS = 4096
RUN_BYTES = 1 << 20
"""Blocks of a table are merged in groups of this many bytes of the file, or of CHUNK_RECORDS records."""
ARRAY_BYTES = 4 << 20
"""Smallest array of values that is passed on as an array, in bytes; smaller ones go into a list with others."""
START: Edge = (b"", 0)

Pairs = tuple[list[bytes], Sequence[Value]]
Complain = Callable[[Path, Damaged, bytes | None, bytes | None], None]
"""Called with the file, its damage, and the range of keys that are lost: above the first, up to the second."""


class Files:
    """The open files of one pass: at most OPEN_FILES, and at most a quarter of what the process may open."""

    def __init__(self) -> None:
        self._open: OrderedDict[Path, int] = OrderedDict()
        allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._most = OPEN_FILES if allowed == resource.RLIM_INFINITY else max(1, min(OPEN_FILES, allowed // 4))

    def __enter__(self) -> Files:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self._open.values():
            os.close(file)
        self._open.clear()

    def __getitem__(self, path: Path) -> int:
        """Return the file's descriptor, valid until the next one is requested. Raises Damaged."""
        if path in self._open:
            self._open.move_to_end(path)
            return self._open[path]
        try:
            file = self.making_room(partial(open_descriptor, path))
        except OSError as exc:
            raise read_failure(exc) from exc
        self._open[path] = file
        if len(self._open) > self._most:
            self._close_one()
        return file

    def making_room(self, opening: Callable[[], T]) -> T:
        """Return what `opening` returns; while no further file can be opened, close one of this pass and try again."""
        while True:
            try:
                return opening()
            except (OSError, Damaged) as exc:
                if exc.errno not in NO_DESCRIPTORS or not self._open:
                    raise
            self._close_one()

    def _close_one(self) -> None:
        """Close the least recently used file."""
        os.close(self._open.popitem(last=False)[1])


class Chunk:
    """Writes of one origin, sorted by key, without duplicates; `plain` means that none is a deletion."""

    def __init__(
        self,
        origin: Origin,
        keys: list[bytes],
        tags: Tags,
        read: Callable[[], Sequence[Value]],
    ) -> None:
        self.origin, self.keys, self.tags = origin, keys, tags
        self.plain = bool((tags & VALUE).all())
        self.taken = 0
        self._read: Callable[[], Sequence[Value]] | None = read
        self._values: Sequence[Value] = ()

    def take(self, bound: bytes | None) -> tuple[list[bytes], Sequence[Value], Tags]:
        """Return the keys, values and tags of the writes up to `bound` that were not taken before."""
        if self._read is not None:
            self._values, self._read = self._read(), None
            if len(self._values) < len(self.keys):
                self.keys = []
        first = self.taken
        self.taken = len(self.keys) if bound is None else bisect_right(self.keys, bound, first)
        keys, values = self.keys, self._values
        if self.taken == len(keys):
            self._values = ()
        if self.taken - first < len(keys):
            keys, values = keys[first : self.taken], values[first : self.taken]
        return keys, values, self.tags[first : self.taken]


def run_chunks(
    tables: Iterable[tuple[Origin, Table]],
    files: Files,
    start: Edge,
    stop: Edge | None,
    doubts: LostWrites,
    complain: Complain,
    limit: int | None = 1,
) -> Iterator[Chunk]:
    """Yield the writes of a run's tables in a range; damage is reported only if its home is in the range.

    A failure of the machine is reported in any case, since it may have happened only here. If `limit` records may be
    all that is needed, the first ones come early.
    """
    enough = RUN_BYTES if limit is None else 1
    for origin, table in tables:
        users: list[bytes] = []
        tags: list[Tags] = []
        values: list[Value] = []
        weight = 0
        blocks = table.between(start, stop)
        block = blocks.start
        for count, entries in read(table, partial(files.__getitem__, table.path), blocks, limit):
            first, block = block, block + count
            if isinstance(entries, Damaged):
                doubts.lose_block(origin, table, first)
                home = table.home(first)
                if entries.by_machine or (home >= start and (stop is None or home < stop)):
                    complain(table.path, entries, *table.span(first))
                continue
            inside = _rows_between(entries[0], start, stop)
            if is_array(entries[2][inside]):
                if users:
                    yield Chunk(origin, users, np.concatenate(tags), partial(_identity, values))
                    users, tags, values, weight = [], [], [], 0
                chunk = Chunk(origin, entries[0][inside], entries[1][inside], partial(_identity, entries[2][inside]))
                del entries  # the memory of its values is free for the next ones once they were taken
                yield chunk
                del chunk
                continue
            users += entries[0][inside]
            tags.append(entries[1][inside])
            values += entries[2][inside]
            weight += sum(table.sizes[first:block])
            if users and (weight >= enough or len(users) >= CHUNK_RECORDS):
                yield Chunk(origin, users, np.concatenate(tags), partial(_identity, values))
                users, tags, values, weight = [], [], [], 0
                enough = RUN_BYTES
        if users:
            yield Chunk(origin, users, np.concatenate(tags), partial(_identity, values))


def is_array(values: Sequence[Value]) -> bool:
    """Return whether values are one array that is large enough to be passed on as such."""
    return isinstance(values, EqualLengths) and len(values) * values.length >= ARRAY_BYTES


def _identity(values: Sequence[Value]) -> Sequence[Value]:
    return values


def _rows_between(keys: list[bytes], start: Edge, stop: Edge | None) -> slice:
    """Return the rows of the keys that lie in a range."""
    if not keys:
        return slice(0, 0)
    low = 0 if (keys[0], 0) >= start else (bisect_right if start[1] else bisect_left)(keys, start[0])
    if stop is None or (keys[-1], 0) < stop:
        return slice(low, len(keys))
    return slice(low, (bisect_right if stop[1] else bisect_left)(keys, stop[0]))


def log_chunks(
    path: Path, origin: Origin, log: LogIndex, files: Files, start: Edge, stop: Edge | None, complain: Complain
) -> Iterator[Chunk]:
    """Yield the writes of a log in a range, about CHUNK_BYTES of values at a time."""
    first, end = log.seek(start), log.seek(stop)
    while first < end:
        sizes = log.sizes[first : min(end, first + CHUNK_RECORDS)].cumsum()
        last = first + max(1, int(sizes.searchsorted(CHUNK_BYTES)))
        yield _log_chunk(path, origin, log, files, first, min(last, end), complain)
        first = last


def _log_chunk(
    path: Path, origin: Origin, log: LogIndex, files: Files, first: int, last: int, complain: Complain
) -> Chunk:
    keys = log.keys(first, last)

    def read() -> Sequence[Value]:
        try:
            return log.values(files[path], first, last)
        except Damaged as exc:
            complain(path, exc, keys[0], keys[-1])
            return []

    return Chunk(origin, keys, log.tags[first:last], read)


def merged(sources: Iterable[Iterator[Chunk]], doubts: LostWrites) -> Iterator[Pairs]:
    """Yield the records of all sources: the newest write of each key, unless it is a deletion.

    What a source has lost up to a key is in `doubts` before any record from that key on is yielded.
    """
    heads = [(source, chunk) for source in sources if (chunk := next(source, None)) is not None]
    while heads:
        bound = min(chunk.keys[-1] for _, chunk in heads)
        ready = [chunk for _, chunk in heads if chunk.keys[chunk.taken] <= bound]
        keys, values = (
            _records_of_one(ready[0], bound, doubts) if len(ready) == 1 else _records_of_several(ready, bound, doubts)
        )
        if keys:
            yield keys, values
        del values  # their memory is free for the next ones
        for place, (source, chunk) in reversed(list(enumerate(heads))):
            if chunk.taken >= len(chunk.keys):
                following = next(source, None)
                heads[place : place + 1] = [] if following is None else [(source, following)]


def _records_of_one(chunk: Chunk, bound: bytes, doubts: LostWrites) -> Pairs:
    keys, values, tags = chunk.take(bound)
    if not chunk.plain:
        kept = np.flatnonzero(tags & VALUE).tolist()
        keys, values = [keys[at] for at in kept], [values[at] for at in kept]
    if keys and doubts.may_affect(keys[0], keys[-1], [chunk.origin]):
        return doubts.sift(keys, values, [chunk.origin] * len(keys))
    return keys, values


def _records_of_several(chunks: list[Chunk], bound: bytes, doubts: LostWrites) -> Pairs:
    """Return the records of several chunks up to `bound`. Sorting lists that consist of sorted stretches is fast."""
    keys: list[bytes] = []
    values: list[Value] = []
    writes: list[tuple[Chunk, Tags]] = []
    for chunk in chunks:
        more_keys, more_values, tags = chunk.take(bound)
        keys += more_keys
        values += more_values
        writes.append((chunk, tags))
    if not keys:
        return keys, values
    order: Sequence[int] = sorted(range(len(keys)), key=keys.__getitem__)
    pick = itemgetter(*order, order[0])
    ordered = list(pick(keys)[:-1])
    if not all(chunk.plain for chunk in chunks) or not all(map(lt, ordered, islice(ordered, 1, None))):
        order = _newest(keys, order, writes)
        ordered = [keys[at] for at in order]
        picked: Sequence[Value] = [values[at] for at in order]
    else:
        picked = pick(values)[:-1]
    if ordered and doubts.may_affect(ordered[0], ordered[-1], [chunk.origin for chunk in chunks]):
        origins = [chunk.origin for chunk, tags in writes for _ in tags]
        return doubts.sift(ordered, picked, [origins[at] for at in order])
    return ordered, picked


def _newest(keys: list[bytes], order: Sequence[int], writes: list[tuple[Chunk, Tags]]) -> list[int]:
    """Return the places, in key order, of the newest write of each key, except deletions."""
    tags = [(tag, not chunk.origin.replaced) for chunk, chunk_tags in writes for tag in chunk_tags.tolist()]
    newest: dict[bytes, int] = {}
    for at in order:
        if keys[at] not in newest or tags[at] > tags[newest[keys[at]]]:
            newest[keys[at]] = at
    return [at for at in newest.values() if tags[at][0] & VALUE]
