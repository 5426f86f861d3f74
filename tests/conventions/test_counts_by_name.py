"""The names under which projects keep how many records there are."""

import base64
import hashlib
import itertools
import json

import numpy as np
import pytest
from convention_stores import picture, read, write

import datacheck

NAMES = [b"total_number", b"n_samples", b"nsamples", b"num_records", b"dataset_size", b"__count__", b"total_samples"]


def lines(count=60):
    return {b"%d" % at: json.dumps({"text": f"w{at}", "x": at / 7}).encode() for at in range(count)}


@pytest.mark.parametrize("name", NAMES)
def test_a_count_of_that_name(tmp_path, name):
    report = datacheck.scan(write(tmp_path / "sound", lines() | {name: b"60"}))
    assert (report.status, report.convention_names) == (0, ["count"])
    (finding,) = datacheck.scan(write(tmp_path / "stale", lines() | {name: b"75"})).findings
    assert (finding.code, finding.verdict) == ("count", "bad")
    assert f"{name.decode()} says 75, there are 60" in finding.message
    records = lines() | {name: b"60"}
    del records[b"12"]
    assert {it.code for it in datacheck.scan(write(tmp_path / "gone", records)).findings} == {"dangling"}


@pytest.mark.parametrize("write_count", [lambda it: b"%d" % it, lambda it: np.array([it]).tobytes()])
def test_the_copy_is_closed_up(tmp_path, write_count):
    records = lines() | {b"nsamples": write_count(60), b"12": b'{"text": "w12", "x": NaN}'}
    datacheck.rebuild(write(tmp_path / "store", records), tmp_path / "copy", drop_bad=True)
    copy = read(tmp_path / "copy")
    assert copy.pop(b"nsamples") == write_count(59)
    assert sorted(copy) == sorted(b"%d" % at for at in range(59))


@pytest.mark.parametrize("name", [b"num_images", b"total", b"count"])
def test_what_may_count_something_else_says_nothing_where_it_is_near_to_nothing(tmp_path, name):
    for said in (b"7", b"4000"):
        assert datacheck.scan(write(tmp_path / said.decode(), lines() | {name: said})).counts == {}
    records = lines() | {name: b"60"}
    assert datacheck.scan(write(tmp_path / "sound", records)).clean
    del records[b"12"]
    report = datacheck.scan(write(tmp_path / "gone", records))
    assert report.counts


def test_ids_of_pictures_that_are_counted_stay(tmp_path):
    """Texts elsewhere name the pictures by these."""
    records = {b"%d" % at: base64.b64encode(picture(at)) for at in range(60)}
    records |= {b"num_images": b"60", b"12": records[b"12"][:201]}
    receipt = datacheck.rebuild(write(tmp_path / "store", records), tmp_path / "copy", drop_bad=True)
    assert dict(receipt.renamed()) == {}
    del records[b"12"]
    assert read(tmp_path / "copy") == records | {b"num_images": b"59"}
    assert datacheck.scan(tmp_path / "copy").clean


WORDS = [b"length", b"len", b"count", b"total", b"size", b"meta", b"metadata"]
WORDS += [b"%c%c%c" % it for it in itertools.product(b"abcdefg", b"aeiou", b"lmnprst")]
VALUES = {
    "numbers": lambda at: b"%d" % (at * 7 % 241),
    "mappings": lambda at: json.dumps({"id": at, "count": at + 200, "num_samples": 3}).encode(),
}


@pytest.mark.parametrize("form", VALUES)
def test_words_of_a_vocabulary_count_nothing(tmp_path, form):
    records = {word: VALUES[form](at) for at, word in enumerate(WORDS)}
    report = datacheck.scan(write(tmp_path / "store", records))
    assert "count" not in report.counts
    assert report.convention_names == []
    records |= {b"__len__": b"200"}
    assert datacheck.scan(write(tmp_path / "counted", records)).counts["count"] == 1


def test_numbers_under_digests_that_a_length_counts(tmp_path):
    """Labels by the digest of a picture are numbers too, and say nothing where they are pictures."""
    records = {hashlib.sha1(b"%d" % at).hexdigest().encode(): picture(at) for at in range(60)} | {b"length": b"70"}
    assert datacheck.scan(write(tmp_path / "store", records)).counts == {"count": 1}
