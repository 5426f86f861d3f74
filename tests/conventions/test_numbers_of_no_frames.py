"""Test numbers in a record for each clip that are not those of its frames, such as the ends of intervals."""

import json
import pickle

import numpy as np
import pytest
from convention_stores import picture, write

import datacheck

CLIPS, FRAMES = 8, 20


def store(ends, gone=()):
    frames = {b"v%d/%03d.png" % (clip, at): picture(at) for clip in range(CLIPS) for at in range(FRAMES)}
    frames |= {b"v%d/ends" % clip: ends(clip) for clip in range(CLIPS)}
    return {key: it for key, it in frames.items() if key not in gone}


ENDS = {"from 0": range(FRAMES + 1), "from 1": range(1, FRAMES + 1), "of a film": range(FRAMES + 10)}


@pytest.mark.parametrize("ends", ENDS.values(), ids=ENDS)
def test_an_array_that_goes_beyond_the_frames_of_most_clips_is_no_list_of_them(tmp_path, ends):
    report = datacheck.scan(write(tmp_path / "store", store(lambda _: pickle.dumps(np.array(ends)))), workers=1)
    assert (report.status, list(report.findings)) == (0, [])


def test_a_list_of_numbers_that_does_so_is_only_suspicious(tmp_path):
    report = datacheck.scan(write(tmp_path / "store", store(lambda _: json.dumps([*range(21)]).encode())), workers=1)
    assert [(it.code, it.verdict) for it in report.findings] == [("dangling", "suspicious")]


def test_the_last_frame_of_one_clip_is_missed(tmp_path):
    lists = store(lambda _: pickle.dumps(np.arange(FRAMES)), gone=[b"v3/019.png"])
    bad = [it for it in datacheck.scan(write(tmp_path / "store", lists), workers=1).findings if it.verdict == "bad"]
    assert [(it.code, it.details["first"]) for it in bad] == [("dangling", ["v3/019.png"])]
