"""Test that texts in lists of varying length keep their last letter in a copy, as the fields of MATLAB's structs do."""

import h5py
import numpy as np
import pytest
from h5py import h5a, h5s, h5t

import datacheck

FIELDS = ["gain", "a"]
PADDED = bytes.fromhex("19000000 10000000 1301")
"""The stored type of lists of single letters that are padded with zeros; the last byte is 00 if they end with one."""


def write(path):
    """Write a struct as MATLAB does, with a NaN, and with the letters of its fields in lists padded with zeros."""
    letter = h5t.TypeID.copy(h5t.C_S1)
    letter.set_size(1)
    letter.set_strpad(h5t.STR_NULLPAD)
    names = np.empty(len(FIELDS), object)
    names[:] = [np.array([*it], "S1") for it in FIELDS]
    with h5py.File(path, "w") as file:
        group = file.create_group("s")
        group["gain"], group["a"] = np.array([1.0, np.nan, 3.0]), np.arange(3.0)
        kind = h5t.vlen_create(letter)
        h5a.create(group.id, b"MATLAB_fields", kind, h5s.create_simple((len(FIELDS),))).write(names)
    return path


def end_with_zero(path):
    """Change the type to one that h5py cannot write: a letter would have no room before the zero."""
    raw = path.read_bytes()
    assert raw.count(PADDED) == 1
    path.write_bytes(raw.replace(PADDED, PADDED[:-1] + b"\0"))


def fields(path):
    with h5py.File(path) as file:
        return [b"".join(it).decode() for it in file["s"].attrs["MATLAB_fields"]]


@pytest.mark.parametrize("change", [lambda path: None, end_with_zero], ids=["padded", "ended"])
def test_a_copy_without_a_row_names_the_fields(tmp_path, change):
    source = write(tmp_path / "source.mat")
    change(source)
    assert fields(source) == FIELDS
    receipt = datacheck.rebuild(source, tmp_path / "copy.mat", drop_bad=True, workers=1)
    assert (receipt.written, receipt.dropped) == (True, 1)
    assert fields(tmp_path / "copy.mat") == FIELDS
