"""Records about the others, such as config and mean, among samples whose keys are names: they are no samples."""

import io
import json
import pickle

import msgpack
import numpy as np
import pytest
from building import npy
from convention_stores import read, write

import datacheck

TREES = "oak elm ash fir pine yew birch cedar maple larch alder beech hazel holly rowan willow aspen poplar"
NAMES = [f"{one}_{other}" for one in TREES.split() for other in TREES.split()[:3]]
DUMPS = {"pickle": pickle.dumps, "json": lambda it: json.dumps(it).encode(), "msgpack": msgpack.packb}
ABOUT = {"config": {"size": 64}, "__meta__": {"version": "1"}, "stats": {"mean": [0.0] * 8}, "class_names": {"oak": 1}}


def mappings(dump, **others):
    made = {it.encode(): dump({"x": [at * 0.25, 1.5], "label": at % 5}) for at, it in enumerate(NAMES)}
    return made | {it.encode(): dump(value) for it, value in others.items()}


def arrays(dump=npy, **shapes):
    drawn = np.random.default_rng(0)
    made = {it.encode(): dump(drawn.random((8, 4), np.float32)) for it in NAMES}
    return made | {it.encode(): dump(drawn.random(shape, np.float32)) for it, shape in shapes.items()}


def found(path):
    return {(it.key, it.code) for it in datacheck.scan(path, workers=1).findings}


@pytest.mark.parametrize("dump", DUMPS.values(), ids=DUMPS)
def test_mappings_about_others_need_not_have_the_fields_of_samples(tmp_path, dump):
    assert found(write(tmp_path / "sound", mappings(dump, **ABOUT))) == set()
    odd = mappings(dump, **ABOUT, oak_walnut={"size": 64})
    assert ("oak_walnut", "label") in found(write(tmp_path / "odd", odd))


@pytest.mark.parametrize("dump", [npy, pickle.dumps])
@pytest.mark.parametrize("name", ["mean", "norm_stats", "__std__"])
def test_arrays_about_others_need_not_have_the_shape_of_samples(tmp_path, dump, name):
    assert found(write(tmp_path / "sound", arrays(dump, **{name: (2, 4)}))) == set()
    assert found(write(tmp_path / "odd", arrays(dump, mean_oak=(2, 4)))) == {("mean_oak", "shape")}


def test_what_is_wrong_with_a_record_about_others_is_found(tmp_path):
    store = arrays(mean=(2, 4))
    store |= {b"std": npy(np.full(4, np.nan, np.float32)), b"mean": store[b"mean"][:-3], b"oak_elm": b""}
    assert found(write(tmp_path / "store", store)) == {("std", "nan"), ("mean", "truncated"), ("oak_elm", "empty")}


def test_a_copy_keeps_the_records_about_others(tmp_path):
    store = mappings(pickle.dumps, **ABOUT) | {b"oak_elm": pickle.dumps({"x": [float("nan"), 1.5], "label": 1})}
    datacheck.rebuild(write(tmp_path / "store", store), tmp_path / "copy", drop_bad=True)
    copy = read(tmp_path / "copy")
    assert store.keys() - copy.keys() == {b"oak_elm"}
    assert pickle.load(io.BytesIO(copy[b"stats"])) == ABOUT["stats"]
