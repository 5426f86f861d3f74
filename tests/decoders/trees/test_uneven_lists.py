"""Test lists of numbers that are no array, where nearly all others have a shape in common."""

import json
import pickle

import msgpack
import numpy as np
import pytest
from building import write_lmdb

import datacheck

FORMATS = {"json": lambda it: json.dumps(it).encode(), "pickle": pickle.dumps, "msgpack": msgpack.packb}
PARTS = "its parts differ in size, expected the shape [3, 3] as nearly all others have it"


def findings(folder, pack, sound, broken):
    records = {b"%04d" % at: pack({"x": sound(at), "n": at}) for at in range(300)}
    records |= {b"%04d" % at: pack({"x": it, "n": at}) for at, it in enumerate(broken, 3)}
    report = datacheck.scan(write_lmdb(folder / "db", records), workers=1)
    return [(it.key, it.code, it.verdict, it.message) for it in report.findings]


@pytest.mark.parametrize("pack", FORMATS.values(), ids=FORMATS.keys())
def test_a_row_that_is_too_short_is_found(tmp_path, pack):
    row = [0.5, 1.0, 1.5]
    broken = [[[*row], [*row], row[:2]], [row, row[:2]], [row, [*row], [0.5, "a", 1.0]]]
    assert findings(tmp_path, pack, lambda at: (np.eye(3) * at).tolist(), broken) == [
        ("0003", "shape", "suspicious", PARTS),
        ("0004", "shape", "suspicious", PARTS),
        ("0005", "fields", "suspicious", "x[2][1] is a text, nearly all others have numbers only"),
    ]


def test_boxes_of_any_number_are_held_to_their_size(tmp_path):
    message = "its parts differ in size, expected the shape [any, 4] as nearly all others have it"
    boxes = [[[1, 2, 3, 4], [1, 2, 3]]]
    found = findings(tmp_path, FORMATS["json"], lambda at: [[1, 2, 3, at]] * (at % 3 + 1), boxes)
    assert found == [("0003", "shape", "suspicious", message)]


def test_polygons_of_any_size_are_sound(tmp_path):
    polygons = lambda at: [[*range(6 + 2 * ((at + it) % 4))] for it in range(at % 3 + 1)]  # noqa: E731
    assert findings(tmp_path, FORMATS["json"], polygons, []) == []
