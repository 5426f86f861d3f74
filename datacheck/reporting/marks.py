"""Marks in a report that grows: how far a scan came, so that a later run goes on from there.

A report of JSON lines holds findings in source order. Between them lie lines that no finished report has: one when the
shards of a source begin, and one each time that some of them are done, with all that these came to but their findings,
which are the lines before it. A mark that is not whole, or does not fit what lies before it, was never made.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, Protocol

import msgspec

from datacheck._version import __version__
from datacheck.model.finding import Finding
from datacheck.reporting.finding_store import Findings
from datacheck.reporting.packed_tally import packed, unpacked
from datacheck.reporting.source import Fingerprint
from datacheck.reporting.tally import Tally

PREFIX = b'{"mark":'
LONGEST = 1 << 28
"""Bytes of a line, and of what a mark holds."""
LEVEL = 1
"""How hard a mark is compressed: it is written once a second."""


class Begun(msgspec.Struct, frozen=True, tag_field="mark", tag="begun"):
    """The shards of a source begin: the number of the source, and what the scan of it rests on.

    `layout` is a digest of all that follows from the store before its first shard is checked.
    """

    source: int
    path: str
    version: str
    settings: dict[str, Any]
    fingerprint: Fingerprint | None
    layout: str


class Reached(msgspec.Struct, frozen=True, tag_field="mark", tag="reached"):
    """The first `done` shards of a source are checked, since the last mark with so many `findings`.

    `data` are the tallies in between, compressed and in base64, `check` is the CRC-32 of it. `lines` is that of the
    lines of the findings; who writes them knows it.
    """

    source: int
    done: int
    findings: int
    check: int
    data: str
    lines: int = 0


Mark = Begun | Reached


class Passed(msgspec.Struct, frozen=True, array_like=True):
    """What checking a shard, or a piece of it, came to: its number, and how many of the findings are its own.

    `doubtful` says that the shard is to be looked at again where the source changes. `known` are findings of an earlier
    report that were found again, `still` counts them by code; `made` is what was done beside the checks, packed.
    `reused` says that all of it is from an earlier report; with no `tally` it was told with a check before this one.
    """

    shard: int
    doubtful: bool
    findings: int
    tally: bytes
    known: bytes = b""
    still: dict[str, int] = {}
    made: bytes = b""
    reused: bool = False


def passed(shard: int, tally: Tally, findings: int, *, doubtful: bool) -> Passed:
    """Return what checking a shard came to, with its tally packed."""
    return Passed(shard, doubtful, findings, packed(tally))


def reached(source: int, done: int, since: list[Passed]) -> Reached:
    """Return the mark behind these."""
    data = base64.b64encode(zlib.compress(msgspec.msgpack.encode(since), LEVEL)).decode()
    return Reached(source, done, _findings(since), _check(data), data)


def _findings(since: Sequence[Passed]) -> int:
    return sum(it.findings for it in since)


def _check(data: str) -> int:
    return zlib.crc32(data.encode())


class EarlierScan:
    """The scan of one source as far as an earlier run came: what it rests on, and what it came to."""

    def __init__(self, file: BinaryIO, begun: Begun, start: int) -> None:
        self._file, self.begun, self.start = file, begun, start
        self.done = 0
        self._stretches: list[tuple[int, int]] = []

    def extend(self, start: int, mark: int, done: int) -> None:
        """Take a mark at this offset, whose findings begin at `start`."""
        self._stretches.append((start, mark))
        self.done = done

    def marks(self) -> Iterator[tuple[Reached, list[Passed], Iterator[Finding]]]:
        """Yield each mark, what it holds, and the findings before it, which are to be taken before the next one."""
        for start, at in self._stretches:
            self._file.seek(at)
            mark = msgspec.json.decode(self._file.readline(), type=Reached)
            yield mark, _passed(mark), self._findings(start, at)

    def _findings(self, start: int, stop: int) -> Iterator[Finding]:
        self._file.seek(start)
        while self._file.tell() < stop:
            yield _FINDING.decode(self._file.readline())

    @staticmethod
    def tally(it: Passed, findings: Iterator[Finding], before: int) -> Tally | None:
        """Return the tally of a shard, None where it has none, with its findings, behind so many other records."""
        if it.reused and not it.tally:
            return None
        tally = unpacked(it.tally)
        own = [next(findings) for _ in range(it.findings)]
        tally.findings = Findings(
            found if found.index is None else msgspec.structs.replace(found, index=found.index - before)
            for found in own
        )
        return tally


def _passed(mark: Reached) -> list[Passed]:
    raw = zlib.decompressobj()
    return msgspec.msgpack.decode(raw.decompress(base64.b64decode(mark.data), LONGEST), type=list[Passed])


_FINDING = msgspec.json.Decoder(Finding)
_MARK = msgspec.json.Decoder(Mark)


class Earlier:
    """What an earlier run has left of a report: its scans by the number of the source, and where the last mark ends."""

    def __init__(self, file: BinaryIO) -> None:
        self.scans: dict[int, EarlierScan] = {}
        self.end = 0
        self.file = file
        self._read()

    def _read(self) -> None:
        at = start = lines = check = 0
        while (line := self.file.readline(LONGEST)).endswith(b"\n"):
            behind = at + len(line)
            if not line.startswith(PREFIX):
                lines, check = lines + 1, zlib.crc32(line, check)
            elif not self._take(line, start, at, (lines, check)):
                return
            else:
                start, lines, check, self.end = behind, 0, 0, behind
            at = behind

    def _take(self, line: bytes, start: int, at: int, before: tuple[int, int]) -> bool:
        """Take a mark, if it is one and fits what is `before` it: so many lines, with this CRC-32."""
        try:
            mark = _MARK.decode(line)
        except (msgspec.DecodeError, RecursionError):
            return False
        scan = self.scans.get(mark.source)
        if isinstance(mark, Begun):
            if mark.source != len(self.scans):
                return False
            self.scans[mark.source] = EarlierScan(self.file, mark, at)
            return True
        if scan is None or mark.source != len(self.scans) - 1 or mark.done < scan.done:
            return False
        if (mark.findings, mark.lines) != before:
            return False
        try:
            whole: bool = _check(mark.data) == mark.check and _findings(_passed(mark)) == mark.findings
        except (zlib.error, binascii.Error, msgspec.DecodeError):
            return False
        if whole:
            scan.extend(start, at, mark.done)
        return whole

    def cut(self, number: int) -> None:
        """Forget the scan of this source, and those behind it."""
        if number in self.scans:
            self.end = self.scans[number].start
            self.scans = {source: it for source, it in self.scans.items() if source < number}


class Marked(Protocol):
    """A report that grows, and takes marks; one that is `silent` has all that comes already."""

    silent: bool

    def mark(self, mark: Mark) -> None: ...

    def go_on(self, end: int) -> None:
        """Cut the file off at its last mark, and take what comes from here on."""
        ...


class Journal:
    """How far the scan of one source came, marked in each of the reports that grow; one of them may have a beginning.

    `source` is the number of this one among those of the command.
    """

    def __init__(
        self, source: int, files: Sequence[Marked], earlier: Earlier | None = None, resumed: Marked | None = None
    ) -> None:
        self._source, self._files = source, files
        self._earlier, self._resumed = earlier, resumed
        self._silence()

    def _silence(self) -> None:
        """Say that the resumed report has what comes, or have it go on."""
        if self._resumed is None or self._earlier is None:
            return
        silent = self._source in self._earlier.scans
        if not silent and self._resumed.silent:
            self._resumed.go_on(self._earlier.end)
        self._resumed.silent = silent

    def begin(
        self, path: str, settings: dict[str, Any], fingerprint: Fingerprint | None, layout: str
    ) -> EarlierScan | None:
        """Begin with the shards; return the earlier scan to go on behind, if there is one of the same layout."""
        there = None if self._earlier is None else self._earlier.scans.get(self._source)
        if there is not None and there.begun.layout != layout:
            assert self._earlier is not None
            self._earlier.cut(self._source)
            self._silence()
            there = None
        begun = Begun(self._source, path, __version__, settings, fingerprint, layout)
        for file in self._files:
            file.mark(begun)
        return there

    def all_told(self) -> None:
        """All that the earlier run came to is added: what comes now is new, unless it came to the next source too."""
        if self._earlier is not None and self._resumed is not None and self._source == len(self._earlier.scans) - 1:
            self._resumed.go_on(self._earlier.end)

    def reached(self, mark: Reached) -> None:
        """Mark how far the scan came."""
        for file in self._files:
            file.mark(mark)

    @property
    def source(self) -> int:
        return self._source
