"""Test wrapped values that are broken before anything is unpacked: they are broken, not of an unknown format."""

import pickle
import zlib

import cramjam
import numpy as np
import pytest
from building import key, write_lmdb

from datacheck import scan

PACK = {
    "zstd": lambda raw: bytes(cramjam.zstd.compress(raw)),
    "snappy": lambda raw: bytes(cramjam.snappy.compress(raw)),
    "lz4": lambda raw: bytes(cramjam.lz4.compress(raw)),
    "zlib": zlib.compress,
}


def packed(name):
    made = (pickle.dumps({"x": np.random.default_rng(it).normal(size=(5, 3)), "label": it % 7}) for it in range(60))
    return {key(number): PACK[name](raw) for number, raw in enumerate(made)}


def found_in(path, values):
    report = scan(write_lmdb(path, values), workers=1)
    return [(it.key, it.code, it.verdict) for it in report.findings]


@pytest.mark.parametrize("left", [12, -7])
@pytest.mark.parametrize("name", PACK)
def test_what_is_left_of_a_value_is_truncated(name, left, tmp_path):
    values = packed(name)
    values[key(31)] = values[key(31)][:left]
    assert found_in(tmp_path / "env", values) == [("00000031", "truncated", "bad")]


@pytest.mark.parametrize("name", PACK)
def test_what_is_packed_in_another_way_is_not_what_the_others_are_and_sound(name, tmp_path):
    values = packed(name)
    other = "lz4" if name == "zstd" else "zstd"
    values[key(31)] = packed(other)[key(31)]
    assert found_in(tmp_path / "env", values) == [("00000031", "wrong-format", "suspicious")]


@pytest.mark.parametrize("name", PACK)
def test_a_document_among_them_is_still_one_that_is_not_decoded(name, tmp_path):
    values = {**packed(name), key(31): b"%PDF-1.7\n" + bytes(range(200))}
    assert found_in(tmp_path / "env", values) == [("00000031", "unknown-payload", "unverifiable")]
