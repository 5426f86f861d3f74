"""Frames of several sequences, and pieces of one thing, have the same numbers and are no parts of one sample."""

import json

import pytest
from convention_stores import picture, write

import datacheck

SEQUENCES = {
    "clips in folders of digits": (b"%03d/%08d", 0),
    "clips by a word": (b"seq%04d/frame%05d", 0),
    "episodes without leading zeros": (b"episode_%d_step_%d", 0),
    "videos from one on": (b"video%d-%06d", 1),
    "folds": (b"fold%d/%d", 0),
}
PARTS = {
    "cameras": (b"cam%d_%06d", range(3)),
    "first and second picture": (b"img%d_%06d", range(1, 3)),
    "sizes": (b"%d-%05d", (16, 32, 64)),
    "cameras with leading zeros": (b"camera%03d/%06d", range(3)),
}


def record(number):
    return json.dumps({"x": number / 7, "of": "some"}).encode()


def store(key, of, count=25, more=None):
    keys = [key % (it, at) for it in of for at in range(count)]
    return {name: record(at) for at, name in enumerate(keys)} | (more or {})


@pytest.mark.parametrize("name", SEQUENCES)
@pytest.mark.parametrize("counted", [False, True])
def test_a_bad_frame_costs_no_other_sequence_one(tmp_path, name, counted):
    key, first = SEQUENCES[name]
    records = store(key, range(first, first + 6), more={b"length": b"150"} if counted else None)
    broken = key % (first + 2, 11)
    source = write(tmp_path / "store", records | {broken: records[broken][:9]})
    report = datacheck.scan(source)
    assert (report.groups, {it.key for it in report.findings}) == (None, {broken.decode()})
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    copy = datacheck.scan(tmp_path / "copy")
    assert (copy.tally.records, copy.status) == (149 + counted, 0)


@pytest.mark.parametrize("name", SEQUENCES)
def test_a_sequence_that_is_shorter_lacks_nothing(tmp_path, name):
    key, first = SEQUENCES[name]
    records = store(key, range(first, first + 6), count=60)
    del records[key % (first + 5, 59)]
    assert datacheck.scan(write(tmp_path / "store", records)).counts == {}


@pytest.mark.parametrize("name", PARTS)
def test_parts_that_are_numbered_too_are_parts_all_the_same(tmp_path, name):
    key, of = PARTS[name]
    report = datacheck.scan(write(tmp_path / "store", store(key, of)))
    assert (report.groups, report.counts) == (25, {})


def test_pieces_that_are_counted_are_samples_each(tmp_path):
    records = {b"256-shop/id%05d_%d.jpg" % (at // 3, at % 3): picture(at) for at in range(120)}
    broken = b"256-shop/id00007_1.jpg"
    source = write(tmp_path / "store", records | {broken: records[broken][:60], b"length": b"120"})
    assert datacheck.scan(source).groups is None
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    copy = datacheck.scan(tmp_path / "copy")
    assert (copy.tally.records, copy.status) == (120, 0)
