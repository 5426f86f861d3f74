"""Compare the records of a store with a checksum file: find those that have changed, are gone, or are new."""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from datacheck.model.blocks import AnyBlock
from datacheck.model.escaping import plain
from datacheck.model.finding import Finding, found, full_name
from datacheck.model.profile import Profile
from datacheck.model.replacing import replace
from datacheck.reporting.compared import FIRST, Checksums

if TYPE_CHECKING:
    from datacheck.conventions.keys.account import KeyWatch
    from datacheck.digests.file import ChecksumFile
    from datacheck.digests.of_blocks import Digests, Part
    from datacheck.reporting.report import Report
    from datacheck.reporting.tally import Tally

HELD_BYTES, KEY_COST = 64 << 20, 256
"""Maximum size in bytes of the blocks of the file that a worker holds, and the cost of each key beside its digest."""
GIVEN_UP = frozenset({"crash", "timeout", "too-large", "unreadable", "internal-error"})
"""Codes of records that exist, but whose value could not be read."""


class Made(msgspec.Struct):
    """The result of one check. `seen` are the numbers of the file's records that exist, as (first, behind the last)."""

    compared: int = 0
    changed: int = 0
    new: int = 0
    first_new: list[str] = []
    seen: list[tuple[int, int]] = []


class AgainstFile(msgspec.Struct, frozen=True):
    """Compares records with those in a file, which must still have this `seal`."""

    path: str
    seal: bytes

    def begin(self, profile: Profile, watch: Mapping[str, KeyWatch] | None) -> Comparing:
        return Comparing(_open_file(self.path, self.seal))


@lru_cache(maxsize=1)
def _open_file(path: str, seal: bytes) -> ChecksumFile:
    """Return the open file. It stays open as long as the process works on one store."""
    from datacheck.digests.file import ChecksumFile, refuse

    file = ChecksumFile(Path(path))
    if file.seal != seal:
        refuse(path, "was replaced by another file while the scan was running")
    return file


class Comparing:
    """The comparison of the records of one check."""

    view = None

    def __init__(self, file: ChecksumFile) -> None:
        self.result = Made()
        self._file = file
        self._blocks: OrderedDict[int, Held] = OrderedDict()
        self._bytes = 0

    def take(self, block: AnyBlock, indexes: Sequence[int]) -> AnyBlock:
        from datacheck.digests.hashing import SIZE
        from datacheck.digests.of_blocks import digests_of, keys_of, not_read, part_of

        if not len(block):
            return block
        part, keys, unread, joined = part_of(block), keys_of(block), not_read(block), digests_of(block)
        changed: list[tuple[int | None, Finding]] = []
        numbers: list[int] = []
        near: Held | None = None
        result = self.result
        for row, key in enumerate(keys):
            digest = joined[row * SIZE : row * SIZE + SIZE]
            number = None if near is None else near.number(key, digest)
            same_key: list[tuple[int, bytes]] = []
            if number is None:
                near, number, same_key = self._find(part, key, digest, near)
            same = number is not None
            if not same and not same_key:
                result.new += 1
                if len(result.first_new) < FIRST:
                    result.first_new.append(full_name(block.name(row), block.file, getattr(block, "database", None)))
                continue
            if number is None and len(same_key) == 1:
                number = same_key[0][0]
            if number is not None:
                numbers.append(number)
            if row in unread:
                continue
            result.compared += 1
            if not same:
                changed.append((row, _changed_finding(digest, [recorded for _, recorded in same_key])))
        result.changed += len(changed)
        result.seen = _spans(result.seen, sorted(numbers))
        return replace(block, findings=[*block.findings, *changed]) if changed else block

    def _find(
        self, part: Part, key: bytes, digest: bytes, near: Held | None
    ) -> tuple[Held | None, int | None, list[tuple[int, bytes]]]:
        """Return the number of the record with a key and a digest, or else the first records with the key.

        The block that was read last is returned first: the next record is likely to be in it too.
        """
        places = list(self._file.holding(part, key))
        for at in places:
            near = self._read(at)
            number = near.number(key, digest)
            if number is not None:
                return near, number, []
        return near, None, [it for at in reversed(places) for it in self._read(at).first(key)][:FIRST]

    def _read(self, at: int) -> Held:
        if at in self._blocks:
            self._blocks.move_to_end(at)
            return self._blocks[at]
        held = Held(self._file.read(at), self._file.ordinals[at])
        self._blocks[at] = held
        self._bytes += held.bytes
        while self._bytes > HELD_BYTES and len(self._blocks) > 1:
            self._bytes -= self._blocks.popitem(last=False)[1].bytes
        return held


class Held:
    """A block of the file that can be searched. Records with the same key are neighbours, sorted by their digests."""

    def __init__(self, block: Digests, first: int) -> None:
        from datacheck.digests.hashing import SIZE

        self._first, self._digests, self._size = first, block.digests, SIZE
        self._rows: dict[bytes, tuple[int, int]] = {}
        for row, key in enumerate(block.each_key()):
            span = self._rows.get(key)
            self._rows[key] = (row if span is None else span[0], row + 1)
        self.bytes = len(block.digests) + KEY_COST * len(self._rows)

    def number(self, key: bytes, digest: bytes) -> int | None:
        """Return the number of the record with this key and digest, or None."""
        span = self._rows.get(key)
        if span is None:
            return None
        row, behind = span
        if behind - row > 1:
            if not self._digest(row) <= digest <= self._digest(behind - 1):
                return None
            row += bisect_left(range(row, behind), digest, key=self._digest)
        return self._first + row if self._digest(row) == digest else None

    def first(self, key: bytes) -> list[tuple[int, bytes]]:
        """Return the numbers and the digests of the first records with a key."""
        start, stop = self._rows.get(key, (0, 0))
        return [(self._first + row, self._digest(row)) for row in range(start, min(stop, start + FIRST))]

    def _digest(self, row: int) -> bytes:
        return self._digests[row * self._size : (row + 1) * self._size]


