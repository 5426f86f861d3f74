"""Test that shapes go through each layer as in Caffe: unknown shapes stay unknown, and misfits are reported."""

import pytest

from datacheck.caffe.layers import LAYER_TYPES
from datacheck.caffe.network import State, layers_in
from datacheck.caffe.prototxt import parse_prototxt
from datacheck.caffe.ranges import FREE, INF, NOT_NEGATIVE, Interval, infer_intervals
from datacheck.caffe.schema import messages
from datacheck.caffe.shape_rules import RULES, SAME
from datacheck.caffe.shape_sources import SOURCES
from datacheck.caffe.shapes import infer_shapes


def place(kind, inside, *shapes, tops=1, records=None):
    """Infer a layer whose bottoms have these shapes (None if unknown), and return its place in the network."""
    text = ""
    for number, shape in enumerate(shapes):
        if shape is None:
            text += f'layer {{ type: "Python" top: "b{number}" }} '
        else:
            dims = " ".join(f"dim: {size}" for size in shape)
            text += f'layer {{ type: "Input" top: "b{number}" input_param {{ shape {{ {dims} }} }} }} '
    ends = " ".join(f'bottom: "b{it}"' for it in range(len(shapes))) + " ".join(f' top: "t{it}"' for it in range(tops))
    text += f'layer {{ name: "it" type: "{kind}" {ends} {inside} }}'
    return infer_shapes(layers_in(parse_prototxt("n", text), State("TRAIN")), records)[-1]


IMAGE = (2, 3, 10, 8)
MADE = [
    ("Convolution", "convolution_param { num_output: 4 kernel_size: 3 }", [IMAGE], [(2, 4, 8, 6)]),
    ("Convolution", "convolution_param { num_output: 4 kernel_size: 3 stride: 2 pad: 1 }", [IMAGE], [(2, 4, 5, 4)]),
    (
        "Convolution",
        "convolution_param { num_output: 4 kernel_h: 3 kernel_w: 1 pad_h: 1 pad_w: 0 }",
        [IMAGE],
        [(2, 4, 10, 8)],
    ),
    ("Convolution", "convolution_param { num_output: 4 kernel_size: 3 dilation: 2 }", [IMAGE], [(2, 4, 6, 4)]),
    ("Convolution", "convolution_param { num_output: 4 kernel_size: [3, 5] stride: [1, 3] }", [IMAGE], [(2, 4, 8, 2)]),
    ("Convolution", "convolution_param { num_output: 4 kernel_size: 2 }", [(2, 3, 5, 6, 7)], [(2, 4, 4, 5, 6)]),
    ("Convolution", "convolution_param { num_output: 4 kernel_size: 2 axis: 2 }", [IMAGE], [(2, 3, 4, 7)]),
    ("Deconvolution", "convolution_param { num_output: 4 kernel_size: 4 stride: 2 pad: 1 }", [IMAGE], [(2, 4, 20, 16)]),
    ("Pooling", "pooling_param { kernel_size: 3 stride: 2 }", [IMAGE], [(2, 3, 5, 4)]),
    ("Pooling", "pooling_param { kernel_size: 3 stride: 2 round_mode: FLOOR }", [IMAGE], [(2, 3, 4, 3)]),
    ("Pooling", "pooling_param { global_pooling: true }", [IMAGE], [(2, 3, 1, 1)]),
    ("SPP", "spp_param { pyramid_height: 3 }", [IMAGE], [(2, 63)]),
    ("InnerProduct", "inner_product_param { num_output: 5 }", [IMAGE], [(2, 5)]),
    ("InnerProduct", "inner_product_param { num_output: 5 axis: -1 }", [IMAGE], [(2, 3, 10, 5)]),
    ("InnerProduct", "inner_product_param { num_output: 5 }", [None], [(None, 5)]),
    ("Embed", "embed_param { num_output: 5 input_dim: 9 }", [(4, 7)], [(4, 7, 5)]),
    ("Concat", "", [IMAGE, (2, 4, 10, 8)], [(2, 7, 10, 8)]),
    ("Concat", "concat_param { axis: -1 }", [IMAGE, IMAGE], [(2, 3, 10, 16)]),
    ("Concat", "", [IMAGE, None], [(2, None, 10, 8)]),
    ("Slice", "slice_param { axis: 2 }", [IMAGE], [(2, 3, 5, 8), (2, 3, 5, 8)]),
    ("Slice", "slice_param { slice_point: 1 }", [IMAGE], [(2, 1, 10, 8), (2, 2, 10, 8)]),
    ("Reshape", "reshape_param { shape { dim: 0 dim: -1 } }", [IMAGE], [(2, 240)]),
    ("Reshape", "reshape_param { shape { dim: -1 dim: 2 } axis: 2 num_axes: 1 }", [IMAGE], [(2, 3, 5, 2, 8)]),
    ("Reshape", "reshape_param { shape { dim: 1 } axis: -1 num_axes: 0 }", [IMAGE], [(2, 3, 10, 8, 1)]),
    ("Flatten", "", [IMAGE], [(2, 240)]),
    ("Flatten", "flatten_param { axis: 1 end_axis: 2 }", [IMAGE], [(2, 30, 8)]),
    ("Eltwise", "", [IMAGE, IMAGE], [IMAGE]),
    ("Eltwise", "", [None, IMAGE], [IMAGE]),
    ("Crop", "crop_param { offset: 1 }", [IMAGE, (2, 9, 5, 6)], [(2, 3, 5, 6)]),
    ("Reduction", "reduction_param { axis: 2 }", [IMAGE], [(2, 3)]),
    ("Reduction", "", [IMAGE], [()]),
    ("ArgMax", "argmax_param { axis: 1 }", [IMAGE], [(2, 1, 10, 8)]),
    ("ArgMax", "argmax_param { out_max_val: true top_k: 3 }", [(2, 9)], [(2, 2, 3)]),
    ("Accuracy", "", [(2, 9), (2,)], [(), (9,)]),
    ("Tile", "tile_param { axis: 1 tiles: 4 }", [IMAGE], [(2, 12, 10, 8)]),
    ("Permute", "permute_param { order: 0 order: 2 order: 3 order: 1 }", [IMAGE], [(2, 10, 8, 3)]),
    ("BatchReindex", "", [IMAGE, (7,)], [(7, 3, 10, 8)]),
    ("LSTM", "recurrent_param { num_output: 6 }", [(5, 2, 9), (5, 2)], [(5, 2, 6)]),
    ("ReLU", "", [IMAGE], [IMAGE]),
    ("Split", "", [IMAGE], [IMAGE, IMAGE]),
    ("SoftmaxWithLoss", "", [(2, 5), (2,)], [(), (2, 5)]),
    ("Python", "", [IMAGE], [None]),
    ("Fancy", "", [IMAGE], [None]),
    ("Convolution", "convolution_param { num_output: 4 kernel_size: 3 }", [None], [None]),
]


