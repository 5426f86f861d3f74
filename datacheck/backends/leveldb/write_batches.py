"""Index the writes in the batches of a LevelDB log: keys, and the places of the values, which stay in the file.

Source: google/leveldb db/write_batch.cc. A batch is a sequence number, a count, and that many writes and deletions.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.leveldb.block import Damaged, Value, read_failure, varint
from datacheck.backends.leveldb.log import BATCH, BLOCK, read_log
from datacheck.backends.leveldb.table import LARGEST_TAG, VALUE
from datacheck.files.regular import open_regular
from datacheck.files.retrying import pread

LONGEST = 1 << 40
PADDED_KEYS = 64 << 20
"""Largest array of equally wide keys that is made to sort them, in bytes, unless 4 times the keys' size is more."""


class Writes:
    """A sink that notes the writes in the batches of a log: keys, sequence numbers, and the places of the values.

    Values are skipped, so that a log of any size takes little memory. A batch is taken as a whole or not at all.
    """

    def __init__(self) -> None:
        self.keys = bytearray()
        self.ends = array("q")
        self.tags = array("q")
        self.places = array("q")
        self.sizes = array("q")
        self.fragment_offsets = array("q")
        self.fragment_places = array("q")
        self.lost: list[tuple[int, int]] = []
        self.backward: list[int] = []
        self._length = 0
        self._expected: int | None = None
        self.begin(0)

    def begin(self, offset: int) -> None:
        self._offset = offset
        self._pending = bytearray()
        self._needed = BATCH.size
        self._skip = 0
        self._declared = self._sequence = -1
        self._found = 0
        self._why = ""
        self._marks = len(self.keys), len(self.ends), len(self.fragment_offsets), self._length

    def feed(self, offset: int, payload: bytes) -> None:
        self.fragment_offsets.append(offset)
        self.fragment_places.append(self._length)
        self._length += len(payload)
        if self._skip >= len(payload):
            self._skip -= len(payload)
            return
        data = payload[self._skip :] if self._skip else payload
        self._skip = 0
        if self._pending or len(data) < self._needed:
            self._pending += data
            if len(self._pending) < self._needed:
                return
            data = bytes(self._pending)
            self._pending = bytearray()
        self._parse(data)

    def _parse(self, data: bytes) -> None:
        """Take the writes in `data`, which ends with the last byte of the log so far; hold back an incomplete one."""
        at = 0
        if self._declared < 0:
            self._sequence, self._declared = BATCH.unpack_from(data, 0)
            at = BATCH.size
        base = self._length - len(data)
        end = len(data)
        while at < end and not self._why:
            began, self._needed = at, 1
            try:
                kind = data[at]
                length, at = varint(data, at + 1)
                key = at
                at += length
                size = 0
                if kind == 1:
                    self._needed = at - began + 1
                    size, at = varint(data, at)
                complete = at <= end
            except IndexError:
                complete = False
            except Damaged as exc:
                self._why = exc.why
                return
            if not complete:
                self._needed = max(self._needed, at - began, end - began + 1)
                self._pending = bytearray(data[began:])
                return
            if kind > 1 or size > LONGEST:
                self._why = f"a write has the unknown type {kind}" if kind > 1 else "a value cannot be that long"
                return
            self.keys += data[key : key + length]
            self.ends.append(len(self.keys))
            self.tags.append((self._sequence << 8 | kind) & LARGEST_TAG)
            self.places.append(base + at)
            self.sizes.append(size)
            self._sequence += 1
            self._found += 1
            at += size
        self._skip = max(0, at - end)
        self._needed = 1

    def finish(self) -> None:
        first = self._sequence - self._found
        if self._declared >= 0:
            if self._expected is not None and first > self._expected:
                self.lost.append((self._offset, first - self._expected))
            elif self._expected is not None and first < self._expected:
                self.backward.append(self._offset)
            self._expected = first + max(self._declared, self._found)
        if self._skip and not self._why:
            for column in (self.ends, self.tags, self.places, self.sizes):
                column.pop()
            del self.keys[self.ends[-1] if self.ends else 0 :]
            self._why = "its last value is cut"
        elif self._declared < 0:
            self._why = "it is too short for its header"
        if self._why:
            raise Damaged("damaged-store", f"a batch passes its CRC32C, but {self._why}")
        if self._found != self._declared:
            why = f"a batch passes its CRC32C, but its count says {self._declared:,}, and it holds {self._found:,}"
            raise Damaged("damaged-store", why, toll="nothing")

    def abandon(self) -> None:
        keys, writes, pieces, self._length = self._marks
        del self.keys[keys:]
        for column in (self.ends, self.tags, self.places, self.sizes):
            del column[writes:]
        del self.fragment_offsets[pieces:], self.fragment_places[pieces:]


Ints = NDArray[Any]


