"""What has as many rows as something else in the other sets of a file is meant to have as many in every one."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck

ROWS = {"train": 40, "valid": 12, "test": 9}


def write(path, spell="{}/{}", sets=ROWS, **short):
    """Write lines and their texts for each set; `short` is how many texts a set lacks."""
    with h5py.File(path, "w") as file:
        for name, rows in sets.items():
            texts = np.array([f"line {it}".encode() for it in range(rows)])
            file[spell.format(name, "pages")] = np.random.default_rng(rows).integers(0, 256, (rows, 24, 9), np.uint8)
            file[spell.format(name, "words")] = texts[: rows - short.get(name, 0)]
            file[spell.format(name, "alphabet")] = np.array([b"a", b"b", b"c"])
    return path


def said(path):
    return [(it.verdict, it.message) for it in datacheck.scan(path, workers=1).findings if it.code == "row-count"]


@pytest.mark.parametrize("spell", ["{}/{}", "{1}_{0}", "set_{0}/of_{1}"])
@pytest.mark.parametrize("name", ROWS)
def test_one_set_that_lacks_rows_is_named(tmp_path, spell, name):
    assert said(write(tmp_path / "sound.h5", spell)) == []
    ((verdict, message),) = said(write(tmp_path / "a.h5", spell, **{name: 2}))
    path = "/" + spell.format(name, "words")
    assert verdict == "bad"
    assert f"{path} has {ROWS[name] - 2} rows" in message
    assert "in the other sets they agree" in message


def test_one_other_set_alone_makes_it_suspicious(tmp_path):
    both = {"train": 40, "test": 9}
    assert said(write(tmp_path / "sound.h5", sets=both)) == []
    ((verdict, _),) = said(write(tmp_path / "a.h5", sets=both, test=3))
    assert verdict == "suspicious"


def test_a_set_without_labels_is_sound(tmp_path):
    with h5py.File(write(tmp_path / "a.h5"), "a") as file:
        del file["test/words"]
        file["test/words"] = np.zeros(0, "S8")
    assert said(tmp_path / "a.h5") == []


def test_lengths_that_agree_by_chance_tell_nothing(tmp_path):
    with h5py.File(write(tmp_path / "a.h5"), "a") as file:
        for name, (boxes, pages) in {"train": (50, 40), "valid": (31, 12), "test": (9, 9)}.items():
            file[f"{name}/boxes"] = np.random.default_rng(pages).normal(size=(boxes, 4))
    assert said(tmp_path / "a.h5") == []
