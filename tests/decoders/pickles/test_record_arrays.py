"""Test pickles of NumPy's record arrays, whose members are judged like those of structured arrays."""

import pickle

import numpy as np
import pytest
from building import key, write_lmdb

from datacheck import scan


def pickled(number, value, protocol):
    draw = np.random.default_rng(number)
    columns = [draw.normal(size=5), draw.normal(size=5).astype("f4"), np.full(5, number % 10)]
    columns[1][3] = value
    return pickle.dumps(np.rec.fromarrays(columns, names="a,b,label"), protocol)


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_a_nan_in_a_member_is_named(protocol, tmp_path):
    values = {key(it): pickled(it, np.nan if it == 7 else 0.5, protocol) for it in range(40)}
    report = scan(write_lmdb(tmp_path / "env", values), workers=1, labels=10)
    assert [(it.key, it.field, it.code) for it in report.findings] == [("00000007", "b", "nan")]
