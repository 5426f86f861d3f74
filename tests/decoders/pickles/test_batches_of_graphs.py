"""Test batches of PyTorch Geometric in pickles: fields have their own names, and bookkeeping is no field or label."""

import pickle
import sys
import types

import numpy as np
import pytest
from building import key, write_lmdb

from datacheck import scan

COUNT = 20


@pytest.fixture
def batch(monkeypatch):
    """Return a function that makes a batch of two graphs, pickled like one of PyTorch Geometric."""

    def known(module, name):
        made = type(name, (), {"__module__": module, "__call__": lambda *given: made()})
        for it in ("torch_geometric", "torch_geometric.data", module):
            monkeypatch.setitem(sys.modules, it, sys.modules.get(it) or types.ModuleType(it))
        setattr(sys.modules[module], name, made)
        return made

    getter = known("torch_geometric.data.batch", "DynamicInheritanceGetter")
    storage = known("torch_geometric.data.storage", "GlobalStorage")

    class Batch:
        def __init__(self, **fields):
            self.store = storage()
            self.store.__dict__.update(_mapping=fields, _slice_dict={"y": [0, 1, 2]}, _inc_dict={"y": [7, 7]})

        def __reduce__(self):
            return getter(), (dict, list), {"_store": self.store}

    return Batch


def test_labels_are_those_of_the_graphs(batch, tmp_path):
    draw = np.random.default_rng(0)
    batches = [batch(x=draw.normal(size=(4, 2)), y=draw.integers(0, 2, 2)) for _ in range(COUNT)]
    batches[5].store._mapping["y"][1] = 6
    values = {key(at): pickle.dumps(it) for at, it in enumerate(batches)}
    findings = scan(write_lmdb(tmp_path / "env", values), workers=1, labels=2).findings
    assert [(it.key, it.field, it.code) for it in findings] == [("00000005", "y", "label")]
