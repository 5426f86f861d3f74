"""Frames called `img_00017` in the numbered folders of clips are no parts of one sample."""

import pytest
from commanding import datacheck
from convention_stores import picture, read, write


def frames(key, clips=12, cut=None):
    store = {key % (clip, at): picture(at) for clip in range(clips) for at in range(20 + clip)}
    return store if cut is None else store | {key % cut: picture(cut[1])[:100]}


@pytest.mark.parametrize("key", [b"%05d/img_%05d", b"%04d_rgb_%d.jpg"])
def test_frames_of_clips_are_not_grouped(tmp_path, key):
    result = datacheck("scan", write(tmp_path / "store", frames(key)))
    assert (result.returncode, "nothing wrong" in result.stdout) == (0, True), result.stdout
    source = write(tmp_path / "other", frames(key, cut=(3, 7)))
    assert datacheck("rebuild", source, tmp_path / "copy", "--drop-bad").returncode == 0
    assert read(tmp_path / "copy").keys() == frames(key).keys() - {key % (3, 7)}, "frames of other clips stay"


@pytest.mark.parametrize("key", [b"%d/img_%05d", b"img_%03d/%05d", b"%03d/cam_%05d"])
def test_pictures_of_one_sample_are_still_grouped(tmp_path, key):
    store = {key % (view, at): picture(at) for view in range(1, 4) for at in range(40)}
    del store[key % (2, 17)]
    result = datacheck("scan", write(tmp_path / "store", store))
    assert "unpaired" in result.stdout, result.stdout
