"""Test numbers in a record that lead to other parts of it: of sparse matrices, graphs and meshes."""

import io
import json
import pickle

import numpy as np
import pytest
from building import key, write_lmdb

from datacheck import scan
from datacheck.decoders.pickles.sparse_tensors import named_parts
from datacheck.decoders.trees.tree import Flawed, Items

COUNT = 40
ROWS, COLUMNS, STORED = 4, 9, 6
WRITERS = {
    "pickle": pickle.dumps,
    "json": lambda record: json.dumps(record, default=lambda it: it.tolist()).encode(),
}


def compressed(number):
    draw = np.random.default_rng(number)
    return {
        "indptr": np.array([0, 2, 2, 5, STORED], "i4"),
        "indices": draw.integers(0, COLUMNS, STORED).astype("i4"),
        "data": draw.normal(size=STORED),
        "shape": np.array([ROWS, COLUMNS]),
    }


def npz(parts):
    with io.BytesIO() as file:
        np.savez(file, **parts)
        return file.getvalue()


def findings(values, path):
    report = scan(write_lmdb(path, {key(at): it for at, it in enumerate(values)}), workers=1)
    return [(it.key, it.field, it.code, it.verdict) for it in report.findings]


@pytest.mark.parametrize("write", [*WRITERS.values(), npz], ids=[*WRITERS, "npz"])
def test_indices_and_pointers_of_a_matrix_that_lead_to_nothing_are_bad(write, tmp_path):
    values = [write(compressed(at)) for at in range(COUNT)]
    assert findings(values, tmp_path / "sound") == []
    faults = {3: ("indices", 2, COLUMNS), 5: ("indices", 4, -1), 7: ("indptr", 1, 3), 9: ("indptr", 4, STORED + 1)}
    for at, (name, place, number) in faults.items():
        parts = compressed(at)
        parts[name][place] = number
        values[at] = write(parts)
    values[11] = write(compressed(11) | {"shape": np.array([ROWS + 1, COLUMNS + 1])})
    assert findings(values, tmp_path / "bad") == [
        *((f"{at:08}", name, "dangling", "bad") for at, (name, _, _) in faults.items()),
        ("00000011", "indptr", "size-mismatch", "bad"),
    ]


def test_pointers_that_leave_values_out_are_suspicious_since_scipy_drops_these(tmp_path):
    values = [pickle.dumps(compressed(at)) for at in range(COUNT)]
    parts = compressed(4)
    parts["indptr"][-1] = STORED - 1
    values[4] = pickle.dumps(parts)
    assert findings(values, tmp_path / "env") == [("00000004", "indptr", "size-mismatch", "suspicious")]


def coordinates(number):
    draw = np.random.default_rng(number)
    row, col = draw.integers(0, ROWS, STORED), draw.integers(0, COLUMNS, STORED)
    return {"row": row, "col": col, "data": draw.normal(size=STORED), "shape": np.array([ROWS, COLUMNS])}


def test_coordinates_beyond_the_shape_are_bad(tmp_path):
    values = [npz(coordinates(at)) for at in range(COUNT)]
    assert findings(values, tmp_path / "sound") == []
    parts = coordinates(6)
    parts["col"][1] = COLUMNS
    values[6] = npz(parts)
    assert findings(values, tmp_path / "bad") == [("00000006", "col", "dangling", "bad")]


def graph(number, **edges):
    draw = np.random.default_rng(number)
    index = draw.integers(0, ROWS, (2, 30))
    for side, node in edges.items():
        index[("source", "target").index(side), 3] = node
    return {"x": draw.normal(size=(ROWS, 2)), "edge_index": index, "label": number % 10}


def test_an_edge_to_a_missing_node_is_bad(tmp_path):
    values = [pickle.dumps(graph(at)) for at in range(COUNT)]
    assert findings(values, tmp_path / "sound") == []
    values[2], values[8] = pickle.dumps(graph(2, source=ROWS)), pickle.dumps(graph(8, target=ROWS))
    assert findings(values, tmp_path / "bad") == [
        ("00000002", "edge_index", "dangling", "bad"),
        ("00000008", "edge_index", "dangling", "suspicious"),  # or a hyperedge
    ]


def padded(record):
    record["edge_index"][:, 20:] = -1
    return record


def of_larger_graph(record):
    record["edge_index"] += 100
    return record


@pytest.mark.parametrize("change", [padded, of_larger_graph])
def test_padding_and_numbers_of_a_larger_graph_are_sound(change, tmp_path):
    assert findings([pickle.dumps(change(graph(at))) for at in range(COUNT)], tmp_path / "env") == []


def mesh(number, corner=0, first=0):
    draw = np.random.default_rng(number)
    faces = np.concatenate([draw.integers(0, 8, (20, 3)), [[0, 1, 7]]]) + first
    faces[4, 2] = corner or faces[4, 2]
    return pickle.dumps({"vertices": draw.normal(size=(8, 3)), "faces": faces})


def test_a_face_with_a_missing_corner_is_bad_and_faces_may_count_from_one(tmp_path):
    assert findings([mesh(at, first=1) for at in range(COUNT)], tmp_path / "sound") == []
    values = [mesh(at) for at in range(COUNT)]
    values[5] = mesh(5, corner=9)
    assert findings(values, tmp_path / "bad") == [("00000005", "faces", "dangling", "bad")]


@pytest.mark.parametrize("number", [0, 9])
def test_a_face_with_a_missing_corner_is_bad_where_faces_count_from_one(number, tmp_path):
    draw = np.random.default_rng(7)
    meshes = [
        {"vertices": draw.normal(size=(8, 3)), "faces": draw.permutation(24).reshape(8, 3) % 8 + 1}
        for _ in range(COUNT)
    ]
    meshes[5]["faces"][4, 1] = number
    assert findings([pickle.dumps(it) for it in meshes], tmp_path / "env") == [("00000005", "faces", "dangling", "bad")]


@pytest.mark.parametrize(
    ("layout", "name", "indices"),
    [
        ("torch.sparse_coo", "indices", [np.array([[0, 1, 4], [0, 1, 2]])]),
        ("torch.sparse_csr", "col_indices", [np.array([0, 1, 2, 2, 3]), np.array([0, 9, 3])]),
        ("torch.sparse_csc", "ccol_indices", [np.array([0, 1, 2, 1, 2, 2, 2, 2, 2, 3]), np.array([0, 3, 3])]),
        ("torch.sparse_csr", "crow_indices", [np.array([0, 1, 3]), np.array([0, 3, 3])]),
    ],
)
def test_a_sparse_tensor_has_a_flawed_part(layout, name, indices):
    parts = named_parts(layout, [*indices, np.ones(3), Items([ROWS, COLUMNS])])
    assert [part for part, it in parts.items() if isinstance(it, Flawed)] == [name]
    assert not any(isinstance(it, Flawed) for it in named_parts(layout, [*indices, np.ones(3)]).values())
