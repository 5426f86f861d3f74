"""How much the others must agree before one that differs is wrong, and what was not compared."""

import h5py
import numpy as np
import pytest

from datacheck.backends.hdf5.folders import file_families
from datacheck.backends.hdf5.reader import Hdf5Reader
from datacheck.backends.hdf5.samples import samples
from datacheck.backends.interface import StoreOptions


def said(path):
    return [(it.code, it.verdict) for it in Hdf5Reader.recognise(path, StoreOptions()).layout().findings]


def write(path, lengths, names=("tokens", "words")):
    with h5py.File(path, "w") as file:
        for number, its in enumerate(lengths):
            for name, rows in zip(names, its, strict=True):
                file[f"doc_{number}/{name}"] = np.ones((rows, 3))
    return path


@pytest.mark.parametrize(
    ("lengths", "wanted"),
    [
        ([(40, 40), (40, 40), (40, 37)], []),
        ([(40, 40), (55, 55), (60, 57)], [("row-count", "suspicious")]),
        ([(40, 40), (55, 55), (30, 30), (60, 57)], [("row-count", "bad")]),
        ([(40, 40), (55, 55), (60, 60)], []),
    ],
)
def test_two_others_that_agree_are_little_to_go_by(tmp_path, lengths, wanted):
    assert said(write(tmp_path / "a.h5", lengths)) == wanted


def test_two_episodes_are_enough_for_what_is_called_actions(tmp_path):
    lengths = [(40, 40), (55, 55), (60, 57)]
    assert said(write(tmp_path / "a.h5", lengths, ("actions", "obs/joints"))) == [("row-count", "bad")]


@pytest.mark.parametrize("short", [[7], [3, 7, 11, 20]])
def test_samples_may_be_padded_in_one_of_their_parts(tmp_path, short):
    """The features of a text are padded to 64 tokens, or cut there, and its words are as many as there are."""
    lengths = [(64, 25 if at in short else 64) for at in range(40)]
    assert said(write(tmp_path / "a.h5", lengths)) == [("row-count", "suspicious")] * len(short)
    two = [(its := 32 if at % 2 else 64, its - 5 * (at in short)) for at in range(40)]
    assert said(write(tmp_path / "b.h5", two)) == [("row-count", "suspicious")] * len(short)


def test_samples_of_many_lengths_are_not_padded(tmp_path):
    lengths = [(40 + at, 40 + at - (at == 7)) for at in range(40)]
    assert said(write(tmp_path / "a.h5", lengths)) == [("row-count", "bad")]


def scans(folder, widths, name="kspace", other="reconstruction"):
    folder.mkdir()
    for number, width in enumerate(widths):
        with h5py.File(folder / f"file{number:03}.h5", "w") as file:
            slices = 20 + number
            file[name], file[other] = np.ones((slices, 2, 64, width), "c8"), np.ones((slices, 32, 32), "f4")
    return folder


def test_kspace_is_as_wide_as_it_was_measured(tmp_path):
    assert said(scans(tmp_path / "a", [36, 36, 36, 37, 36, 36, 36, 40])) == []


def test_a_camera_of_another_width_is_wrong_in_an_episode(tmp_path):
    found = said(scans(tmp_path / "a", [36, 36, 36, 37, 36, 36, 36, 36], "images/top", "action"))
    assert found == [("shape", "bad")]


def labelled(path, labels, rows=200):
    with h5py.File(path, "w") as file:
        file["features"], file["labels"] = np.ones((rows, 8)), labels
    return path


def test_labels_in_pairs_with_their_rows_are_as_many_as_there_are(tmp_path):
    draw = np.random.default_rng(1)
    rows = np.sort(draw.integers(0, 200, 700))
    pairs = np.stack([rows, draw.integers(0, 30, 700)], axis=1)
    assert said(labelled(tmp_path / "a.h5", pairs)) == []
    beyond = np.concatenate([pairs, [[200, 1]]])
    assert said(labelled(tmp_path / "b.h5", beyond)) == [("row-count", "bad")]
    assert said(labelled(tmp_path / "c.h5", np.eye(2, dtype="i8")[draw.integers(0, 2, 190)])) == [("row-count", "bad")]


def test_what_is_too_much_to_be_compared_is_said(tmp_path, monkeypatch):
    path = write(tmp_path / "a.h5", [(40, 40), (55, 55), (30, 30), (60, 57)])
    monkeypatch.setattr(samples, "CELLS", 7)
    assert said(path) == [("unsupported", "unverifiable")]
    folder = scans(tmp_path / "b", [36, 36, 36, 36])
    monkeypatch.setattr(file_families, "MEMBERS", 5)
    assert said(folder) == [("unsupported", "unverifiable")]


def test_files_of_many_datasets_are_compared(tmp_path):
    folder = tmp_path / "a"
    folder.mkdir()
    for number in range(4):
        with h5py.File(folder / f"case_{number}.h5", "w") as file:
            for at in range(1100 - 5 * (number == 2)):
                file.create_dataset(
                    f"field_{chr(97 + at % 26)}{chr(97 + at // 26 % 26)}{chr(97 + at // 676)}", (3, 2), "f4"
                )
    assert ("unpaired", "bad") in said(folder)
