"""With no convention, what a file says of its records is not held against them, nor made true in a copy."""

import h5py
import numpy as np
import pytest

import datacheck

draw = np.random.default_rng(8)


def demos(file):
    for number in range(8):
        group = file.create_group(f"data/demo_{number}")
        group["actions"], group["obs/a"] = draw.normal(size=(12 + number, 4)), draw.normal(size=(12 + number, 3))
        group.attrs["num_samples"] = 12 + number + (number == 3)


def masks(file):
    demos(file)
    file["data/demo_3"].attrs["num_samples"] = 15
    file["mask/train"] = np.array([b"demo_0", b"demo_99", b"demo_2"])


def ends(file):
    file["data/action"], file["meta/episode_ends"] = draw.normal(size=(40, 3)), np.array([10, 25, 41])


@pytest.mark.parametrize(("write", "code"), [(demos, "count"), (masks, "dangling"), (ends, "dangling")])
def test_what_a_file_says_of_its_records_is_not_held_against_them(tmp_path, write, code):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        write(file)
    assert {it.code for it in datacheck.scan(path, workers=1).findings} == {code}
    report = datacheck.scan(path, workers=1, convention="none")
    assert list(report.findings) == []
    assert report.status == 0
    assert report.convention_names == []


def test_what_differs_from_its_neighbours_is_said_all_the_same(tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        demos(file)
        del file["data/demo_5/obs/a"]
        file["data/demo_5/obs/a"] = draw.normal(size=(16, 3))
        file["data/demo_6/actions"][4, 1] = np.nan
    report = datacheck.scan(path, workers=1, convention="none")
    assert {it.code for it in report.findings} == {"row-count", "nan"}


def test_a_copy_keeps_the_counts_as_they_are(tmp_path):
    path, copy = tmp_path / "x.h5", tmp_path / "copy.h5"
    with h5py.File(path, "w") as file:
        demos(file)
        file["data"].attrs["total"] = 125
        file["data/demo_6/actions"][4, 1] = np.nan
    datacheck.rebuild(path, copy, drop_bad=True, convention="none")
    with h5py.File(copy) as file:
        assert "demo_6" not in file["data"]
        assert file["data"].attrs["total"] == 125
        assert file["data/demo_3"].attrs["num_samples"] == 16
