"""Test structured arrays of msgpack-numpy whose dtype is aligned: its `descr` has members without a name."""

import msgpack
import numpy as np
from building import key, write_lmdb

from datacheck import scan

INNER = np.dtype([("q", "u1"), ("r", "f4")], align=True)
DTYPE = np.dtype([("a", "u1"), ("b", "f8"), ("in", INNER), ("label", "i2")], align=True)


def record(number, value=1.5):
    values = np.zeros(3, DTYPE)
    values["b"] = np.arange(3) + number
    values["in"]["r"][1] = value
    return msgpack.packb({"x": {
        b"nd": True, b"type": DTYPE.descr, b"kind": b"V", b"shape": (3,), b"data": values.tobytes(),
    }})  # fmt: skip


def test_padding_is_no_field(tmp_path):
    report = scan(write_lmdb(tmp_path / "env", {key(it): record(it) for it in range(40)}), workers=1)
    assert (report.status, list(report.findings)) == (0, [])
    assert {*report.profile.families["#"].fields} == {"x/a", "x/b", "x/in/q", "x/in/r", "x/label"}


def test_a_nan_in_an_aligned_array_is_named(tmp_path):
    values = {key(it): record(it, np.nan if it == 7 else 1.5) for it in range(40)}
    report = scan(write_lmdb(tmp_path / "env", values), workers=1)
    assert [(it.key, it.field, it.code) for it in report.findings] == [("00000007", "x/in/r", "nan")]
