"""Test networks that learn nothing, each beside the sound one that looks most like it, with or without a solver."""

import pytest

import datacheck

HEAD = (
    'layer { name: "d" type: "Input" top: "x" input_param { shape { dim: 4 dim: 3 dim: 8 dim: 8 } } }\n'
    'layer { name: "l" type: "Input" top: "label" input_param { shape { dim: 4 } } }\n'
)
FILLED = 'weight_filler { type: "xavier" }'


def dense(name, bottom, outputs=10, filler=FILLED, inside=""):
    param = f"inner_product_param {{ num_output: {outputs} {filler} }}"
    return f'layer {{ name: "{name}" type: "InnerProduct" bottom: "{bottom}" top: "{name}" {inside} {param} }}\n'


def of(kind, bottoms, name, inside="", top=None):
    ends = "".join(f' bottom: "{it}"' for it in bottoms.split())
    return f'layer {{ name: "{name}" type: "{kind}"{ends} top: "{top or name}" {inside} }}\n'


def loss(bottom="b", kind="SoftmaxWithLoss", inside=""):
    return of(kind, f"{bottom} label", "loss", inside)


FROZEN = "param { lr_mult: 0 } param { lr_mult: 0 }"
UP = "convolution_param {{ num_output: 10 kernel_size: 4 stride: 2 bias_term: false {} }} param {{ lr_mult: 0 }}"
TWO = dense("a", "x") + dense("b", "a")
NETS = {
    "sound": (TWO + loss(), []),
    "no filler": (dense("a", "x", filler="") + dense("b", "a") + loss(), ["weights"]),
    "no filler at all": (dense("a", "x", filler="") + dense("b", "a", filler="") + loss(), ["weights"]),
    "zeros in the last layers of two branches": (
        dense("a", "x") + dense("b", "a", filler="") + loss() + dense("c", "a", filler="")
        + of("SoftmaxWithLoss", "c label", "other"), []),
    "zeros and a bias, on purpose": (
        dense("a", "x", filler="weight_filler { value: 0 } bias_filler { value: 1 }") + dense("b", "a") + loss(), []),
    "zeros and a bias, before others": (
        dense("a", "x", filler="bias_filler { value: 0 }") + dense("b", "a") + loss(), ["weights"]),
    "a filler of zeros": (dense("a", "x", filler="weight_filler { value: 0 }") + dense("b", "a") + loss(), ["weights"]),
    "a filler of ones": (dense("a", "x", filler="weight_filler { value: 1 }") + dense("b", "a") + loss(), []),
    "zeros in the last layer": (dense("a", "x") + dense("b", "a", filler="") + loss(), []),
    "a linear classifier": (dense("b", "x", filler="") + loss(), []),
    "no loss": (TWO + of("Softmax", "b", "p"), ["loss"]),
    "a loss weight of 0": (TWO + loss(inside="loss_weight: 0"), ["loss"]),
    "a loss weight on another layer": (TWO + of("Reduction", "b", "r", "loss_weight: 0.1"), []),
    "a loss of a fork": (TWO + of("FocalLoss", "b label", "f"), ["layer"]),
    "nothing to learn": (of("Softmax", "x", "p"), []),
    "every lr_mult 0": (dense("a", "x", inside=FROZEN) + dense("b", "a", inside=FROZEN) + loss(), ["learning-rate"]),
    "some lr_mult 0": (dense("a", "x", inside=FROZEN, filler="") + dense("b", "a") + loss(), []),
    "the bias frozen": (dense("a", "x", inside="param { } param { lr_mult: 0 }") + dense("b", "a") + loss(), []),
    "softmax twice": (TWO + of("Softmax", "b", "p") + loss("p"), ["loss"]),
    "softmax twice, past a reshape": (
        TWO + of("Softmax", "b", "p") + of("Flatten", "p", "f") + loss("f"), ["loss"]),
    "softmax beside the loss": (TWO + loss() + of("Softmax", "b", "p"), []),
    "sigmoid twice": (
        TWO + of("Sigmoid", "b", "p") + dense("t", "x", inside=FROZEN)
        + of("SigmoidCrossEntropyLoss", "p t", "loss"), []),
    "multinomial of scores": (TWO + loss(kind="MultinomialLogisticLoss"), ["loss"]),
    "multinomial of probabilities": (TWO + of("Softmax", "b", "p") + loss("p", "MultinomialLogisticLoss"), []),
    "ReLU on the scores": (TWO + of("ReLU", "b", "r", top="b") + loss(), ["loss"]),
    "ReLU before the pooling": (
        of("Convolution", "x", "c", f"convolution_param {{ num_output: 10 kernel_size: 1 {FILLED} }}")
        + of("ReLU", "c", "r", top="c") + of("Pooling", "c", "b", "pooling_param { pool: AVE global_pooling: true }")
        + loss(), []),
    "one class": (dense("b", "x", outputs=1) + loss(), ["loss"]),
    "two classes": (dense("b", "x", outputs=2) + loss(), []),
    "frozen upsampling": (
        of("Convolution", "x", "c", f"convolution_param {{ num_output: 10 kernel_size: 1 {FILLED} }}")
        + of("Deconvolution", "c", "u", UP.format("")) + dense("b", "u") + loss(), ["weights"]),
    "frozen bilinear upsampling": (
        of("Convolution", "x", "c", f"convolution_param {{ num_output: 10 kernel_size: 1 {FILLED} }}")
        + of("Deconvolution", "c", "u", UP.format('weight_filler { type: "bilinear" }'))
        + dense("b", "u") + loss(), []),
}  # fmt: skip
SOLVER = 'net: "net.prototxt"\nlr_policy: "fixed"\nmax_iter: 9\ndisplay: 1\nsnapshot_prefix: "s"\n'


