"""Test the whole sentences of lint, and the fields that they point to."""

import pytest

import datacheck

HEAD = """\
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 10 dim: 10 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" convolution_param { num_output: 4 kernel_size: 1 } }
layer { name: "positive" type: "ReLU" bottom: "conv" top: "positive" }
layer { name: "probability" type: "Softmax" bottom: "conv" top: "probability" }
layer { name: "clip" type: "Clip" bottom: "conv" top: "clip" clip_param { min: -2 max: 3 } }
"""


def only(folder, kind, bottom, inside):
    """Return the message, the field within the layer and the fix of the only finding about a layer."""
    (folder / "net.prototxt").write_text(
        f'{HEAD}layer {{ name: "it" type: "{kind}" bottom: "{bottom}" top: "it" {inside} }}\n'
    )
    (finding,) = [it for it in datacheck.lint(folder / "net.prototxt").findings if it.key == "it"]
    return finding.message, finding.field.partition("layer[5].")[2], finding.details["fix"]


POSITIVE = "let only positive values come in"
SHIFT = "set log_param.shift to a small positive number"


@pytest.mark.parametrize(
    ("bottom", "inside", "message", "fix"),
    [
        ("positive", "", "values from 0 on come in: the logarithm of 0 is -inf", SHIFT),
        ("conv", "", "values of both signs come in: the logarithm is NaN below 0, -inf at 0", POSITIVE),
        ("clip", "", "values from -2 to 3 come in: the logarithm is NaN below 0, -inf at 0", POSITIVE),
        (
            "clip", "log_param { shift: 1 scale: 2 }",
            "values from -3 to 7 (after scale 2 and shift 1) come in: the logarithm is NaN below 0, -inf at 0",
            POSITIVE,
        ),
        (
            "clip", "log_param { shift: 2 }",
            "values from 0 to 5 (after scale 1 and shift 2) come in: the logarithm of 0 is -inf", SHIFT,
        ),
        (
            "probability", "",
            "values from 0 to 1 come in: the logarithm is -inf where the layer before comes to 0", SHIFT,
        ),
    ],
)  # fmt: skip
def test_what_comes_into_a_logarithm(tmp_path, bottom, inside, message, fix):
    assert only(tmp_path, "Log", bottom, inside) == (message, "log_param", fix)


@pytest.mark.parametrize(
    ("bottom", "inside", "message"),
    [
        ("clip", "power: 0.5", "values from -2 to 3 come in: a negative value to the power 0.5 is NaN"),
        ("conv", "power: -1", "values of both signs come in: 0 to the power -1 is infinite"),
        ("positive", "power: -1", "values from 0 on come in: 0 to the power -1 is infinite"),
        (
            "positive", "power: 0.5",
            "values from 0 on come in: the gradient of 0 to the power 0.5 is 0/0, which is NaN",
        ),
    ],
)  # fmt: skip
def test_what_comes_into_a_power(tmp_path, bottom, inside, message):
    assert only(tmp_path, "Power", bottom, f"power_param {{ {inside} }}")[:2] == (message, "power_param.power")


def test_an_exp_that_overflows(tmp_path):
    assert only(tmp_path, "Exp", "clip", "exp_param { scale: 40 }") == (
        "values from -80 to 120 (after scale 40 and shift 0) come in: above 88.72 exp is infinite",
        "exp_param",
        "lower the scale",
    )


@pytest.mark.parametrize(
    ("inside", "field"),
    [
        ("kernel_size: 3 stride: 5", "pooling_param.stride"),
        ("kernel_h: 3 kernel_w: 3 stride_h: 5 stride_w: 5", "pooling_param.stride_h"),
        ("kernel_h: 3 kernel_w: 3 stride_h: 5 stride_w: 1", "pooling_param.stride_h"),
        ("kernel_size: 3 stride_h: 1 stride_w: 5", "pooling_param.stride_h"),
    ],
)
def test_an_empty_window_is_said_of_the_stride_that_is_there(tmp_path, inside, field):
    message, where, fix = only(tmp_path, "Pooling", "data", f"pooling_param {{ {inside} }}")
    assert where == field
    assert fix == "set round_mode: FLOOR, or a stride of at most the kernel (3)"
    assert message.endswith(
        "kernel 3 and stride 5 make 3 windows, the last of which begins at 10, behind the end: "
        "MAX leaves -FLT_MAX (-3.4e38) there"
    )


@pytest.mark.parametrize(
    ("ratio", "said"),
    [
        ("1", "dropout_ratio 1 drops everything and scales the rest by 1/0: the outputs are NaN"),
        ("1.5", "dropout_ratio 1.5 is not a share of the values"),
        ("-0.1", "dropout_ratio -0.1 is not a share of the values"),
    ],
)
def test_a_dropout_that_is_no_share(tmp_path, ratio, said):
    assert only(tmp_path, "Dropout", "conv", f"dropout_param {{ dropout_ratio: {ratio} }}") == (
        said,
        "dropout_param.dropout_ratio",
        "set it from 0 to below 1",
    )
