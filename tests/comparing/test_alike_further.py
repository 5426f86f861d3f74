"""Test further records that are alike or not: copies of near pictures, matrices, one colour, names."""

import io
import json
import pickle

import h5py
import numpy as np
from building import datum, key, pixels, write_lmdb
from PIL import Image

import datacheck
from datacheck.reporting.advice import Asked, advice
from datacheck.reporting.compared import Comparison


def jpeg(array, quality):
    Image.fromarray(array).save(file := io.BytesIO(), "JPEG", quality=quality)
    return file.getvalue()


def motif(number):
    small = np.random.default_rng(number).integers(0, 255, (24, 24, 3), np.uint8)
    return np.asarray(Image.fromarray(small).resize((96, 96), Image.Resampling.BICUBIC))


def test_every_copy_of_a_picture_that_looks_like_one_in_another_store_is_a_leak(tmp_path):
    train = write_lmdb(tmp_path / "train", {key(at): jpeg(motif(at), 95) for at in range(20)})
    val = {key(at): jpeg(motif(100 + at), 95) for at in range(20)}
    val[key(3)] = val[key(9)] = val[key(12)] = jpeg(motif(7), 88)
    val[key(15)] = val[key(16)] = jpeg(motif(300), 90)
    _, report = datacheck.compare(train, write_lmdb(tmp_path / "val", val), near=20)
    alike = [(it.code, it.key, it.details["first"]) for it in report.findings]
    assert alike == [
        ("leak", "00000003", "00000007"),
        ("leak", "00000009", "00000007"),
        ("leak", "00000012", "00000007"),
        ("duplicate", "00000016", "00000015"),
    ]


def test_matrices_of_cameras_recur_and_features_do_not(tmp_path):
    random = np.random.default_rng(1)
    camera, features = random.normal(size=(4, 4)), random.normal(size=(60, 12))
    features[40] = features[2]
    with h5py.File(tmp_path / "cameras.h5", "w") as file:
        file["intrinsics"] = np.tile(camera, (60, 1, 1))
        file["time"] = np.arange(60.0)
    assert not datacheck.scan(tmp_path / "cameras.h5", duplicates=True).counts
    with h5py.File(tmp_path / "features.h5", "w") as file:
        file["features"] = features
        file["pose"] = random.normal(size=(60, 4, 4))
    report = datacheck.scan(tmp_path / "features.h5", duplicates=True)
    assert [(it.code, it.key) for it in report.findings] == [("duplicate", "/[40]")]


def test_pictures_of_one_colour_are_constant_and_no_duplicates(tmp_path):
    records = {key(at): jpeg(motif(at), 90) for at in range(40)}
    records[key(5)] = records[key(8)] = jpeg(np.full((96, 96, 3), 128, np.uint8), 90)
    records[key(30)] = records[key(2)]
    report = datacheck.scan(write_lmdb(tmp_path / "env", records), duplicates=True)
    assert [(it.code, it.key) for it in report.findings] == [
        ("constant", "00000005"),
        ("constant", "00000008"),
        ("duplicate", "00000030"),
    ]
    assert report.suspicious == 3


def test_a_record_with_a_field_of_one_value_can_be_a_duplicate(tmp_path):
    records = {}
    for at in range(40):
        values = np.random.default_rng(at).normal(size=50)
        records[key(at)] = pickle.dumps({"x": values, "data": np.zeros(20) if at in (4, 6) else values[:20]})
    records[key(6)] = records[key(4)]
    report = datacheck.scan(write_lmdb(tmp_path / "env", records), duplicates=True)
    assert report.counts == {"constant": 2, "duplicate": 1}


def test_stores_of_two_kinds_in_one_folder_have_names_of_their_own(tmp_path):
    """The folder is an LMDB environment that also holds HDF5 files."""
    rows = np.random.default_rng(3).normal(size=(30, 20)).astype("<f4")
    folder = write_lmdb(tmp_path / "both", {key(at): datum(pixels(at), at % 3) for at in range(30)})
    with h5py.File(folder / "rows.h5", "w") as file:
        file["data"] = rows
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file["data"] = np.concatenate([rows[:2], rows[2:] + 1])
    reports = datacheck.compare(folder, other)
    assert len(reports) == 3
    assert {it.details["store"] for it in reports[-1].findings if it.code == "leak"} == {f"{folder} (HDF5)"}


def test_one_of_something_is_one():
    said = Comparison([], 1, 1, left_out={"values under 32 bytes": 1, "labels (labels)": 1}, pictures=1)
    assert said.sentences() == [
        "1 value compared, 1 distinct; 1 picture compared by their looks",
        "not compared: 1 value under 32 bytes, 1 labels (labels)",
    ]


def test_a_printed_rebuild_rests_on_the_lines_that_were_written(tmp_path):
    records = {key(at): datum(pixels(at), at % 3) for at in range(30)}
    records[key(4)] = records[key(4)][:30]
    report = datacheck.scan(write_lmdb(tmp_path / "env", records), reports=[tmp_path / "bad.jsonl"])
    lines = advice(report, [str(tmp_path / "bad.jsonl")], Asked())
    assert f"--from-report {tmp_path / 'bad.jsonl'}" in lines
    both = [str(tmp_path / "bad.jsonl"), str(tmp_path / "bad.json")]
    assert f"--from-report {tmp_path / 'bad.json'}\n" in advice(report, both, Asked()) + "\n"
    assert "--from-report" not in advice(report, [str(tmp_path / "bad.csv")], Asked())
    made = datacheck.rebuild(tmp_path / "env", tmp_path / "copy", drop_bad=True, from_report=tmp_path / "bad.jsonl")
    assert made.kept == 29
    assert (tmp_path / "copy").exists()
    assert json.loads((tmp_path / "bad.jsonl").read_text().splitlines()[-1])["bad"] == 1
