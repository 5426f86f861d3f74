"""Keep the names of records by their place in a store.

They are kept in a temporary file, so that even a billion keys take little memory.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import NamedTuple

import msgspec

from datacheck.digests.of_blocks import Part, name_of
from datacheck.files.retrying import pread
from datacheck.files.scratch import scratch_file, write_all
from datacheck.model.finding import Finding, full_name
from datacheck.scanning.alike.collecting import Chunk

LENGTH_BYTES = 4


class Stretch(NamedTuple):
    """Keys that lie one after the other in the file.

    `lengths` is the length of each key, or -1 if they differ and their lengths are stored before them.
    """

    first: int
    records: int
    part: Part
    lengths: int
    at: int


class RecordName(NamedTuple):
    """The name of a record: its escaped key, and the file and the database that it lies in."""

    key: str
    file: str | None
    database: str | None

    def __str__(self) -> str:
        return full_name(self.key, self.file, self.database)

    def on(self, finding: Finding, index: int | None) -> Finding:
        """Return a finding with this record's name."""
        return msgspec.structs.replace(finding, key=self.key, file=self.file, database=self.database, index=index)


class KeyLog:
    """The keys of a store in the order of its records. A context manager."""

    def __init__(self) -> None:
        self._file = scratch_file()
        self._end = 0
        self._stretches: list[Stretch] = []
        self._parts: dict[Part, Part] = {}

    def __enter__(self) -> KeyLog:
        return self

    def __exit__(self, *exc: object) -> None:
        self._file.close()

    def add(self, first: int, chunk: Chunk) -> None:
        """Add the keys of neighbouring records, the first of which is at place `first` of the store."""
        alike = isinstance(chunk.lengths, int)
        lengths = chunk.lengths if isinstance(chunk.lengths, int) else -1
        part = self._parts.setdefault(chunk.part, chunk.part)
        last = self._stretches[-1] if self._stretches else None
        follows = last is not None and last.first + last.records == first
        if last is not None and follows and alike and last.lengths == lengths and last.part is part:
            self._stretches[-1] = last._replace(records=last.records + chunk.count)
            self._put(chunk.keys)
            return
        self._stretches.append(Stretch(first, chunk.count, part, lengths, self._end))
        if isinstance(chunk.lengths, bytes):
            self._put(chunk.lengths)
        self._put(chunk.keys)

    def _put(self, piece: bytes) -> None:
        write_all(self._file, piece)
        self._end += len(piece)

    def name(self, place: int) -> RecordName:
        """Return the name of the record at a place."""
        stretch = self._stretches[bisect_right(self._stretches, place, key=lambda it: it.first) - 1]
        key = self._key(stretch, place - stretch.first)
        part = stretch.part
        return RecordName(name_of(part, key), part.file or None, part.database or None)

    def _key(self, stretch: Stretch, row: int) -> bytes:
        import numpy as np

        descriptor = self._file.fileno()
        if stretch.lengths >= 0:
            return pread(descriptor, stretch.lengths, stretch.at + row * stretch.lengths)
        lengths = np.frombuffer(pread(descriptor, LENGTH_BYTES * stretch.records, stretch.at), "<u4")
        start = stretch.at + LENGTH_BYTES * stretch.records + int(lengths[:row].sum())
        return pread(descriptor, int(lengths[row]), start)
