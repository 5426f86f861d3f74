"""Test that impossible names to be dropped or kept are refused before a source is scanned."""

import h5py
import numpy as np
import pytest
from building import key, raw_records, write_lmdb

import datacheck
from datacheck.errors import UsageError
from datacheck.rebuilding import rebuild as rebuilding


@pytest.fixture
def unscanned(monkeypatch):
    """A scan that fails the test, since none is needed."""

    def scan(*args, **kwargs):
        raise AssertionError("it was scanned")

    monkeypatch.setattr(rebuilding, "run", scan)


def stores(folder):
    records = raw_records(30) | {key(7): b""}
    yield write_lmdb(folder / "lmdb", records)
    with h5py.File(folder / "store.h5", "w") as file:
        file["data"] = np.zeros((6, 4))
    yield folder / "store.h5"


@pytest.mark.parametrize("choice", ["drop", "keep"])
@pytest.mark.parametrize("name", ["nann", "image", "00000099x"])
def test_a_name_that_no_record_has_is_refused_before_the_scan(unscanned, tmp_path, choice, name):
    for store in stores(tmp_path):
        with pytest.raises(
            UsageError, match=rf"'{name}' is neither a verdict nor a code, and no record in .* has that"
        ):
            datacheck.rebuild(store, tmp_path / "copy", **{choice: [name]})
        assert not (tmp_path / "copy").exists()


def test_a_name_that_a_record_has_is_dropped(tmp_path):
    store = write_lmdb(tmp_path / "lmdb", raw_records(30) | {key(7): b""})
    receipt = datacheck.rebuild(store, tmp_path / "copy", drop=["00000007"])
    assert (receipt.written, receipt.dropped) == (True, 1)


def test_a_record_that_nothing_was_found_of_is_told_by_the_scan(tmp_path):
    store = write_lmdb(tmp_path / "lmdb", raw_records(30) | {key(7): b""})
    with pytest.raises(UsageError, match=r"no finding in .* is about a record of that name"):
        datacheck.rebuild(store, tmp_path / "copy", drop=["00000008"])
