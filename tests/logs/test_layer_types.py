"""Test that a layer's type is that of the phase in which it was not finite, where TRAIN and TEST differ."""

import math

import pytest
from log_building import backward, forward, glog, head, shown

import datacheck


def net(phase, name, kind):
    """Return the text that Caffe prints of a network of one layer."""
    state = f'state {{\n  phase: {phase}\n}}\nlayer {{\n  name: "{name}"\n  type: "{kind}"\n}}\n'
    return glog("net.cpp:53", "Initializing net from parameters: ") + state


def finding(tmp_path, *nets):
    (tmp_path / "run.log").write_text(
        head() + "".join(nets) + forward("x", "x", math.nan) + backward("x", "0", 0.1) + shown(0, 2.3)
    )
    (found,) = (it for it in datacheck.read_log(tmp_path / "run.log").findings if it.code == "layer-nan")
    return found


def test_the_type_is_that_of_the_training_network(tmp_path):
    message = finding(tmp_path, net("TRAIN", "x", "Input"), net("TEST", "x", "Power")).message
    assert "of layer x (Input) is NaN: the data itself brings it in" in message


def test_the_only_network_that_names_it_gives_the_type(tmp_path):
    assert "of layer x (Power) is NaN" in finding(tmp_path, net("TEST", "x", "Power")).message


@pytest.mark.parametrize("kinds", [("Input", "Power"), ("Power", "Input")])
def test_networks_of_one_phase_that_differ_leave_it_open(tmp_path, kinds):
    nets = [net("TRAIN", "x", kind) for kind in kinds]
    assert "of layer x is NaN" in finding(tmp_path, *nets).message
