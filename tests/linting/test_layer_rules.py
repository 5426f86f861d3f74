"""Test each lint rule of layers: a layer that it reports, with code and line, and one that is sound."""

import numpy as np
import pytest

import datacheck
from datacheck.caffe.messages import message_class

HEAD = """\
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 10 dim: 10 } } }
layer { name: "label" type: "Input" top: "label" input_param { shape { dim: 2 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" convolution_param { num_output: 4 kernel_size: 1 } }
layer { name: "positive" type: "ReLU" bottom: "conv" top: "positive" }
layer { name: "probability" type: "Softmax" bottom: "conv" top: "probability" }
layer { name: "scores" type: "InnerProduct" bottom: "conv" top: "scores" inner_product_param { num_output: 5 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "scores" bottom: "label" top: "loss" }
"""
LINE = HEAD.count("\n") + 1


def layer(kind, bottoms, inside="", tops="top"):
    """Return a layer named `it` with its parameters on its second line."""
    ends = "".join(f' bottom: "{it}"' for it in bottoms.split()) + "".join(f' top: "{it}"' for it in tops.split())
    return f'layer {{ name: "it" type: "{kind}"{ends}\n{inside}\n}}\n'


def lint(folder, text, **options):
    (folder / "net.prototxt").write_text(HEAD + text)
    return datacheck.lint(folder / "net.prototxt", **options)


def data(inside="", source='source: "x" batch_size: 2'):
    return layer("Data", "", f"data_param {{ {source} }} transform_param {{ {inside} }}", "d l")


WELL = {
    "convolution": layer("Convolution", "data", "convolution_param { num_output: 4 kernel_size: 3 }"),
    "dilated": layer(
        "Convolution", "data", "convolution_param { num_output: 6 kernel_h: 3 kernel_w: 1 group: 3 dilation: 2 }"
    ),
    "deconvolution": layer("Deconvolution", "data", "convolution_param { num_output: 4 kernel_size: 4 stride: 2 }"),
    "pooling": layer("Pooling", "data", "pooling_param { pool: AVE kernel_size: 3 stride: 3 }"),
    "rounded down": layer("Pooling", "data", "pooling_param { pool: AVE kernel_size: 3 stride: 5 round_mode: FLOOR }"),
    "padded": layer("Pooling", "data", "pooling_param { pool: AVE kernel_size: 3 stride: 5 pad: 1 }"),
    "global": layer("Pooling", "data", "pooling_param { pool: AVE global_pooling: true }"),
    "batch norm": layer("BatchNorm", "conv", "batch_norm_param { eps: 1e-4 } param { lr_mult: 0 }"),
    "batch norm of old": layer("BatchNorm", "conv", "param { lr_mult: 1 } " * 3),
    "mvn": layer("MVN", "conv"),
    "mvn without variance": layer("MVN", "conv", "mvn_param { normalize_variance: false eps: 0 }"),
    "lrn": layer("LRN", "conv", "lrn_param { local_size: 3 k: 2 }"),
    "data": data("scale: 0.0039 mean_value: 1 mean_value: 2 mean_value: 3 crop_size: 5 force_color: true"),
    "one mean": data("mean_value: 128 force_gray: true"),
    "clip": layer("Clip", "conv", "clip_param { min: 0 max: inf }"),
    "log of what is shifted": layer("Log", "positive", "log_param { shift: 1 }"),
    "log of data": layer("Log", "data"),
    "log to base 2": layer("Log", "positive", "log_param { shift: 1 base: 2 }"),
    "square": layer("Power", "conv", "power_param { power: 2 }"),
    "root of what is shifted": layer("Power", "positive", "power_param { power: 0.5 shift: 1e-6 }"),
    "root of data": layer("Power", "data", "power_param { power: 0.5 }"),
    "inverse of what is shifted": layer("Power", "probability", "power_param { power: -1 shift: 0.1 }"),
    "one minus": layer("Power", "probability", "power_param { scale: -1 shift: 1 }"),
    "exp": layer("Exp", "conv"),
    "exp of probability": layer("Exp", "probability", "exp_param { scale: 50 }"),
    "dropout": layer("Dropout", "conv", "dropout_param { dropout_ratio: 0.9 }"),
    "weighted loss": layer("EuclideanLoss", "conv positive", "loss_weight: 0.001"),
    "reshape": layer("Reshape", "data", "reshape_param { shape { dim: 0 dim: -1 } axis: 1 num_axes: 2 }"),
    "slice": layer("Slice", "data", "slice_param { slice_point: 1 }", "a b"),
    "flatten": layer("Flatten", "data", "flatten_param { axis: 1 }"),
    "crop": layer("Crop", "data conv", "crop_param { axis: 2 offset: 0 }"),
    "concat": layer("Concat", "data conv"),
    "filler": layer("InnerProduct", "data", 'inner_product_param { num_output: 2 weight_filler { type: "msra" } }'),
    "unfrozen factors": layer("InnerProduct", "data", "inner_product_param { num_output: 2 } param { lr_mult: 10 }"),
    "python": layer("Python", "data label", 'python_param { module: "m" layer: "L" }'),
    "silence": layer("Silence", "data", tops=""),
    "in place": layer("ReLU", "conv", tops="conv"),
}


