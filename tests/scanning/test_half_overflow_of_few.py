"""Test the sentence about values beyond float16 in a field that few records have."""

import pickle

import numpy as np
from building import key, write_lmdb

from datacheck import scan


def messages(path, has_extra):
    values = {
        key(it): pickle.dumps({"x": np.full(4, it + 0.5), **({"time": 1e6 + it} if has_extra(it) else {})})
        for it in range(60)
    }
    return {
        it.field: it.message for it in scan(write_lmdb(path, values), workers=1).findings if it.code == "half-overflow"
    }


def test_it_says_which_records_are_meant(tmp_path):
    assert messages(tmp_path / "few", lambda it: it % 6 == 0) == {
        "time": "most of the records with this field have values beyond float16: infinite in mixed precision"
    }
    assert messages(tmp_path / "most", lambda it: True) == {
        "time": "most records have values beyond float16: infinite in mixed precision"
    }
