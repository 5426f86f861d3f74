"""Test that the receipt of a rebuild says which bad records the copy keeps, in JSON, on the page and in Python."""

import json

import numpy as np
import pytest
from building import datum, floats, key, write_lmdb
from commanding import datacheck
from convention_stores import word_pictures

import datacheck as library


@pytest.fixture
def store(tmp_path):
    """Write 12 records, one with NaN and one cut."""
    values = [floats(number) for number in range(12)]
    values[7][0, 1, 1] = np.nan
    records = {key(number): datum(it) for number, it in enumerate(values)}
    records[key(11)] = records[key(11)][:-9]
    return write_lmdb(tmp_path / "s", records)


def test_what_is_kept_although_bad_is_in_the_receipt(store, tmp_path):
    options = ["--drop-bad", "--keep", "nan", "-o", "r.json", "-o", "r.html"]
    assert datacheck("rebuild", store, "copy", *options, cwd=tmp_path).returncode == 0
    receipt = json.loads((tmp_path / "r.json").read_text())
    assert receipt["still_bad"] == {"records": 1, "codes": ["nan"], "at_most": False}
    page = (tmp_path / "r.html").read_text()
    assert "Still bad in the copy" in page
    assert "1 record (nan)" in page


def test_a_clean_copy_has_none(store, tmp_path):
    receipt = library.rebuild(store, tmp_path / "copy", drop_bad=True, dry_run=True)
    assert (receipt.still_bad.records, receipt.still_bad.codes) == (0, ())


def test_it_is_a_maximum_where_samples_go_as_a_whole(tmp_path):
    """The label of a dropped picture goes with it, whatever is wrong with the label."""
    records = word_pictures(20)
    records[b"image-000000003"] = records[b"image-000000003"][:40]
    records[b"label-000000003"] = b"\xff\xfe\xfd"
    records[b"label-000000005"] = b"\xff\xfe\xfd"
    store = write_lmdb(tmp_path / "s", records)
    receipt = library.rebuild(store, tmp_path / "copy", drop=["truncated"], dry_run=True)
    assert (receipt.still_bad.records, receipt.still_bad.at_most) == (2, True)
