"""Counts of a whole set in a store that holds a part of it, and numbers of more clips than are compared."""

import json
from collections import Counter

import pytest
from convention_stores import picture, read, write

import datacheck
from datacheck.conventions.counts import clip_counts, frame_counts
from datacheck.conventions.counts.clip_counts import Clips, clip_findings
from datacheck.conventions.interface import ClipCounts, StoreView
from datacheck.conventions.keys.frame_keys import FrameKind


def pictures(first=0, count=40, cut=None, **others):
    store = {b"%06d" % at: picture(at) for at in range(first, first + count)}
    if cut is not None:
        store[b"%06d" % cut] = picture(cut)[:100]
    return store | {of.encode(): it for of, it in others.items()}


def of_train(**others):
    made = {}
    for at in range(30):
        made[b"train-image-%09d" % at] = picture(at)
        made[b"train-label-%09d" % at] = (b"cat", b"dog")[at % 2]
    return made | {of.encode(): it for of, it in others.items()}


def counted(path):
    return [(it.verdict, it.details["said"]) for it in datacheck.scan(path).findings if it.code == "count"]


METADATA = json.dumps({"num_shards": 3, "shard_index": 0}).encode()
PARTS = {
    "shards": ("store", pictures(total_samples=b"120", num_shards=b"3")),
    "metadata": ("store", pictures(total_samples=b"120", __metadata__=METADATA)),
    "name": ("train-00000-of-00003.lmdb", pictures(dataset_size=b"120")),
    "shard": ("shard_07", pictures(dataset_length=b"120")),
    "own count": ("store", pictures(num_samples=b"40", total_samples=b"50")),
    "behind others": ("store", pictures(40, total_number=b"80")),
    "set": ("shard-0", of_train(total_train=b"36")),
    "own count of set": ("store", of_train(total_train=b"36", train_num_samples=b"30")),
}


@pytest.mark.parametrize(("name", "store"), PARTS.values(), ids=PARTS)
def test_a_count_of_the_whole_set_in_a_part_of_it_is_suspicious(tmp_path, name, store):
    assert [verdict for verdict, _ in counted(write(tmp_path / name, store))] == ["suspicious"]


WHOLE = {
    "alone": ("store", pictures(total_samples=b"50")),
    "own count in a shard": ("shard_0", pictures(num_samples=b"50")),
    "one shard": ("store", pictures(total_samples=b"50", num_shards=b"1")),
    "one of one": ("train-00000-of-00001", pictures(total_samples=b"50")),
    "fewer in a shard": ("shard_0", pictures(total_samples=b"39")),
    "set": ("store", of_train(total_train=b"36")),
    "own count of set": ("shard-0", of_train(num_train=b"36")),
}


@pytest.mark.parametrize(("name", "store"), WHOLE.values(), ids=WHOLE)
def test_a_count_is_bad_where_nothing_shows_a_part(tmp_path, name, store):
    assert [verdict for verdict, _ in counted(write(tmp_path / name, store))] == ["bad"]


def test_a_copy_keeps_the_count_of_the_whole_set_and_says_so(tmp_path):
    source = write(tmp_path / "shard_0", pictures(cut=7, num_samples=b"40", total_samples=b"120"))
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    copy = read(tmp_path / "copy")
    assert (copy[b"num_samples"], copy[b"total_samples"]) == (b"39", b"120")
    assert any("total_samples still says 120" in it for it in receipt.unkept)


def clips_of(lengths, said=None):
    clips = Clips(ClipCounts((b"", b"/length"), (FrameKind(b"/", b""),)))
    for at, length in enumerate(lengths):
        for frame in range(length):
            clips.take(b"v%03d/%d" % (at, frame), bytes)
        clips.take(b"v%03d/length" % at, (b"%d" % (said or {}).get(at, length)).__bytes__)
    counts = clips.counts()
    return [] if counts is None else [(it.verdict, it.code) for it in clip_findings([counts])]


def test_clips_beyond_those_that_are_held_are_said_to_be_uncompared(monkeypatch):
    lengths = [3 + at % 5 for at in range(40)]
    assert clips_of(lengths) == []
    monkeypatch.setattr(clip_counts, "MOST", 30)
    assert clips_of(lengths) == [("unverifiable", "unsupported")]
    assert clips_of(lengths, {7: 9}) == [("bad", "count"), ("unverifiable", "unsupported")]
    assert clips_of(lengths, dict.fromkeys(range(40), 25)) == [], "the numbers count something else"


def test_numbers_of_clips_that_are_not_held_may_be_wrong_in_a_copy():
    held = Clips(ClipCounts((b"", b"/length"), (FrameKind(b"/", b""),)))
    for at in range(4):
        held.take(b"v%d/0" % at, bytes)
        held.take(b"v%d/length" % at, lambda: b"1")
    counts = held.counts()
    assert counts.uncounted([b"v1/0", b"v7/0", b"v7/1", b"other"]) == {b"v7/length"}


def test_a_mapping_of_more_clips_than_are_held_is_said_to_be_uncompared(monkeypatch):
    clips = {f"v{at}": 1 + at % 3 for at in range(20)}
    keys = [b"v%d/%d" % (at, frame) for at in range(20) for frame in range(1 + at % 3)]
    view = StoreView({}, {b"num_frames": json.dumps(clips).encode()}.get, lambda name: None, [*keys, b"num_frames"])
    (whole,) = frame_counts.frame_counts(view)
    assert (
        list(
            frame_counts.frame_findings(frame_counts.confirmed_counts(whole, Counter(map(frame_counts.clip_of, keys))))
        )
        == []
    )
    monkeypatch.setattr(frame_counts, "MOST", 10)
    (many,) = frame_counts.frame_counts(view)
    told = list(frame_counts.frame_findings(frame_counts.confirmed_counts(many, {})))
    assert [(it.verdict, it.code) for it in told] == [("unverifiable", "unsupported")]
