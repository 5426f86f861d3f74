"""Test values that are NaN because a mask beside them says that they are missing."""

import h5py
import numpy as np
import pytest

import datacheck
from datacheck.backends.hdf5.formats import masked_values


def series(path, name="missing_mask", *, broken=None, flag=True, values="X"):
    """Write series in which three in ten values are missing, with a mask that is `flag` where they are."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 6, 5)).astype("f4")
    missing = rng.random(x.shape) < 0.3
    x[missing] = np.nan
    if broken == "one":
        missing[7, 3, 2], x[7, 3, 2] = False, np.nan
    if broken == "row":
        missing[7], x[7] = False, np.nan
    if broken == "unmarked":
        missing = rng.random(x.shape) < 0.3
    with h5py.File(path, "w") as file:
        file[values], file["y"] = x, np.arange(80) % 2
        file[name] = (missing == flag).astype("u1")
    return path


def bad(path):
    return [it.key for it in datacheck.scan(path, workers=1).findings if it.code == "nan"]


@pytest.mark.parametrize(
    ("name", "flag"), [("missing_mask", True), ("missing_mask", False), ("X_mask", False), ("mask", False)]
)
def test_values_that_a_mask_leaves_out_are_missing(tmp_path, name, flag):
    report = datacheck.scan(series(tmp_path / "a.h5", name, flag=flag), workers=1)
    assert (report.status, list(report.findings)) == (0, [])


@pytest.mark.parametrize("broken", ["one", "row"])
def test_a_value_that_the_mask_says_is_there_is_bad(tmp_path, broken):
    assert bad(series(tmp_path / "a.h5", broken=broken)) == ["/[7]"]


@pytest.mark.parametrize("options", [{"broken": "unmarked"}, {"name": "genders"}, {"name": "mask", "values": "image"}])
def test_a_mask_of_something_else_leaves_nothing_out(tmp_path, options):
    assert len(bad(series(tmp_path / "a.h5", **options))) == 80


def test_the_mask_that_agrees_is_found_among_several(tmp_path):
    with h5py.File(series(tmp_path / "a.h5", flag=False), "r+") as file:
        file["indicating_mask"] = (np.random.default_rng(1).random(file["X"].shape) < 0.1).astype("u1")
    assert bad(tmp_path / "a.h5") == []
    assert len(bad(series(tmp_path / "b.h5", broken="unmarked"))) == 80


def tracks(path, *, broken=False):
    """Write the tracks of jets, padded with NaN where `valid` is not set, as salt reads them."""
    rng = np.random.default_rng(0)
    tracks = np.zeros((60, 8), [("d0", "f2"), ("z0", "f2"), ("hits", "u1"), ("valid", "?")])
    tracks["valid"] = np.arange(8) < rng.integers(1, 9, 60)[:, None]
    tracks["d0"] = np.where(tracks["valid"], rng.normal(size=(60, 8)), np.nan)
    tracks["z0"], tracks["hits"] = tracks["d0"], rng.integers(0, 9, (60, 8))
    if broken:
        tracks["z0"][7, 0] = np.nan
    with h5py.File(path, "w") as file:
        file["tracks"] = tracks
    return path


@pytest.mark.parametrize(("broken", "keys"), [(False, []), (True, ["/[7]"])])
def test_members_of_a_compound_type_are_missing_where_one_of_them_says_so(tmp_path, broken, keys):
    assert bad(tracks(tmp_path / "a.h5", broken=broken)) == keys


@pytest.mark.parametrize(("broken", "keys"), [(False, []), (True, ["/[7]"])])
def test_points_that_are_not_visible_are_missing(tmp_path, broken, keys):
    rng = np.random.default_rng(0)
    part, visible = rng.normal(size=(60, 16, 2)), rng.integers(0, 2, (60, 16)).astype("f8")
    part[visible == 0] = np.nan
    part[7, 3, 1] = np.nan if broken else part[7, 3, 1]
    visible[7, 3] = broken or visible[7, 3]
    with h5py.File(path := tmp_path / "annot.h5", "w") as file:
        file["part"], file["visible"] = part, visible
    assert bad(path) == keys


@pytest.mark.parametrize(("broken", "keys"), [(None, []), ("one", ["/[7]"])])
def test_large_chunks_are_compared_with_their_mask_too(tmp_path, monkeypatch, broken, keys):
    """The values lie in one chunk, which is larger than what is decoded for many rows."""
    monkeypatch.setattr(masked_values, "BYTES", 4000)
    with h5py.File(series(tmp_path / "a.h5", broken=broken), "r+") as file:
        values = file["X"][:]
        del file["X"]
        file.create_dataset("X", data=values, chunks=values.shape)
    assert bad(tmp_path / "a.h5") == keys


@pytest.mark.parametrize("chunks", [None, (1, 6, 5), (80, 6, 5), (3, 4, 2)])
@pytest.mark.parametrize(("broken", "keys"), [(None, 0), ("one", 1), ("unmarked", 80)])
def test_parts_of_rows_are_compared_if_a_row_is_too_large(tmp_path, monkeypatch, chunks, broken, keys):
    for name, value in {"BYTES": 100, "LARGEST": 100, "PART": 40}.items():
        monkeypatch.setattr(masked_values, name, value)
    with h5py.File(series(tmp_path / "a.h5", broken=broken), "r+") as file:
        values = file["X"][:]
        del file["X"]
        file.create_dataset("X", data=values, chunks=chunks)
    assert len(bad(tmp_path / "a.h5")) == keys


def test_parts_of_points_are_compared_with_their_mask(tmp_path, monkeypatch):
    for name, value in {"BYTES": 100, "LARGEST": 100, "PART": 64}.items():
        monkeypatch.setattr(masked_values, name, value)
    points, valid = np.random.default_rng(0).normal(size=(30, 8, 3)), np.arange(240).reshape(30, 8) % 5 > 0
    points[~valid] = np.nan
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["points"], file["valid"] = points, valid
    assert bad(tmp_path / "a.h5") == []


@pytest.mark.parametrize(("broken", "keys"), [(False, []), (True, ["/[9]"])])
def test_each_of_many_sensors_has_a_mask_of_its_own(tmp_path, broken, keys):
    rng = np.random.default_rng(0)
    with h5py.File(path := tmp_path / "a.h5", "w") as file:
        file["time"] = np.arange(80)
        for at in range(8):
            values, valid = rng.normal(size=80), (np.arange(80) + at) % 5 > 0
            values[~valid] = np.nan
            values[9] = np.nan if broken and at == 7 else 0
            file[f"sensor_{at}"], file[f"sensor_{at}_valid"] = values, valid | (np.arange(80) == 9)
    assert bad(path) == keys


@pytest.mark.parametrize(("unmarked", "keys"), [(0, []), (1, ["/[121]"]), (9, [f"/[{at}]" for at in range(113, 122)])])
def test_few_values_may_be_missing(tmp_path, unmarked, keys):
    """Where most NaN are not where the mask says, it does not speak of them."""
    values, valid = np.random.default_rng(0).normal(size=400), np.ones(400, bool)
    values[[301, 303, 305]], valid[[301, 303, 305]] = np.nan, False
    values[122 - unmarked : 122] = np.nan
    with h5py.File(path := tmp_path / "a.h5", "w") as file:
        file["t"], file["score"], file["valid"] = np.arange(400), values, valid
    assert sorted(bad(path)) == keys + ["/[301]", "/[303]", "/[305]"] * (unmarked == 9)
