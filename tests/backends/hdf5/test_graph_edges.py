"""Edges of graphs: each leads to a node that is there, and has its attributes."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datacheck

COUNT, ODD = 10, 4


def graph(number, nodes=12, edges=30):
    draw = np.random.default_rng(number)
    return {
        "x": draw.normal(size=(nodes + number, 5)),
        "edge_index": draw.integers(0, nodes + number, (2, edges + number)),
        "edge_attr": draw.normal(size=(edges + number, 3)),
        "y": float(number),
    }


def write(path, change=lambda its: None, names="graph_{}"):
    with h5py.File(path, "w") as file:
        for number in range(COUNT):
            its = graph(number)
            if number == ODD:
                change(its)
            for name, values in its.items():
                file[f"{names.format(number)}/{name}"] = values
    return path


def lead_nowhere(its):
    its["edge_index"][0, 3] = 60


def lack_attributes(its):
    its["edge_attr"] = its["edge_attr"][:-2]


@pytest.mark.parametrize(("change", "code"), [(lead_nowhere, "dangling"), (lack_attributes, "row-count")])
def test_a_graph_with_such_an_edge_is_bad_and_goes(tmp_path, change, code):
    source = write(tmp_path / "a.h5", change)
    (finding,) = datacheck.scan(source, workers=1).findings
    assert (finding.code, finding.verdict) == (code, "bad")
    receipt = datacheck.rebuild(source, tmp_path / "b.h5", drop_bad=True, workers=1)
    assert receipt.samples == [f"/graph_{ODD}"]
    assert datacheck.scan(tmp_path / "b.h5", workers=1).clean


def count_from_one(its):
    its["edge_index"] += 1


def pad(its):
    its["edge_index"][:, -3:] = len(its["x"])


def keep_one_direction(its):
    its["edge_attr"] = its["edge_attr"][: len(its["edge_attr"]) // 2]


@pytest.mark.parametrize("change", [count_from_one, pad, keep_one_direction])
def test_other_edges_are_sound(tmp_path, change):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        its = graph(0)
        change(its)
        file.update(its)
    assert [it for it in datacheck.scan(tmp_path / "a.h5", workers=1).findings if it.verdict == "bad"] == []


@pytest.mark.parametrize(("corner", "codes"), [(19, []), (20, []), (150, ["dangling"])])
def test_faces_lead_to_vertices(tmp_path, corner, codes):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["vertices"] = np.random.default_rng(0).normal(size=(20, 3))
        file["faces"] = np.arange(90).reshape(30, 3) % 20
        file["faces"][3, 1] = corner
    found = [it.code for it in datacheck.scan(tmp_path / "a.h5", workers=1).findings if it.verdict == "bad"]
    assert found == codes
