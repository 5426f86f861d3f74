"""Test that records whose numbers lead to other parts of them are decoded together, and judged like each by itself."""

import pickle

import numpy as np
import pytest

from datacheck.decoders.pickles.decoder import PickleDecoder
from datacheck.model.batch import Batch
from datacheck.model.blocks import Block

COUNT = 40


def graph(number, wrong):
    rng = np.random.default_rng(number)
    edges = rng.integers(0, 9, (2, 30))
    edges[:, 4] = 9 if wrong else 8
    return {"x": rng.normal(size=(9, 2)), "edge_index": edges, "num_nodes": 9, "label": number % 10}


def matrix(number, wrong):
    indices = np.random.default_rng(number).integers(0, 5, 6)
    indices[3] = 7 if wrong else 4
    parts = {"indptr": np.array([0, 2, 6]), "indices": indices, "data": np.full(6, number / 2), "shape": (2, 5)}
    return {"m": parts, "label": number % 10}


def mesh(number, wrong):
    rng = np.random.default_rng(number)
    faces = rng.integers(0, 20, (30, 3))
    faces[2, 1] = 25 if wrong else 19
    return {"vertices": rng.normal(size=(20, 3)), "faces": faces}


class Counting(PickleDecoder):
    def __init__(self):
        self.reads = 0

    def read(self, value, profile, *, pixels=True):
        self.reads += 1
        return super().read(value, profile, pixels=pixels)


def decoded(decoder, values):
    """Return the findings of each record, and its fields and their values."""
    findings, fields = {}, {}
    for it in decoder.decode(Block([b"key"] * len(values), values), range(len(values)), None):
        if isinstance(it, Batch):
            for at, row in enumerate(it.rows):
                fields[row, it.field] = np.asarray(it.values[at]).tolist()
        else:
            findings.setdefault(it[0], []).append((it[1].field, it[1].code, it[1].message))
    return findings, fields


@pytest.mark.parametrize("made", [graph, matrix, mesh])
@pytest.mark.parametrize("size", [0, 5000], ids=["small", "large"])
def test_records_with_numbers_that_lead_are_decoded_together(made, size):
    values = [pickle.dumps(made(it, it in (7, 19)) | {"pad": np.full(size, it)}) for it in range(COUNT)]
    decoder = Counting()
    findings, fields = decoded(decoder, values)
    assert sorted(findings) == [7, 19]
    assert decoder.reads < 8
    for row, value in enumerate(values):
        alone = decoded(PickleDecoder(), [value])
        assert alone[0].get(0) == findings.get(row)
        assert alone[1] == {(0, name): it for (at, name), it in fields.items() if at == row}
