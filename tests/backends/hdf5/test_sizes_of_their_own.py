"""Arrays of nearly, but not exactly, as many rows as others that are of something else: words, edges, another set."""

import h5py
import numpy as np
import pytest

import datacheck


def told(path, arrays):
    with h5py.File(path, "w") as file:
        for at, (name, value) in enumerate(arrays.items()):
            is_shape = isinstance(value, tuple)
            file[name] = np.random.default_rng(at).normal(size=value).astype("f4") if is_shape else value
    return [(it.code, it.verdict) for it in datacheck.scan(path, workers=1).findings if it.code != "constant"]


def corners(rows, columns, nodes):
    return np.random.default_rng(0).integers(0, nodes, (rows, columns))


SOUND = {
    "two sets": {"Xtrn": (300, 9), "Ytrn": (300, 3), "Xtst": np.ones((297, 9)) * np.arange(9)},
    "two sets, named first": {"tr_img": (300, 9), "tr_y": (300, 3), "te_img": np.ones((297, 9)) * np.arange(9)},
    "a database and queries": {"db": (300, 9), "db_xy": (300, 2), "q": (297, 8)},
    "neighbours": {"base": (300, 9), "neighbors": (304, 10), "distances": (304, 10)},
    "atoms and bonds": {"atom_features": (300, 9), "coords": (300, 3), "bond_features": (304, 4)},
    "things and relations": {"entity": (300, 9), "entity_text": (300, 3), "relation": (304, 4)},
    "users and films": {"user": (300, 9), "user_meta": (300, 3), "movie": (304, 4)},
    "cells and peaks": {"pca": (300, 9), "umap": (300, 2), "peaks": (304, 3)},
    "words of two languages": {"src_vocab": (300, 9), "src_counts": (300, 2), "tgt_vocab": (304, 8)},
    "domains with labels": {"source_x": (300, 9), "source_y": (300, 3), "target_x": (304, 8)},
    "sides of cells": {"u": (306, 300), "v": (300, 306)},
    "sides of cells, and a margin": {"u": (306, 300), "v": (300, 306), "w": (300, 302)},
    "layers": {"kernel": (300, 9), "recurrent": (300, 3), "head": (304, 8)},
    "edges by their values": {"pos": (300, 3), "uv": (300, 2), "e": corners(304, 2, 300)},
    "triangles by their values": {"xyz": (300, 3), "uv": (300, 2), "index": corners(304, 3, 300)},
}
SUSPICIOUS = {
    "numbers that are no corners": {"pos": (300, 3), "uv": (300, 2), "e": corners(304, 2, 40)},
    "many numbers in a row": {"pos": (300, 3), "uv": (300, 2), "e": corners(304, 12, 300)},
    "a shorter field": {"u": (306, 30), "v": (300, 36)},
    "names that begin like a set": {"traits": (300, 9), "views": (300, 3), "teeth": (297, 8)},
    "sentences": {"src": (300, 9), "src_mask": (300, 2), "tgt": (297, 8)},
}


@pytest.mark.parametrize("name", SOUND)
def test_what_is_of_something_else_has_a_size_of_its_own(tmp_path, name):
    assert told(tmp_path / "a.h5", SOUND[name]) == []


@pytest.mark.parametrize("name", SUSPICIOUS)
def test_what_only_looks_like_it_is_compared(tmp_path, name):
    assert told(tmp_path / "a.h5", SUSPICIOUS[name]) == [("row-count", "suspicious")]
