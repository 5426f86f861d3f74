"""Edges that are too many to be read at once are read in pieces, or named as not checked."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from hdf5_walks import forget_walks

from datacheck.backends.hdf5.library import looking
from datacheck.backends.hdf5.reader import Hdf5Reader
from datacheck.backends.hdf5.references import graph_edges

NODES, EDGES = 100, 4000


def write(path, across, beyond=None, **chunked):
    edges = np.random.default_rng(0).integers(0, NODES, (2, EDGES))
    if beyond is not None:
        edges[1, beyond] = NODES + 7
    with h5py.File(path, "w") as file:
        file["x"] = np.random.default_rng(1).normal(size=(NODES, 8))
        file["y"] = np.arange(NODES) % 3
        file.create_dataset("edge_index", data=edges if across else edges.T, **chunked)
    return path


def told(path):
    forget_walks()
    findings = Hdf5Reader(path, (path,)).layout().findings  # in this process, with the limits that the test sets
    return [(it.code, it.verdict, it.details.get("missing")) for it in findings]


@pytest.mark.parametrize("across", [True, False])
@pytest.mark.parametrize("beyond", [None, 0, 2000, EDGES - 1])
@pytest.mark.parametrize("chunked", [{}, {"chunks": True, "compression": "gzip"}], ids=["whole", "chunks"])
def test_an_edge_in_any_piece_is_checked(tmp_path, monkeypatch, across, beyond, chunked):
    monkeypatch.setattr(looking, "PIECE_BYTES", 1 << 12)
    expected = [] if beyond is None else [("dangling", "bad", [NODES + 7])]
    assert told(write(tmp_path / "a.h5", across, beyond, **chunked)) == expected


def test_more_edges_than_are_read_are_not_called_clean(tmp_path, monkeypatch):
    for module in (looking, graph_edges):
        monkeypatch.setattr(module, "MOST", 1 << 12)
        monkeypatch.setattr(module, "LARGEST", 1 << 12)
    assert told(write(tmp_path / "a.h5", True, 5)) == [("unsupported", "unverifiable", None)]
