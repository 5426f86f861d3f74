"""Test what Caffe refuses whatever the bottoms of a layer are, such as those of a Python data layer, of unknown shape.

The facts are the CHECKs of base_conv_layer.cpp, pooling_layer.cpp, embed_layer.cpp, slice_layer.cpp, reshape_layer.cpp
and tile_layer.cpp.
"""

import pytest

import datacheck

DATA = 'layer { name: "d" type: "Python" top: "x" top: "l" python_param { module: "m" layer: "L" } }\n'
CONV = "convolution_param { num_output: 6 kernel_size: 3 %s }"
REFUSED = {
    "no kernel": ("Convolution", "convolution_param { num_output: 6 }", "kernel_size is missing"),
    "no outputs": ("Convolution", "convolution_param { kernel_size: 3 }", "num_output is missing or 0"),
    "outputs in groups": ("Convolution", CONV % "group: 4", "num_output 6 cannot be put into 4 groups"),
    "no stride": ("Deconvolution", CONV % "stride: 0", "the kernel's sizes and the strides must be at least 1"),
    "two ways": ("Convolution", CONV % "kernel_h: 3 kernel_w: 3", "Caffe takes one or the other"),
    "for different axes": ("Convolution", CONV % "stride: [1, 1] pad: [1, 1, 1]", "values of"),
    "no kernel of im2col": ("Im2col", "convolution_param { stride: 1 }", "kernel_size is missing"),
    "no window": ("Pooling", "pooling_param { stride: 2 }", "kernel_size (or kernel_h and kernel_w) is missing or 0"),
    "a pad like the window": ("Pooling", "pooling_param { kernel_size: 2 pad: 2 }", "pad 2 must be less than"),
    "no words": ("Embed", "embed_param { num_output: 3 }", "num_output and input_dim must be given and positive"),
    "no tiles": ("Tile", "tile_param { axis: 1 }", "tiles is missing or less than 1"),
    "two free sizes": ("Reshape", "reshape_param { shape { dim: -1 dim: -1 } }", "only one size may be -1"),
    "points that do not rise": ("Slice", "slice_param { slice_point: 3 slice_point: 3 }", "slice point"),
}  # fmt: skip
ACCEPTED = {
    "convolution": ("Convolution", CONV % "group: 3 stride: 2 pad: 1"),
    "a convolution of three axes": ("Convolution", CONV % "stride: [1, 2, 1]"),
    "kernel_h": ("Convolution", "convolution_param { num_output: 6 kernel_h: 3 kernel_w: 1 stride: 2 }"),
    "pooling": ("Pooling", "pooling_param { kernel_size: 3 stride: 2 pad: 1 }"),
    "global pooling": ("Pooling", "pooling_param { global_pooling: true }"),
    "reshape": ("Reshape", "reshape_param { shape { dim: 0 dim: -1 } }"),
    "reshape behind an axis": ("Reshape", "reshape_param { shape { dim: 2 dim: -1 } axis: 1 }"),
    "slice": ("Slice", "slice_param { slice_point: 3 }"),
    "equal slices": ("Slice", ""),
    "embed": ("Embed", "embed_param { num_output: 3 input_dim: 9 }"),
    "tile": ("Tile", "tile_param { axis: 1 tiles: 2 }"),
}  # fmt: skip


def findings(folder, kind, param, behind=""):
    tops = 'top: "a" top: "b"' if kind == "Slice" else 'top: "a"'
    layer = f'layer {{ name: "n" type: "{kind}" bottom: "x" {tops} {param} }}\n'
    (folder / "net.prototxt").write_text(DATA + layer + behind)
    return [it for it in datacheck.lint(folder / "net.prototxt").findings if it.verdict == "bad"]


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_bottom_makes_right(tmp_path, name):
    kind, param, reason = REFUSED[name]
    (found,) = findings(tmp_path, kind, param)
    assert (found.key, found.code) == ("n", "layer")
    assert reason in found.message
    assert found.message.endswith(": Caffe aborts")


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_some_bottom_makes_right(tmp_path, name):
    assert findings(tmp_path, *ACCEPTED[name]) == []


def test_a_reshaped_blob_has_the_given_axes(tmp_path):
    dense = 'layer { name: "i" type: "LRN" bottom: "a" top: "i" }\n'
    assert findings(tmp_path, "Reshape", "reshape_param { shape { dim: -1 dim: 2 dim: 5 dim: 5 } }", dense) == []
    (found,) = findings(tmp_path, "Reshape", "reshape_param { shape { dim: -1 dim: 50 } }", dense)
    assert "LRN takes 4 axes, not the 2 of ?x50" in found.message
