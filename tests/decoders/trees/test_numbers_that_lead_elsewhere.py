"""Test sound records whose numbers lead beyond them: into a graph of all records, a whole matrix, a template."""

import pickle

import numpy as np
import pytest
from building import key, write_lmdb

from datacheck import scan

COUNT = 24


def findings(records, path):
    report = scan(write_lmdb(path, {key(at): pickle.dumps(it) for at, it in enumerate(records)}), workers=1)
    return [(it.key, it.field, it.code, it.verdict) for it in report.findings if it.code != "unknown-payload"]


def edges_of_all_records(number):
    """Return a sampled part of a graph: so few edges that they could be faults of this record."""
    draw = np.random.default_rng(number)
    return {"x": draw.normal(size=(2, 3)), "edge_index": draw.integers(2, 1000, (2, 1 + number % 2))}


def edges_with_a_node_without_features(number):
    draw = np.random.default_rng(number)
    edges = draw.integers(0, 8, (2, 200))
    edges[:, :8] = [[8] * 8, range(8)]
    return {"x": draw.normal(size=(8, 3)), "edge_index": edges}


def edges_of_two_kinds_of_nodes(number):
    draw = np.random.default_rng(number)
    sources, targets = 8 + number % 5, 8 + number % 3
    edges = np.stack([draw.integers(0, sources, 40), draw.integers(0, targets, 40)])
    return {"x": draw.normal(size=(targets, 3)), "edge_index": edges}


def rows_of_a_larger_matrix(number):
    draw = np.random.default_rng(number)
    pointers = np.array([0, 2, 5, 6]) + 6 * number
    return {"indptr": pointers, "indices": draw.integers(0, 9, 6), "data": draw.normal(size=6), "shape": [3, 9]}


def neighbours_without_weights(number):
    draw = np.random.default_rng(number)
    return {"indptr": np.array([0, 2, 5]), "indices": draw.integers(0, 9, 5), "data": np.array([])}


def matrix_in_bytes(number):
    draw = np.random.default_rng(number)
    values, indices, pointers = draw.normal(size=5), draw.integers(0, 9, 5), np.array([0, 2, 5])
    return {
        "data": values.tobytes(), "indices": indices.tobytes(), "indptr": pointers.tobytes(), "shape": [2, 9]
    }  # fmt: skip


def places_of_crops(number):
    return {"row": [8 * number], "col": [8 * number + 512], "data": [0.5 * number], "shape": [8, 8]}


def triangles_among_quadrilaterals(number):
    draw = np.random.default_rng(number)
    faces = draw.integers(0, 8, (60, 4))
    faces[: 3 * (number % 5 == 0), 3] = -1
    return {"vertices": draw.normal(size=(8, 3)), "faces": faces}


def triangles_among_quadrilaterals_from_one(number):
    draw = np.random.default_rng(number)
    faces = draw.integers(1, 41, (60, 4))
    faces[: 3 * (number % 5 == 0), 3] = 0
    return {"vertices": draw.normal(size=(40, 3)), "faces": faces}


@pytest.mark.parametrize(
    "record",
    [
        edges_of_all_records, edges_with_a_node_without_features, edges_of_two_kinds_of_nodes, rows_of_a_larger_matrix,
        neighbours_without_weights, matrix_in_bytes, places_of_crops, triangles_among_quadrilaterals,
        triangles_among_quadrilaterals_from_one,
    ],
)  # fmt: skip
def test_numbers_that_lead_elsewhere_are_sound(record, tmp_path):
    assert findings(map(record, range(COUNT)), tmp_path / "env") == []


def test_the_matrices_of_scipy_lead_nowhere_else(tmp_path):
    """So they are bad even if all are wrong."""
    records = [rows_of_a_larger_matrix(at) for at in range(1, COUNT)]
    records = [{"format": "csr", **it} for it in records]
    assert {it[1:] for it in findings(records, tmp_path / "env")} == {("indptr", "dangling", "bad")}
