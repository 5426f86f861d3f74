"""Test arrays with a row for each thing, such as boxes, of which most records have one: other numbers are no faults."""

import json
import pickle

import msgpack
import numpy as np
from building import key, write_lmdb
from commanding import datacheck

from datacheck import scan

COUNT = 48


def sample(number, things=1, values=4):
    draw = np.random.default_rng(number)
    return pickle.dumps({"x": draw.normal(size=(3, 5)), "boxes": draw.random((things, values)), "kinds": [3] * things})


def findings(folder, values):
    report = scan(write_lmdb(folder, {key(at): it for at, it in enumerate(values)}), workers=1)
    return [(it.key, it.field, it.code, it.verdict) for it in report.findings]


def test_a_copy_without_one_of_the_few_records_with_several_boxes_is_clean(tmp_path):
    values = [sample(it) for it in range(COUNT)]
    values[4], values[12] = sample(4, 3), sample(12, 2)
    for number in (20, 28, 33):
        values[number] = pickle.dumps({"x": np.full((3, 5), np.nan), "boxes": np.eye(4), "kinds": [1] * 4})
    source = write_lmdb(tmp_path / "source", {key(at): it for at, it in enumerate(values)})
    assert datacheck("rebuild", source, tmp_path / "copy", "--drop-bad", "-j1").returncode == 0
    assert list(scan(tmp_path / "copy", workers=1).findings) == []


def test_one_record_with_several_boxes_is_suspicious_and_one_with_other_boxes_bad(tmp_path):
    values = [sample(it) for it in range(COUNT)]
    values[4], values[9] = sample(4, 2), sample(9, values=5)
    assert findings(tmp_path / "one", values) == [
        ("00000004", "boxes", "shape", "suspicious"),
        ("00000004", "kinds", "shape", "suspicious"),
        ("00000009", "boxes", "shape", "bad"),
    ]


def test_cut_rows_and_pictures_of_other_channels_are_bad(tmp_path):
    values = [pickle.dumps({"steps": np.random.default_rng(it).normal(size=(6, 4)), "y": it}) for it in range(COUNT)]
    values[7], values[9] = (pickle.dumps({"steps": np.eye(it, 4), "y": it}) for it in (4, 5))
    assert findings(tmp_path / "cut", values) == [(f"{it:08}", "steps", "shape", "bad") for it in (7, 9)]
    values = [pickle.dumps(np.random.default_rng(it).normal(size=(1, 9, 9))) for it in range(COUNT)]
    values[7], values[9] = (pickle.dumps(np.random.default_rng(it).normal(size=(it, 9, 9))) for it in (3, 4))
    assert findings(tmp_path / "channels", values) == [(f"{it:08}", "data", "shape", "bad") for it in (7, 9)]


def test_records_may_have_boxes_where_most_lists_are_empty(tmp_path):
    for name, write in (("json", lambda it: json.dumps(it).encode()), ("msgpack", msgpack.packb)):
        values = [write({"boxes": [], "x": 0.5 + it}) for it in range(COUNT)]
        values[30] = write({"boxes": [[0.5, 1.5, 2.5, 3.5]], "x": 0.5})
        assert findings(tmp_path / name, values) == []
        values[7] = write({"boxes": [[0.5, np.nan, 2.5, 3.5]], "x": 0.5})
        assert findings(tmp_path / f"{name}-bad", values) == [("00000007", "boxes", "nan", "bad")]


def test_few_records_may_have_boxes_and_numbers_among_lists_are_no_rows(tmp_path):
    def few(number, things=0, value=0.5):
        return pickle.dumps({"boxes": np.full((things, 4), 0.5 + number), "z": value})

    values = [few(it) for it in range(COUNT)]
    assert findings(tmp_path / "none", values) == []
    values[7], values[15], values[30] = few(7, 2), few(15, 1), few(30, 3)
    values[9], values[20] = few(9, value=[0.5] * 3), few(20, value=[0.5] * 4)
    assert {it for it in findings(tmp_path / "few", values) if it[2] == "shape"} == {
        ("00000009", "z", "shape", "bad"),
        ("00000020", "z", "shape", "bad"),
    }
