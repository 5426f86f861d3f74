"""Test mappings of clips in copies without all frames of a clip, and mappings with an empty list."""

import json
import pickle

import pytest
from convention_stores import picture, read, write

import datacheck

LENGTHS = {f"clip{at:02}": 3 + at % 3 for at in range(12)}


def frames(lengths=LENGTHS, cut="clip05/"):
    keys = [f"{name}/{at:06}" for name, number in lengths.items() for at in range(number)]
    return {key.encode(): picture(at)[: 60 if key.startswith(cut) else None] for at, key in enumerate(keys)}


def lists(lengths=LENGTHS):
    return {name: [f"{name}/{at:06}" for at in range(number)] for name, number in lengths.items()}


def copied(tmp_path, records):
    receipt = datacheck.rebuild(write(tmp_path / "store", records), tmp_path / "copy", drop_bad=True)
    assert datacheck.scan(tmp_path / "copy", workers=1).status == 0
    return read(tmp_path / "copy"), receipt


MAPPINGS = {
    "counts": (b"num_frames", LENGTHS),
    "among others": (b"meta", {name: {"num_frames": number, "fps": 25} for name, number in LENGTHS.items()}),
    "lists": (b"clips", lists()),
}


@pytest.mark.parametrize(("key", "mapping"), MAPPINGS.values(), ids=MAPPINGS)
def test_a_clip_that_loses_all_frames_loses_its_entry(tmp_path, key, mapping):
    copy, receipt = copied(tmp_path, frames() | {key: json.dumps(mapping).encode()})
    assert json.loads(copy[key]) == {name: it for name, it in mapping.items() if name != "clip05"}
    assert not any("counts what is left of" in it for it in receipt.unkept)


def test_a_number_of_the_clips_in_a_list_is_true(tmp_path):
    copy, _ = copied(tmp_path, frames() | {b"__keys__": pickle.dumps(lists()), b"__len__": pickle.dumps(12)})
    assert pickle.loads(copy[b"__len__"]) == 11


@pytest.mark.parametrize("form", ["class%d", "cat%.0s"])
def test_a_class_and_a_set_keep_their_entries(tmp_path, form):
    lengths = {form % at + "abcdefgh"[at] * form.startswith("cat"): 4 for at in range(8)}
    emptied = list(lengths)[5]
    copy, _ = copied(tmp_path, frames(lengths, emptied + "/") | {b"groups": json.dumps(lists(lengths)).encode()})
    assert json.loads(copy[b"groups"])[emptied] == []


def test_an_empty_list_in_a_mapping_is_no_error(tmp_path):
    records = {b"%08d" % at: picture(at) for at in range(8)}
    records[b"meta"] = json.dumps(
        {"skipped": [], "splits": {"train": [f"{at:08}" for at in range(8)], "val": []}}
    ).encode()
    assert datacheck.scan(write(tmp_path / "store", records), workers=1).status == 0
