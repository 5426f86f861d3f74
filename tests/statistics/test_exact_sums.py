"""Test that statistics are exact over records: no split and no order changes a bit of them."""

import math

import numpy as np
import pytest

from datacheck.model.batch import Batch, SeparateArrays
from datacheck.statistics.exact_sums import LABELS_COUNTED, UNIT_BITS, FieldStatistics, FieldSummary
from datacheck.statistics.measure import exact_sum, measure


def measured(values, *, centre=0.0, label=False, pieces=1):
    whole = FieldStatistics(centre=centre)
    for piece in np.array_split(values, pieces):
        part = FieldStatistics(centre=centre)
        measure(Batch("data", range(len(piece)), piece, label=label), part)
        whole += part
    return whole


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "i4", "u4", "i8", "f2", "f4", "f8"])
def test_any_split_gives_the_same_bits(dtype):
    values = (np.random.default_rng(1).normal(size=(90, 3, 5)) * 40 + 60).astype(dtype)
    assert measured(values, centre=59.5) == measured(values, centre=59.5, pieces=7)
    assert measured(values, centre=59.5) == measured(values[::-1].copy(), centre=59.5, pieces=90)


@pytest.mark.parametrize("dtype", ["u1", "i2", "i8", "f2", "f4", "f8"])
def test_they_are_those_of_numpy(dtype):
    values = (np.random.default_rng(2).normal(size=(50, 40)) * 30 + 90).astype(dtype)
    summary = measured(values, centre=12.25).summary()
    wide = values.astype(np.float64)
    assert (summary.count, summary.min, summary.max) == (2000, wide.min(), wide.max())
    assert math.isclose(summary.mean, wide.mean(), rel_tol=1e-12)
    assert math.isclose(summary.std, wide.std(), rel_tol=1e-9)


def test_a_small_spread_far_from_zero_keeps_its_digits():
    values = 1e9 + np.random.default_rng(3).normal(size=(100, 10))
    assert math.isclose(measured(values, centre=1e9).summary().std, values.std(), rel_tol=1e-6)


def test_nan_and_infinity_are_left_out():
    values = np.array([[1.0, np.nan, 3.0], [np.inf, -np.inf, 2.0]])
    summary = measured(values).summary()
    assert (summary.count, summary.min, summary.max, summary.mean) == (3, 1.0, 3.0, 2.0)


def test_squares_beyond_float64_leave_no_standard_deviation():
    assert measured(np.array([[1e200, -1e200]])).summary().std is None


def test_no_values_give_an_empty_summary():
    assert measured(np.empty((0, 3))).summary().count == 0


def test_a_record_larger_than_a_piece_is_measured_piece_by_piece(monkeypatch):
    monkeypatch.setattr("datacheck.statistics.measure.PIECE", 100)
    values = np.random.default_rng(4).normal(size=(2, 1234))
    values[1, 7] = np.nan
    summary = measured(values).summary()
    assert math.isclose(summary.mean, np.nanmean(values), rel_tol=1e-12)
    assert summary.count == 2 * 1234 - 1


def test_labels_are_counted_one_by_one():
    assert measured(np.array([1, 0, 1, 9]), label=True).summary().counts == {"0": 1, "1": 2, "9": 1}


def test_labels_that_are_no_integers_are_not_counted():
    assert measured(np.array([1.0, 0.5]), label=True).summary().counts is None


def test_too_many_labels_are_not_counted_however_they_are_split():
    labels = np.arange(LABELS_COUNTED + 1)
    assert measured(labels, label=True).summary().counts is None
    assert measured(labels, label=True, pieces=5).summary().counts is None


def test_exact_sum_rounds_nothing():
    values = np.array([1e16, 1.0, -1e16, 2.0**-1074])
    assert exact_sum(values) == (1 << UNIT_BITS) + (1 << (UNIT_BITS - 1074))


@pytest.mark.parametrize("dtype", ["u1", "i1"])
@pytest.mark.parametrize("value", ["least", "greatest", "any"])
def test_bytes_are_summed_exactly(dtype, value):
    limits = np.iinfo(dtype)
    size = 256 * 40 + 17
    chosen = {"least": limits.min, "greatest": limits.max}
    random = np.random.default_rng(6).integers(limits.min, limits.max, size, dtype, endpoint=True)
    values = np.full(size, chosen[value], dtype) if value in chosen else random
    summed = measured(values[np.newaxis])
    wide = values.astype(object)
    assert (summed.total, summed.squares) == (int(wide.sum()) << UNIT_BITS, int((wide * wide).sum()) << UNIT_BITS)


