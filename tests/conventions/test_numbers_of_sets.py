"""Numbers of samples of each set, as train-num-samples and num_val_samples."""

import pytest
from convention_stores import picture, read, write

import datacheck
from datacheck.conventions.counts.clip_counts import MOST, Clips
from datacheck.conventions.interface import ClipCounts
from datacheck.conventions.keys.frame_keys import FrameKind

SETS = {"train": 30, "val": 20}


def pairs(count, said=None, sets=SETS):
    """Return pictures with a label each, of each set, and their numbers, or what is `said` instead."""
    made = {}
    for name, number in sets.items():
        for at in range(number):
            made[b"%s-image-%09d" % (name.encode(), at)] = picture(len(made))
            made[b"%s-label-%09d" % (name.encode(), at)] = (b"cat", b"dog")[at % 2]
        made[count.format(name).encode()] = b"%d" % (said or sets)[name]
    return made


def counted(path):
    return [(it.verdict, it.details["key"]) for it in datacheck.scan(path).findings if it.code == "count"]


@pytest.mark.parametrize("count", ["{}-num-samples", "num_{}_samples", "{}_size", "total_{}"])
def test_a_number_of_samples_is_held_to_them_and_true_in_a_copy(tmp_path, count):
    assert counted(write(tmp_path / "sound", pairs(count))) == []
    assert counted(write(tmp_path / "stale", pairs(count, SETS | {"val": 21}))) == [("bad", count.format("val"))]
    store = pairs(count)
    store[b"train-image-000000007"] = store[b"train-image-000000007"][:60]
    datacheck.rebuild(write(tmp_path / "store", store), tmp_path / "copy", drop_bad=True)
    copy = read(tmp_path / "copy")
    assert [copy[count.format(it).encode()] for it in SETS] == [b"29", b"20"]


@pytest.mark.parametrize("count", ["{}_image_size", "{}-num-classes", "{}_num_frames", "{}_batch_size"])
def test_what_else_a_set_has_a_number_of_is_no_number_of_samples(tmp_path, count):
    assert counted(write(tmp_path / "two", pairs(count, {"train": 32, "val": 32}))) == []
    assert counted(write(tmp_path / "one", pairs(count, {"train": 25}, {"train": 30}))) == []


@pytest.mark.parametrize("count", ["num_{}", "n_{}"])
def test_a_number_of_the_only_set(tmp_path, count):
    stale = pairs(count, {"train": 36}, {"train": 30})
    assert counted(write(tmp_path / "store", stale)) == [("bad", count.format("train"))]


def test_no_more_clips_are_held_than_are_counted():
    clips = Clips(ClipCounts((b"", b"/length"), (FrameKind(b"/", b""),)))
    for at in range(MOST + 50):
        clips.take(b"v%d/0" % at, bytes)
    assert sum(map(len, clips.frames.values())) <= MOST + 1


@pytest.mark.parametrize("sets", [{"train": 30}, {"train": 40, "val": 30}])
def test_equal_lengths_of_sets_are_those_of_each_sample(tmp_path, sets):
    said = dict.fromkeys(sets, 40)
    assert counted(write(tmp_path / "store", pairs("{}_length", said, sets))) == []
    assert counted(write(tmp_path / "stale", pairs("{}_length", said, sets | {[*sets][-1]: 39}))) == [
        ("bad", f"{[*sets][-1]}_length")
    ]
