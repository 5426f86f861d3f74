"""Test arrays of objects that are numbers, which pickles store as lists of numbers."""

import io
import pickle

import numpy as np
import pytest
from building import key, write_lmdb

from datacheck import scan

COUNT = 24


def saved(array):
    with io.BytesIO() as file:
        np.save(file, array, allow_pickle=True)
        return file.getvalue()


def findings(folder, values):
    report = scan(write_lmdb(folder, {key(at): it for at, it in enumerate(values)}), workers=1)
    return [(it.key, it.field, it.code, it.verdict) for it in report.findings]


@pytest.mark.parametrize("shape", [(15,), (5, 3), (2, 2)])
@pytest.mark.parametrize(("write", "at"), [(lambda it: pickle.dumps({"x": it}, 2), "x"), (saved, "data")])
def test_arrays_of_objects_that_are_numbers_are_judged(write, at, shape, tmp_path):
    def array(number, value=0.5):
        values = np.random.default_rng(number).normal(size=shape)
        values.flat[1] = value
        return values.astype(object)

    values = [write(array(it)) for it in range(COUNT)]
    assert findings(tmp_path / "sound", values) == []
    values[3] = write(array(3, np.nan))
    assert findings(tmp_path / "bad", values) == [("00000003", at, "nan", "bad")]


def test_too_few_numbers_for_the_shape_are_bad(tmp_path):
    whole = pickle.dumps({"x": np.arange(15.5).astype(object)}, 2)
    values = [whole] * COUNT
    values[3] = whole.replace(b"K\x10\x85", b"K\x11\x85", 1)
    assert [it[1:] for it in findings(tmp_path / "bad", values)] == [("x", "size-mismatch", "bad")]
