"""The number of clips is true in a copy that goes without all frames of a clip."""

import json

import pytest
from convention_stores import picture, read, write

import datacheck
from datacheck.conventions.counts.clip_totals import clip_totals
from datacheck.conventions.interface import StoreView
from datacheck.conventions.keys.numbered_keys import patterns


def frames(cut=()):
    made = {b"vid%02d/%04d" % (clip, at): picture(20 * clip + at) for clip in range(12) for at in range(4)}
    return {key: value[: 200 if key in cut else None] for key, value in made.items()}


WHOLE = [b"vid03/%04d" % at for at in range(4)]


@pytest.mark.parametrize("name", [b"num_clips", b"num_videos", b"num_samples", b"length"])
def test_a_number_of_clips_is_true_without_one_of_them(tmp_path, name):
    assert datacheck.scan(write(tmp_path / "sound", frames() | {name: b"12"})).clean
    receipt = datacheck.rebuild(
        write(tmp_path / "store", frames(WHOLE) | {name: b"12"}), tmp_path / "copy", drop_bad=True
    )
    assert read(tmp_path / "copy")[name] == b"11"
    assert [it for it in receipt.unkept if "counts the clips that are left" in it]
    assert datacheck.scan(tmp_path / "copy").clean


def test_a_number_in_metadata_is_true_beside_another(tmp_path):
    about = {b"__metadata__": json.dumps({"num_videos": 12, "num_frames": 48, "fps": 25}).encode()}
    datacheck.rebuild(write(tmp_path / "store", frames(WHOLE) | about), tmp_path / "copy", drop_bad=True)
    assert json.loads(read(tmp_path / "copy")[b"__metadata__"]) == {"num_videos": 11, "num_frames": 44, "fps": 25}


@pytest.mark.parametrize(("name", "number"), [(b"num_videos", b"13"), (b"num_classes", b"12"), (b"fps", b"12")])
def test_other_numbers_stay(tmp_path, name, number):
    datacheck.rebuild(write(tmp_path / "store", frames(WHOLE) | {name: number}), tmp_path / "copy", drop_bad=True)
    assert read(tmp_path / "copy")[name] == number


def test_the_number_of_clips_stays_if_all_keep_some_frames(tmp_path):
    source = write(tmp_path / "store", frames(WHOLE[:3]) | {b"num_videos": b"12"})
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert read(tmp_path / "copy")[b"num_videos"] == b"12"


def test_few_long_clips_are_counted(tmp_path):
    made = {b"vid%d/%04d" % (clip, at): picture(at) for clip in range(3) for at in range(30)}
    made |= {key: value[:200] for key, value in made.items() if key.startswith(b"vid1/")}
    counts = {b"num_videos": b"3", b"num_frames": b"90"}
    datacheck.rebuild(write(tmp_path / "store", made | counts), tmp_path / "copy", drop_bad=True)
    assert {name: read(tmp_path / "copy")[name] for name in counts} == {b"num_videos": b"2", b"num_frames": b"60"}


def test_numbered_pictures_and_labels_are_not_counted_as_two_clips():
    """Otherwise all keys of every counted store of pairs were read once more."""
    keys = frozenset(name % at for name in (b"image-%06d", b"label-%06d") for at in range(1, 200, 7))

    def view(number):
        values = {b"num-samples": b"%d" % number}
        return StoreView(patterns(keys), values.get, values.get, keys | values.keys())

    assert clip_totals(view(200)) is None
    assert clip_totals(view(2)) is not None
