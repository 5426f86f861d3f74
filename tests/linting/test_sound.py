"""Test networks that look faulty but are not, each beside the fault that it looks like."""

import pytest

import datacheck

DATA = 'layer { name: "d" type: "DummyData" top: "x" dummy_data_param { shape { dim: 4 dim: 100 } } }\n'
LEARNED = 'layer { name: "y" type: "InnerProduct" bottom: "x" top: "y" inner_product_param { num_output: 9 } }\n'


def codes(folder, text, name="net.prototxt", **options):
    (folder / name).write_text(text)
    return [it.code for it in datacheck.lint(folder / name, **options).findings]


def power(bottom, top, inside):
    return f'layer {{ name: "{top}" type: "Power" bottom: "{bottom}" top: "{top}" power_param {{ {inside} }} }}\n'


def eltwise(bottoms, top, inside=""):
    ends = "".join(f' bottom: "{it}"' for it in bottoms.split())
    return f'layer {{ name: "{top}" type: "Eltwise"{ends} top: "{top}" eltwise_param {{ {inside} }} }}\n'


ROOT = power("y", "s", "power: 2") + power("s", "r", "power: 0.5 shift: 1")
ABSOLUTE = 'layer { name: "a" type: "AbsVal" bottom: "y" top: "a" }\n'
POSITIVE = {
    "x + sqrt(x x + 1)": ROOT + eltwise("y r", "u"),
    "sqrt(x x + 1) - x": ROOT + eltwise("r y", "u", "coeff: 1 coeff: -1"),
    "2 sqrt(x x + 1) + x": ROOT + eltwise("r y", "u", "coeff: 2 coeff: 1"),
    "|x| + x": ABSOLUTE + eltwise("a y", "u"),
    "|x| - x / 2": ABSOLUTE + eltwise("a y", "u", "coeff: 1 coeff: -0.5"),
    "x x + x + 1": power("y", "s", "power: 2") + power("y", "z", "shift: 1") + eltwise("s z", "u"),
    "x x": eltwise("y y", "u", "operation: PROD"),
    "in place": power("y", "y", "scale: 3") + power("y", "s", "power: 2") + power("s", "r", "power: 0.5 shift: 1")
                + eltwise("y r", "u"),
}  # fmt: skip
NEGATIVE = {
    "x + sqrt(x x - 1)": power("y", "s", "power: 2") + power("s", "t", "shift: -1") + eltwise("y t", "u"),
    "2 x + sqrt(x x + 1)": ROOT + eltwise("r y", "u", "coeff: 1 coeff: 2"),
    "x x + 3 x + 1": power("y", "s", "power: 2") + power("y", "z", "scale: 3 shift: 1") + eltwise("s z", "u"),
    "of another blob": LEARNED.replace('"y"', '"w"') + ROOT + eltwise("w r", "u"),
    "made anew in place": ROOT + power("y", "y", "scale: 3") + eltwise("y r", "u"),
    "x x - |x|": power("y", "s", "power: 2") + ABSOLUTE + eltwise("s a", "u", "coeff: 1 coeff: -1"),
}
LOG = 'layer { name: "ln" type: "Log" bottom: "u" top: "v" log_param { shift: 1e-9 } }\n'


@pytest.mark.parametrize("name", POSITIVE)
def test_the_logarithm_of_what_is_proven_positive(tmp_path, name):
    assert codes(tmp_path, DATA + LEARNED + POSITIVE[name] + LOG) == []


@pytest.mark.parametrize("name", NEGATIVE)
def test_the_logarithm_of_what_may_be_negative(tmp_path, name):
    assert codes(tmp_path, DATA + LEARNED + NEGATIVE[name] + LOG) == ["math-domain"]


INPUT = 'layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 8 dim: 8 } } }\n'
CONV = 'layer { name: "c" type: "Pooling" bottom: "data" top: "c" pooling_param { kernel_size: 2 } }\n'


def test_an_input_without_a_shape_is_dropped(tmp_path):
    assert codes(tmp_path, f'input: "data"\n{INPUT}{CONV}') == []
    assert codes(tmp_path, f'input: "data" input_shape {{ dim: 2 }}\n{INPUT}{CONV}') == ["layer"]
    assert codes(tmp_path, f'input: "data"\n{CONV}') == ["layer"]


@pytest.mark.parametrize(
    ("inside", "well"),
    [
        ("kernel_size: 2 kernel_h: 3", True),
        ("kernel_size: 2 kernel_w: 3", True),
        ("kernel_h: 2 kernel_w: 2", True),
        ("kernel_size: 2 kernel_h: 2 kernel_w: 2", False),
        ("kernel_h: 2", False),
        ("stride_h: 1 kernel_size: 2", False),
        ("pad: 1 pad_h: 1 pad_w: 1 kernel_size: 2", False),
        ("pad: 1 kernel_size: 2 pool: STOCHASTIC", False),
        ("pad: 1 kernel_size: 2 pool: AVE", True),
    ],
)
def test_the_kernel_of_a_pooling_given_twice(tmp_path, inside, well):
    text = CONV.replace("kernel_size: 2", inside)
    assert codes(tmp_path, INPUT + text) == ([] if well else ["layer"])


NORM = 'layer { name: "n" type: "BatchNorm" bottom: "data" top: "n" param { lr_mult: 1 } batch_norm_param { %s } }\n'


def test_the_params_of_a_batch_norm_that_has_scale_fillers(tmp_path):
    assert codes(tmp_path, INPUT + NORM % "eps: 1e-4") == ["normalisation"]
    assert codes(tmp_path, INPUT + NORM % "scale_filler { value: 1 }") == ["unknown-field"]
    assert codes(tmp_path, INPUT + NORM % "scale_filler { value: 1 }", forks=["NVIDIA"]) == []


def test_kept_statistics_are_told_once(tmp_path):
    norms = "".join(
        f'layer {{ name: "n{it}" type: "BatchNorm" bottom: "data" top: "data" '
        "batch_norm_param { use_global_stats: true } }\n" for it in range(5)
    )  # fmt: skip
    loss = 'layer { name: "loss" type: "Reduction" bottom: "data" top: "loss" loss_weight: 1 }\n'
    (tmp_path / "net.prototxt").write_text(INPUT + norms + loss)
    found = datacheck.lint(tmp_path / "net.prototxt").findings
    (told,) = [it for it in found if "use_global_stats" in it.message]
    assert (told.key, told.verdict, "4 other layers" in told.message) == ("n0", "suspicious", True)


STAGED = (
    'layer { name: "d" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 8 dim: 8 } } }\n'
    'layer { name: "l" type: "Input" top: "label" include { stage: "fit" } input_param { shape { dim: 2 } } }\n'
    'layer { name: "f" type: "InnerProduct" bottom: "data" top: "f" inner_product_param { num_output: 9 } }\n'
    'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "f" bottom: "label" top: "loss" }\n'
)


def test_a_network_that_is_whole_with_a_stage_only(tmp_path):
    assert codes(tmp_path, STAGED) == []
    assert codes(tmp_path, STAGED.replace('top: "label"', 'top: "lable"')) == ["layer"]
