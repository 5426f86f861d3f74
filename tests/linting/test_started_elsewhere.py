"""Test the advice on a solver whose network Caffe would find from another folder."""

import pytest
from commanding import datacheck

NET = """
layer { name: "d" type: "Input" top: "x" input_param { shape { dim: 4 dim: 3 } } }
layer { name: "l" type: "Input" top: "label" input_param { shape { dim: 4 } } }
layer { name: "a" type: "InnerProduct" bottom: "x" top: "a"
        inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "a" bottom: "label" top: "loss" }
"""
SOLVER = 'net: "models/small/net.prototxt" base_lr: 0.01 lr_policy: "fixed" max_iter: 1000 momentum: 0.9\n'


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / "a caffe" / "models" / "small"
    folder.mkdir(parents=True)
    (folder / "solver.prototxt").write_text(SOLVER)
    (folder / "net.prototxt").write_text(NET)
    return tmp_path / "a caffe"


def fix_of(folder, solver="solver.prototxt"):
    (line,) = (it for it in datacheck("lint", solver, cwd=folder).stdout.splitlines() if "fix: " in it)
    return line.partition("fix: ")[2]


def test_the_folder_that_it_would_be_found_from_is_named(checkout):
    folder = checkout / "models" / "small"
    assert fix_of(folder) == "Caffe finds it if it is started in ../..: add --root ../.."
    assert datacheck("lint", "solver.prototxt", "--root", "../..", cwd=folder).returncode == 0
    assert datacheck("lint", "models/small/solver.prototxt", cwd=checkout).returncode == 0


def test_a_folder_that_a_shell_would_split_is_quoted(checkout):
    assert fix_of(checkout.parent, "a caffe/models/small/solver.prototxt").endswith("add --root 'a caffe'")


@pytest.mark.parametrize("name", ["models/small/other.prototxt", "/models/small/net.prototxt"])
def test_no_folder_is_named_where_there_is_no_such_file(checkout, name):
    folder = checkout / "models" / "small"
    (folder / "solver.prototxt").write_text(SOLVER.replace("models/small/net.prototxt", name))
    assert fix_of(folder) == "correct the path; it counts from the folder that Caffe is started in (see --root)"
