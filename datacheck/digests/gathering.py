"""Collect the digests of a store in any order, and return them sorted; they are kept on disk, not in memory."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from datacheck.digests.file import Blocks, BlockWriter, Entry, Index
from datacheck.digests.of_blocks import Digests, Part
from datacheck.files.scratch import scratch_file, write_all

HELD = 1 << 18
"""Number of records that are held in memory and sorted at once."""


class Gathered:
    """Digests in sorted runs in one temporary file. Records that are added in order make one run.

    A context manager, which closes the file.
    """

    def __init__(self) -> None:
        self._file = scratch_file()
        self._writers: list[BlockWriter] = []
        self._waiting: list[Entry] = []
        self._last: tuple[Part, bytes, bytes] | None = None
        self._parts: dict[Part, Part] = {}
        self.records = 0

    def add(self, digests: Digests) -> None:
        """Add records."""
        part = self._parts.setdefault(digests.part, digests.part)
        self._waiting += [(part, *it) for it in zip(digests.each_key(), digests.each_digest(), strict=True)]
        self.records += digests.count
        if len(self._waiting) >= HELD:
            self._spill()

    def _spill(self) -> None:
        if not self._waiting:
            return
        self._waiting.sort()
        if self._last is None or self._waiting[0] < self._last:
            at = 0
            if self._writers:
                self._writers[-1].flush()
                at = self._writers[-1].at
            self._writers.append(BlockWriter(self._write, at))
        for entry in self._waiting:
            self._writers[-1].add(*entry)
        self._last = self._waiting[-1]
        self._waiting = []

    def _write(self, piece: bytes) -> None:
        write_all(self._file, piece)

    def entries(self) -> Iterator[Entry]:
        """Yield all records, sorted by part, key and digest."""
        self._spill()
        for writer in self._writers[-1:]:
            writer.flush()
        runs = [self._read_run(writer.index) for writer in self._writers]
        return runs[0] if len(runs) == 1 else heapq.merge(*runs)

    def _read_run(self, index: Index) -> Iterator[Entry]:
        return Blocks(self._file.fileno(), index, "the temporary file").entries()

    def __enter__(self) -> Gathered:
        return self

    def __exit__(self, *exc: object) -> None:
        self._file.close()
