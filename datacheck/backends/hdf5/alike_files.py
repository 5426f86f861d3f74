"""Recognise a file that differs from one already walked only in its plain values, and reuse the result of that walk.

Files of one writer with an episode or a case each have the same groups, datasets and attributes, often at the same
offsets. They then differ only in the values, which a walk does not read, so a walk of each would find the same. A walk
opens every object of a file and takes several times as long as reading the few bytes that are not values.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.tables import Contents
from datacheck.files.regular import open_regular
from datacheck.files.retrying import pread

BYTES, PIECES = 256 << 10, 256
"""Maximum number of bytes that are not values, and of pieces of them; files with more are not compared."""
KINDS, KEPT = 1024, 64 << 20
"""Maximum number of kinds of files that are remembered, and of bytes kept for all of them."""
OF_ONE_SIZE = 4
"""Maximum number of kinds that are remembered for one file size; a new file of that size is compared with each."""


class Kind(NamedTuple):
    """The contents of a file, and its bytes that are not values, as pieces with their offsets."""

    contents: Contents
    pieces: tuple[tuple[int, bytes], ...]


class AlikeFiles:
    """The kinds of files that were walked, by file size."""

    def __init__(self) -> None:
        self._kinds: dict[int, list[Kind]] = defaultdict(list)
        self._count = self._bytes = 0

    def learn(self, path: Path, size: int, contents: Contents) -> None:
        """Remember a sound file that was walked, if it has few enough bytes that are not plain values."""
        if contents.findings or contents.deadly or contents.damaged or contents.recovery is not None:
            return
        places = list(_ranges_without_values(contents, size))
        piece_bytes = sum(stop - start for start, stop in places)
        if piece_bytes > BYTES or len(places) > PIECES or self._bytes + piece_bytes > KEPT:
            return
        if self._count == KINDS or len(self._kinds[size]) == OF_ONE_SIZE:
            return
        try:
            with open_regular(path) as file:
                pieces = tuple((start, pread(file.fileno(), stop - start, start)) for start, stop in places)
        except OSError:  # a failing disk is reported when the values are read
            return
        self._kinds[size].append(Kind(contents, pieces))
        self._count += 1
        self._bytes += piece_bytes

    def contents(self, path: Path, size: int) -> Contents | None:
        """Return the contents of a file if it is like one that was walked, or None if it has to be walked itself."""
        kinds = self._kinds.get(size)
        if not kinds:
            return None
        try:
            with open_regular(path) as file:
                for kind in kinds:
                    if all(pread(file.fileno(), len(piece), start) == piece for start, piece in kind.pieces):
                        return kind.contents
        except OSError:  # the walk of the file will report it
            return None
        return None


def _ranges_without_values(contents: Contents, size: int) -> Iterator[tuple[int, int]]:
    """Yield the byte ranges of a file that are not values, or are values that the walk has read."""
    at = 0
    for start, stop in sorted(_value_ranges(contents)):
        if start > at:
            yield at, start
        at = max(at, stop)
    if at < size:
        yield at, size


def _value_ranges(contents: Contents) -> Iterator[tuple[int, int]]:
    datasets: Iterator[Dataset] = (it for table in contents.tables for it in table.datasets)
    looked = frozenset(contents.looked)
    for dataset in (*datasets, *contents.single):
        if dataset.placed is not None and dataset.path not in looked:
            yield dataset.placed, dataset.placed + dataset.bytes
