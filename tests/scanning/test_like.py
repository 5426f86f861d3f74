"""Test holding a store to what an earlier report says about another one."""

import json
import pickle

import commanding
import h5py
import numpy as np
import pytest
from building import datum, pictures, pixels, write_lmdb

import datacheck


def records(count=80, *, first=1000, key=b"%08d", dtype="f4", size=12, shifted=(), labels=3, odd=None, without=()):
    made = {}
    for at in range(first, first + count):
        values = np.random.default_rng(at).uniform(0, 1, size).astype(dtype)
        label = at % labels if odd is None or at != odd[0] else odd[1]
        tree = {"x": values + 5 if at in shifted else values, "y": label}
        made[key % at] = pickle.dumps({name: value for name, value in tree.items() if name not in without})
    return made


@pytest.fixture
def train(tmp_path):
    path = tmp_path / "train.json"
    datacheck.scan(write_lmdb(tmp_path / "train", records(200, first=0)), reports=[path])
    return path


def held(tmp_path, train, stored, **options):
    return datacheck.scan(write_lmdb(tmp_path / "val", stored), like=train, **options)


def said(report):
    return [(it.key, it.field, it.code, it.verdict) for it in report.findings]


def test_a_store_is_like_itself(tmp_path, train):
    report = datacheck.scan(tmp_path / "train", like=train)
    assert report.status == 0
    assert f"held to {train}" in str(report)
    assert (report.settings.like, report.settings.like_tolerance) == (str(train), None)


def test_another_sample_of_the_same_is_like_it(tmp_path, train):
    assert said(held(tmp_path, train, records())) == []


def test_other_names_of_the_keys_are_no_matter(tmp_path, train):
    assert said(held(tmp_path, train, records(key=b"val_%08d"))) == []


def test_values_far_out_and_a_class_that_is_not_known(tmp_path, train):
    report = held(tmp_path, train, records(shifted=[1010], odd=(1012, 7)))
    assert said(report) == [
        ("00001010", "x", "out-of-range", "bad"),
        ("00001012", "y", "label", "bad"),
    ]
    assert f"label 7, which no record in {train} has" in str(report)


def test_the_tolerance_is_a_share_of_the_width(tmp_path, train):
    stored = records()
    stored[b"00001003"] = pickle.dumps({"x": np.linspace(0, 1.3, 12, dtype="f4"), "y": 1})
    assert [it.code for it in held(tmp_path, train, stored).findings] == ["out-of-range"]
    assert said(datacheck.scan(tmp_path / "val", like=train, like_tolerance="40%")) == []


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (records(dtype="f8"), [(None, "x", "fields", "suspicious")]),
        (records(without=["y"]), [(None, "y", "missing", "bad")]),
        (
            {b"%08d" % at: json.dumps({"x": [0.5], "y": at % 3}).encode() for at in range(60)},
            [(None, None, "missing", "bad")],
        ),
    ],
    ids=["another dtype", "a field less", "another payload"],
)
def test_what_all_records_have_otherwise_is_said_once(tmp_path, train, stored, expected):
    assert said(held(tmp_path, train, stored)) == expected


def test_another_shape_is_said_of_each_record(tmp_path, train):
    report = held(tmp_path, train, records(30, size=13))
    assert (report.counts, report.bad) == ({"shape": 30}, 30)


def test_a_family_less_and_a_family_more(tmp_path):
    both = {b"image-%09d" % at: picture for at, picture in enumerate(pictures() * 8)}
    words = {b"label-%09d" % at: b"word%d" % at for at in range(len(both))}
    path = tmp_path / "train.json"
    datacheck.scan(write_lmdb(tmp_path / "both", both | words), reports=[path])
    assert said(datacheck.scan(tmp_path / "both", like=path)) == []
    less = datacheck.scan(write_lmdb(tmp_path / "less", both), like=path)
    assert [(it.code, it.details["family"]) for it in less.findings] == [("missing", "label-#")]
    more = both | words | {b"x%d" % at: pickle.dumps({"a": at}) for at in range(len(both))}
    assert [it.code for it in datacheck.scan(write_lmdb(tmp_path / "more", more), like=path).findings] == ["fields"]


