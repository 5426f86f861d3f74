"""LMDBs of embeddings that python-blosc2 compressed: each planted fault is named, and sound stores are clean."""

import pickle

import numpy as np
import pytest
from building import key, write_lmdb

from datacheck import scan

blosc2 = pytest.importorskip("blosc2", reason="blosc2 is not installed: make test-payloads brings it")
COUNT, FAULTY = 40, 17


def embedding(number, dtype="f2"):
    return np.random.default_rng(number).normal(size=(20, 16)).astype(dtype)


PACKS = {
    "pack_array": (blosc2.pack_array, "data"),
    "compress2 of a pickle": (lambda x: blosc2.compress2(pickle.dumps({"x": x, "id": 3})), "x"),
    "in a pickle": (lambda x: pickle.dumps({"x": blosc2.pack_array(x), "id": 3}), "x"),
}


@pytest.mark.parametrize("name", PACKS)
def test_embeddings_in_blosc2(name, tmp_path):
    pack, path = PACKS[name]
    values = {key(it): pack(embedding(it)) for it in range(COUNT)}
    assert scan(write_lmdb(tmp_path / "sound", values), workers=1).status == 0
    broken = embedding(FAULTY)
    broken[3, 4] = np.nan
    values[key(FAULTY)] = pack(broken)
    values[key(FAULTY + 1)] = pack(embedding(0, "f4"))
    values[key(FAULTY + 2)] = values[key(FAULTY + 2)][:-9]
    found = [(it.key, it.field, it.code) for it in scan(write_lmdb(tmp_path / "env", values), workers=1).findings]
    assert found[:2] == [(f"{FAULTY:08}", path, "nan"), (f"{FAULTY + 1:08}", path, "fields")]
    assert [(it[0], it[2]) for it in found[2:]] == [(f"{FAULTY + 2:08}", "truncated")]
