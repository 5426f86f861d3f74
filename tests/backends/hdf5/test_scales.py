"""The dimensions of netCDF variables: what is shorter or longer than they are, and copies that keep them true."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck
from datacheck.errors import UsageError

BARE = b"This is a netCDF dimension but not a netCDF variable%10d"


def write(path, lengths, *, bare=(), netcdf=True, unlimited=("time",)):
    """Write variables over (time, lat) with so many rows each; `lengths` has those of the dimensions as well."""
    with h5py.File(path, "w") as file:
        for number, (name, count) in enumerate(lengths.items()):
            if name in ("time", "lat"):
                most = (None,) if name in unlimited else None
                values = np.zeros(count) if name in bare else np.arange(count, dtype="f8")
                scale = file.create_dataset(name, data=values, maxshape=most)
                scale.make_scale((BARE % count).decode() if name in bare else name)
                if netcdf:
                    scale.attrs["_Netcdf4Dimid"] = np.int32(number)
        for name, count in lengths.items():
            if name not in ("time", "lat"):
                most = (None, 6) if "time" in unlimited else None
                values = np.random.default_rng(2).normal(size=(count, 6)).astype("f4")
                variable = file.create_dataset(name, data=values, maxshape=most)
                for axis, dimension in enumerate(("time", "lat")):
                    variable.dims[axis].attach_scale(file[dimension])
    return path


def said(path):
    codes = ("unwritten", "row-count")
    return [(it.code, it.message) for it in datacheck.scan(path, workers=1).findings if it.code in codes]


SOUND = {
    "as long as its dimension": ({"time": 20, "lat": 6, "t2m": 20, "u10": 20}, {}),
    "a fixed one": ({"time": 20, "lat": 6, "t2m": 20}, {"unlimited": ()}),
    "a dimension that is no variable": ({"time": 0, "lat": 6, "t2m": 20}, {"bare": ("time", "lat")}),
    "edges that are attached as a scale": (
        {"time": 20, "lat": 7, "t2m": 20},
        {"netcdf": False, "unlimited": ()},
    ),
}


@pytest.mark.parametrize("name", SOUND)
def test_sound_variables_are_as_long_as_their_dimensions(tmp_path, name):
    lengths, options = SOUND[name]
    assert said(write(tmp_path / "a.nc", lengths, **options)) == []


def test_what_was_not_written_up_to_the_end_is_said(tmp_path):
    path = write(tmp_path / "a.nc", {"time": 15, "lat": 6, "t2m": 20, "u10": 18})
    tail = "of the 20 values along /time: the others were never written, and netCDF reads the fill value there"
    assert sorted(said(path)) == [("unwritten", f"/time has 15 {tail}"), ("unwritten", f"/u10 has 18 {tail}")]
    assert datacheck.scan(path, workers=1).status == 0


@pytest.mark.parametrize(
    ("name", "lengths"), [("t2m", {"time": 20, "lat": 6, "t2m": 18}), ("lat", {"time": 20, "lat": 5, "t2m": 20})]
)
def test_what_is_not_as_long_as_a_fixed_dimension_is_bad(tmp_path, name, lengths):
    ((code, message),) = said(write(tmp_path / "a.nc", lengths, unlimited=()))
    assert code == "row-count"
    assert f"/{name}" in message
    assert datacheck.scan(tmp_path / "a.nc", workers=1).status == 1


def test_a_row_goes_with_its_time(tmp_path):
    path = write(tmp_path / "a.nc", {"time": 20, "lat": 6, "t2m": 20, "u10": 20})
    with h5py.File(path, "a") as file:
        file["t2m"][7, 2] = np.nan
    datacheck.rebuild(path, tmp_path / "copy.nc", drop_bad=True)
    with h5py.File(tmp_path / "copy.nc") as copy:
        assert [copy[it].shape for it in ("time", "lat", "t2m", "u10")] == [(19,), (6,), (19, 6), (19, 6)]
        assert 7 not in copy["time"][()]
    assert said(tmp_path / "copy.nc") == []


def test_a_value_of_a_coordinate_does_not_go_alone(tmp_path):
    path = write(tmp_path / "a.nc", {"time": 20, "lat": 6, "t2m": 20, "u10": 20})
    with h5py.File(path, "a") as file:
        file["lat"][3] = np.nan
    with pytest.raises(UsageError, match="an axis of /t2m is as long as /lat, which is a scale of axes"):
        datacheck.rebuild(path, tmp_path / "copy.nc", drop_bad=True)


def test_no_row_goes_where_another_variable_is_shorter(tmp_path):
    path = write(tmp_path / "a.nc", {"time": 20, "lat": 6, "t2m": 20, "u10": 18})
    with h5py.File(path, "a") as file:
        file["t2m"][7, 2] = np.nan
    with pytest.raises(UsageError, match=r"/u10 has fewer rows than .*, along the same dimension"):
        datacheck.rebuild(path, tmp_path / "copy.nc", drop_bad=True)


def test_sizes_of_runs_stop_a_copy(tmp_path):
    path = tmp_path / "a.nc"
    with h5py.File(path, "w") as file:
        file["row_size"], file["humidity"] = np.array([5, 7, 8], "i4"), np.linspace(0, 1, 20)
        file["humidity"][4] = np.nan
    with pytest.raises(UsageError, match="/row_size may hold numbers of rows"):
        datacheck.rebuild(path, tmp_path / "copy.nc", drop_bad=True)
