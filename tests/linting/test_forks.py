"""Test files for public forks of Caffe: what belongs to a fork is reported with its name, and nothing is guessed."""

import pytest

import datacheck
from datacheck.caffe.forks import fork_names, forks_of_type, forks_with
from datacheck.caffe.layers import LAYER_TYPES
from datacheck.caffe.schema import messages
from datacheck.errors import UsageError

INPUT = 'input: "x" input_shape { dim: 1 dim: 3 dim: 8 dim: 8 }\n'


def lint(folder, text, name="net.prototxt", **options):
    (folder / name).write_text(text)
    return datacheck.lint(folder / name, **options)


def said(report):
    return [(it.code, it.verdict, it.message) for it in report.findings]


NETS = {
    "field of a message": (f'{INPUT}layer {{ name: "b" type: "BatchNorm" bottom: "x" top: "b" '
                           "batch_norm_param { scale_filler { value: 1 } } }", "NVIDIA"),
    "field of the net": (f"default_forward_type: FLOAT16\n{INPUT}", "NVIDIA"),
    "field of a layer": (f'{INPUT}layer {{ name: "y" type: "Yolov3" bottom: "x" top: "y" yolov3_param {{ }} }}',
                         "MobileNet-YOLO"),
    "layer type": (f'{INPUT}layer {{ name: "y" type: "Interp" bottom: "x" top: "y" }}', "PSPNet"),
    "value": (f'{INPUT}input: "l" input_shape {{ dim: 1 dim: 1 dim: 8 dim: 8 }}\nlayer {{ name: "loss" '
              'type: "SoftmaxWithLoss" bottom: "x" bottom: "l" loss_param { normalization: PRE_FIXED } }', "R-FCN"),
    "filler": (f'{INPUT}layer {{ name: "c" type: "Convolution" bottom: "x" top: "c" convolution_param {{ num_output: 3 '
               'kernel_size: 1 weight_filler { type: "identity" } } }', "caffe-windows"),
    "permutation": (f'{INPUT}layer {{ name: "p" type: "Permute" bottom: "x" top: "p" '
                    "permute_param { order: 0 order: 2 order: 3 order: 1 } }", "SSD"),
}  # fmt: skip


@pytest.mark.parametrize("name", NETS)
def test_what_a_fork_has_is_suspicious_and_accepted_when_the_fork_is_named(tmp_path, name):
    text, fork = NETS[name]
    report = lint(tmp_path, text)
    assert {it.verdict for it in report.findings} == {"suspicious"}
    assert all(fork in it.message and it.details["fix"] == "train with that fork" for it in report.findings)
    assert said(lint(tmp_path, text, forks=[fork])) == []
    assert said(lint(tmp_path, text, forks=["ShuffleNet"])) == said(report)


def test_a_solver_of_a_fork(tmp_path):
    (tmp_path / "net.prototxt").write_text(INPUT)
    text = 'net: "net.prototxt"\nbase_lr: 0.01\nlr_policy: "multifixed"\nstagelr: 0.1\nmax_iter: 9\ndisplay: 1\n'
    report = lint(tmp_path, text, "solver.prototxt")
    assert [(it.code, it.verdict) for it in report.findings] == [
        ("learning-rate", "suspicious"), ("unknown-field", "suspicious")
    ]  # fmt: skip
    assert said(lint(tmp_path, text, "solver.prototxt", forks=["Intel"])) == []


def test_the_rest_of_a_file_for_a_fork_is_judged(tmp_path):
    text, _ = NETS["value"]
    wrong = f'{text}\nlayer {{ name: "c" type: "Convolution" bottom: "x" top: "c" convolution_param {{ }} }}'
    report = lint(tmp_path, wrong)
    assert [(it.key, it.verdict) for it in report.findings] == [("loss", "suspicious"), ("c", "bad")]


def test_nothing_is_guessed_inside_a_layer_that_a_fork_has(tmp_path):
    """A field that no table has, in a layer whose type no table has, most likely belongs to the same fork."""
    text = f'{INPUT}layer {{ name: "y" type: "OurGate" bottom: "x" top: "y" pooling_parm {{ size: 1 }} }}'
    report = lint(tmp_path, text)
    assert {it.verdict for it in report.findings} == {"suspicious"}
    assert not any("pooling_param" in it.details["fix"] for it in report.findings)
    same = lint(tmp_path, text.replace("OurGate", "Pooling"))
    assert ("unknown-field", "bad") in [(it.code, it.verdict) for it in same.findings]
    assert any("pooling_param" in it.details["fix"] for it in same.findings)


def test_a_typing_mistake_is_no_fork(tmp_path):
    text = f'{INPUT}layer {{ name: "p" type: "pooling" bottom: "x" top: "p" pooling_parm {{ }} }}'
    assert {it.verdict for it in lint(tmp_path, text).findings} == {"bad"}


def test_a_fork_that_is_not_known_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match=r"'FOO' is not a known fork; they are .*SSD"):
        lint(tmp_path, INPUT, forks=["FOO"])


def test_the_tables_hold_nothing_that_bvlc_has():
    both = [(it, name) for it, fields in messages().items() for name in fields if forks_with(name, it)]
    assert both == []
    assert [it for it in LAYER_TYPES if forks_of_type(it)] == []
    assert len(fork_names()) == len(set(map(str.lower, fork_names()))) > 20


MISTYPED = {
    'base_lr: "0.1"': 'base_lr takes a number, not "0.1"',
    "max_iter: 1.5": "max_iter takes a whole number, not 1.5",
    "stepvalue: [1, 2, x]": "stepvalue takes a whole number, not x",
    "test_interval: [0, 1]": "test_interval is given twice, and SolverParameter takes it once",
    "solver_mode: GPUU": "solver_mode takes one of CPU, GPU, not GPUU",
    "snapshot_diff: yes": "snapshot_diff takes true or false, not yes",
    "net: net.prototxt": "the value of net needs quotes",
    "net: it": "net takes a text in quotes, not it",
    "train_state: 3": "train_state takes fields in braces, not 3",
    "display { }": "display takes a whole number, not fields in braces",
    "max_iter: 08": "max_iter takes a whole number, not 08",
    "max_iter: 3000000000": "max_iter takes a whole number, not 3000000000",
}


@pytest.mark.parametrize("line", MISTYPED)
def test_a_value_that_does_not_parse_is_told_with_its_field(tmp_path, line):
    (finding,) = lint(tmp_path, f"momentum: 0.9\n\n{line}\n", "solver.prototxt").findings
    assert finding.details["line"] == 3
    assert (finding.code, finding.verdict) == ("malformed-prototxt", "bad")
    assert MISTYPED[line] in finding.message


@pytest.mark.parametrize(
    "line", ["base_lr: 1e-3f", "base_lr: .5", "base_lr: inf", "max_iter: 0x10", "solver_mode: 1", "snapshot_diff: t"]
)
def test_a_value_that_protobuf_takes_in_another_form(tmp_path, line):
    assert "malformed-prototxt" not in [it.code for it in lint(tmp_path, line, "solver.prototxt").findings]
