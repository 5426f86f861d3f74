"""Test fillers and the blobs that they fill: for each check of Caffe a layer that passes, and one that fails."""

import pytest

from datacheck.linting import lint

INPUT = 'layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 4 dim: 3 dim: 8 dim: 8 } } }\n'
CONV = 'type: "Convolution" convolution_param { num_output: 6 kernel_size: 3 weight_filler { %s } }'
IP = 'type: "InnerProduct" inner_product_param { num_output: 6 weight_filler { %s } }'
ROWS = [
    (IP % 'type: "gaussian" sparse: 6', IP % 'type: "gaussian" sparse: 7', "sparse"),
    (IP % 'type: "gaussian" sparse: 0', IP % 'type: "gaussian" sparse: -2', "sparse"),
    (IP % 'type: "xavier" sparse: -1', IP % 'type: "xavier" sparse: 3', "sparse"),
    (IP % 'type: "xavier"', IP % 'type: "bilinear"', "bilinear"),
    (CONV % 'type: "bilinear"', 'type: "Convolution" convolution_param { num_output: 6 kernel_h: 3 kernel_w: 2 '
     'weight_filler { type: "bilinear" } }', "bilinear"),
    (CONV % 'type: "constant"', CONV % 'type: "constant" sparse: 1', "sparse"),
    ('type: "Scale" scale_param { bias_term: true bias_filler { value: 1 } }',
     'type: "Scale" scale_param { bias_term: true bias_filler { value: 1 sparse: 2 } }', "sparse"),
    ('type: "Scale" scale_param { bias_term: false bias_filler { value: 1 sparse: 2 } }',
     'type: "Scale" scale_param { filler { value: 1 sparse: 2 } }', "sparse"),
    ('type: "PReLU" prelu_param { channel_shared: true filler { value: 0.25 } }',
     'type: "PReLU" prelu_param { channel_shared: true filler { type: "msra" } }', "single value"),
    ('type: "PReLU" prelu_param { channel_shared: true filler { type: "gaussian" } }',
     'type: "PReLU" prelu_param { channel_shared: true filler { type: "gaussian" sparse: 0 } }', "single value"),
    ('type: "PReLU" prelu_param { filler { type: "xavier" } }',
     'type: "PReLU" prelu_param { channel_shared: true filler { type: "xavier" } }', "single value"),
    (IP % 'type: "msra"', 'type: "InnerProduct" inner_product_param { num_output: 2000000000 }', "blob"),
]  # fmt: skip


def lint_layer(tmp_path, layer, bottom='bottom: "data"'):
    file = tmp_path / "net.prototxt"
    file.write_text(f'{INPUT}layer {{ name: "it" {bottom} top: "it" {layer} }}\n')
    return [(it.key, it.verdict, it.message) for it in lint(file).findings]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[1])
def test_both_sides_of_a_check(tmp_path, row):
    passes, fails, word = row
    assert lint_layer(tmp_path, passes) == []
    ((key, verdict, message),) = lint_layer(tmp_path, fails)
    assert (key, verdict) == ("it", "bad")
    assert word in message


DUMMY = 'type: "DummyData" dummy_data_param { shape { dim: 4 dim: 6 dim: 3 dim: 3 } data_filler { %s } }'


@pytest.mark.parametrize(
    ("passes", "fails"),
    [
        ('type: "bilinear"', 'type: "xavier" sparse: 1'),
        ('type: "uniform" min: -1', 'type: "uniform" min: 2'),
        ('type: "gaussian"', 'type: "gauss"'),
    ],
)
def test_fillers_of_dummy_data(tmp_path, passes, fails):
    assert lint_layer(tmp_path, DUMMY % passes, "") == []
    assert [verdict for _, verdict, _ in lint_layer(tmp_path, DUMMY % fails, "")] == ["bad"]


def test_layers_with_nothing_to_fill(tmp_path):
    def found(rows):
        file = tmp_path / "net.prototxt"
        ends = 'name: "it" bottom: "data" top: "it"'
        file.write_text(INPUT.replace("dim: 3", f"dim: {rows}") + f"layer {{ {ends} {IP % ''} }}")
        return [(it.key, it.verdict) for it in lint(file).findings]

    assert found(3) == []
    assert found(0) == [("it", "bad")]
