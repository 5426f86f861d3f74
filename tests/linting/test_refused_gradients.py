"""Test bottoms that accept no gradient, each beside the sound network that looks most like it."""

import pytest

import datacheck

HEAD = """
layer { name: "d" type: "Input" top: "x" input_param { shape { dim: 4 dim: 3 } } }
layer { name: "l" type: "Input" top: "label" input_param { shape { dim: 4 } } }
layer { name: "s" type: "Input" top: "seq" input_param { shape { dim: 2 dim: 4 dim: 3 } } }
layer { name: "c" type: "Input" top: "cont" input_param { shape { dim: 2 dim: 4 } } }
layer { name: "h" type: "Input" top: "matrix" input_param { shape { dim: 3 dim: 3 } } }
"""
FROZEN = "param { lr_mult: 0 } param { lr_mult: 0 }"
LOSS = "SoftmaxWithLoss"


def layer(kind, bottoms, top, inside=""):
    ends = "".join(f' bottom: "{it}"' for it in bottoms.split()) + "".join(f' top: "{it}"' for it in top.split())
    return f'layer {{ name: "{top.split()[0]}" type: "{kind}"{ends} {inside} }}\n'


def dense(bottom, top, inside="", outputs=3):
    return layer("InnerProduct", bottom, top, f"{inside} inner_product_param {{ num_output: {outputs} }}")


def embed(bottom, top="e", inside=""):
    return layer("Embed", bottom, top, f"{inside} embed_param {{ input_dim: 9 num_output: 3 }}")


def recurrent(kind, cont, inside=""):
    return layer(kind, f"seq {cont}", "r", f"{inside} recurrent_param {{ num_output: 3 }}")


def end(bottom, top="loss"):
    return layer("Reduction", bottom, top, "loss_weight: 1")


INDEX = dense("x", "i", outputs=1)
STILL = dense("x", "i", FROZEN, outputs=1)
OF_SEQUENCE = layer("Convolution", "cont", "k", "convolution_param { num_output: 1 kernel_size: 1 }")
CONT = layer("Parameter", "", "k", "parameter_param { shape { dim: 2 dim: 4 } }")
MATRIX = layer("Parameter", "", "m", "parameter_param { shape { dim: 3 dim: 3 } }")
FILTER = layer("Filter", "x i", "f")
NETS = {
    "embed of learned": (INDEX + embed("i") + end("e"), ["layer"]),
    "embed of frozen": (STILL + embed("i") + end("e"), []),
    "embed of data": (embed("label") + end("e"), []),
    "embed without a loss behind": (INDEX + embed("i") + end("x"), []),
    "embed behind Silence": (INDEX + embed("i") + 'layer { name: "quiet" type: "Silence" bottom: "e" }', []),
    "embed told not to": (INDEX + embed("i", inside="propagate_down: false") + end("e"), []),
    "embed cut off behind": (INDEX + embed("i") + dense("e", "a", "propagate_down: false") + end("a"), []),
    "embed frozen itself": (INDEX + embed("i", inside=FROZEN) + end("e"), ["layer"]),
    "embed whose loss weighs nothing": (INDEX + embed("i") + end("e").replace("loss_weight: 1", "loss_weight: 0"), []),
    "embed behind an in-place layer": (INDEX + embed("i") + layer("ReLU", "e", "e") + end("e"), ["layer"]),
    "one of two ways to the loss": (
        INDEX + embed("i") + dense("e", "a", "propagate_down: false") + end("a") + end("e", "more"), ["layer"]),
    "LSTM": (CONT + recurrent("LSTM", "k") + end("r"), ["layer"]),
    "LSTM of data": (recurrent("LSTM", "cont") + end("r"), []),
    "RNN": (CONT + recurrent("RNN", "k") + end("r"), ["layer"]),
    "RNN told not to": (CONT + recurrent("RNN", "k", "propagate_down: [true, false]") + end("r"), []),
    "filter by learned": (dense("x", "i", outputs=1) + FILTER + end("f"), ["layer"]),
    "filter by frozen": (dense("x", "i", FROZEN, outputs=1) + FILTER + end("f"), []),
    "infogain matrix learned": (
        dense("x", "a") + MATRIX + layer("InfogainLoss", "a label m", "loss"), ["loss"]),
    "infogain matrix of data": (dense("x", "a") + layer("InfogainLoss", "a label matrix", "loss"), []),
    "a loss that weighs nothing": (
        dense("x", "a") + dense("x", "b", outputs=1) + layer(LOSS, "a b", "loss", "loss_weight: 0"), []),
}  # fmt: skip


def refused(folder, text):
    """Return the bad findings about a network, all of which are about a gradient that a bottom does not take."""
    (folder / "net.prototxt").write_text(text)
    found = [it for it in datacheck.lint(folder / "net.prototxt").findings if it.verdict == "bad"]
    assert all("takes no gradient there" in it.message for it in found)
    return found


@pytest.mark.parametrize("name", NETS)
def test_a_bottom_without_a_gradient(tmp_path, name):
    text, codes = NETS[name]
    found = refused(tmp_path, HEAD + text)
    assert [it.code for it in found] == codes, found


def test_a_unit_of_an_lstm(tmp_path):
    inputs = "".join(
        f'layer {{ name: "{name}" type: "Input" top: "{name}" '
        f"input_param {{ shape {{ dim: 1 dim: 4 dim: {size} }} }} }}\n"
        for name, size in (("cell", 3), ("gates", 12))
    )
    cont = layer("Parameter", "", "k", "parameter_param { shape { dim: 1 dim: 4 } }")
    unit = layer("LSTMUnit", "cell gates k", "h next")
    (found,) = refused(tmp_path, inputs + cont + unit + end("h"))
    assert "the bottom 'k' comes from layers that learn, and LSTMUnit takes no gradient there" in found.message
    assert found.details["fix"] == "give it a blob that no learned layer computes, or set its propagate_down to false"
