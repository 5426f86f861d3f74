"""Edges in a group of their own beside a group of nodes, as DeepRank2 has them for each graph."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from hdf5_walks import forget_walks

import datacheck
from datacheck import open_store

GRAPHS = 12


def graphs(path, beyond=None, groups=("node_features", "edge_features"), name="_index"):
    with h5py.File(path, "w") as file:
        for at in range(GRAPHS):
            rng = np.random.default_rng(at)
            nodes, edges = rng.integers(10, 30), rng.integers(20, 60)
            of_nodes, of_edges = (file.create_group(f"residue-ppi:BA-{100000 + 71 * at}/{it}") for it in groups)
            of_nodes["res_type"], of_nodes["_position"] = rng.normal(size=(nodes, 20)), rng.normal(size=(nodes, 3))
            index = rng.integers(0, nodes, (edges, 2))
            if at == 4 and beyond is not None:
                index[5, 1] = nodes + beyond
            of_edges[name], of_edges["distance"] = index, rng.random(edges)
    return path


def told(path):
    forget_walks()
    findings = open_store(path).layout().findings
    return [(it.code, it.verdict, it.details["sample"]) for it in findings]


@pytest.mark.parametrize("groups", [("node_features", "edge_features"), ("nodes", "edges")])
def test_an_edge_to_no_node_is_bad(tmp_path, groups):
    assert told(graphs(tmp_path / "a.h5", groups=groups)) == []
    source = graphs(tmp_path / "b.h5", 9, groups)
    assert told(source) == [("dangling", "bad", "/residue-ppi:BA-100284")]


def test_a_rebuild_drops_the_graph_of_such_an_edge(tmp_path):
    source = graphs(tmp_path / "b.h5", 9)
    datacheck.rebuild(source, tmp_path / "copy.h5", drop_bad=True, workers=1)
    with h5py.File(tmp_path / "copy.h5") as copy:
        assert len(copy) == GRAPHS - 1


def test_numbers_of_something_else_are_sound(tmp_path):
    assert told(graphs(tmp_path / "a.h5", 9, ("items", "edge_features"))) == []
    assert told(graphs(tmp_path / "b.h5", 9, name="bins")) == []
