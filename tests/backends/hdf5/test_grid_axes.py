"""Fields on a grid with the coordinates of its axes beside them, as solvers of equations write them."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck


def write(path, **datasets):
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            file[name.replace("_of_", "-")] = values
    return path


def field(*shape, bad=3):
    values = np.random.default_rng(2).normal(size=shape).astype("f4")
    values[bad, -1] = np.nan
    return values


def grid(count, rising=1):
    return np.linspace(0, 1, count, dtype="f4")[::rising]


GRIDS = {
    "as many places as samples": {"tensor": field(12, 5, 12), "x_of_coordinate": grid(12), "t_of_coordinate": grid(5)},
    "ends of as many steps": {"tensor": field(12, 11, 8), "x_of_coordinate": grid(8), "t_of_coordinate": grid(12)},
    "two fields": {
        "density": field(12, 4, 12, 12),
        "pressure": field(12, 4, 12, 12),
        "x_of_coordinate": grid(12),
        "y_of_coordinate": grid(12),
        "t_of_coordinate": grid(5),
    },
    "falling latitudes": {"wind": field(12, 12, 7), "lat": grid(12, -1), "lon": grid(7)},
    "one axis": {"spectra": field(12, 12), "frequency": grid(12)},
}


@pytest.mark.parametrize("name", GRIDS)
def test_samples_leave_the_grid_as_it_is(tmp_path, name):
    path = write(tmp_path / "a.h5", **GRIDS[name])
    datacheck.rebuild(path, tmp_path / "copy.h5", drop_bad=True)
    with h5py.File(path) as source, h5py.File(tmp_path / "copy.h5") as copy:
        for each, values in source.items():
            if values.ndim == 1:
                assert np.array_equal(copy[each], values)
            else:
                assert np.array_equal(copy[each], np.delete(values[:], 3, axis=0))
    assert datacheck.scan(tmp_path / "copy.h5").bad == 0


COLUMNS = {
    "a time of each row": {"data": field(12, 12), "time": grid(12)},
    "a place on the axis of the rows": {"u": field(12, 7), "t_of_coordinate": grid(12), "x_of_coordinate": grid(7)},
    "a label of each row": {"X": field(12, 12), "y": grid(12)},
    "places in no order": {"data": field(12, 12), "depth": grid(12)[[3, 1, 2, 0, *range(4, 12)]]},
    "a depth of each row": {"data": field(12, 9), "depth": grid(12)},
}


@pytest.mark.parametrize("name", COLUMNS)
def test_what_has_a_value_for_each_row_loses_it(tmp_path, name):
    path = write(tmp_path / "a.h5", **COLUMNS[name])
    datacheck.rebuild(path, tmp_path / "copy.h5", drop_bad=True)
    with h5py.File(tmp_path / "copy.h5") as copy:
        left = {each: len(values) for each, values in copy.items()}
    assert {count for each, count in left.items() if each != "x-coordinate"} == {11}
