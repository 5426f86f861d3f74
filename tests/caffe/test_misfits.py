"""Test the whole sentence and the field for each reason why the shapes of a layer do not fit."""

import pytest

from datacheck.caffe.network import State, layers_in
from datacheck.caffe.prototxt import parse_prototxt
from datacheck.caffe.shapes import infer_shapes

IMAGE, FLAT = (2, 3, 10, 8), (2, 5)


def misfit(kind, inside, *shapes, tops=1):
    text = ""
    for number, shape in enumerate(shapes):
        dims = " ".join(f"dim: {size}" for size in shape)
        text += f'layer {{ type: "Input" top: "b{number}" input_param {{ shape {{ {dims} }} }} }} '
    ends = "".join(f' bottom: "b{it}"' for it in range(len(shapes))) + "".join(f' top: "t{it}"' for it in range(tops))
    text += f'layer {{ type: "{kind}"{ends} {inside} }}'
    place = infer_shapes(layers_in(parse_prototxt("n", text), State("TRAIN")))[-1]
    return None if place.misfit is None else (place.misfit.reason, place.misfit.field)


CONV, POOL = "convolution_param", "pooling_param"
EACH = [
    ("InnerProduct", "", [IMAGE], "num_output is missing or 0", "inner_product_param.num_output"),
    (
        "InnerProduct", "inner_product_param { num_output: 1 axis: 4 }", [IMAGE],
        "axis 4 is not one of the 4 axes of 2x3x10x8", "inner_product_param.axis",
    ),
    (
        "InnerProduct", "inner_product_param { num_output: 1 axis: -5 }", [IMAGE],
        "axis -5 is not one of the 4 axes of 2x3x10x8", "inner_product_param.axis",
    ),
    (
        "Embed", "embed_param { num_output: 5 }", [FLAT],
        "num_output and input_dim must be given and positive", "embed_param",
    ),
    (
        "Embed", "embed_param { input_dim: 5 }", [FLAT],
        "num_output and input_dim must be given and positive", "embed_param",
    ),
    ("Concat", "", [IMAGE, FLAT], "the bottoms have 4 and 2 axes; they must have as many as each other", ""),
    (
        "Concat", "", [IMAGE, (2, 3, 10, 9)],
        "the bottoms 2x3x10x8 and 2x3x10x9 differ along another axis than 1, which joins them", "",
    ),
    (
        "Slice", "slice_param { slice_point: 1 }", [IMAGE],
        "1 slice points make 2 tops, not 1", "slice_param.slice_point",
    ),
    (
        "Reshape", "reshape_param { axis: 1 num_axes: 9 }", [IMAGE],
        "num_axes 9 reaches behind the axes of 2x3x10x8", "reshape_param.num_axes",
    ),
    (
        "Reshape", "reshape_param { num_axes: -2 }", [IMAGE],
        "num_axes -2 reaches behind the axes of 2x3x10x8", "reshape_param.num_axes",
    ),
    (
        "Reshape", "reshape_param { shape { dim: -1 dim: -1 } }", [IMAGE],
        "only one size may be -1, and none less", "reshape_param.shape",
    ),
    (
        "Reshape", "reshape_param { shape { dim: -2 } }", [IMAGE],
        "only one size may be -1, and none less", "reshape_param.shape",
    ),
    (
        "Reshape", "reshape_param { shape { dim: 0 dim: 0 dim: 0 } }", [FLAT],
        "a size of 0 copies an axis that 2x5 does not have", "reshape_param.shape",
    ),
    (
        "Reshape", "reshape_param { shape { dim: -1 dim: 7 } }", [FLAT],
        "2x5 cannot be cut into [-1, 7]", "reshape_param.shape",
    ),
    (
        "Reshape", "reshape_param { shape { dim: 3 dim: 4 } }", [FLAT],
        "2x5 has not as many values as 3x4", "reshape_param.shape",
    ),
    ("Eltwise", "eltwise_param { coeff: 1 }", [FLAT, FLAT], "has 1 coefficients for 2 bottoms", "eltwise_param.coeff"),
    ("Eltwise", "", [FLAT, (2, 6)], "the bottoms have the shapes 2x5 and 2x6; they must be equal", ""),
    ("Eltwise", "", [FLAT, (2, 5, 1)], "the bottoms have the shapes 2x5 and 2x5x1; they must be equal", ""),
    ("Crop", "", [IMAGE, FLAT], "the second of the bottoms 2x3x10x8 and 2x5 has fewer axes than the first", ""),
    (
        "Crop", "crop_param { offset: 1 offset: 1 offset: 1 }", [IMAGE, IMAGE],
        "has 3 offsets for 2 axes", "crop_param.offset",
    ),
    (
        "Crop", "crop_param { offset: 3 }", [IMAGE, (2, 3, 8, 4)],
        "axis 2 of 2x3x10x8 has not 8 left behind the offset 3", "crop_param.offset",
    ),
    (
        "Crop", "crop_param { offset: 0 offset: 2 }", [IMAGE, (2, 3, 8, 7)],
        "axis 3 of 2x3x10x8 has not 7 left behind the offset 2", "crop_param.offset",
    ),
    ("Accuracy", "accuracy_param { top_k: 6 }", [FLAT, (2,)], "top_k 6 of only 5 classes", "accuracy_param.top_k"),
    ("Tile", "", [FLAT], "tiles is missing or less than 1", "tile_param.tiles"),
    (
        "Permute", "permute_param { order: 0 order: 0 }", [FLAT],
        "the order [0, 0] is none of the axes of 2x5", "permute_param.order",
    ),
    (
        "Permute", "permute_param { order: 2 }", [FLAT],
        "the order [2] is none of the axes of 2x5", "permute_param.order",
    ),
    (
        "Convolution", f"{CONV} {{ num_output: 1 kernel_size: 3 kernel_h: 3 kernel_w: 3 }}", [IMAGE],
        "gives kernel_size and kernel_h, kernel_w; Caffe takes one or the other", CONV,
    ),
    (
        "Convolution", f"{CONV} {{ num_output: 1 kernel_h: 3 kernel_w: 3 }}", [(1, 2, 3)],
        "kernel_h and kernel_w are for two axes, not 1", CONV,
    ),
    (
        "Convolution", f"{CONV} {{ num_output: 1 kernel_size: [1, 2, 3] }}", [IMAGE],
        "has 3 values of kernel_size for 2 axes", CONV,
    ),
    ("Convolution", f"{CONV} {{ num_output: 1 }}", [IMAGE], "kernel_size is missing", CONV),
    (
        "Convolution", f"{CONV} {{ num_output: 1 kernel_size: 0 }}", [IMAGE],
        "the kernel's sizes and the strides must be at least 1", CONV,
    ),
    (
        "Convolution", f"{CONV} {{ num_output: 1 kernel_size: 1 stride: 0 }}", [IMAGE],
        "the kernel's sizes and the strides must be at least 1", CONV,
    ),
    ("Convolution", f"{CONV} {{ kernel_size: 1 }}", [IMAGE], "num_output is missing or 0", f"{CONV}.num_output"),
    ("Convolution", f"{CONV} {{ num_output: 1 kernel_size: 1 group: 0 }}", [IMAGE], "group is 0", f"{CONV}.group"),
    (
        "Convolution", f"{CONV} {{ num_output: 4 kernel_size: 1 group: 2 }}", [IMAGE],
        "3 channels cannot be put into 2 groups", f"{CONV}.group",
    ),
    (
        "Convolution", f"{CONV} {{ num_output: 4 kernel_size: 1 group: 3 }}", [IMAGE],
        "num_output 4 cannot be put into 3 groups", f"{CONV}.group",
    ),
    (
        "Convolution", f"{CONV} {{ num_output: 4 kernel_size: 11 }}", [IMAGE],
        "the kernel 11x11 does not fit into 2x3x10x8: the top would be 0x-2", "",
    ),
    (
        "Deconvolution", f"{CONV} {{ num_output: 4 kernel_size: 1 pad: 4 }}", [IMAGE],
        "the kernel 1x1 does not fit into 2x3x10x8: the top would be 2x0", "",
    ),
    ("Pooling", f"{POOL} {{ kernel_size: 1 }}", [FLAT], "pooling takes 4 axes, not the 2 of 2x5", ""),
    (
        "Pooling", f"{POOL} {{ kernel_size: 1 global_pooling: true }}", [IMAGE],
        "a kernel is given along with global_pooling", f"{POOL}.global_pooling",
    ),
    (
        "Pooling", f"{POOL} {{ stride: 2 global_pooling: true }}", [IMAGE],
        "global_pooling takes stride 1 and pad 0 only", f"{POOL}.global_pooling",
    ),
    (
        "Pooling", f"{POOL} {{ pad: 1 global_pooling: true }}", [IMAGE],
        "global_pooling takes stride 1 and pad 0 only", f"{POOL}.global_pooling",
    ),
    ("Pooling", "", [IMAGE], "kernel_size (or kernel_h and kernel_w) is missing or 0", POOL),
    ("Pooling", f"{POOL} {{ kernel_size: 2 stride: 0 }}", [IMAGE], "the stride is 0", f"{POOL}.stride"),
    (
        "Pooling", f"{POOL} {{ kernel_size: 2 pad: 2 }}", [IMAGE],
        "pad 2 must be less than the kernel 2", f"{POOL}.pad",
    ),
    (
        "Pooling", f"{POOL} {{ kernel_h: 2 }}", [IMAGE],
        "give kernel_size, or both kernel_h and kernel_w", f"{POOL}.kernel_size",
    ),
    (
        "Pooling", f"{POOL} {{ kernel_size: 2 stride: 1 stride_h: 1 stride_w: 1 }}", [IMAGE],
        "give stride, or both stride_h and stride_w", f"{POOL}.stride",
    ),
    (
        "Pooling", f"{POOL} {{ kernel_size: 12 }}", [IMAGE],
        "the kernel is too large for 2x3x10x8: the top would be -1x-3", "",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "inside", "bottoms", "reason", "field"), EACH)
