"""Test that published networks parse, and that their shapes are inferred, without a finding."""

import pytest
from caffe_networks import PUBLISHED

import datacheck
from datacheck.caffe.network import PHASES, State, layers_in
from datacheck.caffe.prototxt import parse_prototxt
from datacheck.caffe.shapes import infer_shapes

SOLVER = """\
net: "net.prototxt"
test_iter: 1000
test_interval: 1000
base_lr: 0.01
lr_policy: "poly"
power: 0.5
max_iter: 2400000
momentum: 0.9
weight_decay: 0.0002
snapshot: 40000
snapshot_prefix: "model"
solver_mode: GPU
"""


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_network_is_clean(tmp_path, name):
    make, _ = PUBLISHED[name]
    net = make()
    (tmp_path / "net.prototxt").write_text(net.text)
    (tmp_path / "solver.prototxt").write_text(SOLVER)
    for file in ("net.prototxt", "solver.prototxt"):
        report = datacheck.lint(tmp_path / file, labels=net.classes)
        assert [it.message for it in report.findings] == []
        assert report.source.records == net.text.count("layer {")


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_shapes_of_a_published_network(name):
    make, shapes = PUBLISHED[name]
    prototxt = parse_prototxt(name, make().text)
    for phase in PHASES:
        tops = {}
        for place in infer_shapes(layers_in(prototxt, State(phase))):
            assert place.misfit is None
            assert None not in place.tops
            tops.update(zip(place.layer.tops, place.tops, strict=True))
        assert {blob: tops[blob] for blob in shapes} == shapes


def test_the_classifiers_of_a_network_are_held_against_the_labels(tmp_path):
    net = PUBLISHED["GoogLeNet"][0]()
    (tmp_path / "net.prototxt").write_text(net.text)
    report = datacheck.lint(tmp_path / "net.prototxt", labels=1001)
    assert report.counts == {"label": 6}
    assert "'classifier' are 0 to 999" in list(report.findings)[-1].message
