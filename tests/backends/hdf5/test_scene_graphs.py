"""Boxes of pictures and the relations between these, as Visual Genome has them for scene graphs."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from hdf5_walks import forget_walks

import datacheck
from datacheck import open_store
from datacheck.backends.hdf5.library import looking
from datacheck.backends.hdf5.reader import Hdf5Reader
from datacheck.backends.hdf5.references import first_and_last

PICTURES, NONE = 40, -1


def scene_graphs(path, change=lambda _: None, local=False):
    """Write boxes and relations as VG-SGG.h5 has them; `change` takes the datasets by name."""
    rng = np.random.default_rng(0)
    boxes, relations = rng.integers(3, 9, PICTURES), rng.integers(0, 6, PICTURES)
    first = np.cumsum(boxes) - boxes
    pairs = [
        (0 if local else first[at]) + rng.choice(boxes[at], 2, replace=False)
        for at in range(PICTURES)
        for _ in range(relations[at])
    ]
    corners = rng.integers(50, 400, (boxes.sum(), 4))
    of_relations = np.cumsum(relations) - relations
    its = {
        "boxes_1024": corners,
        "boxes_512": corners // 2,
        "labels": rng.integers(1, 151, (boxes.sum(), 1)),
        "img_to_first_box": first,
        "img_to_last_box": first + boxes - 1,
        "relationships": np.array(pairs),
        "predicates": rng.integers(1, 51, (relations.sum(), 1)),
        "img_to_first_rel": np.where(relations > 0, of_relations, NONE),
        "img_to_last_rel": np.where(relations > 0, of_relations + relations - 1, NONE),
        "split": np.arange(PICTURES) % 3,
    }
    change(its)
    with h5py.File(path, "w") as file:
        for name, values in its.items():
            file[name] = values
    return path


def with_value(name, at, value):
    def change(its):
        its[name][at] = value

    return change


def cut(name, rows):
    def change(its):
        its[name] = its[name][:-rows]

    return change


def told(path):
    forget_walks()
    findings = open_store(path).layout().findings
    return [(it.code, it.verdict, it.details.get("dataset")) for it in findings]


@pytest.mark.parametrize("local", [False, True])
def test_sound_scene_graphs_are_clean(tmp_path, local):
    assert told(scene_graphs(tmp_path / "a.h5", local=local)) == []


def test_parts_in_another_order_or_with_gaps_are_clean(tmp_path):
    def mixed(its):
        order = np.random.default_rng(1).permutation(PICTURES)
        for name in ("img_to_first_box", "img_to_last_box", "img_to_first_rel", "img_to_last_rel"):
            its[name] = its[name][order]

    def thinned(its):
        for name in ("img_to_first_box", "img_to_last_box", "img_to_first_rel", "img_to_last_rel", "split"):
            its[name] = np.delete(its[name], [7, 30])

    assert told(scene_graphs(tmp_path / "a.h5", mixed)) == []
    assert told(scene_graphs(tmp_path / "b.h5", thinned)) == []


@pytest.mark.parametrize(
    ("name", "at", "value"),
    [
        ("relationships", (3, 1), 9999),
        ("relationships", (5, 0), -3),
        ("relationships", (0, 1), 200),  # a box of another picture
        ("img_to_first_rel", 20, 9999),
        ("img_to_last_rel", -1, 9999),
        ("img_to_last_box", -1, 9999),
        ("img_to_first_box", 20, 3),
    ],
)
def test_a_number_that_leads_elsewhere_is_bad(tmp_path, name, at, value):
    source = scene_graphs(tmp_path / "a.h5", with_value(name, at, value))
    assert told(source) == [("dangling", "bad", f"/{name}")]


def test_a_relation_to_no_box_of_its_picture_is_bad(tmp_path):
    source = scene_graphs(tmp_path / "a.h5", with_value("relationships", (3, 1), 30), local=True)
    assert told(source) == [("dangling", "bad", "/relationships")]


@pytest.mark.parametrize(("name", "rows"), [("predicates", 1), ("labels", 1), ("relationships", 3), ("boxes_512", 3)])
def test_datasets_with_the_same_parts_have_as_many_rows(tmp_path, name, rows):
    assert told(scene_graphs(tmp_path / "a.h5", cut(name, rows))) == [("row-count", "bad", f"/{name}")]


def test_a_rebuild_does_not_drop_boxes_that_relations_lead_to(tmp_path):
    source = scene_graphs(tmp_path / "a.h5", with_value("boxes_1024", (9, 2), 5000))
    with pytest.raises(datacheck.UsageError, match="/relationships may hold numbers of rows"):
        datacheck.rebuild(source, tmp_path / "copy.h5", drop_bad=True, range="boxes_1024=0:1024", workers=1)


def test_more_relations_than_are_read_are_not_called_clean(tmp_path, monkeypatch):
    path = scene_graphs(tmp_path / "a.h5", with_value("relationships", (3, 1), 9999))
    for module in (looking, first_and_last):
        monkeypatch.setattr(module, "LARGEST", 16 * PICTURES)
    forget_walks()
    findings = Hdf5Reader(path, (path,)).layout().findings  # in this process, with the limit that the test sets
    assert [(it.code, it.details["object"]) for it in findings] == [("unsupported", "/relationships")]


def regions(path, change=lambda _: None):
    """Write regions of pictures with captions, counted from 1 as densecap has them."""
    rng = np.random.default_rng(0)
    boxes = rng.integers(3, 9, PICTURES)
    its = {
        "boxes": rng.integers(1, 20, (boxes.sum(), 4)),
        "captions": rng.integers(0, 999, (boxes.sum(), 15)),
        "lengths": rng.integers(2, 16, boxes.sum()),
        "img_to_first_box": np.cumsum(boxes) - boxes + 1,
        "img_to_last_box": np.cumsum(boxes),
        "box_to_img": np.repeat(np.arange(PICTURES), boxes) + 1,
    }
    change(its)
    with h5py.File(path, "w") as file:
        for name, values in its.items():
            file[name] = values
    return path


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda _: None, []),
        (with_value("img_to_last_box", -1, 9999), [("dangling", "bad", "/img_to_last_box")]),
        (with_value("img_to_first_box", 7, 3), [("dangling", "bad", "/img_to_first_box")]),
        (with_value("box_to_img", 4, 38), [("dangling", "bad", "/box_to_img")]),
        (cut("lengths", 1), [("row-count", "bad", "/lengths")]),
    ],
)
def test_regions_are_counted_from_one(tmp_path, change, expected):
    assert told(regions(tmp_path / "a.h5", change)) == expected