@pytest.mark.parametrize("name", WELL)
def test_a_layer_that_is_well(tmp_path, name):
    report = lint(tmp_path, WELL[name], labels=5)
    assert [it.message for it in report.findings] == []
    assert report.clean


B, S = "bad", "suspicious"
ILL = [
    # the layer, the code, the verdict, part of the message, and whether the line is that of the parameters
    (layer("Pooling", "data", "pooling_param { pool: AVE kernel_size: 3 stride: 5 }"), "empty-window", B, "NaN", True),
    (layer("Pooling", "data", "pooling_param { kernel_size: 3 stride: 5 }"), "empty-window", B, "-FLT_MAX", True),
    (
        layer("Pooling", "data", "pooling_param { pool: AVE kernel_size: 2 stride: 6 }"),
        "empty-window",
        S,
        "always 0",
        True,
    ),
    (
        layer("Pooling", "data", "pooling_param { pool: STOCHASTIC kernel_size: 3 stride: 5 }"),
        "empty-window",
        S,
        "unset",
        True,
    ),
    (
        layer("Pooling", "data", "pooling_param { pool: AVE kernel_h: 3 kernel_w: 3 stride_h: 5 stride_w: 3 }"),
        "empty-window",
        B,
        "over the height of 10, kernel 3 and stride 5 make 3 windows",
        True,
    ),
    (layer("Pooling", "data", "pooling_param { stride: 2 }"), "layer", B, "kernel_size", True),
    (layer("Pooling", "data", "pooling_param { kernel_size: 2 pad: 2 }"), "layer", B, "pad 2", True),
    (
        layer("Pooling", "data", "pooling_param { kernel_size: 2 global_pooling: true }"),
        "layer",
        B,
        "global_pooling",
        True,
    ),
    (layer("Pooling", "data", "pooling_param { kernel_size: 12 }"), "layer", B, "too large", False),
    (layer("Pooling", "scores", "pooling_param { kernel_size: 2 }"), "layer", B, "4 axes", False),
    (
        layer("Convolution", "data", "convolution_param { num_output: 4 kernel_size: 13 }"),
        "layer",
        B,
        "does not fit",
        False,
    ),
    (layer("Convolution", "data", "convolution_param { kernel_size: 3 }"), "layer", B, "num_output is missing", True),
    (
        layer("Convolution", "data", "convolution_param { num_output: 4 kernel_size: 3 group: 2 }"),
        "layer",
        B,
        "2 groups",
        True,
    ),
    (
        layer("Convolution", "data", "convolution_param { num_output: 4 kernel_size: 3 kernel_h: 3 }"),
        "layer",
        B,
        "or the other",
        True,
    ),
    (layer("InnerProduct", "data"), "layer", B, "num_output is missing", False),
    (layer("Concat", "data scores"), "layer", B, "4 and 2 axes", False),
    (layer("Eltwise", "data conv"), "layer", B, "must be equal", False),
    (layer("Eltwise", "conv positive", "eltwise_param { coeff: 1 }"), "layer", B, "1 coefficients for 2", True),
    (layer("Reshape", "data", "reshape_param { shape { dim: 0 dim: 7 dim: -1 } }"), "layer", B, "cannot be cut", True),
    (layer("Slice", "data", tops="a b"), "layer", B, "cannot be cut into 2", False),
    (layer("Slice", "data", "slice_param { slice_point: 4 }", "a b"), "layer", B, "not inside", True),
    (layer("Crop", "conv data", "crop_param { offset: 1 }"), "layer", B, "left behind the offset", True),
    (layer("SoftmaxWithLoss", "conv label"), "layer", B, "takes 200 labels", False),
    (layer("EuclideanLoss", "conv data"), "layer", B, "must have the same sizes", False),
    (layer("ReLU", "nothing"), "layer", B, "Unknown bottom blob", False),
    (layer("ReLU", "data", tops="conv"), "layer", B, "produced by multiple sources", False),
    (layer("ReLU", "data conv"), "layer", B, "takes 1 bottom, not 2", False),
    (layer("ReLU", "data", "loss_weight: 1 loss_weight: 2"), "layer", B, "2 times for 1 tops", True),
    (
        layer("ReLU", "data", "include { phase: TRAIN } exclude { phase: TEST }"),
        "layer",
        B,
        "include and exclude",
        True,
    ),
    (layer("relu", "data"), "layer", B, "no layer type 'relu'", False),
    (layer("Fancy", "data"), "layer", S, "no layer type 'Fancy'", False),
    (layer("", "data"), "layer", B, "has no type", False),
    (layer("ReLU", "data", "pooling_param { kernel_size: 2 }"), "layer", S, "has no effect", True),
    (data(source='source: "x"'), "layer", B, "batch_size is not set", True),
    (data(source="batch_size: 3"), "layer", B, "no source", True),
    (
        layer("MemoryData", "", "memory_data_param { batch_size: 2 channels: 3 height: 4 }", "d l"),
        "layer",
        B,
        "must all be",
        True,
    ),
    (
        layer("DummyData", "", "dummy_data_param { shape { dim: 100000 dim: 100000 } }"),
        "layer",
        B,
        "more than a blob",
        False,
    ),
    (data("scale: 0"), "layer", S, "scale is 0", True),
    (data("scale: nan"), "layer", B, "transform_param.scale is nan", True),
    (data("scale: -inf"), "layer", B, "transform_param.scale is -inf", True),
    (data("mean_value: nan"), "mean", B, "mean_value[0] is nan", True),
    (data('mean_file: "m" mean_value: 1'), "mean", B, "mean_file and mean_value", True),
    (data("force_color: true force_gray: true"), "layer", B, "force_color and force_gray", True),
    (data("force_color: true mean_value: 1 mean_value: 2"), "mean", B, "2 mean values for 3 channels", True),
    (
        layer("HDF5Data", "", 'hdf5_data_param { source: "x" batch_size: 2 } transform_param { scale: 2 }', "d l"),
        "layer",
        B,
        "takes no",
        True,
    ),
    (layer("BatchNorm", "conv", "batch_norm_param { eps: 0 }"), "normalisation", B, "eps is 0", True),
    (layer("BatchNorm", "conv", "batch_norm_param { eps: -1e-5 }"), "normalisation", B, "eps is -1e-05", True),
    (
        layer("BatchNorm", "conv", "batch_norm_param { use_global_stats: true }"),
        "normalisation",
        S,
        "use_global_stats",
        True,
    ),
    (layer("BatchNorm", "conv", "param { lr_mult: 1 }"), "normalisation", B, "lr_mult of its blob 0", True),
    (layer("BatchNorm", "conv", "param { decay_mult: 0 }"), "normalisation", B, "lr_mult of its blob 0 is 1", True),
    (
        layer("BatchNorm", "conv", "batch_norm_param { moving_average_fraction: 1.5 }"),
        "normalisation",
        B,
        "fraction",
        True,
    ),
    (
        layer("BatchNorm", "conv", "batch_norm_param { eps: nan }"),
        "normalisation",
        B,
        "batch_norm_param.eps is nan",
        True,
    ),
    (layer("MVN", "conv", "mvn_param { eps: 0 }"), "normalisation", B, "eps is 0", True),
    (layer("LRN", "conv", "lrn_param { local_size: 4 }"), "normalisation", B, "is even", True),
    (layer("LRN", "conv", "lrn_param { k: 0 }"), "normalisation", B, "k is 0", True),
    (layer("Log", "conv"), "math-domain", B, "values of both signs come in", False),
    (layer("Log", "positive"), "math-domain", B, "the logarithm of 0 is -inf", False),
    (layer("Log", "probability"), "math-domain", S, "where the layer before comes to 0", False),
    (layer("Log", "probability", "log_param { shift: -0.5 }"), "math-domain", S, "NaN below 0", True),
    (layer("Log", "data", "log_param { base: 1 }"), "math-domain", B, "base is 1", True),
    (layer("Log", "data", "log_param { base: -2 }"), "math-domain", B, "base is -2", True),
    (layer("Power", "conv", "power_param { power: 0.5 }"), "math-domain", B, "is NaN", True),
    (
        layer("Power", "positive", "power_param { power: 0.5 }"),
        "math-domain",
        B,
        "the gradient of 0 to the power 0.5",
        True,
    ),
    (layer("Power", "positive", "power_param { power: -1 }"), "math-domain", B, "0 to the power -1 is infinite", True),
    (layer("Power", "conv", "power_param { power: -2 }"), "math-domain", B, "is infinite", True),
    (layer("Power", "data", "power_param { scale: 0 shift: -2 power: 0.5 }"), "math-domain", B, "which is NaN", True),
    (layer("Power", "data", "power_param { scale: 0 power: -1 }"), "math-domain", B, "which is infinite", True),
    (layer("Power", "data", "power_param { shift: inf }"), "math-domain", B, "power_param.shift is inf", True),
    (layer("Exp", "data", "exp_param { base: 0 }"), "math-domain", B, "base is 0", True),
    (layer("Exp", "data", "exp_param { shift: 100 }"), "math-domain", B, "shift 100", True),
    (layer("Exp", "probability", "exp_param { scale: 100 }"), "math-domain", S, "exp is infinite", True),
    (layer("Dropout", "conv", "dropout_param { dropout_ratio: 1 }"), "math-domain", B, "are NaN", True),
    (layer("ReLU", "conv", "relu_param { negative_slope: nan }"), "math-domain", B, "negative_slope is nan", True),
    (layer("EuclideanLoss", "conv positive", "loss_weight: nan"), "loss", B, "loss_weight[0] is nan", True),
    (layer("EuclideanLoss", "conv positive", "loss_weight: 1e9"), "loss", S, "loss_weight 1e+09", True),
    (layer("EuclideanLoss", "conv positive", "loss_weight: -1"), "loss", S, "is negative", True),
    (
        layer("InnerProduct", "data", "inner_product_param { num_output: 2 } param { lr_mult: inf }"),
        "learning-rate",
        B,
        "is inf",
        True,
    ),
    (
        layer("InnerProduct", "data", "inner_product_param { num_output: 2 } param { lr_mult: -1 }"),
        "learning-rate",
        S,
        "climbs",
        True,
    ),
    (
        layer("InnerProduct", "data", 'inner_product_param { num_output: 2 weight_filler { type: "Xavier" } }'),
        "weights",
        B,
        "no filler",
        True,
    ),
    (
        layer(
            "InnerProduct", "data", 'inner_product_param { num_output: 2 weight_filler { type: "gaussian" std: 0 } }'
        ),
        "weights",
        B,
        "std is 0",
        True,
    ),
    (
        layer("InnerProduct", "data", 'inner_product_param { num_output: 2 weight_filler { type: "uniform" min: 2 } }'),
        "weights",
        B,
        "above max",
        True,
    ),
    (
        layer("InnerProduct", "data", "inner_product_param { num_output: 2 bias_filler { value: nan } }"),
        "weights",
        B,
        "is nan",
        True,
    ),
    (layer("Accuracy", "conv label", "accuracy_param { top_k: 9 }"), "layer", B, "top_k 9 of only 4", True),
    (
        layer("Convolution", "data", "convolution_param { num_output: 4 kernel: 3 }"),
        "unknown-field",
        B,
        "no field 'kernel'",
        True,
    ),
    (
        layer("Pooling", "data", "pooling_param { kernel_size: 2 ceil_mode: false }"),
        "unknown-field",
        S,
        "in a fork",
        True,
    ),
    (
        layer("Permute", "data", "permute_param { order: 0 order: 2 order: 3 order: 1 }"),
        "unknown-field",
        S,
        "permute_param",
        True,
    ),
]


