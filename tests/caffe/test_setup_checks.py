"""Test what Caffe's layers check at set-up: for each check a net that passes, and one like it that fails."""

import pytest

from datacheck.caffe.network import State, layers_in
from datacheck.caffe.prototxt import parse_prototxt
from datacheck.caffe.setup_checks import CHECKS
from datacheck.caffe.shapes import infer_shapes


def misfit(kind, inside, shapes, tops=1, in_place=False):
    text = ""
    for number, shape in enumerate(shapes):
        dims = " ".join(f"dim: {size}" for size in shape)
        text += f'layer {{ type: "Input" top: "b{number}" input_param {{ shape {{ {dims} }} }} }} '
    names = ["b0"] if in_place else [f"t{it}" for it in range(tops)]
    ends = "".join(f' bottom: "b{it}"' for it in range(len(shapes))) + "".join(f' top: "{it}"' for it in names)
    text += f'layer {{ name: "it" type: "{kind}"{ends} {inside} }}'
    found = infer_shapes(layers_in(parse_prototxt("n", text), State("TRAIN")))[-1]
    return None if found.misfit is None else found.misfit.reason


IMAGE, FIVE, ROWS = (6, 3, 8, 8), (6, 3, 8, 8, 2), (6,)
LSTM = 'recurrent_param { num_output: 4 weight_filler { type: "xavier" } %s }'
BOTH_SIDES = [
    ("AbsVal", "", [IMAGE], "", [IMAGE], {"in_place": True}),
    ("Flatten", "", [IMAGE], "", [IMAGE], {"in_place": True}),
    ("Reshape", "reshape_param { shape { dim: 0 dim: -1 } }", [IMAGE], None, [IMAGE], {"in_place": True}),
    ("Accuracy", "accuracy_param { axis: 3 }", [IMAGE, (6, 3, 8)], "accuracy_param { axis: 4 }", [IMAGE, ROWS], {}),
    ("Accuracy", "accuracy_param { top_k: 3 }", [(6, 3), ROWS], "accuracy_param { top_k: 4 }", [(6, 3), ROWS], {}),
    ("Accuracy", "accuracy_param { top_k: 3 }", [(6, 3), ROWS], None, [(6, 3), (12,)], {}),
    ("ArgMax", "argmax_param { top_k: 192 }", [IMAGE], "argmax_param { top_k: 193 }", [IMAGE], {}),
    ("ArgMax", "argmax_param { top_k: 8 axis: -1 }", [IMAGE], "argmax_param { top_k: 9 axis: -1 }", [IMAGE], {}),
    ("ArgMax", "", [IMAGE], "argmax_param { top_k: 0 }", [IMAGE], {}),
    ("BatchNorm", "", [(6, 3)], None, [ROWS], {}),
    ("BatchReindex", "", [IMAGE, (9,)], None, [IMAGE, (9, 1)], {}),
    ("Bias", "bias_param { axis: 1 num_axes: 2 }", [(6, 1, 7)], "bias_param { axis: 2 num_axes: 2 }", [(6, 1, 7)], {}),
    ("Bias", "bias_param { axis: 0 num_axes: -1 }", [IMAGE], "bias_param { num_axes: -2 }", [IMAGE], {}),
    ("Bias", "", [IMAGE, (3, 8)], None, [IMAGE, (8, 3)], {}),
    ("Scale", "", [IMAGE, (3,)], None, [IMAGE, (6,)], {}),
    ("Scale", "scale_param { axis: -1 }", [IMAGE], "scale_param { axis: 4 }", [IMAGE], {}),
    ("Scale", "scale_param { axis: 2 }", [IMAGE, (8, 8)], None, [IMAGE, (8, 8, 1)], {}),
    ("Concat", "concat_param { axis: 2 }", [IMAGE, IMAGE], "concat_param { axis: 2 concat_dim: 2 }", [IMAGE] * 2, {}),
    ("Slice", "slice_param { slice_dim: 1 }", [IMAGE], "slice_param { slice_dim: 1 axis: 1 }", [IMAGE], {}),
    ("ContrastiveLoss", "", [(6, 9), (6, 9, 1, 1), ROWS], None, [(6, 9), (6, 8), ROWS], {}),
    ("ContrastiveLoss", "", [(6, 9), (6, 9), (6, 1)], None, [(6, 9), (6, 9), (6, 2)], {}),
    ("ContrastiveLoss", "", [(6, 9), (6, 9), ROWS], None, [(6, 9, 2), (6, 9, 2), ROWS], {}),
    ("ContrastiveLoss", "", [(6, 9), (6, 9), ROWS], None, [(6, 9), (5, 9), ROWS], {}),
    ("Convolution", "convolution_param { num_output: 2 kernel_size: 3 }", [IMAGE, IMAGE], None,
     [IMAGE, (6, 3, 9, 8)], {"tops": 2}),
    ("Eltwise", "eltwise_param { coeff: 1 coeff: -1 }", [IMAGE, IMAGE],
     "eltwise_param { operation: PROD coeff: 1 coeff: -1 }", [IMAGE, IMAGE], {}),
    ("EuclideanLoss", "", [(6, 4), (6, 2, 2)], None, [(6, 4), (5, 4)], {}),
    ("Filter", "", [IMAGE, (6, 1)], None, [IMAGE, (5,)], {}),
    ("Filter", "", [IMAGE, (6, 1)], None, [IMAGE, (6, 2)], {}),
    ("Filter", "", [IMAGE, (6, 1)], None, [IMAGE, (6, 1)], {"tops": 2}),
    ("Flatten", "flatten_param { axis: 2 end_axis: 2 }", [IMAGE], "flatten_param { axis: 3 end_axis: 1 }", [IMAGE], {}),
    ("HingeLoss", "", [(6, 4), ROWS], None, [(6, 4), (5,)], {}),
    ("Im2col", "convolution_param { kernel_size: 3 }", [IMAGE], None, [(6,)], {}),
    ("Im2col", "convolution_param { kernel_size: 3 }", [IMAGE], None, [(6, 3)], {}),
    ("Im2col", "convolution_param { kernel_size: [3, 2] }", [IMAGE], "convolution_param { }", [IMAGE], {}),
    ("Im2col", "convolution_param { kernel_h: 3 kernel_w: 1 }", [IMAGE], None, [FIVE], {}),
    ("InfogainLoss", "", [(6, 4), ROWS], "infogain_loss_param { axis: 2 }", [(6, 4), ROWS], {}),
    ("LRN", "", [IMAGE], None, [(6, 3)], {}),
    ("LRN", "lrn_param { norm_region: WITHIN_CHANNEL }", [IMAGE], None, [FIVE], {}),
    ("LSTM", LSTM % "", [(5, 2, 7), (5, 2)], None, [(5, 2, 7), (5, 3)], {}),
    ("LSTM", LSTM % "", [(5, 2, 7), (5, 2)], None, [(5, 2), (5, 2)], {}),
    ("LSTM", LSTM % "", [(5, 2, 7), (5, 2)], None, [(5, 2, 7), (5, 2, 1)], {}),
    ("LSTM", LSTM % "", [(5, 2, 7), (5, 2), (2, 9)], None, [(5, 2, 7), (5, 2), (3, 9)], {}),
    ("LSTM", LSTM % "", [(5, 2, 7), (5, 2)], "recurrent_param { }", [(5, 2, 7), (5, 2)], {}),
    ("LSTM", LSTM % "expose_hidden: true", [(5, 2, 7), (5, 2), (1, 2, 4), (1, 2, 4)], None,
     [(5, 2, 7), (5, 2), (1, 2, 4), (1, 2, 5)], {"tops": 3}),
    ("RNN", LSTM % "expose_hidden: true", [(5, 2, 7), (5, 2), (1, 2, 4)], None, [(5, 2, 7), (5, 2)], {"tops": 2}),
    ("LSTMUnit", "", [(1, 6, 3), (1, 6, 12), (1, 6)], None, [(1, 6, 3), (1, 6, 11), (1, 6)], {"tops": 2}),
    ("LSTMUnit", "", [(1, 6, 3), (1, 6, 12), (1, 6)], None, [(1, 6, 3), (1, 5, 12), (1, 6)], {"tops": 2}),
    ("MVN", "", [IMAGE], None, [FIVE], {}),
    ("MultinomialLogisticLoss", "", [(6, 4), (6, 1, 1, 1)], None, [(6, 4), (6, 1, 2, 2)], {}),
    ("MultinomialLogisticLoss", "", [(6, 4), (6, 1)], None, [(6, 4), (6, 4)], {}),
    ("PReLU", "", [IMAGE], None, [FIVE], {}),
    ("PReLU", "", [(6, 3)], None, [ROWS], {}),
    ("SPP", "spp_param { pyramid_height: 3 }", [IMAGE], None, [(6, 3, 1, 7)], {}),
    ("SPP", "spp_param { pyramid_height: 2 }", [IMAGE], None, [FIVE], {}),
    ("SPP", "spp_param { pyramid_height: 2 pool: STOCHASTIC }", [IMAGE], None, [(6, 3, 7, 7)], {}),
    ("SigmoidCrossEntropyLoss", "", [(6, 4), (6, 2, 2)], None, [(6, 4), (6, 1)], {}),
    ("Softmax", "softmax_param { axis: -4 }", [IMAGE], "softmax_param { axis: 4 }", [IMAGE], {}),
    ("SoftmaxWithLoss", "", [(6, 4), (6, 1)], None, [ROWS, ROWS], {}),
    ("SoftmaxWithLoss", "", [(6, 4), (6, 1)], None, [(6, 4), (1, 6)], {}),
    ("Split", "", [IMAGE], None, [IMAGE], {"in_place": True}),
    ("HDF5Output", "", [IMAGE, ROWS], None, [IMAGE, (5,)], {"tops": 0}),
    ("DummyData", "dummy_data_param { shape { dim: 2 } data_filler { } }", [],
     "dummy_data_param { shape { dim: 2 } data_filler { } data_filler { } }", [], {}),
    ("DummyData", "dummy_data_param { num: 1 channels: 1 height: 1 width: 1 }", [],
     "dummy_data_param { shape { dim: 2 } num: 1 channels: 1 height: 1 width: 1 }", [], {}),
    ("ImageData", 'image_data_param { source: "x" new_height: 9 new_width: 9 }', [],
     'image_data_param { source: "x" new_height: 9 }', [], {"tops": 2}),
    ("Pooling", "pooling_param { kernel_size: 2 }", [IMAGE], None, [FIVE], {}),
    ("Convolution", "convolution_param { num_output: 2 kernel_size: 3 engine: CUDNN }", [IMAGE],
     "convolution_param { num_output: 2 kernel_size: 3 engine: CUDNN dilation: 2 }", [IMAGE], {}),
    ("Convolution", "convolution_param { num_output: 2 kernel_size: 3 engine: CUDNN dilation: 1 }", [IMAGE], None,
     [(6, 3, 8, 8, 8)], {}),
    ("Deconvolution", "convolution_param { num_output: 2 kernel_size: 3 engine: CAFFE dilation: 2 }", [IMAGE],
     "convolution_param { num_output: 2 kernel_size: 3 engine: CUDNN dilation: [1, 2] }", [IMAGE], {}),
    ("InfogainLoss", "", [(6, 4), ROWS, (1, 1, 4, 4)], None, [(6, 4), ROWS, (1, 1, 4, 5)], {}),
    ("DummyData", "dummy_data_param { shape { dim: 2 dim: 1 } }", [], "dummy_data_param { shape { dim: 2 dim: 0 } }",
     [], {}),
    ("WindowData", 'window_data_param { source: "x" batch_size: 2 } transform_param { crop_size: 7 }', [],
     'window_data_param { source: "x" batch_size: 2 }', [], {"tops": 2}),
    ("Crop", "crop_param { axis: 2 }", [IMAGE, (6, 3, 4, 4)], None, [IMAGE, (6, 3, 4)], {}),
    ("Crop", "crop_param { axis: 2 }", [IMAGE, (6, 3, 4, 4, 9)], "crop_param { axis: 4 }", [IMAGE, IMAGE], {}),
]  # fmt: skip
"""Layer type; fields and shapes that pass; fields (None for the same) and shapes that fail; and tops, or in place."""


