"""Test meshes of ExodusII: the variables of each block of elements have sizes of their own."""

import h5py
import numpy as np

import datacheck

DRAW = np.random.default_rng(5)


def write(path, mesh=True, odd=0.0):
    """Write 12 blocks of elements, most of two nodes and 7 attributes; without `mesh`, no attribute says so."""
    with h5py.File(path, "w") as file:
        if mesh:
            file.attrs["api_version"], file.attrs["floating_point_word_size"] = np.float32(8), np.int32(8)
        for number in range(1, 13):
            elements, nodes, attributes = (4 + number, 2, 7) if number != 5 else (30, 8, 1)
            file[f"connect{number}"] = DRAW.integers(1, 90, (elements, nodes), "i4")
            file[f"attrib{number}"] = DRAW.normal(size=(elements, attributes))
            file[f"side_ss{number}"] = DRAW.integers(1, 6, elements, "i4")
        file["coordx"] = np.append(DRAW.normal(size=90), odd)
    return path


def said(path):
    return sorted({it.code for it in datacheck.scan(path, workers=1).findings})


def test_blocks_of_a_mesh_are_as_large_as_they_are(tmp_path):
    assert said(write(tmp_path / "a.exo")) == []


def test_bad_values_of_a_mesh_are_found(tmp_path):
    assert said(write(tmp_path / "a.exo", odd=np.nan)) == ["nan"]


def test_samples_of_another_shape_are_found(tmp_path):
    assert "shape" in said(write(tmp_path / "a.h5", mesh=False))
