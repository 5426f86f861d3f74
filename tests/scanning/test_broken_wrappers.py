"""Compressed values in families of few keys, of which one cannot be unpacked."""

import gzip
import os
import pickle
import zlib

import numpy as np
import pytest
from convention_stores import write

import datacheck

NAMES = [f"{chr(97 + at % 26)}{at:02d}prot" for at in range(40)]
"""Names of proteins; those of one letter are a family of one or two."""


def store(pack):
    drawn = np.random.default_rng(0)
    return {it.encode(): pack(pickle.dumps({"x": drawn.random((20, 8), np.float32)})) for it in NAMES}


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
@pytest.mark.parametrize("cut", [["c02prot"], ["d03prot", "h07prot"]])
def test_a_value_whose_compressed_data_ends_early_is_truncated(tmp_path, pack, cut):
    records = store(pack)
    assert list(datacheck.scan(write(tmp_path / "sound", records)).findings) == []
    for name in cut:
        records[name.encode()] = records[name.encode()][:60]
    findings = datacheck.scan(write(tmp_path / "cut", records)).findings
    assert {(it.key, it.code, it.verdict) for it in findings} == {(name, "truncated", "bad") for name in cut}


def test_values_that_nothing_shows_to_be_compressed_stay_unknown(tmp_path):
    raw = {it.encode(): b"\x1f\x8b\x08" + os.urandom(40) for it in NAMES}
    findings = datacheck.scan(write(tmp_path / "store", raw)).findings
    assert {it.verdict for it in findings} <= {"unverifiable"}
