"""Read LevelDB's log files, which hold the newest records and, as MANIFEST, the list of tables.

Source: google/leveldb doc/log_format.md, db/log_reader.cc. A log is a sequence of 32 KiB blocks of fragments: masked
CRC32C, length, type, payload. One or more fragments make a logical record: here a batch of writes.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple, Protocol

import google_crc32c

from datacheck.backends.leveldb.block import Damaged, checksum, masked, read_failure
from datacheck.files.regular import next_data
from datacheck.files.retrying import pread

BLOCK = 32 << 10
HEADER = struct.Struct("<IHB")
BATCH = struct.Struct("<QI")
"""The header of a batch of writes (db/write_batch.cc): the sequence number of the first one, and their count."""
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4
TRIALS = 100_000
"""Maximum number of places tried for a fragment in a damaged log; then the search skips to the next 32 KiB block."""


class Sink(Protocol):
    """A receiver of the logical records of a log, fragment by fragment."""

    def begin(self, offset: int) -> None:
        """Begin a record at this offset of the file."""

    def feed(self, offset: int, payload: bytes) -> None:
        """Add verified bytes to the record, which lie at this offset."""

    def finish(self) -> None:
        """Complete the record. Raises Damaged if it makes no sense."""

    def abandon(self) -> None:
        """Discard the record, whose end is lost."""


class Fragment(NamedTuple):
    """A piece of a record; `kind` is the one in the file, PADDING or CUT."""

    kind: int
    offset: int
    payload: bytes


PADDING, CUT = -1, -2


def fragments(file: int, size: int) -> Iterator[Fragment | Damaged]:
    """Yield the fragments of a log and, in their place, damage, zero padding, and where the file ends too early."""
    search = _Search()
    for base in _block_offsets(file, size):
        try:
            block = pread(file, min(BLOCK, size - base), base)
        except OSError as exc:
            yield read_failure(exc, "", base, BLOCK)
            continue
        last = base + len(block) >= size
        at = 0
        while at + HEADER.size <= len(block):
            stored, length, kind = HEADER.unpack_from(block, at)
            end = at + HEADER.size + length
            if not (stored or length or kind) and not block[at:].strip(b"\0"):
                yield Fragment(PADDING, base + at, b"")
                at = len(block)
            elif end > len(block):
                following = search.next(block, at + 1)
                if last and following == len(block):
                    yield Fragment(CUT, base + at, b"")
                else:
                    yield Damaged("checksum", "a length runs beyond its 32 KiB block", base + at, following - at)
                at = following
            elif checksum(block, at + 6, end) != stored:
                if not _is_boundary(block, end):
                    end = search.next(block, at + 1)
                yield Damaged("checksum", "the CRC32C does not match", base + at, end - at)
                at = end
            elif not FULL <= kind <= LAST:
                yield Damaged("damaged-store", f"a fragment has the unknown type {kind}", base + at, end - at)
                at = end
            else:
                yield Fragment(kind, base + at + HEADER.size, block[at + HEADER.size : end])
                at = end
        if last and at <= BLOCK - HEADER.size and block[at:].strip(b"\0"):
            yield Fragment(CUT, base + at, b"")


def _block_offsets(file: int, size: int) -> Iterator[int]:
    """Yield the offset of each block of a log; in a hole of the file, which may be of any size, only the first."""
    base = 0
    while base < size:
        yield base
        data = next_data(file, base)
        at = size - 1 if data is None else min(data, size - 1)
        base = max(base + BLOCK, at // BLOCK * BLOCK)


class _Search:
    """A search for the next sound fragment behind a length that cannot be trusted, for at most `_left` trials."""

    def __init__(self) -> None:
        self._left = TRIALS

    def next(self, block: bytes, at: int) -> int:
        """Return where a sound fragment begins, or the end of the block."""
        for match in _HEAD.finditer(block, at):
            begin = match.start()
            stored, length, _ = HEADER.unpack_from(block, begin)
            end: int = begin + HEADER.size + length
            if length and end <= len(block) and self._left:
                self._left -= 1
                if checksum(block, begin + 6, end) == stored:
                    return begin
        return len(block)


_HEAD = re.compile(rb"(?=.{6}[\x01-\x04])", re.DOTALL)


def _is_boundary(block: bytes, at: int) -> bool:
    """Return whether a sound fragment, padding or the block's end is at `at`, which confirms the length before it."""
    if at + HEADER.size > len(block):
        return True
    stored, length, kind = HEADER.unpack_from(block, at)
    end: int = at + HEADER.size + length
    if not kind:
        return not block[at:].strip(b"\0")
    return end <= len(block) and checksum(block, at + 6, end) == stored


def read_log(file: int, size: int, sink: Sink) -> list[Damaged]:
    """Feed the records of a log to `sink`, and return all damage; reading continues behind it.

    Zero bytes up to the end are space that some writers preallocate. A last record that is cut is `truncated-store`:
    LevelDB skips it silently, but it was lost all the same.
    """
    assembly = _Assembly(sink)
    padding: int | None = None
    for item in fragments(file, size):
        if isinstance(item, Fragment) and item.kind == PADDING:
            padding = item.offset if padding is None else padding
            continue
        if padding is not None:
            gap = (item.offset or padding) // BLOCK * BLOCK - padding
            assembly.lose(Damaged("damaged-store", "zero bytes stand where records should be", padding, gap))
            padding = None
        if isinstance(item, Damaged):
            assembly.lose(item)
        elif item.kind == CUT:
            assembly.cut(item.offset, size)
        else:
            assembly.take(item)
    if assembly.record_start is not None:
        assembly.cut(assembly.record_start, size)
    return assembly.damages


class _Assembly:
    """Joins records from their fragments; `record_start` is the offset of a record that has no end yet."""

    def __init__(self, sink: Sink) -> None:
        self.damages: list[Damaged] = []
        self.record_start: int | None = None
        self._sink = sink
        self._in_lost_record = False

    def lose(self, damage: Damaged) -> None:
        """Note damage. A record that began before it is lost, with everything of it that follows."""
        self.damages.append(damage)
        self._in_lost_record = True
        if self.record_start is not None:
            self._sink.abandon()
            self.record_start = None

    def cut(self, offset: int, size: int) -> None:
        where = offset if self.record_start is None else self.record_start
        self.lose(Damaged("truncated-store", "it ends in the middle of a record", where, size - where))

    def take(self, fragment: Fragment) -> None:
        start = fragment.offset - HEADER.size
        if fragment.kind in (FULL, FIRST):
            if self.record_start is not None:
                self.lose(Damaged("damaged-store", "a record has no end", self.record_start, start - self.record_start))
            self.record_start, self._in_lost_record = start, False
            self._sink.begin(start)
        elif self.record_start is None:
            if not self._in_lost_record:
                self.lose(Damaged("damaged-store", "a record has no beginning", start, len(fragment.payload)))
            return
        self._sink.feed(fragment.offset, fragment.payload)
        if fragment.kind in (FULL, LAST):
            try:
                self._sink.finish()
            except Damaged as exc:
                self.damages.append(exc.at(self.record_start))
            self.record_start = None


def first_record_is_sound(head: bytes) -> bool:
    """Return whether the first bytes of a file are those of a log: its first fragment passes its CRC32C."""
    if len(head) < HEADER.size:
        return False
    stored, length, kind = HEADER.unpack_from(head, 0)
    payload = head[HEADER.size : HEADER.size + length]
    crc = masked(google_crc32c.value(head[6:7] + payload))
    return kind in (FULL, FIRST) and len(payload) == length and crc == stored
