"""A table that has no row in one file or group, where each of the others has as many rows as the rest."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck


def write(folder, rows):
    folder.mkdir()
    for at, count in enumerate(rows):
        with h5py.File(folder / f"run_{at:03d}.h5", "w") as file:
            random = np.random.default_rng(at)
            file["telescopes"] = random.random((count, 3))
            file["events/energy"] = random.random(90 + at)
            file["events/image"] = random.random((90 + at, 12))
    return folder


def test_a_table_without_a_row_in_one_file_is_suspicious(tmp_path):
    (finding,) = datacheck.scan(write(tmp_path / "a", [4, 4, 4, 0, 4, 4])).findings
    assert (finding.verdict, finding.code, finding.file) == ("suspicious", "unpaired", "run_003.h5")
    assert finding.message == "the file run_003.h5 has no row in /telescopes, where each of the others has 4"


@pytest.mark.parametrize(
    "rows", [[4, 2, 5, 0, 1, 3], [4, 4, 0, 0, 4, 4], [1, 1, 1, 0, 1, 1], [0] * 6, [4, 0], [4, 4, 4, 4, 4, 5]]
)
def test_a_number_of_rows_that_may_be_none_is_sound(tmp_path, rows):
    assert list(datacheck.scan(write(tmp_path / "a", rows)).findings) == []
