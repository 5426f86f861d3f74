"""Marks in a report that grows, which record how far a scan got, so that a later run can continue from there.

A report in JSON lines holds findings in source order. Between them are lines that no finished report has: one when the
shards of a source begin, and one each time some of the shards are done. The latter holds all results of these shards
except their findings, which are the lines before it. A mark that is incomplete, or does not match the lines before it,
does not count.
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
"""Maximum size of a line, and of the data in a mark, in bytes."""
LEVEL = 1
"""Compression level of a mark, low because marks are written once a second."""


class Begun(msgspec.Struct, frozen=True, tag_field="mark", tag="begun"):
    """The mark where the shards of a source begin: the number of the source, and what its scan depends on.

    `layout` is a digest of everything that is derived from the store before its first shard is checked.
    """

    source: int
    path: str
    version: str
    settings: dict[str, Any]
    fingerprint: Fingerprint | None
    layout: str


class Reached(msgspec.Struct, frozen=True, tag_field="mark", tag="reached"):
    """The mark after the first `done` shards of a source are checked, with `findings` findings since the last mark.

    `data` holds the tallies since then, compressed and in base64; `check` is its CRC-32. `lines` is the CRC-32 of the
    lines of the findings, set by the sink that writes them.
    """

    source: int
    done: int
    findings: int
    check: int
    data: str
    lines: int = 0


Mark = Begun | Reached


class Passed(msgspec.Struct, frozen=True, array_like=True):
    """The result of checking a shard, or a piece of it: the shard's number, and how many of the findings are its own.

    `doubtful` says that the shard must be checked again if the source changes. `known` holds the findings of an earlier
    report that were found again, `still` counts them by code. `made` holds the results of tasks beside the checks,
    packed. `reused` says that all of it comes from an earlier report; without a `tally`, it was reported with an
    earlier check.
    """

    shard: int
    doubtful: bool
    findings: int
    tally: bytes
    known: bytes = b""
    still: dict[str, int] = {}
    made: bytes = b""
    reused: bool = False


def pack_result(shard: int, tally: Tally, findings: int, *, doubtful: bool) -> Passed:
    """Return the result of checking a shard, with its tally packed."""
    return Passed(shard, doubtful, findings, packed(tally))


def mark_after(source: int, done: int, since: list[Passed]) -> Reached:
    """Return the mark after these results."""
    data = base64.b64encode(zlib.compress(msgspec.msgpack.encode(since), LEVEL)).decode()
    return Reached(source, done, _findings(since), _crc(data), data)


def _findings(since: Sequence[Passed]) -> int:
    return sum(it.findings for it in since)


def _crc(data: str) -> int:
    return zlib.crc32(data.encode())


class EarlierScan:
    """An earlier run's scan of one source, as far as it got: what it depends on, and its results."""

    def __init__(self, file: BinaryIO, begun: Begun, start: int) -> None:
        self._file, self.begun, self.start = file, begun, start
        self.done = 0
        self._stretches: list[tuple[int, int]] = []

    def extend(self, start: int, mark: int, done: int) -> None:
        """Add the mark at this offset, whose findings begin at `start`."""
        self._stretches.append((start, mark))
        self.done = done

    def marks(self) -> Iterator[tuple[Reached, list[Passed], Iterator[Finding]]]:
        """Yield each mark, its results, and the findings before it, which must be consumed before the next mark."""
        for start, at in self._stretches:
            self._file.seek(at)
            mark = msgspec.json.decode(self._file.readline(), type=Reached)
            yield mark, _unpack_results(mark), self._findings(start, at)

    def _findings(self, start: int, stop: int) -> Iterator[Finding]:
        self._file.seek(start)
        while self._file.tell() < stop:
            yield _FINDING.decode(self._file.readline())

    @staticmethod
    def tally(it: Passed, findings: Iterator[Finding], before: int) -> Tally | None:
        """Return the tally of a shard with its findings, or None if it has none; `before` other records precede it."""
        if it.reused and not it.tally:
            return None
        tally = unpacked(it.tally)
        own = [next(findings) for _ in range(it.findings)]
        tally.findings = Findings(
            found if found.index is None else msgspec.structs.replace(found, index=found.index - before)
            for found in own
        )
        return tally


