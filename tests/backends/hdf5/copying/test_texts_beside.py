"""Texts beside HDF5 files that have as many lines as there are rows, but are no lists of these."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck

PARAGRAPHS = "\n".join("" if at % 5 == 3 else f"words of line {at}" for at in range(24)) + "\n"
LINES = "\n".join(f"line {at}" for at in range(24)) + "\n"
CAPTIONS = LINES.replace("line 7\n", "\n")  # a caption that is empty


def folder(path, name, text):
    path.mkdir()
    data = np.random.default_rng(0).normal(size=(24, 6)).astype("f4")
    data[5, 2] = np.nan
    with h5py.File(path / "a.h5", "w") as file:
        file["data"], file["label"] = data, np.arange(24) % 3
    (path / name).write_bytes(text.encode())
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("LICENSE.txt", LINES),
        ("README.txt", LINES),
        (".gitignore", LINES),
        ("requirements.txt", LINES),
        ("about.txt", PARAGRAPHS),
        ("about.txt", PARAGRAPHS.replace("\n", "\r\n")),
    ],
)
def test_a_text_about_the_data_stops_no_rebuild(tmp_path, name, text):
    source = folder(tmp_path / "a", name, text)
    assert datacheck.rebuild(source, tmp_path / "copy", drop_bad=True, workers=1).dropped == 1
    assert (tmp_path / "copy" / name).read_bytes() == text.encode()


@pytest.mark.parametrize(
    ("name", "text"),
    [("samples.txt", LINES), ("captions.txt", CAPTIONS), ("names.txt", LINES.replace("\n", "\r\n"))],
)
def test_a_list_stops_a_rebuild(tmp_path, name, text):
    with pytest.raises(datacheck.UsageError, match=f"{name} has 24 lines, which may be of the rows one by one"):
        datacheck.rebuild(folder(tmp_path / "a", name, text), tmp_path / "copy", drop_bad=True, workers=1)


def test_a_readme_may_name_what_a_rebuild_drops(tmp_path):
    source = tmp_path / "a"
    source.mkdir()
    for number in range(5):
        with h5py.File(source / f"episode_{number}.hdf5", "w") as file:
            actions = np.random.default_rng(number).normal(size=(30, 7))
            actions[3, 3] = np.nan if number == 2 else 0
            file["action"], file["observations/qpos"] = actions, actions + 1
    (source / "README.txt").write_text("Open episode_2.hdf5 with h5py.\n")
    datacheck.rebuild(source, tmp_path / "copy", drop_bad=True, workers=1)
    assert len([*(tmp_path / "copy").glob("*.hdf5")]) == 4
