"""Sets of whole numbers, stored as runs: a billion consecutive numbers are one pair."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from datacheck.model.distinct import distinct_numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray

Span = tuple[int, int]
"""A run of consecutive numbers: the first one, and the one after the last."""
FEW = 1024
"""Maximum number of spans that are processed without NumPy, which the parent process does not load for so few."""


class Runs:
    """A set of whole numbers below 2**63, as ascending spans that neither overlap nor touch.

    `starts` are the first numbers of the spans, `stops` the numbers after their last ones: 16 bytes for each span.
    """

    __slots__ = ("starts", "stops")

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        ordered = sorted(span for span in spans if span[0] < span[1])
        self.starts, self.stops = _merged(array("q", (it[0] for it in ordered)), array("q", (it[1] for it in ordered)))

    @classmethod
    def _with(cls, starts: array[int], stops: array[int]) -> Runs:
        result = cls.__new__(cls)
        result.starts, result.stops = starts, stops
        return result

    @classmethod
    def from_array(cls, numbers: NDArray[Any]) -> Runs:
        """Return the set of the numbers of an integer array of shape (n,), in any order, repeated or not."""
        import numpy as np  # imported here: the parent only adds runs and starts without NumPy

        if not len(numbers):
            return cls()
        if len(numbers) > 1 and not (numbers[1:] > numbers[:-1]).all():
            numbers = distinct_numbers(numbers)
        breaks = np.flatnonzero(numbers[1:] != numbers[:-1] + 1)
        starts = numbers[np.concatenate(([0], breaks + 1))]
        stops = numbers[np.concatenate((breaks, [len(numbers) - 1]))]
        return cls._with(_array(starts), _array(stops + 1))

    @property
    def spans(self) -> list[Span]:
        """The runs as a new list of pairs, which takes ten times the memory; `pieces` is how many there are."""
        return list(zip(self.starts, self.stops, strict=True))

    @property
    def pieces(self) -> int:
        return len(self.starts)

    def __iadd__(self, other: Runs) -> Runs:
        """Add the numbers of another set; fast if they all come after these, as those of the next shard do."""
        if not self.starts or not other.starts or other.starts[0] > self.stops[-1]:
            self.starts += other.starts
            self.stops += other.stops
        elif other.starts[0] == self.stops[-1]:
            self.starts += other.starts[1:]
            self.stops[-1:] = other.stops
        else:
            self.starts, self.stops = _union(self, other)
        return self

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self.starts, number)
        return at > 0 and number < self.stops[at - 1]

    def __iter__(self) -> Iterator[int]:
        for start, stop in zip(self.starts, self.stops, strict=True):
            yield from range(start, stop)

    def __len__(self) -> int:
        if self.pieces <= FEW:
            return sum(self.stops) - sum(self.starts)
        import numpy as np

        return int((np.frombuffer(self.stops, np.int64) - np.frombuffer(self.starts, np.int64)).sum())

    def __bool__(self) -> bool:
        return bool(self.starts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Runs) and self.starts == other.starts and self.stops == other.stops

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        return f"Runs({self.spans})"

    @property
    def first(self) -> int:
        """The least number. Raises IndexError if the set is empty."""
        return self.starts[0]

    @property
    def last(self) -> int:
        """The greatest number. Raises IndexError if the set is empty."""
        return self.stops[-1] - 1

    def copy(self) -> Runs:
        return Runs._with(self.starts[:], self.stops[:])

    def __and__(self, other: Runs) -> Runs:
        if self.pieces + other.pieces > FEW:
            return Runs._with(*_intersection(self, other))
        result, at, other_at = Runs(), 0, 0
        while at < self.pieces and other_at < other.pieces:
            start, stop = max(self.starts[at], other.starts[other_at]), min(self.stops[at], other.stops[other_at])
            if start < stop:
                result.starts.append(start)
                result.stops.append(stop)
            if self.stops[at] <= other.stops[other_at]:
                at += 1
            else:
                other_at += 1
        return result

    def __sub__(self, other: Runs) -> Runs:
        if not self or not other:
            return self.copy()
        starts, stops = other.stops[:-1], other.starts[1:]
        if self.first < other.first:
            starts.insert(0, self.first)
            stops.insert(0, other.first)
        if self.last > other.last:
            starts.append(other.last + 1)
            stops.append(self.last + 1)
        return self & Runs._with(starts, stops)

    def holes(self) -> Runs:
        """Return the numbers between the least and the greatest that are not in the set."""
        return Runs._with(self.stops[:-1], self.starts[1:])


def _array(numbers: NDArray[Any]) -> array[int]:
    result = array("q")
    result.frombytes(numbers.astype("int64", copy=False).tobytes())
    return result


def _union(one: Runs, other: Runs) -> tuple[array[int], array[int]]:
    if one.pieces + other.pieces <= FEW:
        both = sorted(one.spans + other.spans)
        return _merged(array("q", (it[0] for it in both)), array("q", (it[1] for it in both)))
    import numpy as np

    starts = np.concatenate([np.frombuffer(it.starts, np.int64) for it in (one, other) if it])
    stops = np.concatenate([np.frombuffer(it.stops, np.int64) for it in (one, other) if it])
    order = np.argsort(starts, kind="stable")
    return _merged(_array(starts[order]), _array(stops[order]))


def _merged(starts: array[int], stops: array[int]) -> tuple[array[int], array[int]]:
    """Return spans in ascending order of their starts with those joined that overlap or touch."""
    if len(starts) > FEW:
        import numpy as np

        starts_, reached = np.frombuffer(starts, np.int64), np.maximum.accumulate(np.frombuffer(stops, np.int64))
        apart = np.flatnonzero(starts_[1:] > reached[:-1])
        return (
            _array(starts_[np.concatenate(([0], apart + 1))]),
            _array(reached[np.concatenate((apart, [len(starts) - 1]))]),
        )
    result = array("q"), array("q")
    for start, stop in zip(starts, stops, strict=True):
        if result[0] and start <= result[1][-1]:
            result[1][-1] = max(result[1][-1], stop)
        else:
            result[0].append(start)
            result[1].append(stop)
    return result


def _intersection(one: Runs, other: Runs) -> tuple[array[int], array[int]]:
    """Return the starts and stops of the spans of numbers that are in both sets."""
    import numpy as np

    if not one or not other:
        return array("q"), array("q")
    starts: list[NDArray[Any]] = []
    stops: list[NDArray[Any]] = []
    for mine, its in ((one, other), (other, one)):
        begins, ends = np.frombuffer(its.starts, np.int64), np.frombuffer(its.stops, np.int64)
        for numbers, inside in (
            (np.frombuffer(mine.starts, np.int64), starts),
            (np.frombuffer(mine.stops, np.int64) - 1, stops),
        ):
            at = np.searchsorted(begins, numbers, "right") - 1
            inside.append(numbers[(at >= 0) & (numbers < ends[at])])
    return _array(distinct_numbers(np.concatenate(starts))), _array(distinct_numbers(np.concatenate(stops)) + 1)
