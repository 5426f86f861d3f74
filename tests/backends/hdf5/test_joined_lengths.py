"""Lengths that add up to the rows of what they divide."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from hdf5_walks import forget_walks

from datacheck.backends.hdf5.library import looking
from datacheck.backends.hdf5.reader import Hdf5Reader
from datacheck.backends.hdf5.references import joined_lengths

TEXTS = 61


def write(path, change=lambda _: None, more=0, name="seq_len", **others):
    """Write the tokens of all texts, `more` than the lengths say, with the length and the label of each text."""
    lengths = np.random.default_rng(0).integers(5, 30, TEXTS)
    rows = int(lengths.sum()) + more
    change(lengths)
    with h5py.File(path, "w") as file:
        file["tokens"] = np.random.default_rng(1).integers(0, 1000, rows)
        file[name] = lengths
        file["label"] = np.arange(TEXTS) % 3
        for called, values in others.items():
            file[called] = values
    return path


def told(path):
    forget_walks()
    findings = Hdf5Reader(path, (path,)).layout().findings  # in this process, with the limits that a test sets
    return [(it.code, it.verdict, it.details.get("dataset", it.details.get("object"))) for it in findings]


def longer(at, by):
    def change(lengths):
        lengths[at] += by

    return change


PADDED = -(-int(np.random.default_rng(0).integers(5, 30, TEXTS).sum()) // 64) * 64
ROWS = int(np.random.default_rng(0).integers(5, 30, TEXTS).sum())
STREAM = np.random.default_rng(1).integers(0, 1000, ROWS - 1)  # as `write` makes the tokens, without the last
SOUND = {
    "inputs beside targets": {"more": -1, "targets": np.append(STREAM[1:], 5)},
    "as many": {},
    "a token more for each": {"more": TEXTS},
    "filled up to a block": {"more": PADDED - ROWS},
    "far from it": {"more": 5000},
    "of another name": {"more": 7, "name": "score"},
    "of a dataset beside": {"more": 7, "frames": np.zeros((ROWS, 2))},
    "with first rows": {"more": 7, "start": np.arange(TEXTS)},
}


@pytest.mark.parametrize("name", SOUND)
def test_sound_lengths_have_no_finding(tmp_path, name):
    assert not [it for it in told(write(tmp_path / "a.h5", **SOUND[name])) if it[0] == "count"]


@pytest.mark.parametrize(
    ("wrong", "verdict"),
    [
        ({"change": longer(3, 40)}, "bad"),
        ({"change": longer(3, -4)}, "bad"),
        ({"more": -2}, "bad"),
        ({"more": 2}, "bad"),
        ({"more": -1}, "suspicious"),
        ({"more": 1}, "suspicious"),
        ({"more": -1, "labels": np.zeros(ROWS - 1, "i8")}, "suspicious"),
        ({"more": 80}, "suspicious"),
        ({"more": 9, "frames": np.zeros((5000, 2))}, "suspicious"),
    ],
)
def test_lengths_that_do_not_add_up_to_the_rows(tmp_path, wrong, verdict):
    assert told(write(tmp_path / "a.h5", **wrong)) == [("count", verdict, "/seq_len")]


def test_frames_that_are_one_fewer_than_the_lengths_say_are_bad(tmp_path):
    path = write(tmp_path / "a.h5")
    with h5py.File(path, "a") as file:
        del file["tokens"]
        file["frames"] = np.zeros((ROWS - 1, 2), "f4")
    assert told(path) == [("count", "bad", "/seq_len")]


def test_lengths_of_any_size_are_read_in_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(looking, "PIECE_BYTES", 64)
    monkeypatch.setattr(looking, "LARGEST", 128)
    assert told(write(tmp_path / "a.h5", longer(57, 9))) == [("count", "bad", "/seq_len")]
    monkeypatch.setattr(joined_lengths, "MOST", 8 * TEXTS - 1)
    assert told(write(tmp_path / "b.h5", longer(57, 9))) == [("unsupported", "unverifiable", "/seq_len")]


@pytest.mark.parametrize(("chunk", "texts"), [(64, []), (65, ["the 520 bytes of a chunk are more than the 512 that"])])
def test_lengths_in_a_chunk_that_is_too_large_are_not_called_clean(tmp_path, monkeypatch, chunk, texts):
    for module in (looking, joined_lengths):
        monkeypatch.setattr(module, "LARGEST", 512)
    monkeypatch.setattr(looking, "PIECE_BYTES", 64)
    with h5py.File(write(tmp_path / "a.h5"), "r+") as file:
        lengths = file["seq_len"][:]
        del file["seq_len"]
        file.create_dataset("seq_len", data=lengths, chunks=(chunk,), maxshape=(None,))
    forget_walks()
    findings = Hdf5Reader(tmp_path / "a.h5", (tmp_path / "a.h5",)).layout().findings
    assert [it.code for it in findings] == ["unsupported"] * len(texts)
    assert all(text in it.message for it, text in zip(findings, texts, strict=True))
