"""Hold the records of a store against a checksum file: which are not what they were, which are gone, which are new."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from datacheck.model.blocks import AnyBlock
from datacheck.model.escaping import plain
from datacheck.model.finding import Finding, found, named
from datacheck.model.profile import Profile
from datacheck.model.replacing import replace
from datacheck.model.settings import Settings
from datacheck.reporting.compared import FIRST, Checksums

if TYPE_CHECKING:
    from datacheck.conventions.account import KeyWatch
    from datacheck.digests.file import ChecksumFile
    from datacheck.digests.of_blocks import Part
    from datacheck.reporting.report import Report
    from datacheck.reporting.tally import Tally

BLOCKS = 8
"""So many blocks of the file a worker holds."""
GIVEN_UP = frozenset({"crash", "timeout", "too-large", "unreadable", "internal-error"})
"""Codes of records that are there, and whose value nobody has seen."""

Known = dict[bytes, list[tuple[int, bytes]]]
"""Of each key the numbers and the digests of its records."""


class Made(msgspec.Struct):
    """What one check came to: `seen` are the records of the file that are there, as (first, behind the last)."""

    compared: int = 0
    changed: int = 0
    new: int = 0
    first_new: list[str] = []
    seen: list[tuple[int, int]] = []


class AgainstFile(msgspec.Struct, frozen=True):
    """Compares records with those in a file, which must still be the one with this `seal`."""

    path: str
    seal: bytes

    def begin(self, profile: Profile, watch: Mapping[str, KeyWatch] | None) -> Comparing:
        return Comparing(_opened(self.path, self.seal))


@lru_cache(maxsize=1)
def _opened(path: str, seal: bytes) -> ChecksumFile:
    """Return the open file; it stays open as long as the process works on one store."""
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
        self._blocks: OrderedDict[int, Known] = OrderedDict()

    def take(self, block: AnyBlock, indexes: Sequence[int]) -> AnyBlock:
        from datacheck.digests.hashing import SIZE
        from datacheck.digests.of_blocks import digests_of, keys_of, not_read, part_of

        if not len(block):
            return block
        part, keys, unread, joined = part_of(block), keys_of(block), not_read(block), digests_of(block)
        changed: list[tuple[int | None, Finding]] = []
        seen: list[int] = []
        near: Known = {}
        made = self.result
        for row, key in enumerate(keys):
            its = near.get(key)
            if its is None:
                near, its = self._known(part, key, near)
            if its is None:
                made.new += 1
                if len(made.first_new) < FIRST:
                    made.first_new.append(named(block.name(row), block.file, getattr(block, "database", None)))
                continue
            digest = joined[row * SIZE : row * SIZE + SIZE]
            number = next((number for number, recorded in its if recorded == digest), None)
            if number is None and len(its) == 1:
                number = its[0][0]
            if number is not None:
                seen.append(number)
            if row in unread:
                continue
            made.compared += 1
            if all(recorded != digest for _, recorded in its):
                changed.append((row, _changed(digest, [recorded for _, recorded in its])))
        made.changed += len(changed)
        made.seen = _spans(made.seen, seen)
        return replace(block, findings=[*block.findings, *changed]) if changed else block

    def _known(self, part: Part, key: bytes, near: Known) -> tuple[Known, list[tuple[int, bytes]] | None]:
        """Return what the file has near a key, and what it has of it, None if nothing."""
        its: list[tuple[int, bytes]] = []
        for number in self._file.holding(part, key):
            near = self._read(number)
            its = near.get(key, []) + its
        return near, its or None

    def _read(self, number: int) -> Known:
        if number in self._blocks:
            self._blocks.move_to_end(number)
            return self._blocks[number]
        block = self._file.read(number)
        known: Known = {}
        at = self._file.ordinals[number]
        for key, digest in zip(block.each_key(), block.each_digest(), strict=True):
            known.setdefault(key, []).append((at, digest))
            at += 1
        self._blocks[number] = known
        if len(self._blocks) > BLOCKS:
            self._blocks.popitem(last=False)
        return known


def _spans(spans: list[tuple[int, int]], numbers: list[int]) -> list[tuple[int, int]]:
    """Return spans with more numbers; those that follow each other are one span."""
    made = list(spans)
    for number in numbers:
        if made and made[-1][1] == number:
            made[-1] = made[-1][0], number + 1
        else:
            made.append((number, number + 1))
    return made


def _changed(digest: bytes, recorded: list[bytes]) -> Finding:
    expected = recorded[0].hex() if len(recorded) == 1 else [it.hex() for it in recorded[:FIRST]]
    said = "the value is not the one whose checksum was recorded"
    return found("changed", said, found=digest.hex(), expected=expected)


class AgainstChecksums:
    """A scan that holds a store against a checksum file."""

    def __init__(self, path: str | Path) -> None:
        """Open the file, to see what it is. Raises UsageError where it is none, or a damaged one."""
        import numpy as np

        from datacheck.digests.file import ChecksumFile

        with ChecksumFile(Path(path)) as file:
            self.summary = Checksums(str(path), file.index.records)
            self.beside = AgainstFile(str(path), file.seal)
            self.backend = file.index.backend
        self._seen = np.zeros((self.summary.recorded + 7) // 8, np.uint8)
        self._given_up: set[tuple[str | None, str | None, str | None]] = set()

    def collect(self, tally: Tally) -> None:
        """Take what a check came to."""
        if tally.account["died"] or not tally.complete:
            self._given_up.update((it.file, it.database, it.key) for it in tally.findings if it.code in GIVEN_UP)
        made: Made | None = tally.made
        if made is None:
            return
        summary = self.summary
        summary.compared += made.compared
        summary.changed += made.changed
        summary.new += made.new
        summary.first_new += made.first_new[: FIRST - len(summary.first_new)]
        for first, behind in made.seen:
            mark(self._seen, first, behind)

    def conclude(self, report: Report) -> Iterator[Finding]:
        """Yield a finding for each record of the file that the store has no more, unless only a part was read."""
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
                gone = unmarked(self._seen, first, first + place.records)
                if not gone:
                    continue
                block = file.read(number)
                keys = block.each_key()
                for at in gone:
                    yield from self._lost(block.part, keys[at - first], complete=complete)

    def _lost(self, part: Part, key: bytes, *, complete: bool) -> Iterator[Finding]:
        from datacheck.digests.of_blocks import name_of

        file, database = plain(part.file) or None, plain(part.database) or None
        name = name_of(part, key)
        if (file, database, name) in self._given_up:
            return
        said = "its checksum was recorded, and the store has no record of this name"
        if not complete:
            said = "its checksum was recorded; it was not seen, and not every record could be reached"
        finding = found("lost", said, verdict=None if complete else "unverifiable")
        self.summary.lost += complete
        yield msgspec.structs.replace(finding, key=name, file=file, database=database)


def against_file(settings: Settings) -> list[Path]:
    """Return the checksum file that a scan reads, if it reads one."""
    return [] if settings.checksums is None else [Path(settings.checksums)]


def mark(bits: Any, first: int, behind: int) -> None:
    """Set the bits from one number to that before another one, in an array of uint8."""
    while first < behind and first % 8:
        bits[first >> 3] |= 1 << (first & 7)
        first += 1
    while first < behind and behind % 8:
        behind -= 1
        bits[behind >> 3] |= 1 << (behind & 7)
    bits[first >> 3 : behind >> 3] = 255


def unmarked(bits: Any, first: int, behind: int) -> list[int]:
    """Return the numbers in a range whose bits are not set."""
    import numpy as np

    start = first >> 3
    its = np.unpackbits(bits[start : (behind + 7) >> 3], bitorder="little")[first - 8 * start : behind - 8 * start]
    gone: list[int] = (np.flatnonzero(its == 0) + first).tolist()
    return gone
