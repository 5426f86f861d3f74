"""The keys of a store summed up: the numbers of each pattern of keys, and the number of keys."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import msgspec

from datacheck.conventions.keys.numbered_keys import KeyTable, Pattern
from datacheck.conventions.keys.runs import Runs
from datacheck.conventions.keys.sequences import Frames, Sequences
from datacheck.conventions.keys.spanning import Naming
from datacheck.conventions.keys.stems import Stems, Sum, combined
from datacheck.model.key_series import Series

MOST_SPANS = 1 << 20
"""Maximum number of runs per pattern. If there are more, its numbers are discarded to limit the memory used."""


class KeyWatch(msgspec.Struct, frozen=True, dict=True):
    """What a scan records about the keys.

    `patterns` are those whose numbers are collected, `own` the keys of the conventions' own records. `stems` and
    `naming` say which stems and names are summed, and `frames` how frames of sequences are named.
    """

    patterns: tuple[Pattern, ...] = ()
    own: frozenset[bytes] = frozenset()
    stems: Stems | None = None
    frames: Frames | None = None
    naming: Naming | None = None

    @cached_property
    def only_numbered(self) -> tuple[Pattern, ...]:
        """The patterns for which only the number of a key is recorded, and nothing else."""
        if self.stems is not None or self.frames is not None or self.naming is not None:
            return ()
        return tuple(it for it in self.patterns if all(it.number(key) is None for key in self.own))

    def own_rows(self, keys: Sequence[bytes], series: Series | None = None) -> list[int]:
        """Return the rows, in ascending order, of the keys that are in `own`.

        `series` is the series that the keys form, or None if it is not known.
        """
        if series is not None:
            return sorted(row for row in map(series.row, self.own) if row is not None)
        if self.own.isdisjoint(keys):
            return []
        return [row for row, key in enumerate(keys) if key in self.own]


class Account(msgspec.Struct):
    """The keys of some records, summed up. Accounts can be added in any order.

    `records` counts all records, `own` those that belong to a convention itself. `numbers` are the numbers of each
    pattern; `scattered` are the patterns whose numbers form too many runs to be held. `stems` are the sums of the stems
    by ending, `names` is the sum of the names, and `sequences` are the sequences of frames.
    """

    records: int = 0
    own: int = 0
    numbers: dict[Pattern, Runs] = msgspec.field(default_factory=dict)
    scattered: set[Pattern] = msgspec.field(default_factory=set)
    stems: dict[bytes, Sum] = msgspec.field(default_factory=dict)
    sequences: Sequences = msgspec.field(default_factory=Sequences)
    names: Sum = (0, 0, 0)

    def __iadd__(self, other: Account) -> Account:
        self.records += other.records
        self.own += other.own
        self.scattered |= other.scattered
        for pattern in self.scattered & self.numbers.keys():  # an incomplete set of numbers is of no use
            del self.numbers[pattern]
        for pattern, runs in other.numbers.items():
            self._add(pattern, runs)
        for ending, one in other.stems.items():
            self._add_stems(ending, one)
        self.sequences += other.sequences
        self.names = combined(self.names, other.names)
        return self

    def take(self, keys: Sequence[bytes], watch: KeyWatch, series: Series | None = None) -> None:
        """Add the keys of consecutive records; keys that form a `series`, as most do, are added at once."""
        self.records += len(keys)
        if self._take_consecutive(series, watch):
            return
        own = watch.own_rows(keys, series)
        self.own += len(own)
        table = KeyTable(keys)
        others = table
        if own and (watch.naming is not None or watch.stems is not None):
            others = KeyTable([key for key in keys if key not in watch.own])
        if watch.naming is not None:
            self.names = combined(self.names, watch.naming.sum(others))
        for ending, one in () if watch.stems is None else watch.stems.sums(others):
            self._add_stems(ending, one)
        if watch.frames is not None:
            self.sequences.take(table, watch.frames)
        for pattern in watch.patterns:
            rows, numbers = pattern.numbers(table)
            self._add(pattern, Runs.from_array(numbers))
            if len(rows) == len(keys):
                break

    def _take_consecutive(self, series: Series | None, watch: KeyWatch) -> bool:
        """Add keys of one pattern with consecutive numbers and return True, or return False for other keys."""
        for pattern in watch.only_numbered:
            span = pattern.consecutive(series)
            if span is not None:
                self._add(pattern, Runs([span]))
                return True
        return False

    def _add_stems(self, ending: bytes, one: Sum) -> None:
        self.stems[ending] = combined(self.stems.get(ending, (0, 0, 0)), one)

    def _add(self, pattern: Pattern, runs: Runs) -> None:
        if pattern in self.scattered:
            return
        numbers = self.numbers.setdefault(pattern, Runs())
        numbers += runs
        if numbers.pieces > MOST_SPANS:
            self.scattered.add(pattern)
            del self.numbers[pattern]
