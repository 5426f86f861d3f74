"""Test what propagate_down does to bottoms that accept no gradient, as Net::Init of Caffe decides it."""

import pytest

import datacheck

HEAD = """
layer { name: "d" type: "Input" top: "x" input_param { shape { dim: 4 dim: 3 } } }
layer { name: "l" type: "Input" top: "label" input_param { shape { dim: 4 } } }
"""
FROZEN = "param { lr_mult: 0 } param { lr_mult: 0 }"
BOTH = "propagate_down: true propagate_down: true"
FIRST = "propagate_down: true propagate_down: false"
COMES, FORCED = "the bottom {!r} comes from layers that learn", "propagate_down is true for the bottom {!r}"


def layer(kind, bottoms, top, inside=""):
    ends = "".join(f' bottom: "{it}"' for it in bottoms.split())
    return f'layer {{ name: "{top}" type: "{kind}"{ends} top: "{top}" {inside} }}\n'


def dense(bottom, top, inside=""):
    return layer("InnerProduct", bottom, top, f"{inside} inner_product_param {{ num_output: 3 }}")


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
    (tmp_path / "net.prototxt").write_text(HEAD + text)
    found = [it for it in datacheck.lint(tmp_path / "net.prototxt").findings if it.verdict == "bad"]
    assert [it.message.partition(", and ")[0] for it in found] == ([] if reason is None else [reason]), found
    assert all("takes no gradient there" in it.message for it in found)