def test_a_layer_whose_shapes_do_not_fit(kind, inside, bottoms, reason, field):
    assert misfit(kind, inside, *bottoms) == (reason, field)


@pytest.mark.parametrize(
    ("inside", "tops", "reason", "field"),
    [
        ("slice_point: 1 slice_point: 1", 3, "the slice points [1, 1] do not rise", "slice_param.slice_point"),
        ("slice_point: 0", 2, "the slice points [0] do not rise", "slice_param.slice_point"),
        ("slice_point: 3", 2, "the slice point 3 is not inside the 3 of axis 1", "slice_param.slice_point"),
        ("", 2, "the 3 of axis 1 cannot be cut into 2 equal tops", "slice_param"),
        ("axis: 4", 2, "axis 4 is not one of the 4 axes of 2x3x10x8", "slice_param.axis"),
    ],
)
def test_a_slice_that_cannot_be_cut(inside, tops, reason, field):
    assert misfit("Slice", f"slice_param {{ {inside} }}", IMAGE, tops=tops) == (reason, field)


@pytest.mark.parametrize(
    ("kind", "inside", "tops", "reason", "field"),
    [
        (
            "MemoryData", "memory_data_param { batch_size: 1 channels: 1 height: 1 }", 2,
            "batch_size, channels, height and width must all be given and positive", "memory_data_param",
        ),
        (
            "DummyData", "dummy_data_param { shape { dim: 1 } shape { dim: 2 } }", 3,
            "has 2 values for 3 tops; it takes one, or one for each", "dummy_data_param.shape",
        ),
        (
            "DummyData", "dummy_data_param { num: 1 channels: 1 height: 1 height: 1 width: 1 }", 3,
            "has 2 values for 3 tops; it takes one, or one for each", "dummy_data_param.height",
        ),
        (
            "Input", "input_param { shape { dim: 1 } shape { dim: 2 } }", 3,
            "has 2 values for 3 tops; it takes one, or one for each", "input_param.shape",
        ),
    ],
)  # fmt: skip
def test_a_source_whose_shapes_do_not_fit(kind, inside, tops, reason, field):
    assert misfit(kind, inside, tops=tops) == (reason, field)


