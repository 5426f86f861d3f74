"""Other lists than those of frames, beside the records that list the frames of each clip."""

import json

import pytest
from convention_stores import picture, read, write

import datacheck

CLIPS = [b"vid%02d" % at for at in range(12)]
FRAMES = {b"%s/%04d" % (clip, at): picture(4 * number + at) for number, clip in enumerate(CLIPS) for at in range(4)}
LISTS = {"text": b"0000,0001,0002,0003", "json": json.dumps([f"{at:04}" for at in range(4)]).encode()}


@pytest.mark.parametrize(
    ("how", "other"),
    [
        ("text", {b"classes": b"walk,run,jump"}),
        ("text", {b"about": b"made by me, 2024"}),
        ("json", {b"fields": b'["rgb", "flow", "pose1"]'}),
        ("text", {b"num_videos": b"12", b"size": b"64,64", b"mean": b"0.5,0.5,0.5"}),
        ("text", {b"label%02d" % at: b"%04d" % (at % 3) for at in range(12)}),
    ],
)
def test_lists_of_something_else_are_sound_and_stay(tmp_path, how, other):
    store = FRAMES | dict.fromkeys(CLIPS, LISTS[how]) | other
    assert not datacheck.scan(write(tmp_path / "sound", store)).findings
    cut = write(tmp_path / "cut", store | {b"vid03/0002": FRAMES[b"vid03/0002"][:200]})
    datacheck.rebuild(cut, tmp_path / "copy", drop_bad=True)
    copy = read(tmp_path / "copy")
    assert copy.items() >= other.items()
    assert copy[b"vid03"] == {"text": b"0000,0001,0003", "json": b'["0000", "0001", "0003"]'}[how]


@pytest.mark.parametrize("how", LISTS)
def test_a_number_of_frames_is_sound_and_true_in_a_copy(tmp_path, how):
    """A frame goes with its clip, whose list goes once, not again because all that it names goes."""
    store = FRAMES | dict.fromkeys(CLIPS, LISTS[how]) | {b"__len__": b"48"}
    assert not datacheck.scan(write(tmp_path / "sound", store)).findings
    cut = write(tmp_path / "cut", store | {b"vid03/0002": FRAMES[b"vid03/0002"][:200]})
    datacheck.rebuild(cut, tmp_path / "copy", drop_bad=True)
    assert read(tmp_path / "copy")[b"__len__"] == b"%d" % len(read(tmp_path / "copy").keys() & FRAMES.keys())
    assert not datacheck.scan(tmp_path / "copy").findings


@pytest.mark.parametrize(
    ("gone", "verdict"),
    [([b"vid07/0002"], "bad"), ([it for it in FRAMES if it.startswith(b"vid07/")], "suspicious")],
    ids=["one frame", "too many to be sure"],
)
def test_lost_frames_are_named_beside_a_list_of_something_else(tmp_path, gone, verdict):
    left = {key: value for key, value in FRAMES.items() if key not in gone}
    store = left | dict.fromkeys(CLIPS, LISTS["json"]) | {b"classes": b'["walk", "run", "jump"]'}
    found = datacheck.scan(write(tmp_path / "store", store)).findings
    assert [(it.code, it.verdict, it.details["first"]) for it in found] == [
        ("dangling", verdict, [it.decode() for it in gone])
    ]
    assert f"{len(gone)} of the 48 keys" in found[0].message


@pytest.mark.parametrize("how", LISTS)
def test_all_frames_of_a_clip_are_named_where_clips_have_any_name(tmp_path, how):
    names = b"walk run jump sit stand fall throw catch climb swim ride clap".split()
    clips = dict(zip(CLIPS, names, strict=True))
    made = {clips[key[:5]] + key[5:]: value for key, value in FRAMES.items()}
    store = made | dict.fromkeys([*names, b"wave"], LISTS[how]) | {b"num_frames": b"48", b"size": b"64,48"}
    found = datacheck.scan(write(tmp_path / "store", store)).findings
    assert [(it.code, it.verdict, it.details["first"]) for it in found] == [
        ("dangling", "suspicious", [f"wave/000{at}" for at in range(4)])
    ]
