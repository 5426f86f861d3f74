"""Test that networks of any size are followed in a number of steps that is linear in the layers."""

import sys

import pytest

from datacheck.caffe.net_sources import net_sources
from datacheck.caffe.prototxt import parse_prototxt
from datacheck.linting import lint

DATA = 'layer { name: "d" type: "Data" top: "b0" top: "label" data_param { source: "x" batch_size: 3 } }\n'
SHAPES = {
    "a chain": lambda at: f'layer {{ name: "l{at}" type: "ReLU" bottom: "b{at}" top: "b{at + 1}" }}',
    "a loss behind each layer": lambda at: (
        f'layer {{ name: "l{at}" type: "ReLU" bottom: "b{at}" top: "b{at + 1}" }}\n'
        f'layer {{ name: "s{at}" type: "SoftmaxWithLoss" bottom: "b{at + 1}" bottom: "label" top: "s{at}" }}'
    ),
    "labels that are split": lambda at: (
        f'layer {{ name: "l{at}" type: "Split" bottom: "label" top: "y{at}" }}\n'
        f'layer {{ name: "s{at}" type: "SoftmaxWithLoss" bottom: "b0" bottom: "y{at}" top: "s{at}" }}'
    ),
    "a data layer for each loss": lambda at: (
        f'layer {{ name: "d{at}" type: "Data" top: "x{at}" top: "y{at}" data_param {{ source: "x" batch_size: 3 }} }}\n'
        f'layer {{ name: "s{at}" type: "SoftmaxWithLoss" bottom: "x{at}" bottom: "y{at}" top: "s{at}" }}'
    ),
    "bottoms that nothing makes": lambda at: f'layer {{ name: "l{at}" type: "ReLU" bottom: "q{at}" top: "t{at}" }}',
    "parameters that are shared": lambda at: (
        f'layer {{ name: "l{at}" type: "InnerProduct" bottom: "b0" top: "t{at}" param {{ name: "w" }} '
        "inner_product_param { num_output: 3 } }"
    ),
}


def steps(work, *arguments):
    """Return how many lines of the package are run by a call."""
    count = 0

    def line(frame, event, argument):
        nonlocal count
        count += event == "line"
        return line

    def call(frame, event, argument):
        return line if "datacheck" in frame.f_code.co_filename else None

    before = sys.gettrace()
    sys.settrace(call)
    try:
        work(*arguments)
    finally:
        sys.settrace(before)
    return count


def net(name, layers):
    return DATA + "\n".join(map(SHAPES[name], range(layers)))


@pytest.mark.parametrize("name", SHAPES)
def test_the_sources_of_twice_the_layers_take_twice_the_steps(name):
    few, many = (steps(net_sources, parse_prototxt("n", net(name, count))) for count in (150, 300))
    assert many < 2.2 * few


@pytest.mark.parametrize("name", SHAPES)
def test_linting_twice_the_layers_takes_twice_the_steps(name, tmp_path):
    (tmp_path / "few").write_text(net(name, 150))
    (tmp_path / "many").write_text(net(name, 300))
    lint(tmp_path / "few")  # fill the caches first
    few, many = steps(lint, tmp_path / "few"), steps(lint, tmp_path / "many")
    assert many < 2.2 * few
