"""A copy without some nodes or vertices would let edges and faces lead elsewhere; edges to nothing stay as bad."""

import h5py
import numpy as np
import pytest

from tests.commanding import datacheck

RANDOM = np.random.default_rng(9)


def _rebuild(folder):
    return datacheck("rebuild", folder / "a.h5", folder / "b.h5", "--drop-bad", "--workers", 1)


CASES = [("vertices", "faces", (40, 3)), ("nodes", "edges", (40, 2)), ("x", "edges", (2, 40))]


@pytest.mark.parametrize(("nodes", "name", "shape"), [*CASES, ("x", "edge_index", (2, 40))])
def test_a_rebuild_stops_if_a_node_goes(tmp_path, nodes, name, shape):
    values = RANDOM.normal(size=(30, 3)).astype("f4")
    values[3, 1] = np.nan
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file[nodes], file[name] = values, RANDOM.integers(0, 30, shape)
    said = _rebuild(tmp_path)
    assert (said.returncode, f"/{name} may hold numbers of rows" in said.stderr) == (2, True)


@pytest.mark.parametrize(("nodes", "name", "shape"), CASES)
def test_other_rows_may_go(tmp_path, nodes, name, shape):
    others = RANDOM.normal(size=(200, 5)).astype("f4")
    others[3, 1] = np.nan
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file[nodes], file[name] = RANDOM.normal(size=(30, 3)).astype("f4"), RANDOM.integers(0, 30, shape)
        file["features/other"] = others
    assert _rebuild(tmp_path).returncode == 0


def test_edges_that_lead_nowhere_are_named_as_bad_in_the_copy(tmp_path):
    edges = RANDOM.integers(0, 30, (200, 2))
    edges[7, 1] = 77
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"], file["edge_index"] = RANDOM.normal(size=(30, 3)).astype("f4"), edges
    said = _rebuild(tmp_path)
    assert "as bad in the copy: dangling: /edge_index leads to the nodes 77" in said.stdout
