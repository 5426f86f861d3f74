"""Store findings by the hundred thousand: packed to be sent by a worker, and in a file if there are many.

Sending a finding as an object costs microseconds, and holding it half a kilobyte. Packed, as MessagePack, it costs a
tenth of both.
"""

from __future__ import annotations

import struct
import weakref
from collections.abc import Collection, Iterable, Iterator, Sequence
from copy import copy
from functools import cache
from io import SEEK_END
from itertools import islice
from typing import IO

import msgspec

from datacheck.files.scratch import scratch_file, write_all
from datacheck.model.finding import Finding
from datacheck.reporting.finding_sequence import FindingSequence

FINDINGS_IN_MEMORY = 10_000
"""Number of findings that are held in memory, approximately; more than that are kept in a temporary file."""
_HEAD = struct.Struct("<QQq")


class Findings(Collection[Finding]):
    """Findings of neighbouring records in source order, not packed; one that many records share is held once."""

    __slots__ = ("_at", "_indexes", "_keys", "_said", "_which")

    def __init__(self, findings: Iterable[Finding] = ()) -> None:
        self._said: list[Finding] = []
        self._at: dict[int, int] = {}
        self._which: list[int] = []
        self._keys: list[str | None] = []
        self._indexes: list[int | None] = []
        listed = list(findings)
        self.extend(listed, [it.key for it in listed], [it.index for it in listed])

    def extend(self, findings: Iterable[Finding], keys: Iterable[str | None], indexes: Iterable[int | None]) -> None:
        """Add findings, each with the key and the index of its record; those in the finding itself are ignored."""
        distinct, positions, which = self._said, self._at, self._which
        for finding in findings:
            position = positions.get(id(finding))
            if position is None:
                position = positions[id(finding)] = len(distinct)
                distinct.append(finding)
            which.append(position)
        self._keys += keys
        self._indexes += indexes

    def packed(self) -> bytes:
        columns = (self._said, self._which, self._keys, self._indexes)
        return msgspec.msgpack.encode(columns)

    def __len__(self) -> int:
        return len(self._which)

    def __contains__(self, finding: object) -> bool:
        return any(finding == it for it in self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Collection) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __iter__(self) -> Iterator[Finding]:
        return _with_records(self._said, self._which, self._keys, self._indexes, 0)


def _with_records(
    distinct: Sequence[Finding],
    which: Iterable[int],
    keys: Iterable[str | None],
    indexes: Iterable[int | None],
    shift: int,
) -> Iterator[Finding]:
    """Yield the findings, each with the key and the index of its record; `shift` is added to the index."""
    for position, key, index in zip(which, keys, indexes, strict=True):
        finding = copy(distinct[position])  # nothing else refers to this copy yet
        msgspec.structs.force_setattr(finding, "key", key)
        msgspec.structs.force_setattr(finding, "index", None if index is None else index + shift)
        yield finding


class PackedFindings(Collection[Finding]):
    """Findings of neighbouring records in source order, packed; every iteration decodes them again.

    `by` is added to the records' indexes.
    """

    __slots__ = ("by", "count", "packed")

    def __init__(self, packed: bytes, count: int, by: int = 0) -> None:
        self.packed, self.count, self.by = packed, count, by

    @classmethod
    def of(cls, findings: Iterable[Finding]) -> PackedFindings:
        if isinstance(findings, PackedFindings):
            return findings
        unpacked = findings if isinstance(findings, Findings) else Findings(findings)
        return cls(unpacked.packed() if len(unpacked) else b"", len(unpacked))

    def raised(self, by: int) -> PackedFindings:
        """Return the same findings with their records' indexes raised by `by`."""
        return PackedFindings(self.packed, self.count, self.by + by)

    def __len__(self) -> int:
        return self.count

    def __contains__(self, finding: object) -> bool:
        return any(finding == it for it in self)

    def __iter__(self) -> Iterator[Finding]:
        if not self.count:
            return
        yield from _with_records(*_decoder().decode(self.packed), self.by)


Columns = tuple[list[Finding], list[int], list[str | None], list[int | None]]
"""The distinct findings; then, for each finding, its position among these, and the key and index of its record."""


@cache
def _decoder() -> msgspec.msgpack.Decoder[Columns]:
    return msgspec.msgpack.Decoder(Columns)


class FindingLog(FindingSequence):
    """Findings in source order, any number of them: the first are in memory, the rest in a temporary file."""

    def __init__(self) -> None:
        self._memory: list[PackedFindings] = []
        self._file: IO[bytes] | None = None
        self._count = 0

    def extend(self, findings: Iterable[Finding]) -> None:
        run = PackedFindings.of(findings)
        if not run.count:
            return
        self._count += run.count
        if self._file is None and self._count <= FINDINGS_IN_MEMORY:
            self._memory.append(run)
            return
        if self._file is None:
            self._file = scratch_file()
            weakref.finalize(self, self._file.close)
        self._file.seek(0, SEEK_END)  # a reader may have moved it
        write_all(self._file, _HEAD.pack(len(run.packed), run.count, run.by) + run.packed)

    def __len__(self) -> int:
        return self._count

    def since(self, place: int) -> Iterator[Finding]:
        """Yield the findings from a place on; runs before it are skipped unread."""
        for run in self._memory:
            if place < run.count:
                yield from islice(run, place, None)
            place = max(0, place - run.count)
        if self._file is None:
            return
        at = 0
        while True:  # another reader, or `extend`, may move the file between two runs
            self._file.seek(at)
            head = self._file.read(_HEAD.size)
            if not head:
                break
            size, count, by = _HEAD.unpack(head)
            at += _HEAD.size + size
            if place < count:
                yield from islice(PackedFindings(self._file.read(size), count, by), place, None)
            place = max(0, place - count)