def test_pictures_are_held_to_their_format_and_not_to_their_pixels(tmp_path):
    path = tmp_path / "train.json"
    stored = {b"%08d" % at: datum(pixels(at), at % 4) for at in range(40)}
    datacheck.scan(write_lmdb(tmp_path / "train", stored), reports=[path])
    val = {b"%08d" % at: datum(pixels(at), at % 4) for at in range(90, 130)}
    assert said(datacheck.scan(write_lmdb(tmp_path / "val", val), like=path)) == []
    val = {b"%08d" % at: datum(pixels(at), 9 if at == 95 else at % 4) for at in range(90, 130)}
    assert said(datacheck.scan(write_lmdb(tmp_path / "odd", val), like=path)) == [("00000095", "label", "label", "bad")]


def table(path, shift=0.0, columns=("data", "label"), first=0):
    with h5py.File(path, "w") as file:
        values = np.random.default_rng(first).uniform(0, 1, (60, 4)).astype("f4") + shift
        for name in columns:
            file[name] = values if name == "data" else np.arange(60) % 5
    return path


def test_hdf5_is_held_to_columns_and_ranges(tmp_path):
    path = tmp_path / "train.json"
    datacheck.scan(table(tmp_path / "train.h5"), reports=[path])
    assert said(datacheck.scan(table(tmp_path / "val.h5", first=1), like=path)) == []
    assert datacheck.scan(table(tmp_path / "far.h5", shift=9), like=path).counts == {"out-of-range": 60}
    report = datacheck.scan(table(tmp_path / "less.h5", columns=["data"]), like=path)
    assert said(report) == [(None, "label", "missing", "bad")]


def test_a_rebuild_and_show_hold_records_to_the_same(tmp_path, train):
    val = write_lmdb(tmp_path / "val", records(shifted=[1010]))
    receipt = datacheck.rebuild(val, tmp_path / "copy", drop_bad=True, like=train)
    assert (receipt.kept, receipt.dropped) == (79, 1)
    done = commanding.datacheck("show", val, "00001010", "--like", train, "--no-config")
    assert done.returncode == 1
    assert "out-of-range" in done.stdout


def test_printed_commands_repeat_it(tmp_path, train):
    val = write_lmdb(tmp_path / "val", records(shifted=[1010]))
    done = commanding.datacheck("scan", val, "--like", train, "--no-config")
    assert f"datacheck show {val} 00001010 --like {train} --no-config" in done.stdout


def test_of_several_sources_the_one_of_this_name(tmp_path):
    path = tmp_path / "r.json"
    stores = [write_lmdb(tmp_path / "a", records(40)), write_lmdb(tmp_path / "b", records(40, size=13))]
    datacheck.scan(stores, reports=[path])
    assert datacheck.scan(stores, like=path).clean
    with pytest.raises(datacheck.UsageError, match="is of several sources, and none is called as"):
        datacheck.scan(write_lmdb(tmp_path / "c", records(40)), like=path)


@pytest.mark.parametrize(
    "options", [{"like_tolerance": "5%"}, {"like": "x", "like_tolerance": "5"}, {"like": "x", "like_tolerance": "-1%"}]
)
def test_a_tolerance_that_makes_no_sense(tmp_path, options):
    with pytest.raises(datacheck.UsageError, match="tolerance"):
        datacheck.scan(write_lmdb(tmp_path / "env", records(30)), **options)


def test_a_report_of_no_records_says_nothing_of_what_they_are_like(tmp_path):
    path = tmp_path / "r.json"
    datacheck.scan(write_lmdb(tmp_path / "none", {}), reports=[path])
    with pytest.raises(datacheck.UsageError, match="tells of no records"):
        datacheck.scan(write_lmdb(tmp_path / "env", records(30)), like=path)


def test_one_worker_or_many_hold_it_to_the_same(tmp_path, train):
    val = write_lmdb(tmp_path / "val", records(shifted=[1010, 1040], odd=(1012, 7)))
    one, two = (datacheck.scan(val, like=train, workers=number) for number in (1, 2))
    assert list(one.findings) == list(two.findings)


@pytest.mark.parametrize("link", [False, True])
def test_the_report_that_says_what_is_expected_is_never_replaced(tmp_path, train, link):
    store = write_lmdb(tmp_path / "val", records())
    before = train.read_bytes()
    target = tmp_path / "linked.json" if link else train
    if link:
        target.hardlink_to(train)
    with pytest.raises(datacheck.UsageError, match="never written to"):
        datacheck.scan(store, like=train, reports=[target])
    words = ["rebuild", store, tmp_path / "copy", "--drop-bad", "--like", train, "--report", target]
    done = commanding.datacheck(*words)
    assert done.returncode == 2
    assert "never written to" in done.stderr
    assert train.read_bytes() == before
    assert not (tmp_path / "copy").exists()
