"""Test labels that are arrays: maps and one-hot vectors of another shape than nearly all others have."""

import json
import pickle

import numpy as np
import pytest
from building import write_lmdb

import datacheck

ROWS = 60


def said(folder, pack, label, odd):
    made = [pack({"x": [0.5, at], "label": label(at)}) for at in range(ROWS)]
    made[7] = pack({"x": [0.5, 7], "label": odd})
    report = datacheck.scan(write_lmdb(folder / "db", {b"%03d" % at: it for at, it in enumerate(made)}), workers=1)
    return [(it.key, it.code, it.verdict, it.message) for it in report.findings if it.field == "label"]


def as_json(record):
    return json.dumps(record).encode()


@pytest.mark.parametrize(
    ("pack", "label", "odd", "verdict"),
    [
        (pickle.dumps, lambda at: np.full((4, 4), at % 3), np.ones((4, 5), int), "bad"),
        (as_json, lambda at: np.eye(5)[at % 5].tolist(), [1.0, 0.0, 0.0, 0.0], "bad"),
        (as_json, lambda at: [at % 3, 1], [1, 2, 2], "suspicious"),
        (pickle.dumps, lambda at: np.full((1, 4), at / 2), np.ones((2, 4)), "suspicious"),
        (as_json, lambda at: [0.5, at / 60, 1.0, 1.5], [0.5, 1.0, 1.0, 1.5] * 2, "suspicious"),
        (pickle.dumps, lambda at: np.full((20, 24), at % 3), np.ones((24, 20), int), "suspicious"),
        (pickle.dumps, lambda at: np.full((2, 4), at / 2), np.ones((2, 5)), "bad"),
    ],
)
def test_a_label_of_another_shape_is_found(tmp_path, pack, label, odd, verdict):
    shapes = [list(np.shape(it)) for it in (odd, label(0))]
    assert said(tmp_path, pack, label, odd) == [("007", "shape", verdict, "shape {}, expected {}".format(*shapes))]


@pytest.mark.parametrize(
    ("pack", "label", "odd"),
    [
        (as_json, lambda at: [1] * (at % 4), [1, 2, 3, 4, 5, 6, 7]),
        (as_json, lambda at: [at % 3], [1, 2]),
        (pickle.dumps, lambda at: np.full((4, 3 + at % 4), at % 3), np.ones((5, 4), int)),
    ],
)
def test_labels_of_as_many_values_as_there_are_objects_are_sound(tmp_path, pack, label, odd):
    assert said(tmp_path, pack, label, odd) == []
