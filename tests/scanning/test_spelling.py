"""Test what Python callers write for options: accepted as it is meant, or refused with one sentence."""

import os
from pathlib import Path

import h5py
import lmdb
import numpy as np
import pytest
from building import key, raw_records, write_lmdb

import datacheck
from datacheck.errors import UsageError
from datacheck.scanning.settings.make_settings import make


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({"range": "0:1"}, {"range": (0, 1)}),
        ({"range": "data=:5"}, {"range": {"data": (None, 5)}}),
        ({"range": ["a=0:1", "2:"]}, {"range": {"a": (0, 1), None: (2, None)}}),
        ({"range": np.array([0, 255])}, {"range": (0, 255)}),
        ({"labels": "4"}, {"labels": 4}),
        ({"labels": "1:4"}, {"labels": (1, 4)}),
        ({"labels": np.int64(4)}, {"labels": 4}),
        ({"labels": ("-inf", "inf")[0:0] or (0, float("inf"))}, {"labels": (0, None)}),
        ({"checks": "finite"}, {"checks": ["finite"]}),
        ({"skip": b"finite"}, {"skip": ["finite"]}),
        ({"allow_nan": "data"}, {"allow_nan": ["data"]}),
        ({"together": "a,b"}, {"together": [("a", "b")]}),
        ({"together": [("a", "b"), "c,d"]}, {"together": [["a", "b"], ["c", "d"]]}),
        ({"shape": "3,8,8"}, {"shape": (3, 8, 8)}),
        ({"shape": np.array([3, 8])}, {"shape": (3, 8)}),
        ({"sample": np.int32(5)}, {"sample": 5}),
        ({"workers": np.int64(2), "timeout": np.float32(5)}, {"workers": 2, "timeout": 5.0}),
        ({"strict": np.True_}, {"strict": True}),
        ({"ignore": "nan"}, {"ignore": ["nan"]}),
    ],
)
def test_what_is_meant_is_taken(given, meant):
    assert make(**given) == make(**meant)


@pytest.mark.parametrize(
    "given",
    [
        {"range": 5},
        {"range": "5"},
        {"range": (0, 1, 2)},
        {"range": ("a", "b")},
        {"range": {1: (0, 1)}},
        {"range": {"data": 5}},
        {"labels": "x"},
        {"labels": "0"},
        {"labels": True},
        {"labels": 2.5},
        {"labels": float("nan")},
        {"labels": object()},
        {"checks": 5},
        {"checks": ["finit"]},
        {"allow_nan": 5},
        {"allow_nan": [5]},
        {"together": 5},
        {"together": "a"},
        {"together": [5]},
        {"shape": 5},
        {"shape": "3,x"},
        {"shape": (0, 3)},
        {"sample": 5.5},
        {"sample": "x"},
        {"max_bad": True},
        {"workers": 2.5},
        {"workers": "2"},
        {"timeout": "5"},
        {"timeout": np.array([1.0, 2.0])},
        {"strict": "no"},
        {"stats": 1},
        {"batch_size": 0},
        {"decoder": 5},
        {"decoder": "datm"},
        {"validators": 5},
        {"validators": "finite"},
        {"ignore": "nna"},
        {"ignore": "nan:"},
        {"ignore": 5},
        {"nonsense": 1},
    ],
)
def test_what_makes_no_sense_is_one_sentence(given):
    with pytest.raises(UsageError) as error:
        make(**given)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("given", "nearest"),
    [
        ({"checks": ["finit"]}, "finite"),
        ({"decoder": "datm"}, "datum"),
        ({"ignore": ["nna:x"]}, "nan"),
        ({"lables": 5}, "labels"),
    ],
)
def test_the_nearest_name_is_said(given, nearest):
    with pytest.raises(UsageError, match=f"did you mean '{nearest}'\\?$"):
        make(**given)


@pytest.fixture
def stores(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_lmdb(tmp_path / "a", raw_records(20))
    write_lmdb(tmp_path / "b", raw_records(20) | {key(3): b""})
    with h5py.File("c.h5", "w") as file:
        file["data"] = np.random.default_rng(1).random((20, 3))


def test_a_list_of_sources_is_scanned_one_by_one(stores, tmp_path):
    reports = datacheck.scan(["a", Path("b"), b"c.h5"], reports=[tmp_path / "r.json"])
    assert [report.status for report in reports] == [0, 1, 0]
    assert [report.status for report in datacheck.scan(np.array(["b", "a"]))] == [1, 0]
    assert datacheck.scan(b"a").status == 0
    assert datacheck.scan(("b",))[0].bad == 1


@pytest.mark.parametrize("source", [5, None, [], object(), ["a", 5], {"a": 1}, (it for it in "a")])
def test_what_is_no_source_is_one_sentence(stores, source):
    with pytest.raises(UsageError) as error:
        datacheck.scan(source)
    assert "\n" not in str(error.value)


def test_an_open_handle_is_refused_with_its_path(stores):
    with h5py.File("c.h5") as file:
        for source in (file, file["data"], file["/"]):
            with pytest.raises(UsageError, match=r"an open h5py.*'c.h5'$"):
                datacheck.scan(source)
    with pytest.raises(UsageError, match="an open h5py"):
        datacheck.scan(file)
    with lmdb.open("a", readonly=True, lock=False) as env, pytest.raises(UsageError, match=r"an open lmdb.*'a'$"):
        datacheck.scan(env)


@pytest.mark.parametrize(
    "given",
    [
        {"drop_bad": "yes"},
        {"drop": 5},
        {"drop": "nna"},
        {"fill": "a"},
        {"to": 5},
        {"dry_run": 1},
        {"quarantine": 5},
        {"target": None},
        {"source": 5},
        {"checks": 5},
        {"dropbad": True},
    ],
)
def test_a_rebuild_refuses_with_one_sentence(stores, given):
    with pytest.raises(UsageError) as error:
        datacheck.rebuild(**{"source": "b", "target": "copy", **given})
    assert "\n" not in str(error.value)
    assert not os.path.lexists("copy")
