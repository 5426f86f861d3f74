"""Test that lint says once, of the whole network, that its layers are of Caffe's first generation."""

import pytest
from commanding import datacheck

import datacheck as library

DATA = 'layers { layer { name: "data" type: "data" source: "db" batchsize: 4 } top: "data" top: "label" }\n'
DENSE = 'layers { layer { name: "fc" type: "innerproduct" num_output: 3 } bottom: "data" top: "fc" }\n'
LOSS = 'layers { layer { name: "loss" type: "softmax_loss" } bottom: "fc" bottom: "label" }\n'
OF_SECOND = 'layers { name: "fc" type: INNER_PRODUCT bottom: "data" top: "fc" inner_product_param { num_output: 3 } }\n'


def test_it_is_said_once(tmp_path):
    (tmp_path / "a net.prototxt").write_text(DATA + DENSE + LOSS)
    done = datacheck("lint", "a net.prototxt", cwd=tmp_path)
    assert done.returncode == 3
    assert done.stdout.splitlines()[1:] == [
        "UNDECIDED: 1 unverifiable finding",
        "  a net.prototxt:1: layer 'data': unsupported (unverifiable): "
        "3 layers are of the first generation, which datacheck does not judge",
        "      fix: upgrade it with a tool of Caffe: upgrade_net_proto_text 'a net.prototxt' new.prototxt",
    ]


@pytest.mark.parametrize(("text", "codes"), [(OF_SECOND, []), (OF_SECOND + LOSS, ["unsupported"])])
def test_layers_of_the_second_generation_are_judged(tmp_path, text, codes):
    (tmp_path / "net.prototxt").write_text('input: "data" input_dim: [1, 3, 1, 1]\n' + text)
    report = library.lint(tmp_path / "net.prototxt")
    assert [it.code for it in report.findings if it.verdict != "suspicious"] == codes
