"""Test what propagate_down does to bottoms that accept no gradient, as Net::Init of Caffe decides it."""

import pytest
from linting.test_refused_gradients import FROZEN, dense, layer, refused

HEAD = """
layer { name: "d" type: "Input" top: "x" input_param { shape { dim: 4 dim: 3 } } }
layer { name: "l" type: "Input" top: "label" input_param { shape { dim: 4 } } }
"""
BOTH = "propagate_down: true propagate_down: true"
FIRST = "propagate_down: true propagate_down: false"
COMES, FORCED = "the bottom {!r} comes from layers that learn", "propagate_down is true for the bottom {!r}"


def loss(bottoms, inside=""):
    return layer("SigmoidCrossEntropyLoss", bottoms, "loss", inside)


SCORES, TARGET = dense("x", "a"), dense("x", "b")
CUT = layer("TanH", "b", "c", "propagate_down: false")
NETS = {
    "true for a label of the data": (dense("x", "a") + layer("SoftmaxWithLoss", "a label", "loss", BOTH),
                                     FORCED.format("label")),
    "true for the scores alone": (dense("x", "a") + layer("SoftmaxWithLoss", "a label", "loss", FIRST), None),
    "true, and nothing learns": (dense("x", "a", FROZEN) + layer("SoftmaxWithLoss", "a label", "loss", BOTH), None),
    "true for a target that is learned": (SCORES + TARGET + loss("a b", BOTH), FORCED.format("b")),
    "false below the layer that makes the target": (SCORES + TARGET + CUT + loss("a c"), COMES.format("c")),
    "false below it and at the loss": (SCORES + TARGET + CUT + loss("a c", FIRST), None),
    "false below a target that is frozen": (SCORES + dense("x", "b", FROZEN) + CUT + loss("a c"), None),
}  # fmt: skip


@pytest.mark.parametrize("name", NETS)
def test_propagate_down(tmp_path, name):
    text, reason = NETS[name]
    found = refused(tmp_path, HEAD + text)
    assert [it.message.partition(", and ")[0] for it in found] == ([] if reason is None else [reason]), found
