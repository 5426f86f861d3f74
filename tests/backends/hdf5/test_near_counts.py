"""Datasets that are meant to have as many rows as each other by their names, or as columns beside columns."""

import h5py
import numpy as np
import pytest

from datacheck import scan

PAIRED = [
    ("inputs", "outputs"),
    ("src", "tgt"),
    ("source", "target"),
    ("images", "masks"),
    ("noisy", "clean"),
    ("train_lr", "train_hr"),
    ("video_feats", "text_feats"),
    ("features", "coords"),
    ("embeddings", "locations"),
]


def write(path, **rows):
    with h5py.File(path, "w") as file:
        for number, (name, shape) in enumerate(rows.items()):
            file[name] = np.random.default_rng(number).normal(size=shape)
    return path


def codes(path):
    return [(it.code, sorted(it.details.get("rows", ()))) for it in scan(path, workers=1).findings]


@pytest.mark.parametrize("names", PAIRED, ids="-".join)
@pytest.mark.parametrize(("rows", "others"), [(120, 119), (90, 80), (80, 90)])
def test_pairs_that_differ_in_their_rows_are_named_once(names, rows, others, tmp_path):
    first, second = names
    assert codes(write(tmp_path / "sound.h5", **{first: (rows, 6), second: (rows, 6)})) == []
    path = write(tmp_path / "bad.h5", **{first: (rows, 6), second: (others, 6)})
    assert codes(path) == [("row-count", sorted(f"/{it}" for it in names))]


def test_a_column_of_events_that_is_shorter_is_named(tmp_path):
    rows = {f"events/{it}": 5000 for it in "xyp"}
    assert codes(write(tmp_path / "sound.h5", **rows, **{"events/t": 5000, "ms_to_idx": 50})) == []
    assert codes(write(tmp_path / "bad.h5", **rows, **{"events/t": 4997})) == [
        ("row-count", ["/events/p", "/events/t"])
    ]


@pytest.mark.parametrize(
    "rows",
    [
        {"images": (20, 8, 8), "masks": (100, 8, 8)},
        {"images": (60, 8, 8), "masks": (58, 8, 8), "mask_start": 60},
        {"inputs": (100, 4), "output_size": (90, 4)},
        {"vertices": (900, 3), "normals": (900, 3), "colors": (900, 3), "faces": (890, 3)},
        {"x": 500, "y": 500, "counts_of": 500, "edges": 501},
        {"a": 500, "b": 500, "c": 480, "d": 481},
        {"lat": 180, "lon": 360, "time": 175},
        {"low": (100, 4), "high": (30, 4)},
        {"x": 100, "y": 90, "height": (90, 100)},
    ],
    ids=lambda rows: "-".join(rows),
)
def test_what_may_well_differ_is_sound(rows, tmp_path):
    assert codes(write(tmp_path / "a.h5", **rows)) == []


def test_data_that_grew_on_beside_labels_are_named(tmp_path):
    rows = {"features": (100, 8), "places": (100, 2), "label": 100}
    assert codes(write(tmp_path / "sound.h5", **rows)) == []
    path = write(tmp_path / "bad.h5", **{**rows, "features": (110, 8)})
    assert codes(path) == [("row-count", ["/features", "/label"])]


def test_boxes_of_pictures_are_as_many_as_there_are(tmp_path):
    path = write(tmp_path / "a.h5", images=(100, 8, 8), boxes=(120, 4), labels=120)
    with h5py.File(path, "a") as file:
        file["image_index"] = np.arange(120) % 100
    assert codes(path) == []


WIDE = {"image_features": (60, 36, 16), "image_bb": (60, 36, 4), "spatial_features": (58, 36, 6)}


def test_what_is_known_of_the_boxes_of_each_picture_is_as_long(tmp_path):
    assert codes(write(tmp_path / "sound.h5", **{**WIDE, "spatial_features": (60, 36, 6)})) == []
    assert codes(write(tmp_path / "bad.h5", **WIDE)) == [("row-count", ["/image_bb", "/spatial_features"])]


@pytest.mark.parametrize(
    "other", [(58, 30, 6), (30, 36, 6), (58, 36, 16)], ids=["another width", "far fewer", "another set of the same"]
)
def test_what_is_of_another_width_or_far_fewer_is_sound(tmp_path, other):
    assert codes(write(tmp_path / "a.h5", **{**WIDE, "spatial_features": other})) == []


def test_what_goes_in_has_its_way_out(tmp_path):
    assert codes(write(tmp_path / "a.h5", train_in=(80, 4, 9), train_out=(77, 3), test_in=(30, 4, 9))) == [
        ("row-count", ["/train_in", "/train_out"])
    ]
    assert codes(write(tmp_path / "b.h5", train_in=(80, 4, 9), test_out=(77, 3), fc_in=(64, 9), fc_out=(9, 10))) == []