def lint(folder, net, more="base_lr: 0.01"):
    (folder / "net.prototxt").write_text(HEAD + net)
    (folder / "solver.prototxt").write_text(f"{SOLVER}{more}\n")
    return list(datacheck.lint(folder / "solver.prototxt").findings)


@pytest.mark.parametrize("name", NETS)
def test_a_network_that_a_solver_trains(tmp_path, name):
    net, codes = NETS[name]
    found = lint(tmp_path, net)
    assert [it.code for it in found] == codes
    assert {it.verdict for it in found} <= {"suspicious"}


@pytest.mark.parametrize("name", [name for name, (_, codes) in NETS.items() if codes])
def test_nothing_is_said_of_a_network_alone_or_with_trained_weights(tmp_path, name):
    net, codes = NETS[name]
    quiet = [it for it in codes if it == "layer"]
    if name in ("no loss", "a loss weight of 0"):
        quiet = codes  # without a loss, weights from elsewhere change nothing
    assert [it.code for it in lint(tmp_path, net, 'base_lr: 0.01\nweights: "old.caffemodel"')] == quiet
    alone = datacheck.lint(tmp_path / "net.prototxt").findings
    assert [it.code for it in alone] == [it for it in codes if it == "layer"]


@pytest.mark.parametrize(
    ("lines", "codes"),
    [
        ("base_lr: 1", []),
        ("base_lr: 1.5", ["learning-rate"]),
        ("base_lr: 100", ["learning-rate"]),
        ('base_lr: 100\nweights: "old"', []),
        ('base_lr: 0.1\ntype: "Adam"', []),
        ('base_lr: 0.2\ntype: "Adam"', ["learning-rate"]),
        ('base_lr: 0.2\ntype: "RMSProp"', ["learning-rate"]),
        ('base_lr: 1\ntype: "AdaDelta"', []),
        ("base_lr: 0.2\nsolver_type: ADAM", ["learning-rate"]),
        ("base_lr: 10\nlarc: true", ["unknown-field"]),
        ("base_lr: 10\nlocal_lr_auto: true", ["unknown-field"]),
        ("base_lr: 3.2\nwarmup_iter: 780", ["unknown-field"]),
        ("base_lr: 3.2\nmin_lr: 0.1", ["learning-rate", "unknown-field"]),
        ("base_lr: 0.2\nweight_decay: 4.9", []),
        ("base_lr: 0.2\nweight_decay: 6", ["solver"]),
        ("base_lr: 0.2\nweight_decay: 6\nregularization_type: 'L1'", []),
    ],
)
def test_the_size_of_the_learning_rate(tmp_path, lines, codes):
    assert [it.code for it in lint(tmp_path, NETS["sound"][0], lines)] == codes


@pytest.mark.parametrize(("frozen", "told"), [("", True), (FROZEN, False)])
def test_statistics_kept_in_fine_tuning(tmp_path, frozen, told):
    """If some layers are frozen and others learn, the weights come from elsewhere, and the statistics with them."""
    norm = of("BatchNorm", "a", "n", "batch_norm_param { use_global_stats: true }", top="a")
    found = lint(tmp_path, dense("a", "x", inside=frozen) + norm + dense("b", "a") + loss())
    assert any("use_global_stats" in it.message for it in found) is told


@pytest.mark.parametrize(
    ("tests", "verdict"),
    [
        ("", "bad"),
        ("test_iter: 5\ntest_interval: 1", "bad"),
        ("test_iter: 5\ntest_interval: 1\nsnapshot_after_train: false", "suspicious"),
    ],
)
def test_a_solver_of_no_iterations_that_tests(tmp_path, tests, verdict):
    (tmp_path / "net.prototxt").write_text(HEAD + NETS["sound"][0])
    (tmp_path / "solver.prototxt").write_text(SOLVER.replace("max_iter: 9", "max_iter: 0") + f"base_lr: 0.01\n{tests}")
    (found,) = datacheck.lint(tmp_path / "solver.prototxt").findings
    assert (found.code, found.verdict) == ("solver", verdict)