@pytest.mark.parametrize(("text", "code", "verdict", "words", "inside"), ILL, ids=[f"{it[1]}: {it[3]}" for it in ILL])
def test_an_ill_layer_is_named(tmp_path, text, code, verdict, words, inside):
    report = lint(tmp_path, text)
    findings = list(report.findings)
    found = next(it for it in findings if words in it.message)
    assert (found.key, found.index, found.code, found.verdict) == ("it", 7, code, verdict)
    assert found.file == str(tmp_path / "net.prototxt")
    assert found.details["line"] in ([LINE + 1] if inside else [LINE])
    assert found.details["fix"]
    others = [it for it in findings if it is not found]
    assert [it.message for it in others if it.code != "layer"] == []
    assert report.status == (1 if "bad" in {it.verdict for it in report.findings} else 0)


FIXES = {
    "layer { name: 'a' type: 'Pooling' pooling_param { kernel: 2 } }": "the field is kernel_size",
    "layer { name: 'a' convolution_param { stried: 2 } }": "the field is stride",
    "layer { name: 'a' lr_mult: 2 }": "it belongs inside param { }",
    "layer { name: 'a' bias_filer { } }": "remove it, or see caffe.proto for the name",
    "layer { name: 'a' pooled: 2 }": "remove it, or see caffe.proto for the name",
    "layer { name: 'a' pool: MAX }": "it belongs inside one of pooling_param, spp_param",
    "name: 'a' input_dims: 2": "the field is input_dim",
    "base_lr: 1 net: 'a' learning_rate: 1": "the field is base_lr",
    "base_lr: 1 net: 'a' weight_decai: 1": "the field is weight_decay",
}


