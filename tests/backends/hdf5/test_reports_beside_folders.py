"""Test that a report that datacheck wrote of a folder is no list of its files, for a scan and for a rebuild."""

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


@pytest.mark.parametrize("place", [".", "train"])
def test_a_rebuild_takes_no_report_for_a_list(folder, reports, place):
    for path in reports:
        path.rename(folder.parent / place / path.name)
    with h5py.File(folder / "part_2.h5", "r+") as file:
        file["data"][...] = np.nan
    done = datacheck("rebuild", folder, folder.parent / "copy", "--drop-bad")
    assert "with all of part_2.h5" in done.stdout
    assert "names part_2.h5" not in done.stdout + done.stderr
    assert done.returncode == 0
