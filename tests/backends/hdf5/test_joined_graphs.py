"""Graphs that are joined to one: nodes, edges, and where each begins; a label a graph has rows of its own."""

import h5py
import numpy as np
import pytest

from datacheck import scan


def graphs(path, labels=20):
    draw = np.random.default_rng(3)
    with h5py.File(path, "w") as file:
        file["edge_index"] = draw.integers(0, 200, (2, 199))
        file["pos"] = draw.normal(size=(200, 3))
        file["ptr"] = np.linspace(0, 200, 21).astype("i8")
        file["y"] = draw.normal(size=labels)
    return path


def test_a_label_a_graph_is_sound_whatever_comes_first(tmp_path):
    assert list(scan(graphs(tmp_path / "a.h5"), workers=1).findings) == []


@pytest.mark.parametrize("labels", [17, 150])
def test_labels_of_another_number_are_said(tmp_path, labels):
    assert [it.code for it in scan(graphs(tmp_path / "a.h5", labels), workers=1).findings] == ["row-count"]
