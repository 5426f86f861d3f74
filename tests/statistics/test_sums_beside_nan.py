"""Records of floats are summed together although some have NaN, with the same sums as each on its own."""

import numpy as np
import pytest

from datacheck.model.batch import Batch
from datacheck.statistics import measure
from datacheck.statistics.measure import Measuring


def summed(blocks):
    statistics = {}
    measuring = Measuring(statistics, sums=True)
    for block in blocks:
        measuring.add(Batch("x", range(len(block)), block))
    measuring.finish()
    return statistics["x"]


@pytest.mark.parametrize("shape", [(200,), (200, 3)])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_records_have_the_same_sums_beside_bad_ones_as_alone(shape, bad):
    values = np.random.default_rng(0).normal(size=shape)
    values.reshape(200, -1)[::9, -1] = bad
    together, alone = summed([values]), summed([values[at : at + 1] for at in range(200)])
    finite = values[np.isfinite(values)]
    assert together.count == alone.count == finite.size
    assert (together.total, together.squares) == (alone.total, alone.squares)
    assert (together.minimum, together.maximum) == (finite.min(), finite.max())


def test_scalars_beside_nan_are_not_added_one_at_a_time(monkeypatch):
    calls = []
    values = np.arange(1000.0)
    values[500] = np.nan
    monkeypatch.setattr(measure, "exact_sum", lambda numbers: calls.append(len(numbers)) or 0)
    summed([values])
    assert calls == [999, 999]