@pytest.mark.parametrize("row", BOTH_SIDES, ids=lambda row: f"{row[0]} {row[4]}")
def test_both_sides_of_a_check(row):
    kind, passes, shapes, fails, other, more = row
    assert misfit(kind, passes, shapes, tops=more.get("tops", 1) if kind != "Filter" else 1) is None
    assert misfit(kind, passes if fails is None else fails, other, **more) is not None


def test_every_layer_with_checks_has_a_row():
    assert set(CHECKS) - {row[0] for row in BOTH_SIDES} <= {"Deconvolution"}


@pytest.mark.parametrize("kind", ["LRN", "PReLU", "LSTM", "SoftmaxWithLoss", "Filter", "Bias", "LSTMUnit", "MVN"])
def test_what_is_not_known_is_passed_over(kind):
    text = 'layer { name: "d" type: "HDF5Data" top: "a" top: "b" top: "c" } '
    param = "recurrent_param { num_output: 3 }"
    text += f'layer {{ name: "it" type: "{kind}" bottom: "a" bottom: "b" top: "t" {param} }}'
    assert infer_shapes(layers_in(parse_prototxt("n", text), State("TRAIN")))[-1].misfit is None


def test_normalised_means_have_four_axes():
    text = ('layer { type: "Input" top: "a" input_param { shape { dim: 2 dim: 3 } } } '
            'layer { type: "MVN" bottom: "a" top: "b" } layer { type: "LRN" bottom: "b" top: "c" }')  # fmt: skip
    places = infer_shapes(layers_in(parse_prototxt("n", text), State("TRAIN")))
    assert places[1].tops == [(2, 3, 1, 1)]
    assert places[2].misfit is None
