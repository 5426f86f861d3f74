"""Values of varying length that may be empty, and those that were cut or padded after a column had counted them."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck

COUNT, ODD = 120, 40


def write(path, **columns):
    """Write columns: arrays as they are, and of lists values that are as long as the numbers in them say."""
    with h5py.File(path, "w") as file:
        for seed, (name, sizes) in enumerate(columns.items()):
            if isinstance(sizes, np.ndarray):
                file[name] = sizes
                continue
            column = file.create_dataset(name, (len(sizes),), h5py.vlen_dtype(np.float32))
            for row, size in enumerate(sizes):
                column[row] = np.random.default_rng(1000 * seed + row).normal(size=size)
        file["number"] = np.arange(COUNT) % 5
    return path


def said(path):
    return [(it.key, it.code, it.verdict) for it in datacheck.scan(path, workers=1).findings]


BOXES = np.random.default_rng(0).integers(1, 9, COUNT)
LENGTHS = 5 + np.arange(COUNT) * 7 % 53
EMPTY = np.where(np.arange(COUNT) == ODD, 0, BOXES)


def test_a_picture_may_have_no_box(tmp_path):
    source = write(tmp_path / "a.h5", boxes=(4 * EMPTY).tolist(), classes=EMPTY.tolist())
    assert {it[1:] for it in said(source)} == {("empty", "suspicious")}


def test_boxes_without_their_classes_are_bad(tmp_path):
    source = write(tmp_path / "a.h5", scores=BOXES.tolist(), classes=EMPTY.tolist())
    assert (f"/[{ODD}]", "row-count", "bad") in said(source)


def test_a_list_is_empty_where_all_others_are_long(tmp_path):
    lengths = np.where(np.arange(COUNT) == ODD, 0, LENGTHS)
    assert said(write(tmp_path / "a.h5", signal=lengths.tolist())) == [(f"/[{ODD}]", "empty", "bad")]


@pytest.mark.parametrize("limits", [(0, 50), (10, 99)], ids=["cut", "padded"])
def test_a_length_may_be_that_before_values_were_cut_or_padded(tmp_path, limits):
    sizes = LENGTHS.clip(*limits)
    assert (sizes != LENGTHS).sum() > 1
    assert said(write(tmp_path / "a.h5", tokens=sizes.tolist(), n_tokens=LENGTHS)) == []
    sizes[ODD] -= 2
    assert said(write(tmp_path / "b.h5", tokens=sizes.tolist(), n_tokens=LENGTHS)) == [(f"/[{ODD}]", "count", "bad")]
