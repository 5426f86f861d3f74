"""A count of numbered records where others have names beside them, as the position of a replay buffer has."""

import pickle

import numpy as np
import pytest
from convention_stores import read, write

import datacheck

COUNT = 200


def buffer(count=COUNT, **beside):
    random = np.random.default_rng(1)
    records = {b"%d" % at: pickle.dumps((random.standard_normal(12), at % 4, 0.5 * at)) for at in range(count)}
    return records | {name.encode(): b"%d" % number for name, number in beside.items()}


@pytest.mark.parametrize("following", [COUNT, 55])
def test_it_is_true_where_it_is_that_of_the_numbers(tmp_path, following):
    report = datacheck.scan(write(tmp_path / "db", buffer(size=COUNT, next=following)))
    assert (report.clean, list(report.findings)) == (True, [])


def test_a_copy_counts_what_is_left(tmp_path):
    records = buffer(size=COUNT, next=COUNT)
    records[b"9"] = records[b"9"][:60]
    path = write(tmp_path / "db", records)
    datacheck.rebuild(path, tmp_path / "copy", drop_bad=True)
    copy = read(tmp_path / "copy")
    count = int(copy[b"size"])
    assert [pickle.loads(copy[b"%d" % at])[2] for at in range(count)] == [0.5 * at for at in range(COUNT) if at != 9]
    assert datacheck.scan(tmp_path / "copy").clean


@pytest.mark.parametrize("size", [COUNT - 3, COUNT + 3])
def test_one_that_is_a_little_off_is_said(tmp_path, size):
    report = datacheck.scan(write(tmp_path / "db", buffer(size=size, next=7)))
    (finding,) = report.findings
    assert (finding.code, finding.verdict) == ("count", "suspicious")


def test_the_size_of_pictures_is_none(tmp_path):
    report = datacheck.scan(write(tmp_path / "db", buffer(size=64, next=7)))
    assert (report.clean, list(report.findings)) == (True, [])
