"""A clip in a list of clips may have other keys than numbered frames: a picture of its own, or frames with names."""

import pickle

import pytest
from convention_stores import picture, read, write

import datacheck

NAMES = [f"v{clip}" for clip in range(12)]


def store(path, others, name="v3"):
    names = [name if it == "v3" else it for it in NAMES]
    numbered = [(clip, at) for clip in range(12) if clip != 3 for at in range(4)]
    made = {b"v%d/%04d.jpg" % (clip, at): picture(10 * clip + at) for clip, at in numbered}
    about = {b"video_names": pickle.dumps(names), b"num_videos": b"12"}
    return names, write(path, made | others | about)


@pytest.mark.parametrize(
    ("key", "name"), [(b"v3", "v3"), (b"v3/first.jpg", "v3"), (b"v3/left/0001.jpg", "v3"), (b"shot9", "shot9")]
)
def test_a_clip_with_other_keys_is_there(tmp_path, key, name):
    _, source = store(tmp_path / "store", {key: picture(200)}, name)
    assert datacheck.scan(source).clean


@pytest.mark.parametrize("others", [[b"v30.jpg"], [b"v3/label", b"v5/label"]])
def test_a_clip_with_no_key_of_its_own_is_dangling(tmp_path, others):
    _, source = store(tmp_path / "store", {it: picture(200 + at) for at, it in enumerate(others)})
    assert [(it.code, it.verdict) for it in datacheck.scan(source).findings] == [("dangling", "bad")]


@pytest.mark.parametrize("key", [b"v3", b"v3/first.jpg"])
def test_a_copy_names_it_as_long_as_it_has_one_of_them(tmp_path, key):
    cut = {b"v5/%04d.jpg" % at: picture(200 + at)[:200] for at in range(4)}
    names, source = store(tmp_path / "store", {key: picture(210)} | cut)
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    left = read(tmp_path / "copy")
    assert (pickle.loads(left[b"video_names"]), left[b"num_videos"]) == (names[:5] + names[6:], b"11")
    assert datacheck.scan(tmp_path / "copy").clean
    names, source = store(tmp_path / "other", {key: picture(210)[:200]})
    datacheck.rebuild(source, tmp_path / "without", drop_bad=True)
    left = read(tmp_path / "without")
    assert (pickle.loads(left[b"video_names"]), left[b"num_videos"]) == (names[:3] + names[4:], b"11")


def test_several_clips_may_be_pictures(tmp_path):
    made = {b"v%d/%04d" % (clip, at): b"%5d" % (10 * clip + at) for clip in range(22) for at in range(4)}
    about = {b"video_names": pickle.dumps([f"v{it}" for it in range(24)]), b"num_videos": b"24"}
    source = write(tmp_path / "store", made | {b"v22": b"  220", b"v23": b"  230"} | about)
    assert not [it for it in datacheck.scan(source).findings if it.code == "dangling"]
