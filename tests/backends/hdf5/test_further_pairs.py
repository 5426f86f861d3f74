"""Datasets of one group that go with each other: questions and answers, points and values, batches of one."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from hdf5_walks import forget_walks

from datacheck import open_store

ROWS = 180


def told(path, **shapes):
    with h5py.File(path / "a.h5", "w") as file:
        for name, shape in shapes.items():
            values = np.arange(np.prod(shape)).reshape(shape)
            file[name] = values % 97 if len(shape) > 1 or "idx" not in name else values % 7
    forget_walks()
    return [(it.code, it.verdict, set(it.details["rows"])) for it in open_store(path / "a.h5").layout().findings]


@pytest.mark.parametrize(
    ("shapes", "pair"),
    [
        ({"questions": (ROWS, 46), "answers": (ROWS - 2,), "image_idxs": (ROWS,)}, ("questions", "answers")),
        ({"points_16": (24, 64, 3), "values_16": (23, 64, 1), "voxels": (24, 8, 8)}, ("points_16", "values_16")),
        ({"features": (1, 70, 32), "coords": (1, 71, 2)}, ("features", "coords")),
        # each whole cloud has 26 parts
        ({"complete": (20, 9, 3), "incomplete": (520, 9, 3), "labels": (518,)}, ("incomplete", "labels")),
    ],
)
def test_what_goes_together_has_as_many_rows(tmp_path, shapes, pair):
    assert told(tmp_path, **shapes) == [("row-count", "bad", {f"/{it}" for it in pair})]


@pytest.mark.parametrize(
    "shapes",
    [
        {"questions": (ROWS, 46), "answers": (10 * ROWS,), "image_idxs": (ROWS,)},
        {"points_16": (24, 64, 3), "values_16": (24, 64, 1)},
        {"features": (1, 70, 32), "coords": (1, 70, 2)},
        {"features": (1, 50, 32), "coords": (1, 49, 2)},  # with a token for the class
        {"complete": (20, 9, 3), "incomplete": (520, 9, 3), "labels": (520,)},
    ],
)
def test_sound_pairs_have_no_finding(tmp_path, shapes):
    assert told(tmp_path, **shapes) == []
