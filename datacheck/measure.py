"""Measure the values of a batch into the statistics of their field."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.model import Batch
from datacheck.statistics import LABELS_COUNTED, UNIT_BITS, FieldStatistics

PIECE = 1 << 20
"""Values are widened to float64 this many at a time, so that a huge record costs no huge copy."""


def measure(batch: Batch, into: FieldStatistics) -> None:
    """Add the values of a batch to the statistics of its field; NaN and infinite ones are left out."""
    if not batch.values.size:
        return
    into.label |= batch.label
    if batch.values.dtype.kind in "ui" and batch.values.dtype.itemsize <= 2:
        _measure_exactly(batch, into)
    else:
        _measure_widened(batch, into)
    if batch.label:
        into.count_labels(_histogram(batch.values))


def _measure_exactly(batch: Batch, into: FieldStatistics) -> None:
    """Small integers: their sums and sums of squares are integers, with nothing rounded on the way."""
    values = batch.values
    count = values.size
    centre, squared = _in_units(into.centre)
    total = squares = 0
    for piece in _pieces(values):
        sums = _sums_of_bytes(piece) if values.dtype.itemsize == 1 else _sums_of_words(piece)
        total += sums[0]
        squares += sums[1]
    into.count += count
    into.minimum = min(into.minimum, int(batch.lows.min()))
    into.maximum = max(into.maximum, int(batch.highs.max()))
    into.total += (total << UNIT_BITS) - centre * count
    into.squares += (squares << UNIT_BITS) - 2 * centre * total + squared * count


def _sums_of_words(values: NDArray[Any]) -> tuple[int, int]:
    """Return the sum and the sum of squares of 8 or 16 bit integers."""
    wide = np.uint32 if values.dtype.kind == "u" else np.int32
    return int(values.sum(dtype=np.int64)), int(np.square(values, dtype=wide).sum(dtype=np.int64))


def _sums_of_bytes(values: NDArray[Any]) -> tuple[int, int]:
    """Return what `_sums_of_words` does, three times as fast: in float32 rows so short that every sum in them is exact.

    256 squares of 8 bits come to less than 2**24, up to which float32 holds every integer.
    """
    flat = values.reshape(-1)
    rest = flat.size % _ROW.size
    rows = flat[: flat.size - rest].reshape(-1, _ROW.size).astype(np.float32)
    total, squares = _sums_of_words(flat[flat.size - rest :])
    total += int((rows @ _ROW).sum(dtype=np.float64))
    squares += int(np.einsum("ij,ij->i", rows, rows).sum(dtype=np.float64))
    return total, squares


_ROW = np.ones(256, np.float32)


def _measure_widened(batch: Batch, into: FieldStatistics) -> None:
    """Floats and wide integers, as differences from the centre in float64."""
    whole = not batch.floating or bool(np.isfinite(batch.lows).all() and np.isfinite(batch.highs).all())
    if whole and batch.width <= PIECE:
        _add(batch.values.reshape(len(batch.values), -1), into)
        return
    for record in batch.values:
        for piece in _pieces(record):
            flat = piece.reshape(-1)
            _add((flat if whole else flat[np.isfinite(flat)])[np.newaxis], into)


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
    """Return the sum of float64 values, without any rounding, in units of 2**-1126.

    >>> import numpy as np
    >>> exact_sum(np.array([1e100, 1.0, -1e100])) == 1 << UNIT_BITS
    True
    """
    mantissas, exponents = np.frexp(values)
    scaled = np.ldexp(mantissas, 53).astype(np.int64)
    high, low = scaled >> 27, scaled & ((1 << 27) - 1)
    total = 0
    for exponent in np.unique(exponents):
        at = exponents == exponent
        total += ((int(high[at].sum()) << 27) + int(low[at].sum())) << (int(exponent) - 53 + UNIT_BITS)
    return total


def _in_units(centre: float) -> tuple[int, int]:
    """Return a centre and its square, exactly, in units of 2**-1126; it has float32's precision, so both fit."""
    numerator, denominator = centre.as_integer_ratio()
    bits = denominator.bit_length() - 1
    return numerator << (UNIT_BITS - bits), numerator * numerator << (UNIT_BITS - 2 * bits)


def _pieces(values: NDArray[Any]) -> list[NDArray[Any]]:
    if values.size <= PIECE:
        return [values]
    flat = values.reshape(-1)
    return [flat[start : start + PIECE] for start in range(0, flat.size, PIECE)]


def _histogram(values: NDArray[Any]) -> dict[int, int] | None:
    if values.dtype.kind == "f":
        values = values[np.isfinite(values)]
        if (values != np.floor(values)).any():
            return None
    labels, counts = np.unique(values, return_counts=True)
    if len(labels) > LABELS_COUNTED:
        return None
    return dict(zip((int(label) for label in labels), counts.tolist(), strict=True))
