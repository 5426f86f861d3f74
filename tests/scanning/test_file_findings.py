"""Test that a file that is a sample and has rows of another shape is named once, and not for each row."""

import h5py
import numpy as np
import pytest

from datacheck import rebuild, scan


def write(folder, *, called="episode", odd=None, nan=None, dataset="action"):
    folder.mkdir()
    for number in range(12):
        draw = np.random.default_rng(number)
        rows = 20 + number % 3
        with h5py.File(folder / f"{called}_{number}.hdf5", "w") as file:
            wide = {it: 7 if number == odd and it == dataset else 14 for it in ("action", "observations/qpos")}
            for name, width in wide.items():
                file[name] = draw.normal(size=(rows, width))
            if number == nan:
                file["action"][3, 2] = np.nan
    return folder


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("dataset", ["action", "observations/qpos"])
def test_an_episode_of_another_width_is_named_once(tmp_path, workers, dataset):
    report = scan(write(tmp_path / "x", odd=5, dataset=dataset), workers=workers)
    (finding,) = report.findings
    assert (finding.key, finding.file, finding.code) == (None, "episode_5.hdf5", "shape")
    assert (report.bad, dict(report.counts)) == (1, {"shape": 1})


def test_it_goes_as_a_whole(tmp_path):
    receipt = rebuild(write(tmp_path / "x", odd=5), tmp_path / "y", drop_bad=True, workers=1)
    assert receipt.samples == ["episode_5.hdf5"]
    assert receipt.kept + receipt.dropped == receipt.records
    assert len(list((tmp_path / "y").iterdir())) == 11
    assert scan(tmp_path / "y", workers=1).clean


def test_what_else_is_wrong_with_its_rows_is_said(tmp_path):
    report = scan(write(tmp_path / "x", odd=5, nan=5), workers=1)
    assert sorted((it.key, it.code) for it in report.findings if it.key) == [("/[3]", "nan")]
    assert (report.bad, dict(report.counts)) == (2, {"shape": 1, "nan": 1})


def test_rows_of_a_file_that_is_no_sample_are_named(tmp_path):
    """They can be dropped one by one, without losing the file."""
    report = scan(write(tmp_path / "x", called="part", odd=5), workers=1)
    assert sum(it.key is not None for it in report.findings) == 22
    receipt = rebuild(tmp_path / "x", tmp_path / "y", drop_bad=True, workers=1)
    assert receipt.dropped >= 22
