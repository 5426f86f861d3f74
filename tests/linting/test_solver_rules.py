"""Test that each fault of a solver is found on its line with its code, and that the same solver without it is clean."""

import pytest

import datacheck
from datacheck.linting.rules import FILE_RULES, LAYER_RULES
from datacheck.linting.solver_rules import SOLVER_RULES

GOOD = {
    "net": '"net.prototxt"',
    "test_iter": "10",
    "test_interval": "100",
    "base_lr": "0.01",
    "lr_policy": '"step"',
    "gamma": "0.1",
    "stepsize": "1000",
    "max_iter": "3000",
    "momentum": "0.9",
    "weight_decay": "0.0005",
}
NET = """
layer { name: "data" type: "Input" top: "data" top: "label" input_param { shape { dim: 4 dim: 3 } shape { dim: 4 } } }
layer { name: "fc" type: "InnerProduct" bottom: "data" top: "fc" inner_product_param { num_output: 2 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" }
"""


def lint(folder, changes, **options):
    """Lint a good solver with changed settings, one per line (None removes one); return the report and the settings."""
    settings = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    lines = [
        f"{name}: {it}" for name, value in settings.items() for it in (value if isinstance(value, list) else [value])
    ]
    (folder / "solver.prototxt").write_text("\n".join(lines) + "\n")
    (folder / "net.prototxt").write_text(NET)
    return datacheck.lint(folder / "solver.prototxt", **options), [it.partition(":")[0] for it in lines]


POLY = {"lr_policy": '"poly"', "power": "0.5", "gamma": None, "stepsize": None}
MULTI = {"lr_policy": '"multistep"', "stepsize": None, "stepvalue": ["1000", "2000"]}
INV = {"lr_policy": '"inv"', "gamma": "0.0001", "power": "0.75", "stepsize": None}
SIGMOID = {"lr_policy": '"sigmoid"', "gamma": "0.01", "stepsize": "1500"}
EXP = {"lr_policy": '"exp"', "gamma": "0.999", "stepsize": None}
FIXED = {"lr_policy": '"fixed"', "gamma": None, "stepsize": None}


@pytest.mark.parametrize("changes", [{}, POLY, MULTI, INV, SIGMOID, EXP, FIXED], ids=str)
def test_a_good_solver_is_clean(tmp_path, changes):
    report, _ = lint(tmp_path, changes)
    assert report.clean
    assert list(report.findings) == []
    assert (report.source.backend, report.source.decoder, report.source.records) == ("prototxt", "solver", 3)


@pytest.mark.parametrize(
    "changes", [{"clip_gradients": "35"}, {"type": '"Adam"', "momentum2": "0.999"}, {"iter_size": "4"}]
)
def test_settings_that_are_well(tmp_path, changes):
    assert list(lint(tmp_path, changes)[0].findings) == []


RATES = [
    # every row of the table of policies: what is missing or wrong, the line, the verdict, part of the message
    (
        FIXED | {"base_lr": None},
        None,
        "bad",
        "base_lr is not set and counts as 0: the learning rate is zero from iteration 0 on",
    ),
    (FIXED | {"base_lr": "0"}, "base_lr", "bad", "base_lr is 0: the learning rate is zero from iteration 0 on"),
    (FIXED | {"base_lr": "-0.1"}, "base_lr", "bad", "is negative from iteration 0 on"),
    (FIXED | {"base_lr": "nan"}, "base_lr", "bad", "base_lr is nan: the learning rate is NaN from iteration 0 on"),
    (FIXED | {"base_lr": "inf"}, "base_lr", "bad", "is infinite from iteration 0 on"),
    (FIXED | {"base_lr": "1e39"}, "base_lr", "bad", "is infinite from iteration 0 on"),
    ({"stepsize": None}, "lr_policy", "bad", "stepsize is not set and counts as 0"),
    ({"stepsize": "0"}, "lr_policy", "bad", "stepsize is 0"),
    (
        {"gamma": None},
        None,
        "bad",
        "gamma is not set and counts as 0: the learning rate is zero from iteration 1000 on",
    ),
    ({"gamma": "-0.1"}, "gamma", "bad", "gamma is -0.1: Caffe aborts after the first backward pass"),
    ({"gamma": "nan"}, "gamma", "bad", "gamma is nan: Caffe aborts"),
    ({"gamma": "inf"}, "gamma", "bad", "gamma is inf: the learning rate is infinite from iteration 1000 on"),
    ({"stepsize": "10"}, "lr_policy", "suspicious", "is zero from iteration 440 on"),
    (EXP | {"gamma": None}, None, "bad", "the learning rate is zero from iteration 1 on"),
    (EXP | {"gamma": "2"}, "lr_policy", "bad", "the learning rate is infinite from iteration 135 on"),
    (INV | {"power": "nan"}, "power", "bad", "power is nan: the learning rate is NaN from iteration 1 on"),
    (INV | {"gamma": "-1"}, "gamma", "bad", "gamma is -1"),
    (MULTI | {"gamma": None}, None, "bad", "the learning rate is zero from iteration 1000 on"),
    (
        POLY | {"max_iter": None},
        "lr_policy",
        "bad",
        "max_iter is not set and counts as 0, by which the policy poly divides",
    ),
    (SIGMOID | {"stepsize": None}, "lr_policy", "bad", "stepsize is not set"),
    (SIGMOID | {"gamma": "5"}, "lr_policy", "bad", "the learning rate is zero from iteration 0 on"),
    ({"lr_policy": None}, None, "bad", "lr_policy is not set: Caffe aborts after the first backward pass"),
    ({"lr_policy": '"Step"'}, "lr_policy", "bad", "'Step' is not a learning-rate policy"),
    ({"lr_policy": '"cosine"'}, "lr_policy", "bad", "'cosine' is not a learning-rate policy"),
]


