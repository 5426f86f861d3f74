"""Test fields that a fork accepts several times, and BVLC Caffe once."""

import pytest

from datacheck.linting import lint

SOLVER = 'net: "net.prototxt"\nbase_lr: 0.01\nlr_policy: "fixed"\nmax_iter: 10\n'
NET = """
layer { name: "in" type: "Input" top: "data" top: "label" input_param { shape { dim: 4 dim: 3 } shape { dim: 4 } } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
  inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" }
"""


def solver(tmp_path, more):
    (tmp_path / "net.prototxt").write_text(NET)
    file = tmp_path / "solver.prototxt"
    file.write_text(SOLVER + more)
    return file


def codes(report):
    return [(it.code, it.verdict) for it in report.findings]


def test_several_devices_are_those_of_a_fork_where_other_fields_are(tmp_path):
    file = solver(tmp_path, "device_id: 0\ndevice_id: 1\ndevice_id: 2\nrichness: 200\n")
    report = lint(file)
    assert codes(report) == [("unknown-field", "suspicious")] * 2
    finding = next(iter(report.findings))
    assert "TSN" in finding.message
    assert "device_id more than once" in finding.message
    assert finding.details["line"] == 6
    assert codes(lint(file, forks=["TSN"])) == []


@pytest.mark.parametrize("more", ["device_id: [0, 1]\n", "device_id: 0\ndevice_id: 1\n"])
def test_several_devices_without_a_sign_of_the_fork_are_malformed(tmp_path, more):
    file = solver(tmp_path, more)
    assert codes(lint(file)) == [("malformed-prototxt", "bad")]
    assert codes(lint(file, forks=["TSN"])) == []
    assert codes(lint(solver(tmp_path, more + "richness: 9\n"))) == [("unknown-field", "suspicious")] * 2


@pytest.mark.parametrize("more", ["device_id: 0\n", "device_id: 3\nsolver_mode: GPU\n", ""])
def test_one_device_is_sound(tmp_path, more):
    assert codes(lint(solver(tmp_path, more))) == []


def test_another_field_given_twice_stays_bad(tmp_path):
    assert codes(lint(solver(tmp_path, "momentum: 0.9\nmomentum: 0.9\n"))) == [("malformed-prototxt", "bad")]
