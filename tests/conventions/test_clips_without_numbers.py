"""Test descriptions of clips and counts of frames that hold no number."""

import json

from convention_stores import picture, write

import datacheck


def unpaired(path, others):
    frames = {b"v%03d/%02d" % (clip, at): picture(at) for clip in range(30) for at in range(2 + clip % 2)}
    report = datacheck.scan(write(path, frames | others), workers=1)
    return [(it.verdict, it.message.partition(";")[0]) for it in report.findings if it.code == "unpaired"]


def described(clip, **more):
    return {b"v%03d/meta" % clip: json.dumps({"num_frames": 2 + clip % 2, **more}).encode()}


def test_a_description_without_a_number_is_there(tmp_path):
    every = {key: it for clip in range(30) for key, it in described(clip).items()}
    assert unpaired(tmp_path / "none", every | described(29, num_frames=None)) == []
    every.pop(b"v007/meta")
    assert unpaired(tmp_path / "gone", every) == [("suspicious", "v007/meta is not there")]


def test_a_count_that_is_no_number_is_there(tmp_path):
    counts = {b"v%03d/num_frames" % clip: b"%d" % (2 + clip % 2) for clip in range(29)}
    [(_, said)] = unpaired(tmp_path / "store", counts | {b"v029/num_frames": b"unknown"})
    assert said == "v029/num_frames holds no number"
