"""A list of the names of clips (`video_names`) is compared with their frames, and true in a copy."""

import json
import pickle

import pytest
from convention_stores import picture, read, write

import datacheck

NAMES = [f"v{clip}" for clip in range(12)]


def frames(without="", cut=""):
    made = {b"%s/%04d" % (it.encode(), at): picture(number_of(it, at)) for it in NAMES for at in range(3)}
    begins = f"{cut}/".encode()
    return {
        key: value[: 200 if cut and key.startswith(begins) else None]
        for key, value in made.items()
        if not without or not key.startswith(f"{without}/".encode())
    }


def number_of(name, at):
    return 10 * int(name[1:]) + at


def about(number=12):
    return {b"video_names": pickle.dumps(NAMES), b"num_videos": b"%d" % number}


def test_a_clip_without_frames_is_dangling(tmp_path):
    assert datacheck.scan(write(tmp_path / "sound", frames() | about())).clean
    source = write(tmp_path / "store", frames(without="v3") | about())
    (finding,) = datacheck.scan(source).findings
    assert (finding.code, finding.verdict, finding.key) == ("dangling", "bad", None)
    assert finding.message == "1 of the 12 clips in video_names has no frame: v3"
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    left = read(tmp_path / "copy")
    assert (pickle.loads(left[b"video_names"]), left[b"num_videos"]) == (NAMES[:3] + NAMES[4:], b"11")
    assert datacheck.scan(tmp_path / "copy").clean


def test_a_list_is_true_in_a_copy_without_a_clip(tmp_path):
    receipt = datacheck.rebuild(write(tmp_path / "store", frames(cut="v3") | about()), tmp_path / "copy", drop_bad=True)
    left = read(tmp_path / "copy")
    assert (pickle.loads(left[b"video_names"]), left[b"num_videos"]) == (NAMES[:3] + NAMES[4:], b"11")
    assert [it for it in receipt.unkept if it.startswith("num_videos counts the clips")]
    assert not [it for it in receipt.unkept if it.startswith("video_names")]


@pytest.mark.parametrize(
    "beside",
    [
        {b"video_names": pickle.dumps(NAMES), b"video_labels": pickle.dumps([0] * 12)},  # an item for each clip
        {b"class_names_of_videos": json.dumps(NAMES).encode()},  # the place of a name is a label
        {b"names": json.dumps(NAMES).encode()},  # may be classes
        {b"video_names": json.dumps([f"{it}.mp4" for it in NAMES]).encode()},
    ],
)
def test_lists_that_may_be_of_something_else_stay(tmp_path, beside):
    source = write(tmp_path / "store", frames(without="v3", cut="v5") | beside)
    assert {it.code for it in datacheck.scan(source).findings} == {"truncated"}
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    left = read(tmp_path / "copy")
    assert {key: left[key] for key in beside} == beside


def test_a_part_of_a_set_may_lack_a_clip(tmp_path):
    source = write(tmp_path / "shard_00002", frames(without="v3") | about())
    assert [(it.code, it.verdict) for it in datacheck.scan(source).findings] == [("dangling", "suspicious")]


@pytest.mark.parametrize("beside", [{b"num_videos": b"12"}, {b"video_names": json.dumps(NAMES).encode()}])
def test_the_number_of_frames_is_true_beside_what_is_said_of_clips(tmp_path, beside):
    source = write(tmp_path / "store", frames(cut="v3") | beside | {b"num_frames": b"36"})
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert read(tmp_path / "copy")[b"num_frames"] == b"33"
