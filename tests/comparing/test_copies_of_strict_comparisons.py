"""Test that the printed command for a copy after a comparison runs where it used to be refused."""

import shutil

import h5py
import pytest
from building import key, raw_records, write_lmdb
from commanding import datacheck, shell


@pytest.fixture
def folders(tmp_path):
    """Write two folders, each with an LMDB and an HDF5 file; both stores of the one share records with the other's."""
    records = raw_records(60)
    for at, name in enumerate("ab"):
        (tmp_path / name).mkdir()
        write_lmdb(tmp_path / name / "db", {key(it): records[key(it)] for it in range(20 * at, 20 * at + 25)})
        with h5py.File(tmp_path / name / "rows.h5", "w") as file:
            file["data"] = [[float(row), 1.0, 2.0] for row in range(30 * at, 30 * at + 33)]
    return tmp_path


def commands(folder, *options):
    said = datacheck("compare", *options, "--report", "pairs.json", cwd=folder).stdout
    return [it.partition(": ")[2] for it in said.splitlines() if "copy" in it]


def test_a_copy_of_all_files_of_a_folder_names_their_kind(folders):
    for command in commands(folders, "a", "b"):
        assert shell(command, cwd=folders).returncode == 0
        shutil.rmtree(folders / "b_clean", ignore_errors=True)


def test_where_suspicious_records_count_the_copy_drops_what_was_found(folders):
    (command,) = commands(folders, "a/db", "b/db", "--strict")
    assert command == "datacheck rebuild b/db b/db_clean --drop leak --strict --from-report pairs.json"
    assert shell(command, cwd=folders).returncode == 0


def test_a_comparison_that_found_nothing_twice_prints_no_command(folders):
    with h5py.File(folders / "one.h5", "w") as one, h5py.File(folders / "other.h5", "w") as other:
        one["data"], other["data"] = [[1.0, 2.0]] * 1, [[3.0, 4.0]]
    assert commands(folders, "one.h5", "other.h5", "--strict") == []