@pytest.mark.parametrize(
    ("kind", "inside", "bottoms"),
    [
        ("Reshape", "reshape_param { shape { dim: 2 dim: 5 } }", [FLAT]),
        ("Reshape", "reshape_param { axis: 1 num_axes: 1 shape { dim: 5 } }", [FLAT]),
        ("Crop", "crop_param { offset: 2 }", [IMAGE, (2, 3, 8, 6)]),
        ("Accuracy", "accuracy_param { top_k: 5 }", [FLAT, (2,)]),
        ("Tile", "tile_param { tiles: 1 }", [FLAT]),
        ("Convolution", f"{CONV} {{ num_output: 6 kernel_h: 10 kernel_w: 8 group: 3 }}", [IMAGE]),
        ("Pooling", f"{POOL} {{ kernel_size: 2 pad: 1 }}", [IMAGE]),
        ("Pooling", f"{POOL} {{ kernel_h: 10 kernel_w: 8 stride_h: 1 stride_w: 2 }}", [IMAGE]),
        ("Pooling", f"{POOL} {{ global_pooling: true stride: 1 pad: 0 }}", [IMAGE]),
    ],
)
def test_what_only_just_fits_is_let_through(kind, inside, bottoms):
    assert misfit(kind, inside, *bottoms) is None


@pytest.mark.parametrize(
    ("dims", "fits"),
    [((1,) * 32, True), ((1,) * 33, False), (((1 << 31) - 1,), True), ((1 << 16, 1 << 15), False), ((-1,), False)],
)
def test_a_blob_has_its_limits(dims, fits):
    text = " ".join(f"dim: {size}" for size in dims)
    assert (misfit("DummyData", f"dummy_data_param {{ shape {{ {text} }} }}") is None) == fits