def _spans(spans: list[tuple[int, int]], numbers: list[int]) -> list[tuple[int, int]]:
    """Return the spans with further numbers added; adjacent numbers are joined to one span."""
    joined = list(spans)
    for number in numbers:
        if joined and joined[-1][1] == number:
            joined[-1] = joined[-1][0], number + 1
        else:
            joined.append((number, number + 1))
    return joined


def _changed_finding(digest: bytes, recorded: list[bytes]) -> Finding:
    expected = recorded[0].hex() if len(recorded) == 1 else [it.hex() for it in recorded[:FIRST]]
    message = "the value is not the one whose checksum was recorded"
    return found("changed", message, found=digest.hex(), expected=expected)


def seal_of(path: str) -> bytes:
    """Return the seal that identifies a checksum file. Raises UsageError if it is not a checksum file."""
    from datacheck.digests.file import ChecksumFile

    with ChecksumFile(Path(path)) as file:
        return file.seal


class AgainstChecksums:
    """The comparison of a store with a checksum file alongside a scan."""

    def __init__(self, path: str | Path) -> None:
        """Open the file once to check it. Raises UsageError if it is not a checksum file, or a damaged one."""
        import numpy as np

        from datacheck.digests.file import ChecksumFile

        with ChecksumFile(Path(path)) as file:
            self.summary = Checksums(str(path), file.index.records)
            self.beside = AgainstFile(str(path), file.seal)
            self.backend = file.index.backend
        self._seen = np.zeros((self.summary.recorded + 7) // 8, np.uint8)
        self._given_up: set[tuple[str | None, str | None, str | None]] = set()

    def collect(self, tally: Tally) -> None:
        """Take the result of a check."""
        if tally.account["died"] or not tally.complete:
            self._given_up.update((it.file, it.database, it.key) for it in tally.findings if it.code in GIVEN_UP)
        result: Made | None = tally.made
        if result is None:
            return
        summary = self.summary
        summary.compared += result.compared
        summary.changed += result.changed
        summary.new += result.new
        summary.first_new += result.first_new[: FIRST - len(summary.first_new)]
        for first, behind in result.seen:
            set_bits(self._seen, first, behind)

    def packed(self, result: Any) -> bytes:
        """Return the result of a check as bytes."""
        return msgspec.msgpack.encode(result)

    def unpacked(self, raw: bytes, records: int) -> Made:
        """Return the result of a check from its bytes."""
        return msgspec.msgpack.decode(raw, type=Made)

    def conclude(self, report: Report) -> Iterator[Finding]:
        """Yield a finding for each record of the file that the store lacks, unless only a part of it was read."""
        from datacheck.digests.file import ChecksumFile, refuse

        report.checksums = self.summary
        if report.settings.sample is not None or report.stopped:
            return
        complete = report.complete
        with ChecksumFile(Path(self.summary.path)) as file:
            if file.seal != self.beside.seal:
                refuse(self.summary.path, "was replaced by another file while the scan was running")
            for number, place in enumerate(file.index.blocks):
                first = file.ordinals[number]
                missing = unset_bits(self._seen, first, first + place.records)
                if not missing:
                    continue
                block = file.read(number)
                keys = block.each_key()
                for at in missing:
                    yield from self._lost(block.part, keys[at - first], complete=complete)

    def _lost(self, part: Part, key: bytes, *, complete: bool) -> Iterator[Finding]:
        from datacheck.digests.of_blocks import name_of

        file, database = plain(part.file) or None, plain(part.database) or None
        name = name_of(part, key)
        if (file, database, name) in self._given_up:
            return
        message = "its checksum was recorded, and the store has no record of this name"
        if not complete:
            message = "its checksum was recorded; it was not seen, and not every record could be reached"
        finding = found("lost", message, verdict=None if complete else "unverifiable")
        self.summary.lost += complete
        yield msgspec.structs.replace(finding, key=name, file=file, database=database)


def set_bits(bits: Any, first: int, behind: int) -> None:
    """Set the bits from number `first` to before `behind`, in an array of uint8."""
    while first < behind and first % 8:
        bits[first >> 3] |= 1 << (first & 7)
        first += 1
    while first < behind and behind % 8:
        behind -= 1
        bits[behind >> 3] |= 1 << (behind & 7)
    bits[first >> 3 : behind >> 3] = 255


def unset_bits(bits: Any, first: int, behind: int) -> list[int]:
    """Return the numbers in a range whose bits are not set."""
    import numpy as np

    start = first >> 3
    marks = np.unpackbits(bits[start : (behind + 7) >> 3], bitorder="little")[first - 8 * start : behind - 8 * start]
    numbers: list[int] = (np.flatnonzero(marks == 0) + first).tolist()
    return numbers
