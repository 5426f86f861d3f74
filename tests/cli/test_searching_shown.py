"""Test that each command that searches a folder shows on a terminal how far it has come."""

import sys
from types import SimpleNamespace

import commanding
import h5py
import numpy as np
import pytest
from building import raw_records, write_lmdb

from datacheck.cli import output
from datacheck.reporting import progress


class Terminal:
    """The module `sys`, with a standard error that says it is a terminal."""

    stdout = property(lambda self: sys.stdout)

    stderr = SimpleNamespace(isatty=lambda: True)


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setattr(output, "sys", Terminal())
    monkeypatch.setattr(progress, "SHORT", 0)


@pytest.fixture
def files(tmp_path):
    """A folder of HDF5 files, which is one source."""
    folder = tmp_path / "files"
    folder.mkdir()
    for number in range(2):
        with h5py.File(folder / f"{number}.h5", "w") as file:
            file["data"], file["label"] = np.arange(48.0).reshape(4, 12), np.arange(4)
    return folder


COMMANDS = {
    "info": "info {}",
    "show --bad": "show {} --bad 1",
    "checksum": "checksum {} --out sums",
    "rebuild": "rebuild {} copy --drop-bad --dry-run",
}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_search_of_a_folder_is_shown(terminal, files, tmp_path, name):
    done = commanding.datacheck(*COMMANDS[name].format(files.name).split(), cwd=tmp_path)
    assert done.returncode == 0, done
    assert "searching files:" in done.stderr


def test_the_searches_of_a_comparison_are_shown(terminal, files, tmp_path):
    write_lmdb(tmp_path / "train", raw_records(8))
    done = commanding.datacheck("compare", "train", "files", cwd=tmp_path)
    assert done.returncode == 0, done
    assert "searching files:" in done.stderr


@pytest.mark.parametrize("name", ["checksum", "rebuild"])
def test_it_is_not_shown_where_no_progress_is_wanted(terminal, files, tmp_path, name):
    done = commanding.datacheck(*COMMANDS[name].format("files").split(), "--no-progress", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_nothing_is_shown_in_a_pipe(files, tmp_path):
    assert commanding.datacheck("info", "files", cwd=tmp_path).stderr == ""
