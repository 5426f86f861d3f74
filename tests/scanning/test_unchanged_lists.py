"""Test that --if-changed does not answer where a list of a folder's files has changed."""

import h5py
import numpy as np
import pytest
from commanding import datacheck

NAMES = [f"scene_{at}.h5" for at in range(5)]


@pytest.fixture
def folder(tmp_path):
    (path := tmp_path / "set").mkdir()
    for at, name in enumerate(NAMES):
        with h5py.File(path / name, "w") as file:
            file["data"] = np.random.default_rng(at).normal(size=(6, 4))
    (path / "test.txt").write_text("\n".join(NAMES[:4]))
    (tmp_path / "train.txt").write_text("\n".join(NAMES))
    (tmp_path / "other.txt").write_text("a line")
    return path


def again(folder):
    return datacheck("scan", "--no-config", folder, "--if-changed", folder.parent / "r.json")


@pytest.mark.parametrize("name", ["test.txt", "../train.txt", "../new.txt", "../other.txt"])
def test_a_list_that_changes_is_compared_again(folder, name):
    assert datacheck("scan", "--no-config", folder, "-o", folder.parent / "r.json").returncode == 0
    assert "answered from" in again(folder).stdout.partition("\n")[0]
    (folder / name).write_text("\n".join([*NAMES, "scene_9.h5"]))
    said = again(folder)
    assert said.returncode == 1, said.stdout
    assert "scene_9.h5, which is not there" in said.stdout


def test_a_text_that_names_none_of_the_files_does_not_matter(folder):
    datacheck("scan", "--no-config", folder, "-o", folder.parent / "r.json")
    (folder.parent / "other.txt").write_text("another line")
    (folder.parent / "more.txt").write_text("a line")
    assert "answered from" in again(folder).stdout.partition("\n")[0]


def test_a_table_that_names_the_traces_of_a_file_is_compared_again(tmp_path):
    names = [f"B{at:03}.TA_EV" for at in range(16)]
    with h5py.File(path := tmp_path / "merge.hdf5", "w") as file:
        for at, name in enumerate(names):
            file[f"data/{name}"] = np.random.default_rng(at).normal(size=(60, 3))
    (tmp_path / "merge.csv").write_text("\n".join(["trace_name", *names]))
    assert datacheck("scan", "--no-config", path, "-o", tmp_path / "r.json").returncode == 0
    words = ("scan", "--no-config", path, "--if-changed", tmp_path / "r.json")
    assert "answered from" in datacheck(*words).stdout.partition("\n")[0]
    (tmp_path / "merge.csv").write_text("\n".join(["trace_name", *names, "B999.TA_EV"]))
    assert "merge.csv names B999.TA_EV, which is not in merge.hdf5" in datacheck(*words).stdout
