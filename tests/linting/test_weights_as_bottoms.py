"""Test InnerProduct with its weights as a bottom, which caffe-windows takes (NormFace's networks) and Caffe refuses."""

import pytest

import datacheck

NET = """
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 4 dim: 3 } } }
layer { name: "w" type: "Parameter" top: "w" parameter_param { shape { dim: 10 dim: 3 } } }
layer { name: "ip" type: "InnerProduct" bottom: "x" BOTTOMS top: "ip" inner_product_param { bias_term: false } }
layer { name: "label" type: "Input" top: "label" input_param { shape { dim: LABELS } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""


def lint(folder, bottoms, labels=4, **options):
    path = folder / "net.prototxt"
    path.write_text(NET.replace("BOTTOMS", bottoms).replace("LABELS", str(labels)))
    return [(it.verdict, it.message) for it in datacheck.lint(path, **options).findings]


def test_it_is_of_a_fork(tmp_path):
    message = "InnerProduct takes 1 bottom, not 2: Caffe aborts; a fork (caffe-windows) takes more"
    assert lint(tmp_path, 'bottom: "w"') == [("suspicious", message)]
    assert lint(tmp_path, 'bottom: "w"', forks=["caffe-windows"]) == []


def test_the_shape_of_its_top_is_known(tmp_path):
    ((verdict, message),) = lint(tmp_path, 'bottom: "w"', labels=5, forks=["caffe-windows"])
    assert verdict == "bad"
    assert message.startswith("the bottoms 4x10 and 5 have not as many rows")


@pytest.mark.parametrize(
    ("bottoms", "words"),
    [
        (" ".join(['bottom: "w"'] * 3), "InnerProduct takes 1 bottom, not 4: Caffe aborts"),
        ("", "num_output is missing"),
    ],
)
def test_what_the_fork_refuses_too(tmp_path, bottoms, words):
    found = lint(tmp_path, bottoms, forks=["caffe-windows"])
    assert [(verdict, message.startswith(words)) for verdict, message in found] == [("bad", True)]


@pytest.mark.parametrize("dims", ["dim: 4", "dim: 4 dim: 1 dim: 1 dim: 1"])
def test_a_bottom_that_cannot_be_weights(tmp_path, dims):
    """Labels, say, by mistake: no fork takes them."""
    path = tmp_path / "net.prototxt"
    path.write_text(NET.replace("dim: 10 dim: 3", dims).replace("BOTTOMS", 'bottom: "w"').replace("LABELS", "4"))
    assert ("bad", "InnerProduct takes 1 bottom, not 2: Caffe aborts") in [
        (it.verdict, it.message) for it in datacheck.lint(path).findings
    ]
