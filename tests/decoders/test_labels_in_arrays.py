"""Test labels in members of structured .npy arrays, and in named tuples, whose pickles have no names."""

import collections
import io
import pickle
import sys
import types

import numpy as np
from building import key, write_lmdb

from datacheck import scan


def structured(number, label):
    values = np.zeros(5, [("p", "f4", 3), ("label", "i4")])
    values["p"] = np.random.default_rng(number).normal(size=(5, 3))
    values["label"] = label
    out = io.BytesIO()
    np.save(out, values)
    return out.getvalue()


def wrong(path):
    return [(it.key, it.field, it.code) for it in scan(path, workers=1, labels=10).findings]


def test_a_label_in_a_member_is_bounded(tmp_path):
    values = {key(it): structured(it, 77 if it == 7 else it % 10) for it in range(40)}
    assert wrong(write_lmdb(tmp_path / "env", values)) == [("00000007", "label", "label")]


def test_the_integer_of_a_named_pair_is_a_label(tmp_path, monkeypatch):
    module = types.ModuleType("of_a_project")
    module.Sample = collections.namedtuple("Sample", "x y", module="of_a_project")
    monkeypatch.setitem(sys.modules, "of_a_project", module)
    draw = np.random.default_rng(1)
    values = {key(it): pickle.dumps(module.Sample(draw.normal(size=4), 77 if it == 7 else it % 10)) for it in range(40)}
    assert wrong(write_lmdb(tmp_path / "env", values)) == [("00000007", "[1]", "label")]