@pytest.mark.parametrize(("kind", "inside", "bottoms", "tops"), MADE)
def test_the_tops_of_a_layer(kind, inside, bottoms, tops):
    found = place(kind, inside, *bottoms, tops=len(tops))
    assert found.misfit is None
    assert list(found.tops) == tops


SOURCED = [
    ("Data", "data_param { batch_size: 4 }", None, [(4, None, None, None), (4,)]),
    ("Data", "data_param { batch_size: 4 } transform_param { crop_size: 7 }", None, [(4, None, 7, 7), (4,)]),
    ("Data", "data_param { batch_size: 4 }", (3, 9, 8), [(4, 3, 9, 8), (4,)]),
    ("Data", "data_param { batch_size: 4 } transform_param { crop_size: 7 }", (3, 9, 8), [(4, 3, 7, 7), (4,)]),
    ("Data", "data_param { batch_size: 4 } transform_param { force_gray: true }", None, [(4, 1, None, None), (4,)]),
    ("ImageData", "image_data_param { new_height: 5 new_width: 6 batch_size: 2 }", None, [(2, 3, 5, 6), (2,)]),
    ("ImageData", "image_data_param { is_color: false }", (3, 9, 8), [(1, 1, 9, 8), (1,)]),
    ("WindowData", "window_data_param { batch_size: 3 crop_size: 5 }", None, [(3, 3, 5, 5), (3,)]),
    ("MemoryData", "memory_data_param { batch_size: 2 channels: 3 height: 4 width: 5 }", None, [(2, 3, 4, 5), (2,)]),
    (
        "DummyData",
        "dummy_data_param { num: 1 channels: 2 height: 3 width: 4 width: 5 }",
        None,
        [(1, 2, 3, 4), (1, 2, 3, 5)],
    ),
    ("DummyData", "dummy_data_param { shape { dim: 6 } }", None, [(6,), (6,)]),
    ("HDF5Data", "hdf5_data_param { batch_size: 4 }", None, [None, None]),
    ("Parameter", "parameter_param { shape { dim: 2 dim: 3 } }", None, [(2, 3)]),
    ("Input", "", None, [None]),
]


@pytest.mark.parametrize(("kind", "inside", "record", "tops"), SOURCED)
def test_the_tops_of_a_layer_that_data_comes_from(kind, inside, record, tops):
    found = place(kind, inside, tops=len(tops), records={"it": record} if record else None)
    assert found.misfit is None
    assert list(found.tops) == tops


