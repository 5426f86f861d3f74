"""Arrays whose shapes vary on some axes only: mel spectrograms of 80 bands, poses of 25 joints."""

import json
import pickle

import numpy as np
import pytest
from building import npy
from convention_stores import write

import datacheck

DUMPS = {
    "npy": npy,
    "pickle": lambda it: pickle.dumps({"mel": it, "text": "a word"}),
    "json": lambda it: json.dumps({"mel": it.round(3).tolist()}).encode(),
}


def values(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def found(path, shapes, odd, dump):
    records = {b"LJ%04d" % at: dump(values(*shape, seed=at)) for at, shape in enumerate(shapes)}
    records |= {b"LJ%04d" % at: dump(values(*shape, seed=at)) for at, shape in odd.items()}
    return [(it.code, it.verdict, it.key) for it in datacheck.scan(write(path, records)).findings]


MEL = [(8, 20 + at % 11) for at in range(80)]


@pytest.mark.parametrize("dump", DUMPS.values(), ids=DUMPS)
def test_one_that_differs_where_the_others_are_alike_is_of_another_shape(tmp_path, dump):
    assert found(tmp_path / "sound", MEL, {}, dump) == []
    assert found(tmp_path / "turned", MEL, {17: (25, 8)}, dump) == [("shape", "bad", "LJ0017")]


def test_one_of_another_number_of_axes_may_be_meant(tmp_path):
    assert found(tmp_path / "store", MEL, {17: (200,)}, npy) == [("shape", "suspicious", "LJ0017")]


LOOKALIKES = {
    "both vary": ([(6 + at % 4, 20 + at % 11) for at in range(80)], {}),
    "of two sizes": ([(8, 20 + at % 11) if at % 5 else (6, 20 + at % 11) for at in range(80)], {}),
    "longer than any other": (MEL, {17: (8, 400)}),
    "nothing in it": (MEL, {17: (0,)}),
    "few": (MEL[:20], {17: (25, 8)}),
}


@pytest.mark.parametrize(("shapes", "odd"), LOOKALIKES.values(), ids=LOOKALIKES)
def test_what_may_be_so_by_nature_is_no_fault(tmp_path, shapes, odd):
    assert not any(it[0] == "shape" for it in found(tmp_path / "store", shapes, odd, npy))


def test_a_label_map_of_its_own_shape_is_not_held_to_others(tmp_path):
    store = {b"%04d" % at: pickle.dumps((values(4, 4), np.arange(at % 7 + 1))) for at in range(60)}
    assert datacheck.scan(write(tmp_path / "store", store)).counts.get("shape") is None
