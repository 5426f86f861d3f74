"""Detect datasets that hold integers in one file of a folder and floats in the others, or the reverse.

A loader that divides bytes by 255 turns a file of numbers from 0 to 1 into black pictures.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import msgspec

from datacheck.backends.hdf5.tables import Contents
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found

FEWEST, NEARLY = 4, 3 / 4
"""Minimum number of files for a dataset to have a usual type, and the share of the files that must have it."""
NAMED = 3
"""Maximum number of files of the other type that are listed per dataset; the rest are counted."""
MOST = 1 << 16
"""Maximum number of paths compared at a time. Paths seen in only one file are evicted to make room for others."""
LET_GO = 1 << 20
"""Maximum number of evicted paths. They are remembered, so that one that is seen again is reported as not compared."""


class FileTypes:
    """Counts, for each dataset, of the files of a folder in which it holds integers or floats."""

    def __init__(self) -> None:
        self._count: dict[bytes, Counter[str]] = defaultdict(Counter)
        self._first: dict[tuple[bytes, str], list[int]] = defaultdict(list)
        self._evicted: set[int] = set()
        self._new = 0
        self._left_out = 0

    def add(self, number: int, contents: Contents) -> None:
        for dataset in (it for table in contents.tables for it in table.judged):
            kind = {"u": "i", "i": "i", "f": "f"}.get(dataset.dtype.kind)
            if kind is None or len(dataset.shape) < 2 or not self._has_room(dataset.path, number):
                continue
            self._count[dataset.path][kind] += 1
            first = self._first[dataset.path, kind]
            if len(first) < NAMED:
                first.append(number)

    def _has_room(self, path: bytes, number: int) -> bool:
        """Check whether a path of this file is compared. If there is no room, evict those of one earlier file only."""
        if path in self._count:
            return True
        if len(self._count) >= MOST and len(self._evicted) < LET_GO and self._new > MOST // 16:
            self._new = 0
            alone = [it for it, count in self._count.items() if count.total() == 1]
            for it in alone:
                kind = next(iter(self._count[it]))
                if self._first[it, kind][0] != number:
                    del self._count[it], self._first[it, kind]
                    self._evicted.add(hash(it))
        if len(self._count) >= MOST or hash(path) in self._evicted:
            self._left_out += 1
            return False
        self._new += 1
        return True

    def findings(self, names: Sequence[str]) -> Iterator[Finding]:
        """Yield findings for files, by escaped name, in which a dataset holds another kind of number than usual."""
        if self._left_out:
            text = f"the types of {self._left_out:,} datasets are not compared between files: their paths are too many"
            yield found("unsupported", text, datasets=self._left_out)
        for path, count in sorted(self._count.items()):
            usual, usual_count = count.most_common(1)[0]
            if len(count) < 2 or count.total() < FEWEST or usual_count < NEARLY * count.total():
                continue
            odd = next(it for it in count if it != usual)
            kind_names = {"i": "whole numbers", "f": "floating-point numbers"}
            more = count[odd] - NAMED
            for number in self._first[path, odd]:
                text = f"{escape(path)} holds {kind_names[odd]}; in the other files it holds {kind_names[usual]}"
                text += f" ({more:,} more {'are' if more > 1 else 'is'} like this one)" if more > 0 else ""
                yield msgspec.structs.replace(found("fields", text, dataset=escape(path)), file=names[number])
