"""What the extremes of a batch rule out at once is found as before where they do not."""

import numpy as np
import pytest

from datacheck.checks.validators import Finite, HalfOverflow, Label, Range
from datacheck.model.batch import Batch

SOUND = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3)


def batch(at: int, value: float, *, label: bool = False) -> Batch:
    values = SOUND.copy()
    values[at, 1] = value
    return Batch("data", range(4), values, label=label)


def places(validator, of: Batch) -> list[tuple[int, str]]:
    return [(at, finding.code) for at, finding in validator(of)]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("at", [0, 3])
def test_one_value_that_is_not_finite_is_found_wherever_it_is(at, value):
    code = "nan" if np.isnan(value) else "inf"
    assert places(Finite(), batch(at, value)) == [(at, code)]
    assert places(Label(), batch(at, value, label=True)) == [(at, "label")]
    assert not batch(at, value).all_finite


@pytest.mark.parametrize("value", [-2.0, 2.0, 1e6])
def test_a_value_beyond_the_range_is_found_and_one_at_its_end_is_not(value):
    assert places(Range(-1, 1), batch(2, value)) == [(2, "out-of-range")]
    assert places(Range(min(value, -1), max(value, 1)), batch(2, value)) == []


def test_values_beyond_float16_and_subnormal_ones_are_found_in_one_batch():
    of = batch(1, -70000.0)
    of.values[3] = 1e-40
    assert sorted(places(HalfOverflow(), of)) == [(1, "half-overflow"), (3, "half-overflow")]
    assert places(HalfOverflow(), Batch("data", range(4), SOUND)) == []


def test_nan_in_a_batch_hides_no_value_beyond_float16():
    of = batch(1, np.nan)
    of.values[2, 0] = 70000.0
    assert (2, "half-overflow") in places(HalfOverflow(), of)