@pytest.mark.parametrize(("changes", "name", "verdict", "words"), RATES, ids=str)
def test_a_bad_learning_rate_is_named(tmp_path, changes, name, verdict, words):
    report, names = lint(tmp_path, changes)
    (finding,) = report.findings
    assert (finding.code, finding.verdict) == ("learning-rate", verdict)
    assert words in finding.message
    assert finding.details["fix"]
    if name is not None:
        assert finding.details["line"] == names.index(name) + 1
    assert report.status == (1 if verdict == "bad" else 0)


def test_what_was_meant_is_suggested(tmp_path):
    (finding,) = lint(tmp_path, {"lr_policy": '"Step"'})[0].findings
    assert finding.details["fix"] == 'lr_policy: "step"'


def test_a_poly_that_goes_on_past_max_iter(tmp_path):
    assert list(lint(tmp_path, POLY, iterations=3000)[0].findings) == []
    (finding,) = lint(tmp_path, POLY, iterations=3001)[0].findings
    assert finding.code == "learning-rate"
    assert "goes on for 3001 iterations, past max_iter 3000" in finding.message
    assert "zero from iteration 3000 on" in finding.message


SETTINGS = [
    (INV | {"gamma": None}, "lr_policy", "suspicious", "the policy inv without gamma keeps the learning rate constant"),
    (INV | {"power": None}, "lr_policy", "suspicious", "the policy inv without power keeps"),
    (POLY | {"power": None}, "lr_policy", "suspicious", "the policy poly without power keeps"),
    (MULTI | {"stepvalue": None}, "lr_policy", "suspicious", "the policy multistep without stepvalue keeps"),
    (SIGMOID | {"gamma": None}, "lr_policy", "suspicious", "the policy sigmoid without gamma keeps"),
    (MULTI | {"stepvalue": ["2000", "1000"]}, "stepvalue", "suspicious", "2000, 1000 do not rise"),
    (EXP | {"gamma": "1.01"}, "gamma", "suspicious", "raises the learning rate from 0.01 to"),
    (
        {"max_iter": None},
        None,
        "suspicious",
        "max_iter is not set and counts as 0: 'caffe train' ends after 0 iterations",
    ),
    ({"max_iter": "0"}, "max_iter", "bad", "max_iter is 0"),
    ({"iter_size": "0"}, "iter_size", "bad", "iter_size is 0: the loss is divided by it and is NaN"),
    ({"iter_size": "-1"}, "iter_size", "bad", "no data"),
    ({"average_loss": "0"}, "average_loss", "bad", "average_loss is 0"),
    ({"type": '"sgd"'}, "type", "bad", "'sgd' is not a type of solver"),
    ({"type": '"AdaGrad"'}, "momentum", "bad", "momentum 0.9 with AdaGrad: Caffe aborts"),
    ({"type": '"RMSProp"', "momentum": None, "rms_decay": "1"}, "rms_decay", "bad", "rms_decay 1"),
    ({"type": '"Adam"', "momentum2": "1"}, "momentum2", "bad", "sqrt(1 - momentum2^t)"),
    ({"type": '"Adam"', "delta": "0"}, "delta", "bad", "divides 0 by 0"),
    ({"solver_type": "ADAM", "type": '"Adam"'}, "solver_type", "bad", "both set"),
    ({"solver_type": "ADAGRAD"}, "momentum", "bad", "with AdaGrad"),
    ({"momentum": "1"}, "momentum", "bad", "never die away"),
    ({"momentum": "-0.9"}, "momentum", "suspicious", "negative"),
    ({"momentum": "nan"}, "momentum", "bad", "momentum is nan"),
    ({"weight_decay": "-1"}, "weight_decay", "suspicious", "grows of itself"),
    ({"weight_decay": "300"}, "weight_decay", "bad", "above 2"),
    ({"weight_decay": "inf"}, "weight_decay", "bad", "weight_decay is inf"),
    ({"regularization_type": '"L3"'}, "regularization_type", "bad", "no regularization_type"),
    ({"clip_gradients": "0"}, "clip_gradients", "bad", "every gradient is scaled to 0"),
    ({"net": None}, None, "bad", "no network is named"),
    ({"train_net": '"net.prototxt"'}, "train_net", "bad", "net and train_net are all set"),
    ({"test_interval": None}, "test_iter", "bad", "without a test_interval"),
    ({"test_net": ['"net.prototxt"'] * 2}, "test_iter", "bad", "test_iter is given 1 times for 2 test networks"),
    ({"test_state": ["{ stage: 'a' }"] * 2}, "test_state", "bad", "test_state is given 2 times"),
]


