"""Test the intervals of values in blobs, joined from several bottoms, and the table of what layers put out."""

import pytest

from datacheck.caffe.network import State, layers_in
from datacheck.caffe.prototxt import parse_prototxt
from datacheck.caffe.ranges import FREE, INF, NOT_NEGATIVE, Interval, infer_intervals

ENDS = {
    "clip": Interval(1, 2),
    "low": Interval(-5, -3),
    "free": FREE,
    "relu": NOT_NEGATIVE,
    "unit": Interval(0, 1, True),
}
HEAD = """
layer { type: "Input" top: "data" }
layer { type: "InnerProduct" bottom: "data" top: "free" }
layer { type: "ReLU" bottom: "free" top: "relu" }
layer { type: "Clip" bottom: "free" top: "clip" clip_param { min: 1 max: 2 } }
layer { type: "Clip" bottom: "free" top: "low" clip_param { min: -5 max: -3 } }
layer { type: "Sigmoid" bottom: "free" top: "unit" }
"""


def made(kind, bottoms, inside=""):
    """Return the interval of values in the top of a layer."""
    ends = "".join(f' bottom: "{it}"' for it in bottoms.split())
    text = f'{HEAD}layer {{ type: "{kind}"{ends} top: "it" {inside} }} layer {{ type: "Silence" bottom: "it" }}'
    return infer_intervals(layers_in(parse_prototxt("n", text), State("TRAIN")))[-1][0]


def test_the_bottoms_of_these_tests_hold_what_they_should():
    assert {name: made("Flatten", name) for name in ENDS} == ENDS


@pytest.mark.parametrize(
    ("bottoms", "interval"),
    [
        ("clip low", Interval(-5, 2)),
        ("low clip", Interval(-5, 2)),
        ("clip clip low", Interval(-5, 2)),
        ("clip relu", NOT_NEGATIVE),
        ("unit unit", Interval(0, 1, True)),
        ("unit clip", Interval(0, 2)),
        ("clip data", None),
        ("clip free", FREE),
    ],
)
def test_a_concat_holds_what_any_of_its_bottoms_holds(bottoms, interval):
    assert made("Concat", bottoms) == interval


@pytest.mark.parametrize(
    ("bottoms", "inside", "interval"),
    [
        ("clip low", "", Interval(-4, -1)),
        ("clip low", "coeff: 1 coeff: -2", Interval(7, 12)),
        ("clip low", "operation: MAX", Interval(1, 2)),
        ("unit unit", "operation: MAX", Interval(0, 1, True)),
        ("unit clip", "operation: MAX", Interval(1, 2)),
        ("clip relu", "operation: PROD", NOT_NEGATIVE),
        ("clip low", "operation: PROD", FREE),
        ("free relu", "coeff: 1 coeff: -1", FREE),
    ],
)
def test_an_eltwise_layer_holds_what_its_operation_makes(bottoms, inside, interval):
    assert made("Eltwise", bottoms, f"eltwise_param {{ {inside} }}") == interval


@pytest.mark.parametrize(
    ("kind", "bottoms", "inside", "interval"),
    [
        ("TanH", "data", "", Interval(-1, 1, True)),
        ("LSTM", "data", "", Interval(-1, 1, True)),
        ("RNN", "data", "", Interval(-1, 1, True)),
        ("BNLL", "data", "", Interval(0, INF, True)),
        ("Softmax", "data", "", Interval(0, 1, True)),
        ("Threshold", "data", "", Interval(0, 1)),
        *((kind, "data", "", FREE) for kind in ("Convolution", "Deconvolution", "BatchNorm", "MVN", "Embed")),
        *(
            (kind, "clip", "", Interval(1, 2))
            for kind in ("LRN", "Split", "Reshape", "Slice", "Tile", "Crop", "Permute")
        ),
        *((kind, "clip", "", Interval(1, 2)) for kind in ("BatchReindex", "Filter", "Im2col")),
        *((kind, "free", "", FREE) for kind in ("Bias", "PReLU", "Swish")),
        *((kind, "clip", "", None) for kind in ("Bias", "PReLU", "Swish")),
        ("Scale", "free free", "", None),
        ("ReLU", "low", "", Interval(0, 0)),
        ("ReLU", "low", "relu_param { negative_slope: 2 }", Interval(-10, -6)),
        ("ReLU", "data", "relu_param { negative_slope: 2 }", None),
        ("Exp", "data", "", NOT_NEGATIVE),
        ("Exp", "clip", "", NOT_NEGATIVE),
        ("Power", "clip", "power_param { power: 2 }", Interval(1, INF)),
        ("Power", "low", "power_param { power: 2 }", NOT_NEGATIVE),
        ("Power", "clip", "power_param { power: -1 }", NOT_NEGATIVE),
        ("Power", "low", "power_param { power: 3 }", None),
        ("AbsVal", "low", "", Interval(3, 5)),
        ("ELU", "clip", "", Interval(1, 2)),
        ("ELU", "low", "elu_param { alpha: 4 }", Interval(-4, -3)),
        ("Dropout", "clip", "dropout_param { dropout_ratio: 0.75 }", Interval(0, 8)),
        ("Dropout", "low", "dropout_param { dropout_ratio: 0.75 }", Interval(-20, 0)),
        ("Clip", "low", "clip_param { min: -4 max: 9 }", Interval(-4, -3)),
        ("Pooling", "low", "pooling_param { pool: AVE }", Interval(-5, 0)),
        ("Reduction", "clip", "reduction_param { operation: SUMSQ coeff: -1 }", Interval(-INF, 0)),
        ("Reduction", "data", "reduction_param { operation: ASUM coeff: -1 }", None),
        ("Reduction", "clip", "", Interval(INF, INF)),
        ("Reduction", "low", "reduction_param { coeff: -1 }", Interval(INF, INF)),
        ("Reduction", "relu", "", NOT_NEGATIVE),
    ],
)
def test_what_a_layer_makes_of_what_comes_in(kind, bottoms, inside, interval):
    assert made(kind, bottoms, inside) == interval