@pytest.mark.parametrize("text", FIXES)
def test_what_was_meant_by_an_unknown_field(tmp_path, text):
    (tmp_path / "x").write_text(text)
    found = next(it for it in datacheck.lint(tmp_path / "x").findings if it.code == "unknown-field")
    assert found.details["fix"] == FIXES[text]


def test_labels_beyond_the_classes(tmp_path):
    assert lint(tmp_path, "", labels=5).clean
    assert lint(tmp_path, "", labels=(1, 4)).clean
    for labels, fix in {(0, 5): "set num_output to at least 6", (-1, 4): "renumber the labels from 0"}.items():
        (found,) = lint(tmp_path, "", labels=labels).findings
        assert (found.code, found.key, found.details["fix"]) == ("label", "loss", fix)
        assert "the classes of 'scores' are 0 to 4" in found.message
    ignoring = HEAD.replace('top: "loss"', 'top: "loss" loss_param { ignore_label: -1 }')
    (tmp_path / "i").write_text(ignoring)
    assert datacheck.lint(tmp_path / "i", labels=(-1, 4)).clean
    assert not datacheck.lint(tmp_path / "i", labels=(-1, 5)).clean


def matrix(values, *, cut=0, count=None):
    """Return a BlobProto of 1 x 1 x n x n, like that of an infogain matrix, or of another shape, or cut short."""
    blob = message_class("BlobProto")(num=1, channels=1)
    blob.height, blob.width = count or values.shape
    blob.data.extend(values.ravel().tolist())
    data = blob.SerializeToString()
    return data[: len(data) - cut]


