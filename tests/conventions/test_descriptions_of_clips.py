"""Test numbers of frames in a mapping that describes a clip: `clip0/metadata` beside `clip0/000`."""

import json
import pickle

import numpy as np
import pytest
from convention_stores import picture, read, write

import datacheck

LENGTHS = {f"speaker/clip{at:02}": 3 + at % 3 for at in range(9)}


def store(describe, key="{}/metadata", lost=(), cut=()):
    frames = {f"{clip}/{at:03}".encode(): picture(at) for clip, number in LENGTHS.items() for at in range(number)}
    frames = {name: it[: 60 if name in cut else None] for name, it in frames.items() if name not in lost}
    return frames | {key.format(clip).encode(): describe(number) for clip, number in LENGTHS.items()}


def found(path, records):
    return [(it.code, it.verdict, it.key) for it in datacheck.scan(write(path, records), workers=1).findings]


FORMS = {
    "pickle": (lambda it: pickle.dumps({"film_frames": 10 * it - 3, "seg_len": it}), "{}/metadata"),
    "json": (lambda it: json.dumps({"fps": 25, "num_frames": it, "length": it}).encode(), "{}_info"),
}
LAST = b"speaker/clip04/003"


@pytest.mark.parametrize(("describe", "key"), FORMS.values(), ids=FORMS)
def test_a_number_is_compared_and_true_in_a_copy(tmp_path, describe, key):
    assert found(tmp_path / "sound", store(describe, key)) == []
    described = key.format("speaker/clip04")
    assert {*found(tmp_path / "lost", store(describe, key, lost=[LAST]))} == {("count", "bad", None)}
    source = write(tmp_path / "store", store(describe, key, cut=[LAST]))
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert datacheck.scan(tmp_path / "copy", workers=1).status == 0
    assert len([it for it in receipt.unkept if "counts what is left" in it]) == 1
    old, new = (read(path)[described.encode()] for path in (source, tmp_path / "copy"))
    assert new == old.replace(b": 4", b": 3").replace(b"seg_len\x94K\x04", b"seg_len\x94K\x03") != old


def test_a_mapping_with_an_array_is_compared_and_stays(tmp_path):
    def describe(number):
        return pickle.dumps({"seg_len": number, "scale": np.ones(3)})

    assert found(tmp_path / "sound", store(describe)) == []
    receipt = datacheck.rebuild(
        write(tmp_path / "store", store(describe, cut=[LAST])), tmp_path / "copy", drop_bad=True
    )
    assert any("speaker/clip04/metadata may count frames" in it for it in receipt.unkept)


def test_numbers_of_something_else_stay(tmp_path):
    def describe(number):
        return json.dumps({"film_frames": 30 * number, "n": 4}).encode()

    assert found(tmp_path / "store", store(describe, lost=[LAST])) == []
