"""Mappings of metadata with a count and a list of the same records, counts by other names, and reserved records."""

import json
import pickle

import numpy as np
import pytest
from convention_stores import picture, read, write

import datacheck

NAMES = [f"traj_{at:03d}" for at in range(40)]


def store(metadata, names=NAMES, **others):
    made = {it.encode(): pickle.dumps({"depth": np.full(4, 0.5 + at)}) for at, it in enumerate(names)}
    return made | {b"__metadata__": pickle.dumps(metadata)} | {of.encode(): it for of, it in others.items()}


def found(path):
    return [(it.code, it.verdict) for it in datacheck.scan(path).findings]


@pytest.mark.parametrize("dump", [pickle.dumps, lambda it: json.dumps(it).encode()], ids=["pickle", "json"])
def test_a_list_of_names_beside_their_number_is_true_in_a_copy(tmp_path, dump):
    """Written by builders of trajectory caches; their loaders go through the names."""
    records = store({}) | {b"__metadata__": dump({"num_samples": 40, "sample_names": NAMES})}
    assert found(write(tmp_path / "sound", records)) == []
    records[b"traj_007"] = records[b"traj_007"][:-30]
    receipt = datacheck.rebuild(write(tmp_path / "cut", records), tmp_path / "copy", drop_bad=True)
    copy = read(tmp_path / "copy")
    metadata = (pickle.loads if dump is pickle.dumps else json.loads)(copy[b"__metadata__"])
    assert metadata["num_samples"] == len(metadata["sample_names"]) == 39
    assert {it.encode() for it in metadata["sample_names"]} == copy.keys() - {b"__metadata__"}
    assert not any("__metadata__" in it for it in receipt.unkept)


def test_a_list_of_other_names_beside_the_number_is_named(tmp_path):
    others = [f"slice {at}" for at in range(40)]
    records = store({"num_samples": 40, "slice_ids": others})
    records[b"traj_007"] = records[b"traj_007"][:-30]
    receipt = datacheck.rebuild(write(tmp_path / "cut", records), tmp_path / "copy", drop_bad=True)
    metadata = pickle.loads(read(tmp_path / "copy")[b"__metadata__"])
    assert (metadata["num_samples"], metadata["slice_ids"]) == (39, others)
    assert any("slice_ids has 40 items as before" in it for it in receipt.unkept)


@pytest.mark.parametrize(("name", "verdict"), [("total_records", "bad"), ("num_patches", "suspicious")])
def test_further_names_of_counts(tmp_path, name, verdict):
    assert found(write(tmp_path / "sound", store({name: 40, "stride": 4}))) == []
    assert found(write(tmp_path / "stale", store({name: 41, "stride": 4}))) == [("count", verdict)]
    cut = store({name: 40})
    cut[b"traj_007"] = cut[b"traj_007"][:-30]
    datacheck.rebuild(write(tmp_path / "cut", cut), tmp_path / "copy", drop_bad=True)
    assert pickle.loads(read(tmp_path / "copy")[b"__metadata__"])[name] == 39


@pytest.mark.parametrize("said", [40, 41])
def test_a_count_in_a_list_of_its_own(tmp_path, said):
    """vardaan writes every value, the count too, as a list."""
    records = {b"txt-%09d" % at: json.dumps([at, at + 1]).encode() for at in range(40)}
    records |= {b"lab-%09d" % at: b"[%d]" % (at % 3) for at in range(40)} | {b"nsamples": b"[%d]" % said}
    assert found(write(tmp_path / "store", records)) == [("count", "bad")] * (said != 40)
    records[b"txt-000000007"] = b""
    datacheck.rebuild(write(tmp_path / "cut", records), tmp_path / "copy", drop_bad=True)
    copy = read(tmp_path / "copy")
    assert copy[b"nsamples"] == b"[39]"
    assert all(b"txt-%09d" % at in copy and b"lab-%09d" % at in copy for at in range(39))


def test_reserved_records_need_not_be_listed(tmp_path):
    """evo keeps whether values are compressed beside the set of its keys."""
    names = [f"{chr(97 + at % 26)}{at:02d}prot" for at in range(40)]
    records = {it.encode(): picture(at) for at, it in enumerate(names)}
    records |= {b"__lmdb_keys": pickle.dumps(set(names)), b"__lmdb_compress": b"0"}
    assert found(write(tmp_path / "store", records)) == []
    assert found(write(tmp_path / "more", records | {b"zz99prot": picture(7)})) == [("count", "suspicious")]
