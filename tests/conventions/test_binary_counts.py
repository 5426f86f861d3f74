"""Counts that are written as whole numbers of four or eight bytes."""

import struct

import lmdb
import pytest
from building import key, raw_records, write_lmdb

import datacheck

FORMS = ["<I", ">I", "<q", ">q"]


def store(tmp_path, name, value, count=200):
    return write_lmdb(tmp_path / "store", raw_records(count) | {name: value})


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", [b"length", b"num_samples", b"__len__"])
def test_a_count_that_is_true_is_sound(tmp_path, name, form):
    report = datacheck.scan(store(tmp_path, name, struct.pack(form, 200)))
    assert (report.status, report.counts) == (0, {})


@pytest.mark.parametrize("form", FORMS)
def test_one_that_is_not_is_said_and_made_true(tmp_path, form):
    source = store(tmp_path, b"length", struct.pack(form, 211))
    report = datacheck.scan(source)
    assert [(it.code, it.verdict) for it in report.findings] == [("count", "bad")]
    assert "211" in report.findings[0].message
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    with lmdb.open(str(tmp_path / "copy"), readonly=True, lock=False) as environment, environment.begin() as reading:
        assert reading.get(b"length") == struct.pack(form, 200)
        assert reading.get(key(199)) is not None
    assert datacheck.scan(tmp_path / "copy").clean


@pytest.mark.parametrize(
    "value", [struct.pack("<f", 200.0), struct.pack("<d", 0.25), struct.pack("<f", 18.5), b"\x01\x02"]
)
def test_what_may_be_something_else_is_no_count(tmp_path, value):
    report = datacheck.scan(store(tmp_path, b"length", value))
    assert "count" not in report.counts
    assert report.bad == 0


@pytest.mark.parametrize("count", [51, 64, 75])
@pytest.mark.parametrize("form", FORMS)
def test_a_count_whose_bytes_are_something_else_too(tmp_path, form, count):
    """64 with the high bytes first is 2.0 with the low ones first, and 51 is the digit 3 in UTF-32."""
    report = datacheck.scan(store(tmp_path, b"length", struct.pack(form, count), count))
    assert (report.status, report.counts) == (0, {})
    (tmp_path / "two").mkdir()
    report = datacheck.scan(store(tmp_path / "two", b"length", struct.pack(form, count + 2), count))
    assert [(it.code, it.verdict) for it in report.findings] == [("count", "bad")]
