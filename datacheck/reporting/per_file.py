"""The results of each file of a source, kept in its report so that a later scan reads only the files that changed.

A report in JSON holds them packed, as `per_file`: the sums over the records of each file, and where in the report its
findings are. Nothing in it is executed when it is read.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from datacheck.model.listing import and_more
from datacheck.model.replacing import replace
from datacheck.reporting.packed_tally import Natural, packed, unpacked
from datacheck.reporting.tally import Tally

MOST_BYTES = 32 << 20
"""Maximum bytes kept for all files together, before compression; if they need more, nothing is kept."""
LEVEL = 6


class FileState(msgspec.Struct, frozen=True, array_like=True):
    """A file as it was when it was scanned: its name, size in bytes, time in nanoseconds, and a digest of its head."""

    name: str
    size: int
    mtime_ns: int
    head: bytes


class OfFile(msgspec.Struct, frozen=True, array_like=True):
    """The results of the records of a file, and which findings of the report are theirs.

    `held_to` is a digest of what the records were compared with, `centres` one of the values about which floats were
    summed. `records` and `findings` count those of the report before the file's own; `own` is the number of its
    findings.
    """

    state: FileState
    held_to: bytes
    centres: bytes
    records: Natural
    findings: Natural
    own: Natural
    tally: bytes


class PerFile:
    """Collects the results of the files of a source, in source order, as long as there is room.

    Nothing is kept of a file that leaves something undecided, so that a later scan reads it again.
    """

    def __init__(self) -> None:
        self._results: list[OfFile] = []
        self._joined: Tally | None = None
        """The tally of the last file, if it came in more than one part; it is packed when the file is done."""
        self._undecided: set[str] = set()
        self._bytes = self._parts = 0

    def take(self, result: OfFile, tally: Tally) -> None:
        """Add the results of a file, or of more of its records: `tally`, which is not in `result` yet."""
        if not tally.complete or tally.verdicts["unverifiable"] or tally.unknown:
            self._undecided.add(result.state.name)
        if self._bytes <= MOST_BYTES:
            sums = {name: it.plain() for name, it in tally.statistics.items()}
            self.add(msgspec.structs.replace(result, tally=packed(replace(tally, statistics=sums))))

    def add(self, result: OfFile) -> None:
        """Add the packed results of a file, or of more of its records."""
        if self._bytes > MOST_BYTES:
            return
        if self._results and result.state == self._results[-1].state:
            self._join(result)
        else:
            self._finish()
            self._results.append(result)
            self._bytes += len(result.state.name)
            self._parts = 0
        self._bytes += len(result.tally)
        self._parts += len(result.tally)
        if self._bytes > MOST_BYTES:
            self._finish()  # the parts of a file take less space together
        if self._bytes > MOST_BYTES:
            self._results.clear()

    def _join(self, result: OfFile) -> None:
        before = self._results[-1]
        if self._joined is None:
            self._joined = unpacked(before.tally)
        tally = unpacked(result.tally)
        self._joined.labels += tally.labels
        self._joined.add_sums(tally)
        centres, own = before.centres or result.centres, before.own + result.own
        self._results[-1] = msgspec.structs.replace(before, centres=centres, own=own)

    def _finish(self) -> None:
        """Pack the tally of the last file."""
        if self._joined is not None:
            self._results[-1] = msgspec.structs.replace(self._results[-1], tally=packed(self._joined))
            self._joined = None
            self._bytes += len(self._results[-1].tally) - self._parts
            self._parts = len(self._results[-1].tally)

    def text(self) -> str | None:
        """Return the text for the report, or None if there is nothing to keep."""
        self._finish()
        kept = [it for it in self._results if it.state.name not in self._undecided]
        return base64.b64encode(zlib.compress(msgspec.msgpack.encode(kept), LEVEL)).decode() if kept else None


def read_per_file(text: str) -> Sequence[OfFile]:
    """Return the results of single files from the text in a report. Raises ValueError if it is not such a text."""
    try:
        raw = zlib.decompressobj()
        results = raw.decompress(base64.b64decode(text, validate=True), 2 * MOST_BYTES)
        return msgspec.msgpack.decode(results, type=list[OfFile])
    except (binascii.Error, zlib.error, msgspec.DecodeError, RecursionError) as exc:
        raise ValueError(str(exc)) from exc


@dataclass
class ByFile:
    """The results of single files in a report: whether it `keeps` them for a later scan, and the `text` it has of them.

    `earlier` are those of an earlier report, `reused` says what was reused of them.
    """

    keeps: bool = False
    text: str | None = None
    earlier: Any = None
    reused: Reused | None = None


class Reused(msgspec.Struct, frozen=True, omit_defaults=True):
    """How many of the `files` of a source were read; the results of the others come from an earlier report.

    `held_otherwise` counts the files that did not change but were read, because their records are now compared with
    something else. `named` are the first of the other files that were read.
    """

    report: str
    files: int
    read: int
    held_otherwise: int = 0
    named: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """What was read, for a headline."""
        changed = self.read - self.held_otherwise
        names = f" ({and_more(self.named, changed)})" if self.named else ""
        otherwise = (
            f", {self.held_otherwise:,} of them held to something else than before" if self.held_otherwise else ""
        )
        return f"{self.read:,} of {self.files:,} files read{names}{otherwise}; the others as in {self.report}"
