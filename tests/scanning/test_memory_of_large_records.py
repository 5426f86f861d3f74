"""Test that the profile of a large array is taken without a copy of it."""

import tracemalloc

import numpy as np
import pytest

from datacheck.model.batch import Batch
from datacheck.scanning.profile.profiling import _means


@pytest.mark.parametrize("value", [1.5, np.nan, np.inf, -np.inf])
def test_the_mean_is_that_of_the_finite_values(value):
    values = np.arange(3000, dtype="f4").reshape(1, 30, 100)
    values[0, 3, 3:5] = value, -value
    assert [*_means(Batch("data", range(1), values))] == [values[np.isfinite(values)].mean(dtype=np.float64)]
    assert [*_means(Batch("data", range(1), np.full((1, 3000), value, "f4")))] == ([1.5] if value == 1.5 else [])


def test_the_mean_of_a_large_array_is_computed_without_a_copy():
    batch = Batch("data", range(1), np.ones((1, 4_000_000), "f4"))
    tracemalloc.start()
    try:
        assert [*_means(batch)] == [1.0]
        assert tracemalloc.get_traced_memory()[1] < batch.values.nbytes / 10
    finally:
        tracemalloc.stop()
