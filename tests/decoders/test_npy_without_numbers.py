"""Test arrays of texts, times or raw bytes, and missing members, among .npy arrays of numbers."""

import io

import numpy as np
import pytest
from building import write_lmdb

import datacheck
from datacheck.decoders.npy import NpyDecoder

COUNT = 60
ODD = {
    "texts": (np.array(["cat", "dog"]), "<U3"),
    "bytes": (np.array([b"cat"]), "|S3"),
    "times": (np.array(["2020-01-01"], "M8[D]"), "datetime64[D]"),
    "raw": (np.zeros(3, "V4"), "|V4"),
}


def stored(array):
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def scan(path, made, odd=None):
    arrays = {at: made(np.random.default_rng(at)) for at in range(COUNT)} | ({} if odd is None else {30: odd})
    return datacheck.scan(write_lmdb(path, {b"%04d" % at: stored(it) for at, it in arrays.items()}))


def numbers(rng):
    return rng.random((4, 5))


@pytest.mark.parametrize("odd", ODD)
def test_among_numbers_they_are_named(tmp_path, odd):
    array, dtype = ODD[odd]
    findings = scan(tmp_path / "db", numbers, array).findings
    assert {it.key for it in findings} == {"0030"}
    assert [it.message for it in findings if it.code == "fields"] == [f"{dtype}, nearly all others are float64"]
    assert [it.code for it in findings if it.code != "fields"] == (["unknown-payload"] if odd == "raw" else [])


@pytest.mark.parametrize("odd", sorted(ODD.keys() - {"raw"}))
def test_a_store_of_them_is_clean(tmp_path, odd):
    report = scan(tmp_path / "db", lambda rng: ODD[odd][0])
    assert (report.clean, list(report.findings)) == (True, [])


def members(*names):
    def made(rng):
        array = np.zeros(3, [(name, "f4") for name in names])
        for name in names:
            array[name] = rng.random(3)
        return array

    return made


def test_a_member_that_is_missing_is_named(tmp_path):
    (finding,) = scan(tmp_path / "db", members("x", "y_pos"), members("x")(np.random.default_rng(1))).findings
    assert (finding.key, finding.code, finding.field) == ("0030", "fields", "y_pos")


def test_a_label_that_is_missing_is_named_once(tmp_path):
    (finding,) = scan(tmp_path / "db", members("x", "label"), members("x")(np.random.default_rng(1))).findings
    assert (finding.key, finding.code, finding.field) == ("0030", "label", "label")


@pytest.mark.parametrize("shape", [(1 << 40,), (1 << 62, 1 << 62), (3, 1 << 50)])
@pytest.mark.parametrize("dtype", ["|S0", "<U0", "|V0"])
def test_items_without_bytes_take_no_memory(dtype, shape):
    literal = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}}}\n".encode()
    reading = NpyDecoder().read(b"\x93NUMPY\x01\x00" + len(literal).to_bytes(2, "little") + literal, None)
    assert (list(reading.fields), list(reading.findings)) == ([], [])