class LogIndex:
    """The newest write of each key in a log, sorted by key, with the places of the values in the file."""

    def __init__(self, writes: Writes, damages: list[Damaged], size: int) -> None:
        self.damages, self.lost, self.size = damages, writes.lost, size
        self._keys = bytes(writes.keys)
        ends = np.array(writes.ends, np.int64)
        starts = np.concatenate([np.zeros(1, np.int64), ends[:-1]]) if len(ends) else ends
        tags = np.array(writes.tags, np.int64)
        order, newest = _order(self._keys, starts, ends, tags)
        kept = order[newest]
        self._starts, self._ends, self.tags = starts[kept], ends[kept], tags[kept]
        self._places = np.array(writes.places, np.int64)[kept]
        self.sizes: Ints = np.array(writes.sizes, np.int64)[kept]
        self._fragment_offsets = np.array(writes.fragment_offsets, np.int64)
        self._fragment_places = np.array(writes.fragment_places, np.int64)
        self._fragment_ends = np.append(self._fragment_places, np.int64(1 << 62))[1:]

    def __len__(self) -> int:
        return len(self.tags)

    @property
    def live(self) -> int:
        """Number of keys that are not deleted."""
        return int(np.count_nonzero(self.tags & VALUE))

    def key(self, row: int) -> bytes:
        return self._keys[self._starts[row] : self._ends[row]]

    def keys(self, first: int, last: int) -> list[bytes]:
        blob = self._keys
        spans = zip(self._starts[first:last].tolist(), self._ends[first:last].tolist(), strict=True)
        return [blob[start:end] for start, end in spans]

    def seek(self, edge: tuple[bytes, int] | None) -> int:
        """Return the first row at or behind an edge; None is the end."""
        if edge is None:
            return len(self)
        bisect = bisect_right if edge[1] else bisect_left
        return bisect(range(len(self)), edge[0], key=self.key)

    def values(self, file: int, first: int, last: int) -> list[Value]:
        """Read the values of rows from the file, in one go if they lie close together. Raises Damaged."""
        places, sizes = self._places[first:last], self.sizes[first:last]
        pieces = np.searchsorted(self._fragment_places, places, "right") - 1
        offsets = self._fragment_offsets[pieces] + places - self._fragment_places[pieces]
        contiguous = places + sizes <= self._fragment_ends[pieces]
        low = int(offsets.min(initial=1 << 62))
        high = int((offsets + sizes)[contiguous].max(initial=0))
        together = 0 < high - low <= 2 * int(sizes.sum()) + BLOCK
        data = _read_exactly(file, low, high - low) if together else b""
        view = memoryview(data)
        rows = zip(offsets.tolist(), sizes.tolist(), contiguous.tolist(), places.tolist(), strict=True)
        return [
            (view[offset - low : offset - low + size] if together else memoryview(_read_exactly(file, offset, size)))
            if complete
            else self._joined(file, place, size)
            for offset, size, complete, place in rows
        ]

    def _joined(self, file: int, place: int, size: int) -> memoryview:
        """Join a value that spans fragments."""
        joined = bytearray()
        piece = int(np.searchsorted(self._fragment_places, place, "right")) - 1
        while len(joined) < size:
            count = min(int(self._fragment_ends[piece]) - place, size - len(joined))
            offset = int(self._fragment_offsets[piece]) + place - int(self._fragment_places[piece])
            joined += _read_exactly(file, offset, count)
            place, piece = place + count, piece + 1
        return memoryview(joined).toreadonly()


def _read_exactly(file: int, offset: int, size: int) -> bytes:
    try:
        data = pread(file, size, offset)
    except OSError as exc:
        raise read_failure(exc, "", offset, size) from exc
    if len(data) < size:
        raise Damaged("truncated-store", "was cut while it was being read", offset, size)
    return data


def _order(keys: bytes, starts: Ints, ends: Ints, tags: Ints) -> tuple[Ints, Ints]:
    """Return the order of the writes by key and then newest first, and flags in that order for the newest of a key."""
    sizes = ends - starts
    width = max(1, int(sizes.max(initial=0)))
    if width * len(sizes) <= max(PADDED_KEYS, 4 * len(keys)):
        padded = np.zeros((len(sizes), width), np.uint8)
        padded[np.arange(width) < sizes[:, None]] = np.frombuffer(keys, np.uint8)
        text = padded.view(f"S{width}")[:, 0]
        order = np.lexsort((-tags, sizes, text))
        text, sizes = text[order], sizes[order]
        newest = np.append(True, (text[1:] != text[:-1]) | (sizes[1:] != sizes[:-1]))[: len(sizes)]
        return order, newest
    spans = list(zip(starts.tolist(), ends.tolist(), tags.tolist(), strict=True))
    rows = sorted(range(len(spans)), key=lambda row: (keys[spans[row][0] : spans[row][1]], -spans[row][2]))
    texts = [keys[spans[row][0] : spans[row][1]] for row in rows]
    new = [not place or text != texts[place - 1] for place, text in enumerate(texts)]
    return np.array(rows, np.int64), np.array(new, bool)


def open_log(path: Path) -> LogIndex:
    """Return the index of a log, cached in the process as long as the file does not change. Raises OSError."""
    status = path.stat()
    return _open_log(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=4)
def _open_log(path: Path, size: int, changed: int) -> LogIndex:
    writes = Writes()
    with open_regular(path) as file:
        damages = read_log(file.fileno(), size, writes)
    if size and not damages and not len(writes.fragment_offsets):
        # preallocated, and nothing written to it had reached the disk
        damages = [Damaged("damaged-store", "it holds zero bytes alone, as a power cut leaves a log", 0, size)]
    return LogIndex(writes, damages or list(_sequence_damage(writes)), size)


def _sequence_damage(writes: Writes) -> Iterator[Damaged]:
    """Yield damage that shows in the sequence numbers of a log with sound records: they must be consecutive.

    A failed write, which was reported to its writer, uses up numbers too. No number is lower than one before it.
    """
    if writes.backward:
        why = "a batch has lower numbers than the one before it: its records are not in the order they were written in"
        yield Damaged("damaged-store", why, writes.backward[0], toll="nothing")
    elif writes.lost:
        count = sum(count for _, count in writes.lost)
        why = f"the numbers of {count:,} {'write' if count == 1 else 'writes'} are missing before it"
        yield Damaged("damaged-store", why, writes.lost[0][0], toll="not checked")