EYE = np.eye(5, dtype=np.float32)
MATRICES = {
    "nan": (matrix(np.where(EYE > 0, np.nan, 0)), B, "5 values that are not finite, the first nan at [0, 0]"),
    "inf": (matrix(np.where(EYE > 0, np.inf, 1)), B, "not finite"),
    "zero row": (matrix(EYE * (np.arange(5) != 3)[:, None]), S, "row 3 of the infogain matrix H is all zeros"),
    "too small": (matrix(np.eye(4)), B, "has 16 values, not 5 x 5 for 5 classes"),
    "cut": (matrix(EYE, cut=7), B, "is not a BlobProto"),
    "wrong count": (matrix(EYE, count=(6, 5)), B, "holds 25 values, but its shape 1x1x6x5 has 30"),
    "empty": (b"", B, "is an empty file"),
}


def infogain(name="H", bottoms="probs label"):
    scores = layer("Softmax", "scores", tops="probs").replace('"it"', '"probs"')
    source = f'source: "{name}"' if name else ""
    return scores + layer("InfogainLoss", bottoms, f"infogain_loss_param {{ {source} }}")


def test_a_good_infogain_matrix(tmp_path):
    (tmp_path / "H").write_bytes(matrix(EYE))
    assert list(lint(tmp_path, infogain()).findings) == []
    third = 'layer { name: "H" type: "Input" top: "H" input_param { shape { dim: 5 dim: 5 } } }\n'
    assert list(lint(tmp_path, third + infogain("", "probs label H")).findings) == []


