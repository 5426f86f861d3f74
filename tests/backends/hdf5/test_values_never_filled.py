"""Datasets into which nothing was written: dimensions of netCDF without values, and chunks without a fill value."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from datacheck import rebuild, scan

ROWS = 40


def netcdf(path, name, *, garbage):
    """Write a variable on a dimension; its scale is called `name` and holds `garbage`."""
    with h5py.File(path, "w") as file:
        scale = file.create_dataset("cell", data=np.full(ROWS, garbage, ">f4"))
        scale.make_scale(name)
        file["rain"] = np.random.default_rng(0).uniform(0, 1, ROWS)
        file["rain"].dims[0].attach_scale(scale)
    return path


@pytest.mark.parametrize("garbage", [np.nan, np.inf, -np.inf])
def test_what_a_dimension_without_values_holds_is_not_judged(tmp_path, garbage):
    path = netcdf(tmp_path / "a.nc", f"This is a netCDF dimension but not a netCDF variable. {ROWS:9}", garbage=garbage)
    report = scan(path, workers=1)
    assert (report.status, report.bad) == (0, 0)


def test_values_of_a_dimension_that_is_a_variable_are_judged(tmp_path):
    report = scan(netcdf(tmp_path / "a.nc", "cell", garbage=np.nan), workers=1)
    assert {(it.code, it.field) for it in report.findings if it.verdict == "bad"} == {("nan", "cell")}


def without_fill_value(path):
    """Write chunks and change the message about the fill value (version 2) to say that there is none."""
    created = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    created.set_chunk((16,))
    created.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    with h5py.File(path, "w", libver="earliest") as file:
        space = h5py.h5s.create_simple((ROWS,))
        made = h5py.h5d.create(file.id, b"values", h5py.h5t.NATIVE_INT32, space, dcpl=created)
        made.write(h5py.h5s.ALL, h5py.h5s.ALL, np.arange(ROWS, dtype="i4") % 7)
    raw = bytearray(path.read_bytes())
    message = bytes([2, 3, 1, 1])
    assert raw.count(message) == 1
    raw[raw.index(message) + 3] = 0
    path.write_bytes(raw)
    return path


def test_chunks_of_datasets_without_a_fill_value_are_read(tmp_path):
    path, copy = without_fill_value(tmp_path / "a.h5"), tmp_path / "copy.h5"
    with h5py.File(path) as file:
        assert file["values"].id.get_create_plist().fill_value_defined() == h5py.h5d.FILL_VALUE_UNDEFINED
    assert scan(path, workers=1).status == 0
    rebuild(path, copy, workers=1)
    with h5py.File(copy) as file:
        assert (file["values"][:] == np.arange(ROWS) % 7).all()