@pytest.mark.parametrize(("changes", "name", "verdict", "words"), SETTINGS, ids=str)
def test_a_bad_setting_is_named(tmp_path, changes, name, verdict, words):
    report, names = lint(tmp_path, changes)
    findings = [it for it in report.findings if it.code == "solver"]
    found = next(it for it in findings if words in it.message)
    assert found.verdict == verdict
    assert found.details["fix"]
    if name is not None:
        assert found.details["line"] == names.index(name) + 1
    assert len(findings) <= 2


def test_a_missing_network_is_named(tmp_path):
    (finding,) = lint(tmp_path, {"net": '"elsewhere.prototxt"'})[0].findings
    assert (finding.code, finding.details["line"]) == ("missing", 1)
    assert "elsewhere.prototxt is not there" in finding.message


def test_networks_are_looked_for_where_caffe_would_be_started(tmp_path, monkeypatch):
    (tmp_path / "models").mkdir()
    (tmp_path / "start").mkdir()
    report, _ = lint(tmp_path / "models", {"net": '"models/net.prototxt"'})
    assert [it.code for it in report.findings] == ["missing"]
    assert lint(tmp_path / "models", {"net": '"models/net.prototxt"'}, root=tmp_path)[0].clean
    monkeypatch.chdir(tmp_path)
    assert lint(tmp_path / "models", {"net": '"models/net.prototxt"'})[0].clean
    assert lint(tmp_path / "models", {}, root=tmp_path / "start")[0].clean  # beside the solver, if not in the root
    assert not lint(tmp_path / "models", {}, root=tmp_path / "nowhere")[0].clean


def test_a_network_in_the_solver_itself(tmp_path):
    inside = 'net_param { layer { name: "a" type: "ReLU"\n bottom: "nothing" top: "a" } }\n'
    (tmp_path / "s").write_text(f'base_lr: 1 lr_policy: "fixed" max_iter: 9\n{inside}')
    (finding,) = datacheck.lint(tmp_path / "s").findings
    assert (finding.key, finding.code, finding.details["line"]) == ("a", "layer", 3)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is an empty file"),
        (b'layer { name: "a"', "without '}'"),
        (b'net: "a" base_lr: 1', "is a solver, not a network"),
    ],
)
def test_a_network_that_cannot_be_read_is_a_finding(tmp_path, content, words):
    lint(tmp_path, {})
    (tmp_path / "net.prototxt").write_bytes(content)
    report = datacheck.lint(tmp_path / "solver.prototxt")
    (finding,) = report.findings
    assert (finding.code, report.status) == ("malformed-prototxt", 1)
    assert words in finding.message
    assert finding.file == str(tmp_path / "net.prototxt")


def test_every_rule_has_a_manual():
    for name, rule in {**FILE_RULES, **SOLVER_RULES, **LAYER_RULES}.items():
        assert rule.__doc__.splitlines()[0].endswith("."), name
