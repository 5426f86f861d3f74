"""Test labels under keys of their own that are pickles or .npy arrays: `--labels` applies its bounds to them."""

import pickle

import msgspec
import numpy as np
import pytest
from building import npy
from convention_stores import picture, write

import datacheck

COUNT = 60


FORMS = {
    "npy": lambda it: npy(np.int64(it)),
    "npy of one": lambda it: npy(np.array([it], np.uint8)),
    "npy float": lambda it: npy(np.float32(it)),
    "pickle": pickle.dumps,
    "pickled number": lambda it: pickle.dumps(np.int64(it)),
    "pickled list": lambda it: pickle.dumps([it, 1]),
    "msgpack": lambda it: msgspec.msgpack.encode([it]),
}


def store(write_label, key=b"label-%06d"):
    made = {b"image-%06d" % at: picture(at) for at in range(COUNT)}
    return made | {key % at: write_label(at % 4) for at in range(COUNT)}


def scanned(path, records, **options):
    report = datacheck.scan(write(path, records), **options)
    return [(it.key, it.code, it.verdict) for it in report.findings]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("key", [b"label-%06d", b"%06d.cls", b"y_%06d"])
def test_numbers_are_held_to_the_bounds(tmp_path, form, key):
    records = store(FORMS[form], key)
    assert scanned(tmp_path / "sound", records, labels=4) == []
    records[key % 7] = FORMS[form](99)
    assert scanned(tmp_path / "store", records, labels=4) == [((key % 7).decode(), "label", "bad")]


def test_they_are_counted_as_labels_and_not_with_the_pictures(tmp_path):
    report = datacheck.scan(write(tmp_path / "store", store(FORMS["npy"])))
    assert report.statistics["label"].counts == dict.fromkeys("0123", 15)
    assert report.statistics["data"].count == COUNT * 16 * 24


def test_maps_of_labels_are_undecided_unless_they_are_named(tmp_path):
    records = store(lambda it: npy(np.array([[it, 1], [2, 3]])))
    assert scanned(tmp_path / "maps", records, labels=4) == [(None, "label", "unverifiable")]
    assert scanned(tmp_path / "named", records, labels=4, label_field="label") == []
    records[b"label-000007"] = npy(np.array([[99, 1], [2, 3]]))
    assert scanned(tmp_path / "wrong", records, labels=4, label_field="label") == [("label-000007", "label", "bad")]
    assert scanned(tmp_path / "without", records) == []


def test_numbers_under_other_names_are_no_labels(tmp_path):
    records = store(FORMS["npy"], b"angle-%06d")
    assert scanned(tmp_path / "store", records, labels=4) == [(None, "label", "unverifiable")]
    records[b"angle-000007"] = FORMS["npy"](99)
    assert scanned(tmp_path / "angles", records) == []
