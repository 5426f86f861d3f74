"""Test lists of a clip's frames in values that cannot be written again, such as NumPy arrays of their numbers."""

import pickle

import numpy as np
import pytest
from building import npy
from convention_stores import picture, write

import datacheck

FRAMES = {b"clip%02d" % at: [0, 4, 8, 12][: 3 + at % 2] for at in range(8)}


def store(dump, gone=b""):
    frames = {b"%s/%06d" % (clip, at): picture(at) for clip, numbers in FRAMES.items() for at in numbers}
    frames.pop(gone, None)
    return frames | {clip: dump(numbers) for clip, numbers in FRAMES.items()}


LISTS = {
    "pickle": lambda it: pickle.dumps(np.array(it)),
    "npy": lambda it: npy(np.array(it, "i4")),
    "entry": lambda it: pickle.dumps({"frame_ids": np.array(it), "pose": np.zeros((len(it), 3))}),
}


@pytest.mark.parametrize("dump", LISTS.values(), ids=LISTS)
def test_a_frame_that_is_gone_is_named_and_the_list_stays(tmp_path, dump):
    assert datacheck.scan(write(tmp_path / "sound", store(dump)), workers=1).status == 0
    report = datacheck.scan(write(tmp_path / "gone", store(dump, gone=b"clip03/000008")), workers=1)
    bad = [it for it in report.findings if it.verdict == "bad"]
    assert [(it.code, it.details["first"]) for it in bad] == [("dangling", ["clip03/000008"])]


def test_a_copy_says_that_the_list_stays(tmp_path):
    source = write(tmp_path / "store", store(LISTS["entry"]) | {b"clip03/000008": b"\xff\xd8\xff\xe0 no picture"})
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert any("clip00 and the like names keys" in it for it in receipt.unkept)


OTHERS = {
    "labels": lambda it: pickle.dumps(np.array([0, 1, 1, 0][: len(it)])),
    "every frame of the film": lambda it: pickle.dumps(np.arange(3 * it[-1])),
}


@pytest.mark.parametrize("dump", OTHERS.values(), ids=OTHERS)
def test_other_numbers_are_no_frames(tmp_path, dump):
    report = datacheck.scan(write(tmp_path / "store", store(dump, gone=b"clip03/000008")), workers=1)
    assert [it.code for it in report.findings if it.verdict == "bad"] == []
