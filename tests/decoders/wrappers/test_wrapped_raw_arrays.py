"""Raw arrays in a wrapper, of which only the dtype and shape are given: `--array u1:100,4` of zlib data."""

import gzip
import zlib

import numpy as np
import pytest
from convention_stores import write

import datacheck


def raw(at, size=400):
    return np.random.default_rng(at).integers(0, 4, size, np.uint8).tobytes()


@pytest.mark.parametrize("pack", [zlib.compress, gzip.compress])
@pytest.mark.parametrize("array", ["u1:100,4", "u1"])
def test_what_they_are_packed_in_need_not_be_said(tmp_path, pack, array):
    records = {b"k%02d" % at: pack(raw(at)) for at in range(40)}
    assert datacheck.scan(write(tmp_path / "sound", records), array=[array]).counts == {}
    cut = records | {b"k07": records[b"k07"][:-30]}
    (finding,) = datacheck.scan(write(tmp_path / "cut", cut), array=[array]).findings
    assert (finding.key, finding.verdict) == ("k07", "bad")


def test_one_of_another_size_within(tmp_path):
    records = {b"k%02d" % at: zlib.compress(raw(at, 396 if at == 7 else 400)) for at in range(40)}
    (finding,) = datacheck.scan(write(tmp_path / "store", records), array=["u1:100,4"]).findings
    assert (finding.key, finding.code) == ("k07", "size-mismatch")


def test_arrays_that_begin_as_a_wrapper_does_are_arrays(tmp_path):
    records = {b"k%02d" % at: b"\x78\x9c" + raw(at, 398) for at in range(40)}
    assert datacheck.scan(write(tmp_path / "store", records), array=["u1:100,4"]).counts == {}