def test_a_crop_larger_than_the_records():
    found = place(
        "Data", "data_param { batch_size: 1 } transform_param { crop_size: 9 }", tops=2, records={"it": (3, 8, 8)}
    )
    assert found.misfit.reason == "the crop of 9 is larger than the records' 8"


def test_a_kernel_that_does_not_fit():
    """C++ divides towards 0: (10 - 11) / 2 + 1 is 1, and (8 - 11) / 2 + 1 is 0."""
    found = place("Convolution", "convolution_param { num_output: 4 kernel_size: 11 stride: 2 }", IMAGE)
    assert "the top would be 1x0" in found.misfit.reason


def test_fields_that_are_not_known_make_a_shape_unknown():
    net = parse_prototxt(
        "n",
        'input: "a" input_shape { dim: 1 dim: 2 dim: 8 dim: 8 } '
        'layer { type: "Pooling" bottom: "a" top: "b" pooling_param { kernel_size: 3 stride: 2 ceil_mode: false } }',
    )
    chosen = layers_in(net, State("TEST"))
    assert infer_shapes(chosen)[-1].tops == [(1, 2, 4, 4)]
    assert infer_shapes(chosen, unsure={"layer[0]"})[-1].tops == [None]


def test_the_tables_agree():
    known = set(LAYER_TYPES) | {"Permute"}
    assert set(RULES) | SAME | set(SOURCES) <= known
    assert not set(RULES) & SAME
    for kind, (_, _, params) in LAYER_TYPES.items():
        assert set(params) <= set(messages()["LayerParameter"]), kind


RANGES = [
    ("ReLU", "", FREE, NOT_NEGATIVE),
    ("ReLU", "relu_param { negative_slope: 0.5 }", Interval(-10, 5), Interval(-5, 5)),
    ("ReLU", "", None, NOT_NEGATIVE),
    ("Sigmoid", "", None, Interval(0, 1, rare=True)),
    ("AbsVal", "", Interval(-3, 2), Interval(0, 3)),
    ("AbsVal", "", Interval(-3, -2), Interval(2, 3)),
    ("AbsVal", "", None, NOT_NEGATIVE),
    ("Power", "power_param { scale: -2 shift: 1 }", Interval(0, 3), Interval(-5, 1)),
    ("Power", "power_param { power: 2 }", FREE, NOT_NEGATIVE),
    ("Power", "power_param { power: 0.5 }", NOT_NEGATIVE, NOT_NEGATIVE),
    ("Power", "power_param { power: 0.5 }", FREE, None),
    ("Clip", "clip_param { min: 1 max: 2 }", None, Interval(1, 2)),
    ("Clip", "clip_param { min: 1 max: 2 }", FREE, Interval(1, 2)),
    ("ELU", "", FREE, Interval(-1, INF)),
    ("Dropout", "", Interval(1, 2), Interval(0, 4)),
    ("Pooling", "pooling_param { pool: AVE kernel_size: 2 }", Interval(1, 2), Interval(0, 2)),
    ("Pooling", "pooling_param { kernel_size: 2 }", Interval(1, 2), Interval(1, 2)),
    ("Reduction", "reduction_param { operation: ASUM }", FREE, NOT_NEGATIVE),
    ("Reduction", "reduction_param { operation: SUMSQ }", None, NOT_NEGATIVE),
    ("Reduction", "reduction_param { operation: MEAN coeff: 2 }", Interval(1, 2), Interval(2, 4)),
    ("Flatten", "", Interval(1, 2), Interval(1, 2)),
    ("Scale", "", FREE, FREE),
    ("Scale", "", NOT_NEGATIVE, None),
    ("InnerProduct", "", None, FREE),
    ("InnerProduct", "param { lr_mult: 0 }", None, None),
    ("Fancy", "", FREE, None),
    ("Power", "power_param { scale: inf shift: -inf }", FREE, None),
]


@pytest.mark.parametrize(("kind", "inside", "given", "made"), RANGES)
def test_what_the_values_of_a_blob_can_be(kind, inside, given, made):
    first = {
        None: 'type: "Fancy"',
        FREE: 'type: "InnerProduct"',
        NOT_NEGATIVE: 'type: "ReLU"',
    }.get(given) or f'type: "Clip" clip_param {{ min: {given.low} max: {given.high} }}'
    net = parse_prototxt(
        "n",
        f'layer {{ type: "Input" top: "a" }} layer {{ {first} bottom: "a" top: "b" }} '
        f'layer {{ type: "{kind}" bottom: "b" top: "c" {inside} }} layer {{ type: "Silence" bottom: "c" }}',
    )
    assert infer_intervals(layers_in(net, State("TRAIN")))[-1] == [made]
