"""Simulations as The Well keeps them: counts of trajectories and times that its loader goes by."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck

RUNS, TIMES, X, Y = 8, 10, 16, 12


def write(path, runs=RUNS, times=TIMES, change=lambda file: None):
    r = np.random.default_rng(1)
    with h5py.File(path, "w") as file:
        file.attrs["n_trajectories"], file.attrs["dataset_name"], file.attrs["n_spatial_dims"] = runs, "active", 2
        dimensions = file.create_group("dimensions")
        dimensions.attrs["spatial_dims"] = ["x", "y"]
        for name, count in (("time", times), ("x", X), ("y", Y)):
            dimensions[name] = np.linspace(0, 1, count, dtype="f4")
            dimensions[name].attrs["sample_varying"] = False
        scalars = file.create_group("scalars")
        scalars["alpha"], scalars["forcing"] = np.float32(0.5), r.normal(size=TIMES)
        scalars["seed_of_run"] = r.normal(size=RUNS)
        for name, varying in (("alpha", False), ("forcing", False), ("seed_of_run", True)):
            scalars[name].attrs["sample_varying"], scalars[name].attrs["time_varying"] = varying, name == "forcing"
        for order, name in enumerate(("density", "velocity", "strain")):
            fields = file.create_group(f"t{order}_fields")
            fields.attrs["field_names"] = [name]
            fields[name] = r.normal(size=(RUNS, TIMES, X, Y, *[2] * order)).astype("f4")
            fields[name].attrs["sample_varying"] = fields[name].attrs["time_varying"] = True
            fields[name].attrs["dim_varying"] = [True, True]
        file["t0_fields/terrain"] = r.normal(size=(X, Y)).astype("f4")
        file["t0_fields/terrain"].attrs["sample_varying"] = file["t0_fields/terrain"].attrs["time_varying"] = False
        file["t0_fields/terrain"].attrs["dim_varying"] = [True, True]
        change(file)
    return path


def said(path):
    return [(it.code, it.verdict, it.message) for it in datacheck.scan(path, workers=1).findings]


def spoil(file):
    file["t0_fields/density"][3, 2, 1, 1] = np.nan


def samples(path):
    """Read all that the loader reads: each trajectory, at each time, and what does not vary."""
    with h5py.File(path) as file:
        times = file["dimensions/time"].shape[-1]
        for run in range(file.attrs["n_trajectories"]):
            parts = [file[f"t{order}_fields"] for order in range(3)]
            fields = [group[name] for group in parts for name in group.attrs["field_names"]]
            yield [it[run, at] for it in fields for at in range(times)], file["scalars/seed_of_run"][run]


def test_a_sound_file_is_clean(tmp_path):
    assert said(write(tmp_path / "a.hdf5")) == []


def test_a_count_of_trajectories_that_is_not_true_is_named(tmp_path):
    text = "/: n_trajectories says 9, and there are 8 trajectories"
    assert said(write(tmp_path / "a.hdf5", runs=9)) == [("count", "bad", text)]
    datacheck.rebuild(tmp_path / "a.hdf5", tmp_path / "b.hdf5", drop_bad=True, workers=1)
    assert said(tmp_path / "b.hdf5") == []


def test_fields_are_as_long_as_the_times_and_places(tmp_path):
    found = said(write(tmp_path / "a.hdf5", times=TIMES + 1))
    assert {it[:2] for it in found} == {("row-count", "bad")}
    assert found[0][2] == "axis 1 of /t0_fields/density is 10 long, and /dimensions/time is 11"

    def widen(file):
        del file["t1_fields/velocity"]
        file["t1_fields/velocity"] = np.random.default_rng(2).normal(size=(RUNS, TIMES, X + 1, Y, 2))
        for name in ("sample_varying", "time_varying"):
            file["t1_fields/velocity"].attrs[name] = True
        file["t1_fields/velocity"].attrs["dim_varying"] = [True, True]

    text = "axis 2 of /t1_fields/velocity is 17 long, and /dimensions/x is 16"
    assert said(write(tmp_path / "b.hdf5", change=widen)) == [("row-count", "bad", text)]


def test_a_trajectory_goes_from_all_fields_and_the_count_with_it(tmp_path):
    source = write(tmp_path / "a.hdf5", change=spoil)
    assert [it[0] for it in said(source)] == ["nan"]
    datacheck.rebuild(source, tmp_path / "b.hdf5", drop_bad=True, workers=1)
    before, after = [list(samples(it)) for it in (source, tmp_path / "b.hdf5")]
    assert len(after) == RUNS - 1
    for (one, number), (other, same) in zip(before[:3] + before[4:], after, strict=True):
        assert number == same
        assert all(np.array_equal(*its) for its in zip(one, other, strict=True))
    with h5py.File(tmp_path / "b.hdf5") as file:
        assert file["t0_fields/terrain"].shape == (X, Y)
        assert len(file["scalars/forcing"]) == len(file["dimensions/time"]) == TIMES
    assert said(tmp_path / "b.hdf5") == []


@pytest.mark.parametrize("times", [RUNS, TIMES])
def test_times_stay_though_there_are_as_many_as_trajectories(tmp_path, times, monkeypatch):
    monkeypatch.setattr(__import__("sys").modules[__name__], "TIMES", times)
    datacheck.rebuild(write(tmp_path / "a.hdf5", times=times, change=spoil), tmp_path / "b.hdf5", drop_bad=True)
    with h5py.File(tmp_path / "b.hdf5") as file:
        assert (len(file["dimensions/time"]), len(file["scalars/forcing"])) == (times, times)
        assert file["t2_fields/strain"].shape[:2] == (RUNS - 1, times)


def test_a_count_beside_other_fields_says_nothing(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.attrs["n_trajectories"], file["u"] = 9, np.random.default_rng(1).normal(size=(RUNS, TIMES))
    assert said(tmp_path / "a.h5") == []
