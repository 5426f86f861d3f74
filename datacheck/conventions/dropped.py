"""Collect the records that a copy leaves out, by the samples that they belong to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from datacheck.conventions.keys.numbered_keys import Pattern
from datacheck.conventions.keys.runs import Runs
from datacheck.conventions.keys.stems import StemGroups


class DroppedRecords:
    """The records that are left out: the numbers and stems of their samples, and how many belong to no sample."""

    def __init__(self, patterns: Sequence[Pattern], stems: StemGroups | None) -> None:
        self._patterns, self._stems = patterns, stems
        self._own: dict[Pattern, set[int]] = {pattern: set() for pattern in patterns}
        self._own_keys: set[bytes] = set()
        self.numbers: set[int] = set()
        self.stems: set[bytes] = set()
        self.alone = 0

    def take(self, key: bytes, *, itself: bool) -> None:
        split = None if self._stems is None else self._stems.stems.split(key)
        if split is not None:
            self.stems.add(split[0])
            if itself:
                self._own_keys.add(key)
            return
        for pattern in self._patterns:
            number = pattern.number(key)
            if number is not None:
                self.numbers.add(number)
                if itself:
                    self._own[pattern].add(number)
                return
        self.alone += 1

    def by_themselves(self, pattern: Pattern) -> Runs:
        return Runs((number, number + 1) for number in self._own[pattern])

    def _keys_of_stems(self) -> Iterator[bytes]:
        if self._stems is not None:
            for stem in sorted(self.stems):
                yield from self._stems.keys(stem)

    @property
    def stem_records(self) -> int:
        return sum(1 for _ in self._keys_of_stems())

    @property
    def stems_with_others(self) -> tuple[bytes, ...]:
        return tuple(key for key in self._keys_of_stems() if key not in self._own_keys)

    @property
    def stems_left(self) -> int | None:
        return None if self._stems is None else self._stems.all - len(self.stems)