@pytest.mark.parametrize("values", [[5, 300, -7], [1 << 19, -(1 << 30), 3], [(1 << 62) + 1, -(1 << 63), 12345678901]])
def test_integers_of_any_size_are_summed_exactly(values):
    array = np.array(values, np.int64)[:, None]
    into = FieldStatistics()
    measure(Batch("x", range(3), array), into)
    assert into.total == sum(values) << UNIT_BITS
    assert into.squares == sum(value * value for value in values) << UNIT_BITS


def test_without_sums_the_numbers_of_values_and_their_bounds_stay():
    array = np.array([[1.0, 5.0], [np.nan, -3.0], [np.inf, np.nan], [2.0, 9.0]], np.float32)
    into = FieldStatistics(sums=False)
    measure(Batch("x", range(4), array), into)
    assert into.summary() == FieldSummary(count=5, min=-3.0, max=9.0)
    assert (into.total, into.squares) == (0, 0)


@pytest.mark.parametrize("sums", [True, False])
def test_records_that_lie_apart_are_measured_as_if_stacked(sums):
    array = np.random.default_rng(2).normal(size=(6, 3, 4)).astype(np.float32)
    array[2, 1, 1] = np.nan
    together, apart = FieldStatistics(sums=sums), FieldStatistics(sums=sums)
    measure(Batch("x", range(6), array), together)
    measure(Batch("x", range(6), SeparateArrays(list(array))), apart)
    assert apart == together


def test_pictures_that_were_not_seen_have_no_bounds():
    into = FieldStatistics(sums=False)
    measure(Batch("x", range(6), np.broadcast_to(np.uint8(0), (6, 3, 4, 4)), pixels_skipped=True), into)
    assert into.summary() == FieldSummary(count=288)


def shapes_of(array):
    """Return the same records as one array, as rows with gaps between them, and as separate arrays."""
    wide = np.full((len(array), array[0].size + 5), 7, array.dtype)
    wide[:, : array[0].size] = array.reshape(len(array), -1)
    return [array, wide[:, : array[0].size].reshape(array.shape), SeparateArrays(list(array))]


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i4", "i8", "f4"])
@pytest.mark.parametrize("spread", [1, 3, 100, 2**40])
def test_looking_no_further_than_it_takes_changes_nothing(monkeypatch, dtype, spread):
    """Bounds and constants are right for values that reach the ends of their dtype and for values that do not."""
    chance = np.random.default_rng(spread)
    monkeypatch.setattr("datacheck.model.batch.CACHED_BYTES", 1 << 9)
    for _ in range(30):
        array = (chance.integers(0, spread, (40, 3, 7, 4)) - chance.integers(0, 2) * spread // 2).astype(dtype)
        array[chance.random(40) < 0.2] = chance.integers(0, 2)
        if dtype != "f4":
            ends = np.iinfo(array.dtype)
            for end in (ends.min, ends.max):
                if chance.random() < 0.5:
                    array[tuple(chance.integers(0, array.shape))] = end
        lows, highs = array.min(axis=(1, 2, 3)), array.max(axis=(1, 2, 3))
        for values in shapes_of(array):
            batch = Batch("x", range(40), values)
            assert batch.constant.tolist() == (lows == highs).tolist()
            assert batch.span(math.inf, -math.inf) == (lows.min(), highs.max())
            into = FieldStatistics(sums=False)
            for piece in np.array_split(np.arange(40), 3):
                measure(Batch("x", piece, values[piece[0] : piece[-1] + 1]) if values is array else batch, into)
            assert (into.minimum, into.maximum) == (lows.min(), highs.max())
            assert into.count == array.size * (1 if values is array else 3)


def test_once_both_ends_of_the_type_were_seen_no_more_is_looked_at():
    class Unread(list):
        def __getitem__(self, at):
            assert at < 2, "looked at in vain"
            return list.__getitem__(self, at)

    records = Unread(np.array(it, np.uint8) for it in ([3, 0, 9], [4, 255, 1], [1, 2, 3], [5, 6, 7]))
    assert isinstance(records[0], np.ndarray)
    into = FieldStatistics(sums=False)
    measure(Batch("x", range(4), SeparateArrays(records)), into)
    assert into.summary() == FieldSummary(count=12, min=0, max=255)
