"""Test arrays of one value in trees: small ones have good reasons for it; larger ones, and features, are reported."""

import pickle

import numpy as np
import pytest
from building import key, write_lmdb

from datacheck import scan


def codes(path, made, count=40):
    records = {key(it): pickle.dumps(made(it, np.random.default_rng(it).normal(size=(4, 8)))) for it in range(count)}
    write_lmdb(path, records)
    return [(it.key, it.field, it.code) for it in scan(path, workers=1).findings]


def test_the_cell_of_a_molecule_may_be_zeros(tmp_path):
    beside = {"cell": np.zeros((3, 3)), "stress": np.zeros(6), "offset": np.ones(3)}
    assert codes(tmp_path / "env", lambda _, values: {"x": values, **beside}) == []
    once = codes(
        tmp_path / "once", lambda at, values: {"x": values, "cell": np.eye(3) * at if at else np.zeros((3, 3))}
    )
    assert once == []


@pytest.mark.parametrize("size", [10, 64])
def test_larger_arrays_of_one_value_are_said(size, tmp_path):
    said = codes(tmp_path / "env", lambda at, values: {"x": values, "z": np.arange(size) * 0.5 * (at != 7)})
    assert said == [("00000007", "z", "constant")]
    every = codes(tmp_path / "every", lambda _, values: {"x": values, "z": np.zeros(size)})
    assert every == [(None, "z", "constant")]
