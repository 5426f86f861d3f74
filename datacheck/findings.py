"""Findings by the hundred thousand: packed for the way from a worker, kept in a file when there are many.

A finding as an object costs microseconds to send and half a kilobyte to hold; packed (as MessagePack) a tenth of both.
"""

from __future__ import annotations

import struct
import tempfile
import weakref
from collections.abc import Collection, Iterable, Iterator
from functools import cache
from typing import IO

import msgspec

from datacheck.model import Finding

FINDINGS_IN_MEMORY = 10_000
"""Findings beyond about this many wait in a temporary file."""
_HEAD = struct.Struct("<QQq")


class FindingRun(Collection[Finding]):
    """Findings of neighbouring records in source order, packed; each look at them makes them anew.

    `by` is added to the records' indexes.
    """

    __slots__ = ("by", "count", "packed")

    def __init__(self, packed: bytes, count: int, by: int = 0) -> None:
        self.packed, self.count, self.by = packed, count, by

    @classmethod
    def of(cls, findings: Iterable[Finding]) -> FindingRun:
        if isinstance(findings, FindingRun):
            return findings
        listed = list(findings)
        return cls(msgspec.msgpack.encode(listed) if listed else b"", len(listed))

    def raised(self, by: int) -> FindingRun:
        """Return the same findings with their records' indexes raised by `by`."""
        return FindingRun(self.packed, self.count, self.by + by)

    def __len__(self) -> int:
        return self.count

    def __contains__(self, finding: object) -> bool:
        return any(finding == it for it in self)

    def __iter__(self) -> Iterator[Finding]:
        if not self.count:
            return
        for finding in _decoder().decode(self.packed):
            if self.by and finding.index is not None:
                msgspec.structs.force_setattr(finding, "index", finding.index + self.by)  # it is nobody's but ours yet
            yield finding


@cache
def _decoder() -> msgspec.msgpack.Decoder[list[Finding]]:
    return msgspec.msgpack.Decoder(list[Finding])


class FindingLog:
    """Findings in source order, any number of them: the first in memory, the rest in a temporary file."""

    def __init__(self) -> None:
        self._memory: list[FindingRun] = []
        self._file: IO[bytes] | None = None
        self._count = 0

    def extend(self, findings: Iterable[Finding]) -> None:
        run = FindingRun.of(findings)
        if not run.count:
            return
        self._count += run.count
        if self._file is None and self._count <= FINDINGS_IN_MEMORY:
            self._memory.append(run)
            return
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115  (lives as long as the log)
            weakref.finalize(self, self._file.close)
        self._file.write(_HEAD.pack(len(run.packed), run.count, run.by))
        self._file.write(run.packed)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Finding]:
        for run in self._memory:
            yield from run
        if self._file is None:
            return
        place = 0
        while True:  # another reader, or `extend`, may move the file between two runs
            self._file.seek(place)
            head = self._file.read(_HEAD.size)
            if not head:
                break
            size, count, by = _HEAD.unpack(head)
            run = FindingRun(self._file.read(size), count, by)
            place = self._file.tell()
            yield from run
        self._file.seek(place)
