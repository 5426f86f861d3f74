"""Test lists of a clip's frames by number or in a mapping, and frame counts of few clips or among other facts."""

import json
import pickle

import pytest
from convention_stores import picture, read, write

import datacheck

LENGTHS = {f"clip{at:02}": 4 + at % 4 for at in range(8)}


def frames(lengths=LENGTHS, cut=()):
    keys = [f"{name}/{at:06}" for name, number in lengths.items() for at in range(number)]
    return {key.encode(): picture(at)[: 60 if key in cut else None] for at, key in enumerate(keys)}


def lists(dump, lengths=LENGTHS):
    made = {name: dump(list(range(number))) for name, number in lengths.items()}
    return {name.encode(): it if isinstance(it, bytes) else it.encode() for name, it in made.items()}


def rebuilt(path, store):
    receipt = datacheck.rebuild(write(path / "store", store), path / "copy", drop_bad=True)
    return read(path / "copy"), receipt


def found(path, store):
    return [(it.code, it.verdict) for it in datacheck.scan(write(path, store)).findings]


LISTS = {
    "json": (json.dumps, json.loads),
    "entry": (
        lambda it: json.dumps({"frames": it, "num_frames": len(it), "label": 3}),
        lambda it: json.loads(it)["frames"],
    ),
    "pickle": (pickle.dumps, pickle.loads),
    "texts in an entry": (
        lambda it: json.dumps({"frames": [f"{at:06}" for at in it], "fps": 25}),
        lambda it: list(map(int, json.loads(it)["frames"])),
    ),
}


@pytest.mark.parametrize(("dump", "load"), LISTS.values(), ids=LISTS)
def test_a_list_of_numbers_is_compared_and_true_in_a_copy(tmp_path, dump, load):
    beside = {**lists(dump), b"size": b"[32, 64]", b"classes": json.dumps(list(range(8))).encode()}
    assert found(tmp_path / "sound", frames() | beside) == []
    gone = frames() | beside
    del gone[b"clip03/000004"]
    assert found(tmp_path / "gone", gone) == [("dangling", "bad")]
    copy, _ = rebuilt(tmp_path, frames(cut=("clip03/000004",)) | beside)
    assert load(copy[b"clip03"]) == [0, 1, 2, 3, 5, 6]
    assert copy[b"size"] == b"[32, 64]"


def test_a_number_of_frames_in_the_entry_is_true_in_a_copy(tmp_path):
    dump, _ = LISTS["entry"]
    copy, _ = rebuilt(tmp_path, frames(cut=("clip03/000004",)) | lists(dump))
    assert json.loads(copy[b"clip03"])["num_frames"] == 6


def test_a_list_with_a_label_for_each_frame_is_named_and_stays(tmp_path):
    store = frames(cut=("clip03/000004",)) | lists(
        lambda it: json.dumps({"frames": it, "labels": [at % 2 for at in it]})
    )
    copy, receipt = rebuilt(tmp_path, store)
    assert len(json.loads(copy[b"clip03"])["frames"]) == 7
    assert any("clip00 and the like names keys" in it for it in receipt.unkept)


PAIRS = {"ends": lambda it: json.dumps([it[0], it[-1]]), "classes": lambda it: json.dumps([0, len(it) % 3 + 1])}


@pytest.mark.parametrize("dump", PAIRS.values(), ids=PAIRS)
def test_other_numbers_of_a_clip_are_no_list_of_its_frames(tmp_path, dump):
    store = frames() | lists(dump)
    del store[b"clip03/000006"]
    assert ("dangling", "bad") not in found(tmp_path / "store", store)


FEW = {"clip00": 4, "clip01": 6, "clip02": 5, "clip03": 7}
COUNTS = {
    "few": (FEW, lambda it: it, lambda it: it),
    "among others": (LENGTHS, lambda it: {"num_frames": it, "fps": 25}, lambda it: it["num_frames"]),
}


@pytest.mark.parametrize(("lengths", "said", "of"), COUNTS.values(), ids=COUNTS)
def test_numbers_of_frames_are_compared_and_true_in_a_copy(tmp_path, lengths, said, of):
    counts = json.dumps({name: said(number) for name, number in lengths.items()}).encode()
    name = b"metadata" if lengths is LENGTHS else b"frame_counts"
    assert found(tmp_path / "sound", frames(lengths) | {name: counts}) == []
    gone = frames(lengths) | {name: counts}
    del gone[b"clip01/000003"]
    assert ("count", "bad") in found(tmp_path / "gone", gone)
    copy, _ = rebuilt(tmp_path, frames(lengths, cut=("clip01/000003",)) | {name: counts})
    assert of(json.loads(copy[name])["clip01"]) == lengths["clip01"] - 1


def test_other_numbers_of_few_clips_are_no_counts(tmp_path):
    store = frames(FEW) | {b"lengths": json.dumps({name: number * 30 for name, number in FEW.items()}).encode()}
    assert found(tmp_path / "store", store) == []