def _unpack_results(mark: Reached) -> list[Passed]:
    raw = zlib.decompressobj()
    return msgspec.msgpack.decode(raw.decompress(base64.b64decode(mark.data), LONGEST), type=list[Passed])


_FINDING = msgspec.json.Decoder(Finding)
_MARK = msgspec.json.Decoder(Mark)


class Earlier:
    """What an earlier run left of a report: its scans by the number of the source, and the end of the last mark."""

    def __init__(self, file: BinaryIO) -> None:
        self.scans: dict[int, EarlierScan] = {}
        self.end = 0
        self.file = file
        self._read()

    def _read(self) -> None:
        at = start = lines = check = 0
        while (line := self.file.readline(LONGEST)).endswith(b"\n"):
            end = at + len(line)
            if not line.startswith(PREFIX):
                lines, check = lines + 1, zlib.crc32(line, check)
            elif not self._take(line, start, at, (lines, check)):
                return
            else:
                start, lines, check, self.end = end, 0, 0, end
            at = end

    def _take(self, line: bytes, start: int, at: int, before: tuple[int, int]) -> bool:
        """Take a line if it is a mark that matches what is `before` it: the number of lines, and their CRC-32."""
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
            valid: bool = _crc(mark.data) == mark.check and _findings(_unpack_results(mark)) == mark.findings
        except (zlib.error, binascii.Error, msgspec.DecodeError):
            return False
        if valid:
            scan.extend(start, at, mark.done)
        return valid

    def cut(self, number: int) -> None:
        """Forget the scans of this source and of all after it."""
        if number in self.scans:
            self.end = self.scans[number].start
            self.scans = {source: it for source, it in self.scans.items() if source < number}


class Marked(Protocol):
    """A report that grows and takes marks; while it is `silent`, it contains everything that arrives already."""

    silent: bool

    def mark(self, mark: Mark) -> None: ...

    def go_on(self, end: int) -> None:
        """Cut the file off after its last mark, and write what arrives from here on."""
        ...


class Journal:
    """The journal of how far the scan of one source got, marked in all reports that grow; one of them may be resumed.

    `source` is the number of this source among those of the command.
    """

    def __init__(
        self, source: int, files: Sequence[Marked], earlier: Earlier | None = None, resumed: Marked | None = None
    ) -> None:
        self._source, self._files = source, files
        self._earlier, self._resumed = earlier, resumed
        self._silence()

    def _silence(self) -> None:
        """Set whether the resumed report contains what arrives already; if not, let it continue."""
        if self._resumed is None or self._earlier is None:
            return
        silent = self._source in self._earlier.scans
        if not silent and self._resumed.silent:
            self._resumed.go_on(self._earlier.end)
        self._resumed.silent = silent

    def begin(
        self, path: str, settings: dict[str, Any], fingerprint: Fingerprint | None, layout: str
    ) -> EarlierScan | None:
        """Begin with the shards; return the earlier scan to continue, if there is one of the same layout."""
        scan = None if self._earlier is None else self._earlier.scans.get(self._source)
        if scan is not None and scan.begun.layout != layout:
            assert self._earlier is not None
            self._earlier.cut(self._source)
            self._silence()
            scan = None
        begun = Begun(self._source, path, __version__, settings, fingerprint, layout)
        for file in self._files:
            file.mark(begun)
        return scan

    def all_told(self) -> None:
        """Let the resumed report continue after all earlier results, unless these include the next source."""
        if self._earlier is not None and self._resumed is not None and self._source == len(self._earlier.scans) - 1:
            self._resumed.go_on(self._earlier.end)

    def reached(self, mark: Reached) -> None:
        """Mark how far the scan got."""
        for file in self._files:
            file.mark(mark)

    @property
    def source(self) -> int:
        return self._source
