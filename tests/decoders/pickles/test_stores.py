"""Test stores of pickles: sound ones are clean, and each planted fault is named by key, path and code."""

import pickle

import numpy as np
import pytest
from building import floats, pictures

import datacheck
from datacheck.testing.decoders import write_lmdb

JPEG = pictures()
COUNT = 48


def arrays(at):
    made = {"x": floats(at, (3, 4, 4)), "obs": {"pos": floats(at, 7)}, "label": at % 5, "name": f"sample {at}"}
    return {**made, "mask": np.ones(6, np.int64), "kinds": [6, 6, 6]}


def pairs(at):
    return JPEG[at % len(JPEG)], at % 5


def molecules(at):
    atoms = 2 + at % 9
    more = {"dipole": floats(at, 3)} if at % 4 else {}
    rows = [floats(at + one, (atoms, 3)) for one in range(1 + at % 3)]
    return {"z": list(range(1, atoms + 1)), "pos": floats(at, (atoms, 3)), "rows": rows, "y": float(at), **more}


def rows(at):
    return [float(it) for it in floats(at, 20)]


FAMILIES = {"arrays": arrays, "pairs": pairs, "molecules": molecules, "rows": rows}


def spoiled(values, value=np.nan):
    made = np.array(values, copy=True)
    made.reshape(-1)[1] = value
    return made


FAULTS = [
    ("arrays", {**arrays(7), "x": spoiled(arrays(7)["x"])}, {("x", "nan")}),
    ("arrays", {**arrays(7), "x": spoiled(arrays(7)["x"], np.inf)}, {("x", "inf")}),
    ("arrays", {**arrays(7), "obs": {"pos": spoiled(floats(7, 7))}}, {("obs/pos", "nan")}),
    ("arrays", {**arrays(7), "x": floats(7, (3, 4, 5))}, {("x", "shape")}),
    ("arrays", {**arrays(7), "x": floats(7, (3, 4, 4)).astype("f8")}, {("x", "fields")}),
    ("arrays", {**arrays(7), "x": floats(7, (0, 4, 4))}, {("x", "shape")}),
    ("arrays", {**arrays(7), "label": 9}, {("label", "label")}),
    ("arrays", {**arrays(7), "label": float("nan")}, {("label", "label")}),
    ("arrays", {**arrays(7), "label": None}, {("label", "label")}),
    ("arrays", {key: it for key, it in arrays(7).items() if key != "obs"}, {("obs", "fields")}),
    ("arrays", {**arrays(7), "x": np.zeros((3, 4, 4), "f4")}, {("x", "constant")}),
    ("arrays", None, {("data", "undecodable")}),
    ("pairs", (JPEG[1][:-99], 3), {("[0]", "truncated")}),
    ("pairs", (b"", 3), {("[0]", "empty")}),
    ("pairs", (JPEG[1], 7), {("[1]", "label")}),
    ("pairs", (JPEG[1],), {("[1]", "label")}),
    ("molecules", {**molecules(7), "pos": spoiled(molecules(7)["pos"])}, {("pos", "nan")}),
    ("molecules", {**molecules(7), "rows": [spoiled(floats(1, (9, 3)))]}, {("rows[0]", "nan")}),
    ("molecules", {**molecules(7), "dipole": spoiled(floats(1, 3))}, {("dipole", "nan")}),
    ("molecules", {**molecules(7), "dipole": floats(1, 4)}, {("dipole", "shape")}),
    ("molecules", {**molecules(7), "dipole": None}, set()),
    ("molecules", molecules(8), set()),
    ("molecules", {**molecules(7), "y": float("inf")}, {("y", "label")}),
    ("rows", [*rows(7)[:-1], float("nan")], {("data", "nan")}),
    ("rows", rows(7)[:-1], {("data", "shape")}),
]


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize("name", FAMILIES)
def test_a_sound_store_is_clean(tmp_path, name, protocol):
    path = write_lmdb(tmp_path / "store", [pickle.dumps(FAMILIES[name](at), protocol) for at in range(COUNT)])
    report = datacheck.scan(path, workers=1)
    assert [*report.findings] == []
    assert report.status == 0
    assert report.source.decoder == "pickle"


@pytest.mark.parametrize(("name", "odd", "expected"), FAULTS)
def test_a_planted_fault_is_named_and_nothing_else(tmp_path, name, odd, expected):
    values = [pickle.dumps(FAMILIES[name](at)) for at in range(COUNT)]
    values[7] = pickle.dumps(odd)
    path = write_lmdb(tmp_path / "store", values)
    labels = (0, 4) if name in ("arrays", "pairs") else None
    report = datacheck.scan(path, workers=1, labels=labels)
    said = {(it.field, it.code) for it in report.findings}
    assert {it.key for it in report.findings} <= {"00000007"}
    assert said == expected


def test_a_cut_is_named_and_the_rest_is_rebuilt(tmp_path):
    values = [pickle.dumps(arrays(at)) for at in range(COUNT)]
    values[7] = values[7][:-30]
    path = write_lmdb(tmp_path / "store", values)
    report = datacheck.scan(path, workers=1)
    assert [(it.key, it.code) for it in report.findings] == [("00000007", "truncated")]
    datacheck.rebuild(path, tmp_path / "copy", workers=1, drop_bad=True)
    copy = datacheck.scan(tmp_path / "copy", workers=1)
    assert (copy.status, copy.source.records) == (0, COUNT - 1)


def test_workers_make_no_difference(tmp_path):
    values = [pickle.dumps(molecules(at)) for at in range(400)]
    for at in (3, 150, 333):
        values[at] = pickle.dumps({**molecules(at), "pos": spoiled(molecules(at)["pos"])})
    path = write_lmdb(tmp_path / "store", values)
    one, two = (datacheck.scan(path, workers=workers) for workers in (1, 2))
    assert [*one.findings] == [*two.findings]
    assert one.statistics == two.statistics
    assert one.profile == two.profile


class Config:
    def __init__(self, at):
        self.scale = floats(at, 3)


def test_classes_are_named_in_the_profile_and_are_no_finding(tmp_path):
    path = write_lmdb(tmp_path / "store", [pickle.dumps(Config(at)) for at in range(20)])
    report = datacheck.scan(path, workers=1)
    assert report.status == 0
    (family,) = report.profile.families.values()
    assert family.classes == (f"{__name__}.Config",)
    assert [*family.fields] == ["scale"]
