"""Stores of public writers that were judged wrongly: statistics in bytes of their own, and records about the others."""

import json
import pickle
import struct

import lmdb
import numpy as np
import pytest
from building import npy
from convention_stores import read, write

import datacheck


def subgraphs(path, statistics):
    """Write links as GraIL does: a database for each set, and statistics of the subgraphs in the main one."""
    with lmdb.open(str(path), map_size=1 << 26, max_dbs=4, sync=False) as env:
        for name in (b"train_pos", b"train_neg"):
            database = env.open_db(name)
            with env.begin(write=True, db=database) as transaction:
                for at in range(24):
                    transaction.put(b"%08d" % at, pickle.dumps({"nodes": [1, 2, at], "r_label": at % 3}))
                transaction.put(b"num_graphs", (24).to_bytes(5, "little"))
        with env.begin(write=True) as transaction:
            for key, value in statistics.items():
                transaction.put(key, value)
    return path


def test_statistics_in_bytes_of_their_own_are_no_unknown_payload(tmp_path):
    about = {b"avg_subgraph_size": struct.pack("f", 12.5), b"max_n_label_sub": (3).to_bytes(2, "little")}
    assert datacheck.scan(subgraphs(tmp_path / "store", about)).clean


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"avg_subgraph_size", struct.pack("f", np.nan)),
        (b"avg_subgraph_size", b"\0\1\2"),
        (b"subgraphs", struct.pack("f", 12.5)),
    ],
)
def test_other_bytes_are_still_unknown(tmp_path, key, value):
    report = datacheck.scan(subgraphs(tmp_path / "store", {key: value}))
    assert [(it.code, it.key) for it in report.findings] == [("unknown-payload", key.decode())]


def clouds(cut=None):
    made = {}
    for at in range(40):
        name = "train" if at < 30 else "val"
        cloud = np.random.default_rng(at).random((5, 4), np.float32)
        if at == cut:
            cloud[1, 1] = np.nan
        made[f"{name}/velodyne/{at:06}".encode()] = npy(cloud)
        made[f"{name}/label_2/{at:06}".encode()] = b"Car 0.00 0 -1.5 %d.0 10.0" % at
    return made


def test_sets_of_samples_of_several_records_are_counted(tmp_path):
    sizes = {"train": 30, "val": 10}
    splits = {b"splits": json.dumps(sizes).encode()}
    assert datacheck.scan(write(tmp_path / "sound", clouds() | splits)).clean
    off = {b"splits": json.dumps(sizes | {"val": 11}).encode()}
    assert [it.code for it in datacheck.scan(write(tmp_path / "off", clouds() | off)).findings] == ["count"]
    datacheck.rebuild(write(tmp_path / "store", clouds(cut=4) | splits), tmp_path / "copy", drop_bad=True)
    assert json.loads(read(tmp_path / "copy")[b"splits"]) == {"train": 29, "val": 10}


def test_a_number_of_features_need_not_be_listed(tmp_path):
    store = {b"v_Bow_g%02d" % at: npy(np.random.default_rng(at).random((3, 16))) for at in range(40)}
    names = [it.decode() for it in store]
    store |= {b"train_split": json.dumps(names[:30]).encode(), b"test_split": json.dumps(names[30:]).encode()}
    assert list(datacheck.scan(write(tmp_path / "store", store | {b"num_features": b"16"})).findings) == []
