"""Edges and faces lead to nodes along another axis than the first, to several datasets of points, or to no nodes."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck

COUNT, ODD, NODES, TIMES = 8, 3, 40, 15
draw = np.random.default_rng(0)


def normal(*shape):
    return draw.normal(size=shape).astype("f4")


def lead(*shape, to=NODES):
    return draw.integers(0, to, shape)


def scan(path, make):
    """Write as many groups as there are, and return the findings about what they lead to and their counts."""
    with h5py.File(path, "w") as file:
        for number in range(COUNT):
            for name, values in make(number).items():
                file[f"graph_{number}/{name}"] = values
    findings = datacheck.scan(path, workers=1).findings
    return [(it.code, it.details.get("sample")) for it in findings if it.code in ("dangling", "row-count")]


SOUND = {
    "positions at several times": lambda _: {"pos": normal(TIMES, NODES, 3), "edge_index": lead(2, 90)},
    "a mesh at several times": lambda _: {"positions": normal(TIMES, NODES, 3), "faces": lead(90, 3)},
    "several graphs on one set of edges": lambda _: {
        "x": normal(TIMES, NODES, 3),
        "y": normal(TIMES),
        "edges": lead(90, 2),
    },
    "boxes of faces with their marks": lambda _: {"faces": lead(7, 4, to=500), "points": normal(7, 5, 2)},
    "edges of bins": lambda _: {"x": normal(30), "edges": np.arange(0, 600, 10).reshape(30, 2)},
    "users and items": lambda _: {"x": normal(20, 8), "edge_index": np.stack([lead(90, to=20), lead(90, to=300)])},
    "two sets of edges": lambda _: {
        "x": normal(NODES, 3),
        "edge_index": lead(2, 90),
        "edge_attr": normal(90, 2),
        "radius_edge_index": lead(2, 100),
        "radius_edge_attr": normal(100, 2),
    },
}


@pytest.mark.parametrize("make", SOUND.values(), ids=SOUND)
def test_numbers_that_lead_to_other_axes_or_to_no_node_are_sound(tmp_path, make):
    assert scan(tmp_path / "a.h5", make) == []


FAULTS = {
    "beside points on the surface": lambda far: {
        "vertices": normal(NODES, 3),
        "points": normal(200, 3),
        "faces": lead(90, 3, to=150 if far else NODES),
    },
    "beside edges": lambda far: {
        "vertices": normal(NODES, 3),
        "pos": normal(NODES, 3),
        "edges": lead(60, 2),
        "faces": lead(90, 3, to=60 if far else NODES),
    },
    "at several times": lambda far: {
        "pos": normal(TIMES, NODES, 3),
        "edge_index": lead(2, 90, to=60 if far else NODES),
    },
    "mostly, in one of many": lambda far: {"x": normal(NODES, 3), "edge_index": lead(2, 90, to=900 if far else NODES)},
}


@pytest.mark.parametrize("make", FAULTS.values(), ids=FAULTS)
def test_numbers_that_lead_beyond_all_nodes_are_dangling(tmp_path, make):
    assert scan(tmp_path / "a.h5", lambda number: make(number == ODD)) == [("dangling", f"/graph_{ODD}")]


def test_attributes_are_compared_with_their_own_edges(tmp_path):
    def make(number):
        made = SOUND["two sets of edges"](number)
        made["radius_edge_attr"] = made["radius_edge_attr"][: 97 if number == ODD else None]
        return made

    assert scan(tmp_path / "a.h5", make) == [("row-count", f"/graph_{ODD}")]
