"""Test that a list of files is checked, but not a report, a receipt or a summary that datacheck wrote of a folder."""

import h5py
import numpy as np
import pytest
from commanding import datacheck


@pytest.fixture
def folder(tmp_path):
    """Write a folder of five files, four of them with a NaN."""
    made = tmp_path / "train"
    made.mkdir()
    for number in range(5):
        with h5py.File(made / f"part_{number}.h5", "w") as file:
            data = np.arange(24.0).reshape(6, 4) + number
            data[2, 1] = np.nan if number else 0
            file["data"] = data
    return made


@pytest.fixture
def reports(folder):
    names = [folder.parent / f"scan{suffix}" for suffix in (".json", ".jsonl", ".csv")]
    options = [word for name in names for word in ("--report", name)]
    (folder.parent / "scan.txt").write_text(datacheck("scan", folder, *options).stdout)
    return names


def codes_after_removal(folder):
    (folder / "part_2.h5").unlink()
    said = datacheck("scan", folder).stdout
    return [line.split()[0] for line in said.splitlines() if line.startswith("  ") and line[2] != " "]


def test_reports_name_a_file_that_was_removed(folder, reports):
    assert codes_after_removal(folder) == ["nan"]


def test_a_list_of_bad_files_names_a_file_that_was_removed(folder):
    (folder / "bad_files.txt").write_text("".join(f"part_{number}.h5\n" for number in range(5)))
    assert codes_after_removal(folder) == ["nan"]


def test_a_list_of_files_names_a_file_that_was_removed(folder):
    (folder / "train_files.txt").write_text("".join(f"part_{number}.h5\n" for number in range(5)))
    assert codes_after_removal(folder) == ["nan", "missing"]
