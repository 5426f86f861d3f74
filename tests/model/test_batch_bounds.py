"""Test the bounds of unaligned values in either byte order: they equal those of the same values in their own array."""

import tracemalloc

import numpy as np
import pytest

from datacheck.model import batch
from datacheck.model.batch import Batch, SeparateArrays


def apart(values, dtype, gap=3):
    """Return unaligned records, each in its own array."""
    made = [np.frombuffer(b"x" * gap + it.astype(dtype).tobytes(), dtype, offset=gap) for it in values]
    assert not made[0].flags.aligned
    return [it.reshape(values.shape[1:]) for it in made]


def stacked(values, dtype):
    """Return unaligned records in one array."""
    size = values[0].size * np.dtype(dtype).itemsize
    raw = np.frombuffer(b"".join(b"abc" + it.astype(dtype).tobytes() for it in values), np.uint8)
    steps = np.empty(values.shape[1:], dtype).strides
    return np.ndarray(values.shape, dtype, raw.data, 3, (size + 3, *steps))


@pytest.mark.parametrize("dtype", ["<f2", ">f2", "<f4", ">f4", "<f8", ">f8", "<i4", ">u2"])
@pytest.mark.parametrize("shape", [(1,), (5,), (7, 9), (3, 40, 41)])
def test_bounds_are_those_of_aligned_values(dtype, shape, monkeypatch):
    monkeypatch.setattr(batch, "CACHED_BYTES", 96)  # so small that a record takes many pieces
    chance = np.random.default_rng(len(shape))
    values = chance.integers(0, 200, (6, *shape)).astype(dtype)
    if values.dtype.kind == "f":
        flat = values.reshape(6, -1)
        flat[1, 0] = flat[2, -1] = np.nan
        flat[3, 0], flat[4, -1] = np.inf, -np.inf
    lows, highs = values.reshape(6, -1).min(axis=1), values.reshape(6, -1).max(axis=1)
    for made in (SeparateArrays(apart(values, dtype)), stacked(values, dtype)):
        of = Batch("data", range(6), made)
        np.testing.assert_array_equal(of.lows, lows)
        np.testing.assert_array_equal(of.highs, highs)


def test_a_large_record_is_not_copied_as_a_whole():
    record = np.frombuffer(bytes(1 + (32 << 20)), "<f4", offset=1)
    of = Batch("data", range(1), SeparateArrays([record]))
    tracemalloc.start()
    try:
        assert (of.lows.item(), of.highs.item()) == (0, 0)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
