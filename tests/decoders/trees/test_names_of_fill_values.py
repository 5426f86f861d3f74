"""Test fields that tell which value stands for a missing one, and the nullable and sparse arrays of pandas."""

import json
import pickle

import msgpack
import numpy as np
import pandas as pd
import pytest
from building import key, write_lmdb

from datacheck import scan

COUNT = 24


def findings(folder, values):
    report = scan(write_lmdb(folder, {key(at): it for at, it in enumerate(values)}), workers=1)
    return [(it.key, it.field, it.code, it.verdict) for it in report.findings]


def sparse(number, value=0.5):
    column = np.full(20, np.nan)
    column[[2, 5]] = number, value
    return {"s": pd.arrays.SparseArray(column), "label": number % 10}


def nullable(number, value=0.5):
    array = pd.array([1.5, None, number, 0.5], dtype="Float64")
    array._data[3] = value
    return {"s": array, "label": number % 10}


@pytest.mark.parametrize(("made", "at"), [(sparse, "s/_sparse_values"), (nullable, "s[3]")], ids=["sparse", "nullable"])
def test_missing_values_of_arrays_of_pandas_are_sound(made, at, tmp_path):
    values = [pickle.dumps(made(it)) for it in range(COUNT)]
    assert findings(tmp_path / "sound", values) == []
    values[5] = pickle.dumps(made(5, np.inf))
    assert findings(tmp_path / "bad", values) == [("00000005", at, "inf", "bad")]


@pytest.mark.parametrize("write", [pickle.dumps, msgpack.packb, lambda it: json.dumps(it).encode()])
def test_nan_as_the_value_for_missing_ones_is_sound(write, tmp_path):
    def record(number, value=0.5, fill=np.nan):
        return {"x": [0.5, value], "attrs": {"_FillValue": fill, "nodata": np.nan, "fill_value": "NaN"}, "score": 0.5}

    values = [write(record(it)) for it in range(COUNT)]
    assert findings(tmp_path / "sound", values) == []
    values[3], values[5] = write(record(3, fill=-999.0)), write(record(5, np.nan))
    values[7] = write(record(7) | {"score": np.nan})
    assert findings(tmp_path / "bad", values) == [
        ("00000005", "x", "nan", "bad"),
        ("00000007", "score", "nan", "bad"),
    ]


def test_an_array_of_such_a_name_is_judged(tmp_path):
    values = [pickle.dumps({"fill_value": np.full(6, float(it))}) for it in range(COUNT)]
    values[4] = pickle.dumps({"fill_value": np.full(6, np.nan)})
    assert ("00000004", "fill_value", "nan", "bad") in findings(tmp_path / "bad", values)
