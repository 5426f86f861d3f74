"""Test that a file named "" is found: Caffe takes an empty name for a file to open, and aborts."""

import pytest

import datacheck

SOLVER = 'base_lr: 0.01\nlr_policy: "fixed"\nmax_iter: 100\n'
NET = """
layer { name: "d" type: "%s" top: "data" top: "label" %s { batch_size: 4 source: "x" }
  transform_param { %s } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 2 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""


def lint(folder, text):
    (folder / "net.prototxt").write_text(NET % ("Data", "data_param", ""))
    (folder / "solver.prototxt").write_text(text + SOLVER)
    return [(it.code, it.verdict, it.message) for it in datacheck.lint(folder / "solver.prototxt").findings]


@pytest.mark.parametrize(
    ("field", "more"),
    [
        ("net", ""),
        ("train_net", ""),
        ("test_net", 'net: "net.prototxt"\ntest_iter: 1\ntest_interval: 1\n'),
    ],
)
def test_a_network_of_a_solver(tmp_path, field, more):
    (found,) = lint(tmp_path, f'{field}: ""\n{more}')
    assert found == ("missing", "bad", f"{field} is an empty name, which is no network: Caffe aborts")


@pytest.mark.parametrize("weights", ['""', '"a.caffemodel,"'])
def test_weights_of_a_solver(tmp_path, weights):
    (found,) = lint(tmp_path, f'net: "net.prototxt"\nweights: {weights}\n')
    assert found == ("missing", "bad", "weights has an empty name among its files: Caffe aborts")


def test_what_names_files_is_sound(tmp_path):
    assert lint(tmp_path, 'net: "net.prototxt"\nweights: "a.caffemodel,b.caffemodel"\n') == []


@pytest.mark.parametrize(("kind", "param"), [("Data", "data_param"), ("ImageData", "image_data_param")])
def test_a_mean(tmp_path, kind, param):
    path = tmp_path / "net.prototxt"
    path.write_text(NET % (kind, param, 'mean_file: ""'))
    (finding,) = datacheck.lint(path).findings
    assert (finding.code, finding.verdict) == ("mean", "bad")
    assert finding.message == "mean_file is an empty name, which is no file: Caffe aborts"
    (of_scan,) = (it for it in datacheck.scan_net(path, phase="TRAIN")[0].findings if it.code == "mean")
    assert of_scan.message.startswith("mean_file is an empty name")
