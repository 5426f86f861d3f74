"""Lists of the files of a folder that are too large, or too many, to be compared with it as a whole."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest
from hdf5_walks import forget_walks

from datacheck import open_store
from datacheck.backends.hdf5.folders import file_lists

FILES = 5
NAMES = [f"scene_{at}.h5" for at in range(FILES)]


@pytest.fixture
def folder(tmp_path):
    (path := tmp_path / "a" / "set").mkdir(parents=True)
    for at, name in enumerate(NAMES):
        with h5py.File(path / name, "w") as file:
            file["data"] = np.random.default_rng(at).normal(size=(6, 4))
    return path


def told(path):
    forget_walks()
    return [(it.code, it.verdict) for it in open_store(path).layout().findings]


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(file_lists, "PIECE", 256)
    monkeypatch.setattr(file_lists, "LONGEST", 64)
    monkeypatch.setattr(file_lists, "LARGEST", 512)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\n".join(NAMES) + "\n" + "a line about something else\n" * 40, [("unsupported", "unverifiable")]),
        ("a line about something else\n" * 40, []),
        ("\n".join([*NAMES, "scene_9.h5"]) + "\nx" * 400, [("unsupported", "unverifiable"), ("missing", "bad")]),
        ("\n".join(NAMES), []),
    ],
)
@pytest.mark.usefixtures("small")
def test_a_large_list_is_compared_as_far_as_it_is_read(folder, text, expected):
    (folder / "files.txt").write_text(text)
    assert told(folder) == expected


def test_of_very_many_texts_those_that_are_named_as_lists_are_compared(folder, monkeypatch):
    monkeypatch.setattr(file_lists, "MOST_LISTS", 2)
    for at in range(FILES):
        (folder / f"scene_{at}.json").write_text(json.dumps({"file": NAMES[at], "text": "a kitchen"}))
    assert told(folder) == []
    (folder / "test.txt").write_text("\n".join(NAMES))
    assert told(folder) == []
    (folder / "train.txt").write_text("\n".join([*NAMES, "scene_9.h5"]))
    assert told(folder) == [("missing", "bad")]


def test_texts_like_one_that_lists_the_files_are_named_if_they_are_too_many(folder, monkeypatch):
    monkeypatch.setattr(file_lists, "MOST_LISTS", 2)
    for name in ("ann", "bea", "cas", "dan"):
        (folder / f"{name}.txt").write_text("\n".join(NAMES))
    assert told(folder) == [("unsupported", "unverifiable")]


def test_captions_beyond_those_that_were_read_are_no_lists_either(folder, monkeypatch):
    monkeypatch.setattr(file_lists, "MOST_LISTS", 2)
    for at in range(FILES):
        (folder / f"scene_{at}.txt").write_text("a kitchen\n")
    (folder / "aaa.txt").write_text("\n".join(NAMES))
    assert told(folder) == []


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("where", [".", ".."])
def test_lists_that_are_too_many_are_named_if_one_lists_the_files(folder, monkeypatch, where, count):
    """Named as lists, in and beside the folder; those of other files leave the folder as it is."""
    monkeypatch.setattr(file_lists, "MOST_LISTS", 1)
    monkeypatch.setattr(file_lists, "MOST_LIKELY", 2)
    (folder / where / "a.txt").write_text("of other things\n")
    for at in range(count):
        (folder / where / f"split_{at}.txt").write_text("room_1.h5\nroom_2.h5\nroom_3.h5\n")
    assert told(folder) == []
    (folder / where / "split_0.txt").write_text("\n".join(NAMES))
    assert told(folder) == ([("unsupported", "unverifiable")] if count > 2 else [])


def test_of_many_texts_beside_a_folder_those_named_as_lists_are_compared(folder, monkeypatch):
    monkeypatch.setattr(file_lists, "MOST_LISTS", 1)
    for at in range(3):
        (folder.parent / f"split_{at}.txt").write_text("\n".join([*NAMES, "scene_9.h5"] if at == 2 else NAMES))
    assert told(folder) == [("missing", "bad")]
