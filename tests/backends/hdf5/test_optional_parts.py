"""A dataset that several samples lack may be optional, and is then no fault of these samples."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck


def write(path, count, without, name="slice_{}", parts=("image", "mask")):
    with h5py.File(path, "w") as file:
        for number in range(count):
            for part in parts:
                if part != parts[-1] or number not in without:
                    file[f"{name.format(number)}/{part}"] = np.random.default_rng(number).normal(
                        size=(8 + number % 3, 4)
                    )
    return path


@pytest.mark.parametrize(
    ("count", "without", "more", "verdict"),
    [
        (20, range(4), {}, "suspicious"),  # not every picture is annotated
        (20, [7], {}, "bad"),
        (200, [7, 90], {}, "bad"),
        (20, range(4), {"name": "demo_{}"}, "bad"),
        (20, range(4), {"parts": ("actions", "state")}, "bad"),
    ],
)
def test_a_part_is_missed_if_all_others_or_samples_of_this_kind_have_it(tmp_path, count, without, more, verdict):
    report = datacheck.scan(write(tmp_path / "a.h5", count, without, **more), workers=1)
    assert {(it.code, it.verdict) for it in report.findings} == {("unpaired", verdict)}
    assert len(report.findings) == len(without)


@pytest.mark.parametrize(
    ("empty", "fewest", "expected"), [(5, 20, {("unpaired", "bad")}), (None, 20, set()), (5, 1, set())]
)
def test_a_sample_whose_only_dataset_has_no_row_is_bad(tmp_path, empty, fewest, expected):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for number in range(20):
            rows = 0 if number == empty else fewest + number
            file[f"v_{number}/c3d_features"] = np.random.default_rng(number).normal(size=(rows, 6))
    report = datacheck.scan(tmp_path / "a.h5", workers=1)
    assert {(it.code, it.verdict) for it in report.findings} == expected
