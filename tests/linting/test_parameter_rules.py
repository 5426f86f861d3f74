"""Test shared parameters, the number of param, labels that a gradient would reach, and where snapshots go."""

import pytest

import datacheck

DATA = (
    'layer { name: "d" type: "Input" top: "x" input_param { shape { dim: 4 dim: 20 } } }\n'
    'layer { name: "l" type: "Input" top: "label" input_param { shape { dim: 4 } } }\n'
)


def dense(name, bottom, outputs, inside=""):
    param = f"inner_product_param {{ num_output: {outputs} }}"
    return f'layer {{ name: "{name}" type: "InnerProduct" bottom: "{bottom}" top: "{name}" {inside} {param} }}\n'


def loss(kind, bottoms, inside=""):
    ends = "".join(f' bottom: "{it}"' for it in bottoms.split())
    return f'layer {{ name: "loss" type: "{kind}"{ends} top: "loss" {inside} }}\n'


def lint(folder, text):
    (folder / "net.prototxt").write_text(DATA + text)
    return [(it.code, it.key) for it in datacheck.lint(folder / "net.prototxt").findings if it.verdict == "bad"]


SHARED = 'param { name: "w" %s } param { name: "b" }'
LOOSE = "share_mode: PERMISSIVE"
NETS = {
    "one size": (dense("a", "x", 20, SHARED % "") + dense("c", "a", 20, SHARED % ""), []),
    "two sizes": (dense("a", "x", 20, SHARED % "") + dense("c", "a", 10, SHARED % ""), ["weights"] * 2),
    "two inputs": (dense("a", "x", 10, SHARED % "") + dense("c", "a", 10, SHARED % ""), ["weights"]),
    "as many values": (
        dense("a", "x", 10, 'param { name: "w" }')
        + dense("f", "x", 20) + dense("c", "f", 10, f'param {{ name: "w" {LOOSE} }}'), []),
    "permissive, other count": (
        dense("a", "x", 10, 'param { name: "w" }')
        + dense("c", "x", 11, f'param {{ name: "w" {LOOSE} }}'), ["weights"]),
    "two rates": (
        dense("a", "x", 20, SHARED % "lr_mult: 1") + dense("c", "a", 20, SHARED % "lr_mult: 2"), ["weights"]),
    "a rate and none": (dense("a", "x", 20, SHARED % "lr_mult: 1") + dense("c", "a", 20, SHARED % ""), []),
    "too many param": (dense("a", "x", 20, "param { } " * 3), ["layer"]),
    "no bias": (
        dense("a", "x", 20, "param { } " * 2).replace("num_output", "bias_term: false num_output"), ["layer"]),
    "param of a ReLU": ('layer { name: "r" type: "ReLU" bottom: "x" top: "r" param { lr_mult: 1 } }', ["layer"]),
    "propagate_down": (dense("a", "x", 20, "propagate_down: true"), []),
    "propagate_down twice": (dense("a", "x", 20, "propagate_down: [true, false]"), ["layer"]),
    "label second": (dense("a", "x", 9) + loss("SoftmaxWithLoss", "a label"), []),
    "label first": (dense("a", "x", 1) + loss("HingeLoss", "label a"), ["loss"]),
    "label from a learned layer": (dense("a", "x", 9) + dense("c", "x", 9)
                                   + loss("SigmoidCrossEntropyLoss", "a c"), ["loss"]),
    "label from a frozen layer": (dense("a", "x", 9) + dense("c", "x", 9, "param { lr_mult: 0 } " * 2)
                                  + loss("SigmoidCrossEntropyLoss", "a c"), []),
    "no gradient into the label": (dense("a", "x", 9) + dense("c", "x", 9)
                                   + loss("SigmoidCrossEntropyLoss", "a c", "propagate_down: [true, false]"), []),
    "two learned sides": (dense("a", "x", 9) + dense("c", "x", 9) + loss("EuclideanLoss", "a c"), []),
    "two tops": (dense("a", "x", 9) + loss("SoftmaxWithLoss", "a label", 'top: "probability"'), ["layer"]),
    "two tops with weights": (dense("a", "x", 9) + loss("SoftmaxWithLoss", "a label",
                              'top: "probability" loss_weight: 1 loss_weight: 0'), []),
}  # fmt: skip


@pytest.mark.parametrize("name", NETS)
def test_parameters(tmp_path, name):
    text, codes = NETS[name]
    assert [code for code, _ in lint(tmp_path, text)] == codes


@pytest.mark.parametrize(
    ("lines", "verdicts"),
    [
        ('snapshot_prefix: "snap"\nsnapshot: 5', []),
        ('snapshot_prefix: "there/x"\nsnapshot: 5', []),
        ('snapshot_prefix: "there/"\nsnapshot: 5', []),
        ('snapshot_prefix: "not/there/x"\nsnapshot: 5', ["bad"]),
        ('snapshot_prefix: "not/there/x"', ["suspicious"]),
        ('snapshot_prefix: "not/there/x"\nsnapshot_after_train: false', []),
    ],
)
def test_the_folder_of_the_snapshots(tmp_path, lines, verdicts):
    (tmp_path / "there").mkdir()
    (tmp_path / "net.prototxt").write_text(DATA)
    solver = 'net: "net.prototxt"\nbase_lr: 0.01\nlr_policy: "fixed"\nmax_iter: 9\ndisplay: 1\n'
    (tmp_path / "solver.prototxt").write_text(solver + lines)
    found = [it for it in datacheck.lint(tmp_path / "solver.prototxt").findings if it.field == "snapshot_prefix"]
    assert [it.verdict for it in found] == verdicts
    assert all(it.code == "missing" for it in found)


def test_the_folder_is_not_asked_for_where_caffe_starts_elsewhere(tmp_path):
    text = 'net: "models/net.prototxt"\nbase_lr: 0.01\nlr_policy: "fixed"\nmax_iter: 9\nsnapshot: 3\n'
    (tmp_path / "solver.prototxt").write_text(text + 'snapshot_prefix: "models/x"\n')
    assert [it.field for it in datacheck.lint(tmp_path / "solver.prototxt").findings] == ["net"]
