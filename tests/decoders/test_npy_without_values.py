"""Test arrays without values, among records or members of archives whose arrays have values."""

import io
import pickle

import numpy as np
import pytest
from building import write_lmdb

import datacheck

FORMS = {".npy": np.save, ".npz": lambda out, it: np.savez(out, features=it)}


def stored(form, array):
    out = io.BytesIO()
    FORMS[form](out, array)
    return out.getvalue()


def scan(path, form, odd, shape=lambda at: (8, 8)):
    arrays = {at: np.random.default_rng(at).standard_normal(shape(at), np.float32) for at in range(60)} | odd
    return datacheck.scan(write_lmdb(path, {b"%04d" % at: stored(form, it) for at, it in arrays.items()}))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shape", [(0,), (0, 8)])
def test_it_is_of_another_shape(tmp_path, form, shape):
    report = scan(tmp_path / "db", form, {7: np.empty(shape, np.float32)})
    (finding,) = report.findings
    assert (finding.key, finding.code) == ("0007", "shape")
    assert finding.message == f"shape {list(shape)}, expected [8, 8]"


@pytest.mark.parametrize("form", FORMS)
def test_of_rows_that_vary_there_may_be_none(tmp_path, form):
    report = scan(tmp_path / "db", form, {7: np.empty((0, 4), np.float32)}, lambda at: (1 + at % 5, 4))
    assert (report.clean, list(report.findings)) == (True, [])


def test_an_archive_says_of_it_what_a_pickle_says(tmp_path):
    values = {at: np.random.default_rng(at).standard_normal((1 + at % 5, 4)) for at in range(60)}
    values[7] = np.empty((0, 4))
    path = write_lmdb(tmp_path / "db", {b"%04d" % at: pickle.dumps({"boxes": it}) for at, it in values.items()})
    assert datacheck.scan(path).clean
