"""Counts that are not of the samples of this file: the number of one sample, and the size of a set of several files."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck

COUNT = 30


def write(path, first=0, last=COUNT, name="trial_{}/x", **attributes):
    with h5py.File(path, "w") as file:
        for number in range(first, last):
            file[name.format(number)] = np.random.default_rng(number).normal(size=(8, 8 + number % 3, 3))
        file.attrs.update(attributes)
    return path


def counts(source):
    return [(it.code, it.verdict) for it in datacheck.scan(source, workers=1).findings]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"trial_num": COUNT - 1}, []),  # the last one, or the one that this was
        ({"trial_num": COUNT}, []),
        ({"trial_num": COUNT + 3}, [("count", "bad")]),
        ({"num_trials": COUNT - 1}, [("count", "bad")]),
        ({"n_trials_total": COUNT + 6}, [("count", "suspicious")]),  # a set of which this may be a part
        ({"n_trials_total": COUNT}, []),
        ({"n_trials_total": COUNT - 3}, [("count", "bad")]),
    ],
)
def test_a_number_that_need_not_be_the_count_of_this_file_is_not_bad(tmp_path, said, expected):
    assert counts(write(tmp_path / "a.h5", **said)) == expected
