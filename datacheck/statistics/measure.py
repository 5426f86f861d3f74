"""Add the values of a batch to the statistics of their field."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.model.batch import Batch, SeparateArrays
from datacheck.model.distinct import distinct_numbers
from datacheck.model.replacing import replace
from datacheck.statistics.exact_sums import LABELS_COUNTED, UNIT_BITS, FieldStatistics

HALF_BITS = 20
"""Bits of the halves into which integers are split. PIECE products of two such halves, even doubled, sum to less than
2**63."""
LARGEST_WHOLE = 1 << 53
"""Up to this number, float64 can represent every integer."""
LABELS_WAITING = 1 << 15
PIECE = 1 << 20
"""Number of values that are widened to float64 at a time, so that a huge record needs no huge copy."""


class Measuring:
    """Adds batches to the statistics of their fields; labels, of which a block has few, are collected over many blocks.

    Otherwise the fixed cost of measuring would be a tenth of a scan. `finish` measures the remaining labels.
    """

    def __init__(self, statistics: dict[str, FieldStatistics], *, sums: bool) -> None:
        """Request the sums of all fields with `sums`; labels have theirs in any case."""
        self._statistics, self._sums = statistics, sums
        self._waiting: dict[tuple[str, tuple[int, ...], np.dtype[Any]], list[NDArray[Any]]] = {}
        self._count = 0

    def add(self, batch: Batch) -> None:
        if batch.field not in self._statistics:
            centre = 0.0 if batch.expected is None else batch.expected.centre
            self._statistics[batch.field] = FieldStatistics(centre=centre, sums=self._sums or batch.label)
        if batch.encoded and len(batch.shape) == 3:
            self._statistics[batch.field].count_sides(*batch.shape[1:], records=len(batch.values))
        if batch.missing is not None:
            self._statistics[batch.field].missing += int(np.count_nonzero(batch.missing))
        if not batch.label:
            measure(batch, self._statistics[batch.field])
            return
        kind = (batch.field, batch.shape, batch.values.dtype)
        self._waiting.setdefault(kind, []).append(batch.values.copy())  # the block's memory may be reused
        self._count += batch.values.size
        if self._count >= LABELS_WAITING:
            self.finish()

    def finish(self) -> None:
        for (field, _, _), values in self._waiting.items():
            measure(Batch(field, (), np.concatenate(values), label=True), self._statistics[field])
        self._waiting.clear()
        self._count = 0


def measure(batch: Batch, into: FieldStatistics) -> None:
    """Add the values of a batch to the statistics of its field, without NaN and infinite values."""
    if not batch.values.size:
        return
    into.label |= batch.label
    if batch.pixels_skipped:
        into.count += batch.values.size
    elif not into.sums:
        _measure_bounds(batch, into)
    elif batch.values.dtype.kind in "ui":
        _measure_exactly(batch.values, batch.lows.min().item(), batch.highs.max().item(), into)
    elif batch.label:
        _measure_labels(batch, into)
        return
    else:
        _measure_widened(batch, into)
    if batch.label:
        into.count_labels(_histogram(batch))


def _measure_labels(batch: Batch, into: FieldStatistics) -> None:
    """Add floating-point labels: records of integers, as nearly all are, are summed as integers."""
    lows, highs = batch.lows, batch.highs
    are_integers = (lows > -LARGEST_WHOLE) & (highs < LARGEST_WHOLE)
    are_integers &= (batch.values == np.floor(batch.values)).reshape(len(are_integers), -1).all(axis=1)
    others = ~are_integers
    if are_integers.any():
        minimum, maximum = lows[are_integers].min().item(), highs[are_integers].max().item()
        part = replace(batch, rows=(), values=batch.values[are_integers].astype(np.int64))
        _measure_exactly(part.values, minimum, maximum, into)
        into.count_labels(_histogram(part))
    if others.any():
        part = replace(batch, rows=(), values=batch.values[others])
        _measure_widened(part, into)
        into.count_labels(_histogram(part))


def _measure_bounds(batch: Batch, into: FieldStatistics) -> None:
    """Add the number of values, the least and the greatest; those of floats are known per record by now."""
    if not batch.floating or batch.all_finite:
        into.count += batch.values.size
        into.minimum, into.maximum = batch.span(into.minimum, into.maximum)
        return
    lows, highs = batch.lows, batch.highs
    are_finite = np.isfinite(lows) & np.isfinite(highs)
    not_finite = np.flatnonzero(~are_finite)
    for start in range(0, len(not_finite), batch.at_once):
        _count_finite([batch.values[at] for at in not_finite[start : start + batch.at_once]], into)
    lows, highs = lows[are_finite], highs[are_finite]
    if len(lows):
        into.count += len(lows) * batch.width
        into.minimum = min(into.minimum, lows.min().item())
        into.maximum = max(into.maximum, highs.max().item())


def _count_finite(records: list[NDArray[Any]], into: FieldStatistics) -> None:
    values = np.concatenate([record.reshape(-1) for record in records])
    finite = values[np.isfinite(values)]
    if finite.size:
        into.count += finite.size
        into.minimum = min(into.minimum, finite.min().item())
        into.maximum = max(into.maximum, finite.max().item())


def _measure_exactly(values: NDArray[Any], low: float, high: float, into: FieldStatistics) -> None:
    """Add integers, whose sums and sums of squares are integers, without rounding."""
    count = values.size
    sums_of = _sums_of_bytes if values.dtype.itemsize == 1 else partial(_sums_of_integers, most=int(max(-low, high)))
    centre, squared = _in_units(into.centre)
    total = squares = 0
    for piece in _pieces(values):
        sums = sums_of(piece)
        total += sums[0]
        squares += sums[1]
    into.count += count
    into.minimum = min(into.minimum, low)
    into.maximum = max(into.maximum, high)
    into.total += (total << UNIT_BITS) - centre * count
    into.squares += (squares << UNIT_BITS) - 2 * centre * total + squared * count


def _sums_of_integers(values: NDArray[Any], most: int) -> tuple[int, int]:
    """Return the sum and the sum of squares of at most PIECE integers, whose absolute values are at most `most`."""
    if most < 1 << HALF_BITS:
        wide = values.astype(np.int64).reshape(-1)
        return int(wide.sum()), int(wide @ wide)
    if most < 1 << 2 * HALF_BITS:
        high = values.astype(np.int64).reshape(-1)
        high, low = high >> HALF_BITS, high & (1 << HALF_BITS) - 1
        total = (int(high.sum()) << HALF_BITS) + int(low.sum())
        squares = (int(high @ high) << 2 * HALF_BITS) + (int(high @ low) << HALF_BITS + 1) + int(low @ low)
        return total, squares
    numbers = values.reshape(-1).tolist()
    return sum(numbers), sum(number * number for number in numbers)


def _sums_of_bytes(values: NDArray[Any]) -> tuple[int, int]:
    """Return what `_sums_of_integers` does, three times as fast: in rows of float32 that are short enough to be exact.

    256 squares of 8 bits sum to less than 2**24, up to which float32 represents every integer.
    """
    flat = values.reshape(-1)
    rest = flat.size % _ROW.size
    rows = flat[: flat.size - rest].reshape(-1, _ROW.size).astype(np.float32)
    total, squares = _sums_of_integers(flat[flat.size - rest :], 256)
    total += int((rows @ _ROW).sum(dtype=np.float64))
    squares += int(np.einsum("ij,ij->i", rows, rows).sum(dtype=np.float64))
    return total, squares


_ROW = np.ones(256, np.float32)


def _measure_widened(batch: Batch, into: FieldStatistics) -> None:
    """Add floats as differences from the centre, in float64."""
    are_finite = np.isfinite(batch.lows) & np.isfinite(batch.highs)
    all_finite, others = bool(are_finite.all()), batch.values
    if batch.width <= PIECE and not isinstance(batch.values, SeparateArrays):
        finite = batch.values if all_finite else batch.values[are_finite]
        _add(finite.reshape(len(finite), batch.width), into)
        if all_finite or batch.width == 1:
            return
        others = batch.values[~are_finite]
    for record in others:
        for piece in _pieces(record):
            flat = piece.reshape(-1)
            _add((flat if all_finite else flat[np.isfinite(flat)])[np.newaxis], into)


def _add(rows: NDArray[Any], into: FieldStatistics) -> None:
    if not rows.size:
        return
    into.count += rows.size
    into.minimum = min(into.minimum, rows.min().item())
    into.maximum = max(into.maximum, rows.max().item())
    with np.errstate(over="ignore"):
        differences = rows.astype(np.float64) - into.centre
        totals = differences.sum(axis=1)
        squares = np.square(differences, out=differences).sum(axis=1)
    finite = np.isfinite(totals) & np.isfinite(squares)
    into.overflow |= not finite.all()
    into.total += exact_sum(totals[finite])
    into.squares += exact_sum(squares[finite])


def exact_sum(values: NDArray[Any]) -> int:
    """Return the sum of float64 values without any rounding, in units of 2**-1126.

    >>> import numpy as np
    >>> exact_sum(np.array([1e100, 1.0, -1e100])) == 1 << UNIT_BITS
    True
    """
    mantissas, exponents = np.frexp(values)
    scaled = np.ldexp(mantissas, 53).astype(np.int64)
    high, low = scaled >> 27, scaled & ((1 << 27) - 1)
    total = 0
    for exponent in distinct_numbers(exponents):
        at = exponents == exponent
        total += ((int(high[at].sum()) << 27) + int(low[at].sum())) << (int(exponent) - 53 + UNIT_BITS)
    return total


def _in_units(centre: float) -> tuple[int, int]:
    """Return a centre and its square, exactly, in units of 2**-1126; with float32's precision, both are integers."""
    numerator, denominator = centre.as_integer_ratio()
    bits = denominator.bit_length() - 1
    return numerator << (UNIT_BITS - bits), numerator * numerator << (UNIT_BITS - 2 * bits)


def _pieces(values: NDArray[Any]) -> list[NDArray[Any]]:
    if isinstance(values, SeparateArrays) or not (values.size <= PIECE or values.flags.c_contiguous):
        return [piece for record in values for piece in _pieces(record)]
    if values.size <= PIECE:
        return [values]
    flat = values.reshape(-1)
    return [flat[start : start + PIECE] for start in range(0, flat.size, PIECE)]


def _histogram(batch: Batch) -> dict[int, int] | None:
    values = batch.values
    if not batch.floating and batch.lows.min() >= 0 and batch.highs.max() < LABELS_COUNTED:
        counts = np.bincount(values.reshape(-1))
        return {int(label): int(counts[label]) for label in np.flatnonzero(counts)}
    if batch.floating:
        values = values[np.isfinite(values)]
        if (values != np.floor(values)).any():
            return None
    labels, counts = np.unique(values, return_counts=True)
    if len(labels) > LABELS_COUNTED:
        return None
    return dict(zip((int(label) for label in labels), counts.tolist(), strict=True))
