"""Sum the values of a field so that the result does not depend on how the records were divided among shards.

The sums over one record are computed in float64 (`measure`). The sums over records are exact: they are integers in
units of 2**-1126, below the least float64. So adding them is associative, and any split gives the same last bit.
"""

from __future__ import annotations

import math
from collections import Counter

import msgspec

UNIT_BITS = 1126
LABELS_COUNTED = 10_000
"""Maximum number of different labels in a histogram."""


class FieldSummary(msgspec.Struct, frozen=True, omit_defaults=True):
    """The statistics of one field in a report; `counts` is the histogram of a label, by label.

    `mean` and `std` are present if they were requested or cost nothing, `min` and `max` unless the values are pixels
    that no check needed. `missing` counts values that the store declares to be missing.
    """

    count: int
    min: float | int | None = None
    max: float | int | None = None
    mean: float | None = None
    std: float | None = None
    counts: dict[str, int] | None = None
    missing: int = 0


SIDE_BITS = 5
"""Number of leading bits of a picture's side that are kept, so that there are few different ones for any pictures."""


def rounded(side: int) -> int:
    """Return the side of a picture, rounded down by less than a sixteenth of it.

    >>> rounded(31), rounded(224), rounded(225), rounded(1000)
    (31, 224, 224, 992)
    """
    shift = max(0, side.bit_length() - SIDE_BITS)
    return side >> shift << shift


class FieldStatistics(msgspec.Struct):
    """Statistics of one field's finite values: count, least, greatest, exact sums of differences from `centre`.

    Adds up. `counts` is the histogram of a label, or None once there are more than LABELS_COUNTED different ones, or
    one that is not an integer. `centre` has float32's precision. `overflow` means that a square exceeded float64, so
    that there is no standard deviation. `sums` is whether there are sums at all; without them there is no mean. `sides`
    counts encoded pictures by their height (0) and by their width (1), each rounded down.
    """

    centre: float = 0.0
    sums: bool = True
    count: int = 0
    minimum: float | int = math.inf
    maximum: float | int = -math.inf
    total: int = 0
    squares: int = 0
    overflow: bool = False
    label: bool = False
    missing: int = 0
    counts: dict[int, int] | None = msgspec.field(default_factory=dict)
    sides: Counter[tuple[int, int]] = msgspec.field(default_factory=Counter)

    def __iadd__(self, other: FieldStatistics) -> FieldStatistics:
        total, squares = other._sums_about(self.centre)
        self.sums &= other.sums
        self.count += other.count
        self.minimum = min(self.minimum, other.minimum)
        self.maximum = max(self.maximum, other.maximum)
        self.total += total
        self.squares += squares
        self.overflow |= other.overflow
        self.label |= other.label
        self.missing += other.missing
        self.count_labels(other.counts)
        self.sides += other.sides
        return self

    def plain(self) -> FieldStatistics:
        """Return these statistics summed about 0, except for sums of floats, whose last bits depend on the centre."""
        if not self.centre or (self.sums and self.count and isinstance(self.minimum, float)):
            return self
        total, squares = self._sums_about(0.0) if self.sums else (0, 0)
        return msgspec.structs.replace(self, centre=0.0, total=total, squares=squares)

    def _sums_about(self, centre: float) -> tuple[int, int]:
        """Return the sums of the differences from another centre, and of their squares.

        Fields of one name in several tables have a centre in each. Both centres are fractions with few bits, so the
        division leaves no remainder.
        """
        if centre == self.centre or not self.count:
            return self.total, self.squares
        (own, own_unit), (new, new_unit) = self.centre.as_integer_ratio(), centre.as_integer_ratio()
        shift, unit = own * new_unit - new * own_unit, own_unit * new_unit
        total = self.total + self.count * (shift << UNIT_BITS) // unit
        squares = self.squares + (2 * shift * self.total + self.count * (shift * shift << UNIT_BITS) // unit) // unit
        return total, squares

    def count_sides(self, height: int, width: int, records: int) -> None:
        """Count pictures of one size."""
        self.sides[0, rounded(height)] += records
        self.sides[1, rounded(width)] += records

    def count_labels(self, counts: dict[int, int] | None) -> None:
        """Add a histogram; None is one that could not be kept."""
        if self.counts is None or counts is None:
            self.counts = None
            return
        for label, count in counts.items():
            self.counts[label] = self.counts.get(label, 0) + count
        if len(self.counts) > LABELS_COUNTED:
            self.counts = None

    def summary(self) -> FieldSummary:
        if not self.count:
            return FieldSummary(0, missing=self.missing)
        count = self.count << UNIT_BITS
        above, below = self.centre.as_integer_ratio()
        mean = (self.total * below + above * count) / (count * below)  # rounded once, whatever the centre
        variance = 0.0
        if self.sums and not self.overflow:
            variance = (self.squares * count - self.total * self.total) / (count * count)
        counts = self.counts if self.label else None
        has_values = self.minimum <= self.maximum
        return FieldSummary(
            count=self.count,
            min=self.minimum if has_values else None,
            max=self.maximum if has_values else None,
            mean=mean if self.sums else None,
            std=math.sqrt(max(variance, 0.0)) if self.sums and not self.overflow else None,
            counts={str(label): counts[label] for label in sorted(counts)} if counts else None,
            missing=self.missing,
        )
