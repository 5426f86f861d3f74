"""Test sparse and quantized tensors in pickles: all of their parts are judged by name, whatever the layout."""

import pickle

import numpy as np
import pytest
from building import key, write_lmdb

from datacheck import scan

COUNT = 40
LAYOUTS = {
    "sparse_coo": ("indices", "values"),
    "sparse_csr": ("crow_indices", "col_indices", "values"),
    "sparse_csc": ("ccol_indices", "row_indices", "values"),
    "sparse_bsr": ("crow_indices", "col_indices", "values"),
}


def inline(part):
    """Return the opcodes that push an array or a number."""
    return pickle.dumps(part, 2)[2:-1]


def text(word):
    return b"X" + len(word).to_bytes(4, "little") + word.encode()


def sparse(layout, parts):
    """Return the pickle of {"x": a sparse tensor}, as `torch/_tensor.py` reduces it."""
    made = b"ctorch._utils\n_rebuild_sparse_tensor\nctorch.serialization\n_get_layout\n"
    made += text(f"torch.{layout}") + b"\x85R("
    return b"\x80\x02}" + text("x") + made + b"".join(map(inline, parts)) + b"(K\x03K\x03tt\x86Rs."


def record(number, layout, value=1.0):
    draw = np.random.default_rng(number)
    indices = [draw.integers(0, 3, 4) for _ in LAYOUTS[layout][:-1]]
    if len(indices) == 2:
        indices[0] = np.array([0, 1, 3, 4])
    values = draw.normal(size=4).astype("f4")
    values[2] = value
    return sparse(layout, [*indices, values])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_nan_among_the_values_is_named(layout, tmp_path):
    values = {key(it): record(it, layout) for it in range(COUNT)}
    assert scan(write_lmdb(tmp_path / "sound", values), workers=1).status == 0
    values[key(7)] = record(7, layout, np.nan)
    report = scan(write_lmdb(tmp_path / "nan", values), workers=1)
    assert [(it.key, it.field, it.code) for it in report.findings] == [("00000007", "x/values", "nan")]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_part_is_a_field(layout, tmp_path):
    report = scan(write_lmdb(tmp_path / "env", {key(it): record(it, layout) for it in range(COUNT)}), workers=1)
    assert sorted(report.profile.families["#"].fields) == sorted(f"x/{it}" for it in LAYOUTS[layout])


def test_the_integers_of_a_quantized_tensor_are_judged():
    from datacheck.decoders.pickles.calls import call
    from datacheck.decoders.pickles.parts import Global
    from datacheck.decoders.trees.storages import Storage
    from datacheck.decoders.trees.tree import Items

    function = Global("torch._utils._rebuild_qtensor", "torch._utils", "_rebuild_qtensor")
    quantizer = Items(["per_tensor", 0.1, 0])
    shape, strides = Items([2, 2]), Items([2, 1])
    made = call(None, function, Items([Storage("", "int8", bytes(4)), 0, shape, strides, quantizer, False]))
    assert made.pairs[0][1].shape == (2, 2)
    assert made.items == [quantizer]
    cut = call(None, function, Items([Storage("", "int8", bytes(3)), 0, shape, strides, quantizer, False]))
    assert cut.pairs[0][1].code == "size-mismatch"
