"""Columns of values of varying length that have as many in each row, and columns that count them."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck

COUNT, ODD = 40, 7


def lengths(odd=()):
    made = 30 + np.arange(COUNT) * 7 % 23
    made[list(odd)] -= 3
    return made


def write(path, **columns):
    """Write columns: arrays as they are, and for a pair of seed and lengths values of varying length."""
    with h5py.File(path, "w") as file:
        for name, its in columns.items():
            if isinstance(its, np.ndarray):
                file[name] = its
                continue
            seed, sizes = its
            column = file.create_dataset(name, (len(sizes),), h5py.vlen_dtype(np.float32))
            for row, size in enumerate(sizes):
                column[row] = np.random.default_rng(seed + row).normal(size=size)
        file["labels"] = np.arange(COUNT) % 5
    return path


def said(path):
    return [(it.key, it.code, it.verdict) for it in datacheck.scan(path, workers=1).findings]


@pytest.mark.parametrize("group", ["", "spikes/"])
def test_a_row_with_fewer_units_than_times_is_bad_and_goes(tmp_path, group):
    source = write(tmp_path / "a.h5", **{f"{group}times": (0, lengths()), f"{group}units": (99, lengths([ODD]))})
    ((key, code, verdict),) = said(source)
    assert (key, code, verdict) == (f"/{group.strip('/')}[{ODD}]", "row-count", "bad")
    datacheck.rebuild(source, tmp_path / "b.h5", drop_bad=True, workers=1, accept_losses=True)
    assert said(tmp_path / "b.h5") == []


def test_a_column_that_counts_values_is_compared_with_them(tmp_path):
    assert said(write(tmp_path / "a.h5", tokens=(0, lengths()), n_tokens=lengths())) == []
    assert said(write(tmp_path / "b.h5", tokens=(0, lengths([ODD])), n_tokens=lengths())) == [
        (f"/[{ODD}]", "count", "bad")
    ]


def test_what_is_empty_is_said_once(tmp_path):
    sizes = lengths()
    sizes[ODD] = 0
    source = write(tmp_path / "a.h5", times=(0, lengths()), units=(99, sizes))
    assert said(source) == [(f"/[{ODD}]", "empty", "bad")]


SOUND = {
    "as-long": {"times": (0, lengths()), "units": (99, lengths())},
    "questions-and-answers": {
        "question": (0, lengths()), "answer": (99, np.random.default_rng(0).integers(5, 60, COUNT))
    },
    "of-few-lengths": {
        "times": (0, 30 + np.arange(COUNT) % 2), "units": (99, 30 + np.arange(COUNT) % 2 * (np.arange(COUNT) != ODD))
    },
    "a-number-of-something-else": {"tokens": (0, lengths()), "n_words": lengths() // 2},
}  # fmt: skip


@pytest.mark.parametrize("columns", SOUND.values(), ids=SOUND)
def test_columns_that_need_not_be_as_long_are_sound(tmp_path, columns):
    assert said(write(tmp_path / "a.h5", **columns)) == []


def test_where_several_rows_differ_that_is_suspicious(tmp_path):
    source = write(tmp_path / "a.h5", times=(0, lengths()), units=(99, lengths([3, 9, 31])))
    assert said(source) == [(f"/[{row}]", "row-count", "suspicious") for row in (3, 9, 31)]
