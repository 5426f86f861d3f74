"""Test what force_backward, and layers without a backward pass, do to training, as Net::Init of Caffe decides it.

Net::Init (net.cpp) runs the backward pass of every layer where force_backward is set, and sends a gradient to each
bottom for which AllowForceBackward is true, whatever its propagate_down says. Accuracy, ArgMax and Threshold have no
backward pass (NOT_IMPLEMENTED in their headers).
"""

import pytest
from linting.test_refused_gradients import FROZEN, HEAD, INDEX, dense, embed, end, layer

import datacheck

FORCE = "force_backward: true\n"
SCORES = dense("x", "a")
LOSS = layer("SoftmaxWithLoss", "a label", "loss")
ACCURACY = layer("Accuracy", "a label", "accuracy")
IN_TEST = layer("Accuracy", "a label", "accuracy", "include { phase: TEST }")
FORCED = "force_backward sends a gradient to every layer"
NETS = {
    "a plain loss": (FORCE + SCORES + LOSS, None),
    "accuracy in training": (FORCE + SCORES + LOSS + ACCURACY, FORCED),
    "accuracy in training, told not to": (
        FORCE + SCORES + LOSS + layer("Accuracy", "a label", "n", "propagate_down: [false, false]"), FORCED),
    "accuracy in testing": (FORCE + SCORES + LOSS + IN_TEST, None),
    "accuracy without force_backward": (SCORES + LOSS + ACCURACY, None),
    "force_backward: false": ("force_backward: false\n" + SCORES + LOSS + ACCURACY, None),
    "ArgMax that nothing reads": (FORCE + SCORES + LOSS + layer("ArgMax", "a", "best"), FORCED),
    "ArgMax without force_backward": (SCORES + LOSS + layer("ArgMax", "a", "best"), None),
    "embed of data": (FORCE + embed("label") + end("e"), FORCED),
    "filter of data": (FORCE + dense("x", "a") + layer("Filter", "a label", "f") + end("f"), FORCED),
    "infogain matrix of data": (
        FORCE + SCORES + layer("InfogainLoss", "a label matrix", "loss"), FORCED),
    "recurrent of data": (
        FORCE + layer("LSTM", "seq cont", "r", "recurrent_param { num_output: 3 }") + end("r"), None),
    "a deploy network": (FORCE + SCORES + layer("ArgMax", "a", "best"), None),
    "a loss behind ArgMax": (
        dense("x", "a") + layer("ArgMax", "a", "best") + layer("EuclideanLoss", "best label", "loss"),
        "the bottom 'a' comes from layers that learn"),
    "a loss behind ArgMax, told not to": (
        dense("x", "a") + layer("ArgMax", "a", "best", "propagate_down: false") + end("best"),
        "the bottom 'a' comes from layers that learn"),
    "a loss behind ArgMax of what is frozen": (
        dense("x", "a", FROZEN) + layer("ArgMax", "a", "best") + end("best"), None),
    "a loss behind Threshold": (
        INDEX + layer("Threshold", "i", "best") + end("best"), "the bottom 'i' comes from layers that learn"),
    "accuracy as a loss": (
        dense("x", "a") + layer("Accuracy", "a label", "accuracy", "loss_weight: 1"),
        "the bottom 'a' comes from layers that learn"),
}  # fmt: skip


@pytest.mark.parametrize("name", NETS)
def test_what_caffe_aborts_of(tmp_path, name):
    text, reason = NETS[name]
    path = tmp_path / "net.prototxt"
    path.write_text(HEAD + text)
    found = [it for it in datacheck.lint(path).findings if "gradient" in it.message and it.verdict == "bad"]
    assert [it.message.partition(", and ")[0] for it in found] == ([] if reason is None else [reason]), found


def test_the_fix_names_the_phase(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(FORCE + HEAD + SCORES + LOSS + ACCURACY)
    (found,) = (it for it in datacheck.lint(path).findings if it.verdict == "bad")
    assert (found.key, found.code) == ("accuracy", "layer")
    assert found.details["fix"] == "give the layer include { phase: TEST }, or remove force_backward"
