"""Test arrays of items without a meaning, which is what NumPy saves of bfloat16 and 8-bit floats."""

import io
import pickle

import numpy as np
import pytest
from building import key, write_lmdb

from datacheck import scan

COUNT = 40


def bfloat16(number):
    """Return an array like one of ml_dtypes after `numpy.save`: the upper halves of float32, as |V2."""
    values = np.random.default_rng(number).normal(size=(4, 3)).astype("<f4")
    return np.ascontiguousarray(values.view("<u2")[:, 1::2]).view("V2")


def npy(number):
    out = io.BytesIO()
    np.save(out, bfloat16(number))
    return out.getvalue()


def npz(number):
    out = io.BytesIO()
    np.savez(out, x=bfloat16(number), y=np.arange(3))
    return out.getvalue()


def member(number):
    out = io.BytesIO()
    values = np.zeros(4, [("x", "V2", 3), ("y", "f4")])
    values["x"] = bfloat16(number)
    np.save(out, values)
    return out.getvalue()


WRITERS = {
    "npy": (npy, "data"),
    "member": (member, "x"),
    "npz": (npz, "x"),
    "pickle": (lambda number: pickle.dumps({"x": bfloat16(number), "y": 1}), "x"),
}


@pytest.mark.parametrize("name", WRITERS)
def test_they_are_unverifiable_by_name(name, tmp_path):
    pack, field = WRITERS[name]
    report = scan(write_lmdb(tmp_path / "env", {key(it): pack(it) for it in range(COUNT)}), workers=1)
    assert report.status == 3
    assert {(it.code, it.verdict, it.field) for it in report.findings} == {("unknown-payload", "unverifiable", field)}
    assert "items of 2 bytes, as NumPy saves bfloat16" in report.findings[0].message
    assert len(report.findings) == COUNT


def test_arrays_of_no_items_are_sound(tmp_path):
    out = io.BytesIO()
    np.save(out, np.zeros((0, 3), "V2"))
    values = dict.fromkeys(map(key, range(COUNT)), out.getvalue())
    assert scan(write_lmdb(tmp_path / "env", values), workers=1).status == 0
