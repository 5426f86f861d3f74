"""Sets of whole numbers, stored as runs: a billion consecutive numbers are one pair."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from datacheck.model.distinct import distinct_numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray

Span = tuple[int, int]
"""A run of consecutive numbers: the first one, and the one after the last."""


class Runs:
    """A set of whole numbers, as ascending spans that neither overlap nor touch."""

    __slots__ = ("spans",)

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        self.spans = _merged(sorted(span for span in spans if span[0] < span[1]))

    @classmethod
    def from_array(cls, numbers: NDArray[Any]) -> Runs:
        """Return the set of the numbers of an integer array of shape (n,), in any order, repeated or not."""
        import numpy as np  # imported here: the parent only adds runs and starts without NumPy

        result = cls()
        if not len(numbers):
            return result
        if len(numbers) > 1 and not (numbers[1:] > numbers[:-1]).all():
            numbers = distinct_numbers(numbers)
        breaks = np.flatnonzero(numbers[1:] != numbers[:-1] + 1)
        starts = numbers[np.concatenate(([0], breaks + 1))].tolist()
        stops = numbers[np.concatenate((breaks, [len(numbers) - 1]))].tolist()
        result.spans = [(start, stop + 1) for start, stop in zip(starts, stops, strict=True)]
        return result

    def __iadd__(self, other: Runs) -> Runs:
        """Add the numbers of another set; fast if they all come after these, as those of the next shard do."""
        if not self.spans or not other.spans or other.spans[0][0] > self.spans[-1][1]:
            self.spans += other.spans
        else:
            self.spans = _merged(sorted(self.spans + other.spans))
        return self

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self.spans, number, key=lambda span: span[0])
        return at > 0 and number < self.spans[at - 1][1]

    def __iter__(self) -> Iterator[int]:
        for start, stop in self.spans:
            yield from range(start, stop)

    def __len__(self) -> int:
        return sum(stop - start for start, stop in self.spans)

    def __bool__(self) -> bool:
        return bool(self.spans)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Runs) and self.spans == other.spans

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        return f"Runs({self.spans})"

    @property
    def first(self) -> int:
        """The least number. Raises IndexError if the set is empty."""
        return self.spans[0][0]

    @property
    def last(self) -> int:
        """The greatest number. Raises IndexError if the set is empty."""
        return self.spans[-1][1] - 1

    def copy(self) -> Runs:
        result = Runs()
        result.spans = list(self.spans)
        return result

    def __and__(self, other: Runs) -> Runs:
        result, at, other_at = Runs(), 0, 0
        while at < len(self.spans) and other_at < len(other.spans):
            (start, stop), (begin, end) = self.spans[at], other.spans[other_at]
            if max(start, begin) < min(stop, end):
                result.spans.append((max(start, begin), min(stop, end)))
            if stop <= end:
                at += 1
            else:
                other_at += 1
        return result

    def __sub__(self, other: Runs) -> Runs:
        if not self.spans:
            return Runs()
        bounds = (min(self.first, other.first) if other else self.first, max(self.last, other.last if other else 0) + 1)
        return self & Runs(_gaps([(bounds[0], bounds[0]), *other.spans, (bounds[1], bounds[1])]))

    def holes(self) -> Runs:
        """Return the numbers between the least and the greatest that are not in the set."""
        return Runs(_gaps(self.spans))


def _gaps(spans: list[Span]) -> list[Span]:
    return [(stop, start) for (_, stop), (start, _) in pairwise(spans)]


def _merged(spans: list[Span]) -> list[Span]:
    result: list[Span] = []
    for start, stop in spans:
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(result[-1][1], stop))
        else:
            result.append((start, stop))
    return result