@pytest.mark.parametrize("name", MATRICES)
def test_a_bad_infogain_matrix(tmp_path, name):
    content, verdict, words = MATRICES[name]
    (tmp_path / "H").write_bytes(content)
    (found,) = lint(tmp_path, infogain()).findings
    assert (found.key, found.code, found.verdict) == ("it", "loss", verdict)
    assert words in found.message


def test_an_infogain_loss_takes_no_normalize(tmp_path):
    (tmp_path / "H").write_bytes(matrix(EYE))
    report = lint(
        tmp_path, infogain().replace("infogain_loss_param", "loss_param { normalize: true } infogain_loss_param")
    )
    assert [it.message for it in report.findings] == ["InfogainLoss takes no normalize: Caffe aborts"]


def test_an_infogain_matrix_that_is_missing(tmp_path):
    (found,) = lint(tmp_path, infogain()).findings
    assert found.code == "missing"
    assert "the infogain matrix H is not there: Caffe aborts" in found.message
    (found,) = lint(tmp_path, infogain("")).findings
    assert "has no source" in found.message


def test_what_an_older_caffe_makes_of_scores_is_a_note(tmp_path):
    (tmp_path / "H").write_bytes(matrix(EYE))
    report = lint(tmp_path, infogain(bottoms="scores label"))
    (found,) = report.findings
    assert (found.verdict, report.status) == ("suspicious", 0)
    assert "an old Caffe" in found.details["fix"]
