"""A gap is said of frames alone: other numbers that are not dense are as they are meant."""

import pickle

import numpy as np
import pytest
from building import write_lmdb

import datacheck


def value(number):
    return pickle.dumps({"x": np.random.default_rng(number).normal(size=6).astype("f4")}, 4)


def frames(sequences=30, count=12, *, without=()):
    keys = [b"clip%03d/%05d" % (of, at) for of in range(sequences) for at in range(count)]
    return [key for key in keys if key not in without]


KEYS = {
    "ids of a database, sparse": [b"%d" % (at * 37 + at * at % 29) for at in range(400)],
    "ids of fixed width, sparse": [b"%09d" % (at * 1009 % 99991) for at in range(400)],
    "one numbering with some left out": [b"%08d" % at for at in range(500) if at % 83],
    "shards that go on counting": [b"shard%02d/%06d" % (at // 50, at) for at in range(600)],
    "shards that share the numbers out": [b"shard%02d/%06d" % (at % 12, at) for at in range(600)],
    "shards of digests' numbers": [b"shard%02d/%06d" % (at % 12, at * 7919 % 999983) for at in range(600)],
    "frames of which every third was kept": [b"clip%03d/%05d" % (of, at * 3) for of in range(30) for at in range(12)],
    "clips that begin anywhere": [b"clip%03d/%05d" % (of, of * 40 + at) for of in range(30) for at in range(12)],
    "labels of pieces": [b"%06d_%02d" % (at // 4, at % 4) for at in range(400)],
}


@pytest.mark.parametrize("name", KEYS)
def test_numbers_that_are_not_dense_by_intention(tmp_path, name):
    records = {key: value(at) for at, key in enumerate(KEYS[name])}
    report = datacheck.scan(write_lmdb(tmp_path / "env", records))
    assert (report.counts, report.status) == ({}, 0)


def test_a_frame_that_is_missing_among_them_is_a_gap(tmp_path):
    records = {key: value(at) for at, key in enumerate(frames(without=[b"clip007/00004"]))}
    report = datacheck.scan(write_lmdb(tmp_path / "env", records))
    assert (report.counts, report.suspicious, report.status) == ({"gap": 1}, 1, 0)
    assert "clip007/00004 is not there" in report.findings[0].message
