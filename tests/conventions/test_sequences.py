"""Frames of sequences, which have no gaps but for one that somebody misses; lists and counts that cannot be read."""

import pickle

import numpy as np
import pytest
from convention_stores import picture, read, word_pictures, write

import datacheck
from datacheck.conventions.keys.account import Account, KeyWatch
from datacheck.conventions.keys.sequences import Frames, frames_in
from datacheck.errors import RebuildFailed


def value(number):
    return pickle.dumps({"x": np.random.default_rng(number).normal(size=(2, 3)).astype("f4")}, 4)


def clips(count=24, frames=20, form=b"%03d_%08d", first=0, without=(), step=1):
    keys = [form % (clip, first + at * step) for clip in range(count) for at in range(frames)]
    return {key: value(at) for at, key in enumerate(keys) if key not in without}


def said(path, **options):
    report = datacheck.scan(path, workers=1, **options)
    return {it.code: (it.verdict, it.key, it.details) for it in report.findings}, report


@pytest.mark.parametrize("form", [b"%03d_%08d", b"clip%03d/frame%05d.png", b"%03d/%06d"])
@pytest.mark.parametrize("first", [0, 1])
def test_frames_that_are_missing_are_said_once(tmp_path, form, first):
    without = {form % (7, 5), form % (7, 6), form % (11, 3)}
    codes, report = said(write(tmp_path / "s", clips(form=form, first=first, without=without)))
    assert set(codes) == {"gap"}
    verdict, key, details = codes["gap"]
    assert (verdict, key, details["count"], details["sequences"]) == ("suspicious", None, 3, 2)
    assert details["first"] == sorted(it.decode() for it in without)
    assert report.status == 0


@pytest.mark.parametrize(
    "records",
    [
        clips(),
        clips(without={b"003_%08d" % 19}),  # the last of one: it may be shorter
        clips(step=5),
        clips(first=7),
        clips(without={b"%03d_%08d" % (clip, (clip * 7) % 18 + 1) for clip in range(24)}),
        clips(count=3, without={b"001_00000004"}),
        {b"%08d" % at: value(at) for at in range(400) if at not in (50, 51, 213)},
        {b"%d_%d" % (at * 7919 % 1000, at * 104729 % 99991): value(at) for at in range(400)},
        {b"%06d_%d" % (at // 3, at % 3): value(at) for at in range(300) if at != 100},
    ],
    ids=["whole", "shorter", "every-fifth", "later", "many", "few", "one-numbering", "random", "pieces"],
)
def test_what_nobody_need_miss_is_silent(tmp_path, records):
    assert "gap" not in said(write(tmp_path / "s", records))[0]


def test_a_copy_without_a_record_of_one_numbering_says_nothing(tmp_path):
    records = {b"%08d" % at: value(at) for at in range(100)}
    records[b"%08d" % 40] = records[b"%08d" % 40][:50]
    datacheck.rebuild(write(tmp_path / "s", records), tmp_path / "t", drop_bad=True, workers=1)
    codes, report = said(tmp_path / "t")
    assert (codes, report.source.records) == ({}, 99)


def test_sequences_add_up_however_the_keys_are_split():
    keys = sorted(clips(count=40, frames=13, without={b"007_00000005"}))
    frames = frames_in(keys)
    assert frames == Frames(8, b"")
    watch = KeyWatch(frames=frames)
    expected = None
    for size in (7, 100, 501, 10_000):
        parts = [keys[at : at + size] for at in range(0, len(keys), size)]
        for order in (parts, parts[::-1]):
            account = Account()
            for part in order:
                one = Account()
                one.take(part, watch)
                account += one
            found = [(it.code, it.details) for it in account.sequences.findings(frames)]
            expected = expected or found
            assert found == expected
    assert expected[0][1]["first"] == ["007_00000005"]


def listed(cut):
    records = {b"id%04d" % (at * 37): value(at) for at in range(60)}
    raw = pickle.dumps(sorted(records), 4)
    return records | {b"__keys__": raw[: len(raw) - cut], b"__len__": b"60"}


def test_a_list_of_keys_that_cannot_be_read_is_the_stores_finding(tmp_path):
    assert said(write(tmp_path / "s", listed(0)))[0] == {}
    source = write(tmp_path / "c", listed(200))
    codes, report = said(source)
    assert set(codes) == {"undecodable"}
    assert codes["undecodable"][:2] == ("bad", None)
    assert (report.status, list(report.bad_keys())) == (1, [])
    with pytest.raises(RebuildFailed, match="__keys__ cannot be read"):
        datacheck.rebuild(source, tmp_path / "t", drop_bad=True, workers=1)


@pytest.mark.parametrize("raw", [pickle.dumps(60, 4)[:3], b"\xff\xfe", b""])
def test_a_count_that_cannot_be_read_is_no_record_and_is_written_anew(tmp_path, raw):
    records = {b"%d" % at: value(at) for at in range(60)}
    source = write(tmp_path / "s", records | {b"num_examples": raw})
    codes, _ = said(source)
    assert set(codes) == {"count"}
    assert codes["count"][1] is None
    datacheck.rebuild(source, tmp_path / "t", drop_bad=True, workers=1)
    copy = read(tmp_path / "t")
    assert copy[b"num_examples"] in (b"60", pickle.dumps(60, 4))
    assert len(copy) == 61


def test_pictures_and_texts_are_no_sequences(tmp_path):
    assert said(write(tmp_path / "s", word_pictures()))[0] == {}
    assert "gap" not in said(write(tmp_path / "t", {b"%05d/%05d.jpg" % (at, at): picture(at) for at in range(40)}))[0]
