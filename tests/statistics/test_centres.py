"""Test fields of one name in several tables, each summed about a centre of its own: the sums still add up."""

import itertools
import math

import h5py
import numpy as np
import pytest

import datacheck
from datacheck.model.batch import Batch
from datacheck.model.profile import FieldProfile
from datacheck.statistics.exact_sums import FieldStatistics
from datacheck.statistics.measure import Measuring


def measured(values, centre):
    statistics: dict[str, FieldStatistics] = {}
    expected = FieldProfile((3,), str(values.dtype), "array", 1.0, centre=centre)
    measuring = Measuring(statistics, sums=True)
    measuring.add(Batch("x", range(len(values)), values, expected=expected))
    measuring.finish()
    return statistics["x"]


@pytest.mark.parametrize("dtype", ["f4", "f8", "i4"])
def test_parts_with_other_centres_add_up_in_any_grouping(dtype):
    random = np.random.default_rng(5)
    parts = [(100 * at + 10 * random.normal(size=(20, 3))).astype(dtype) for at in range(4)]
    centres = [0.0, float(np.float32(99.7)), float(np.float32(-3e-7)), 300.0]
    values = np.concatenate(parts).astype("f8")

    def add(places):
        first, *others = [measured(parts[at], centres[at]) for at in places]
        for it in others:
            first += it
        return first

    whole = add(range(4)).summary()
    assert whole.mean == pytest.approx(values.mean(), rel=1e-9)
    assert whole.std == pytest.approx(values.std(), rel=1e-9)
    for cut in range(1, 4):
        left, right = add(range(cut)), add(range(cut, 4))
        left += right
        assert left.summary() == whole
    for order in itertools.permutations(range(4)):
        assert add(order).summary().mean == pytest.approx(whole.mean, rel=1e-12)


def test_nothing_measured_leaves_a_centre_as_it_is():
    some = measured(np.ones((2, 3), "f4"), 1.0)
    some += FieldStatistics(centre=5.0)
    assert (some.summary().mean, some.summary().std, some.count) == (1.0, 0.0, 6)
    assert not math.isnan(some.summary().mean)


def test_the_mean_of_a_field_that_several_groups_have_is_that_of_all_of_them(tmp_path):
    with h5py.File(tmp_path / "demos.h5", "w") as file:
        for number in range(4):
            group = file.create_group(f"data/demo_{number}")
            group["actions"] = np.arange(60, dtype="f4").reshape(20, 3) / 64 + 100 * number
            group["obs"] = np.arange(20, dtype="f4")
    with h5py.File(tmp_path / "demos.h5") as file:
        values = np.concatenate([file[f"data/demo_{number}/actions"][:] for number in range(4)]).astype("f8")
    said = datacheck.scan(tmp_path / "demos.h5", stats=True).statistics["actions"]
    assert said.mean == pytest.approx(values.mean(), rel=1e-9)
    assert said.std == pytest.approx(values.std(), rel=1e-9)
