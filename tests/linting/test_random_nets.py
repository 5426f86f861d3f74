"""Test that networks of randomly combined layers are judged, whatever they are."""

import random

import pytest

from datacheck.caffe.layers import LAYER_TYPES
from datacheck.caffe.net_sources import net_sources
from datacheck.caffe.prototxt import parse_prototxt
from datacheck.linting import lint

DATA = 'layer { name: "d" type: "Data" top: "data" top: "label" data_param { source: "x" batch_size: 4 } }\n'


def parameters(rng, kind):
    """Return random parameters of a layer, sound and unsound ones."""
    pick = rng.choice
    filler = f'type: "{pick(("xavier", "bilinear", "gaussian", "odd"))}" sparse: {pick((-1, -2, 3))}'
    outputs = f"num_output: {pick((0, 2, 5, 2**31 - 1))} weight_filler {{ {filler} }}"
    return {
        "Convolution": f"convolution_param {{ {outputs} kernel_size: {pick((1, 3))} "
        f"engine: {pick(('CAFFE', 'CUDNN'))} dilation: {pick((1, 2))} }}",
        "InnerProduct": f"inner_product_param {{ {outputs} axis: {pick((1, -1, 7))} }}",
        "DummyData": f"dummy_data_param {{ shape {{ dim: {pick((0, 2, -1))} }} data_filler {{ }} data_filler {{ }} }}",
        "PReLU": 'prelu_param { channel_shared: true filler { type: "msra" } }',
        "Crop": f"crop_param {{ axis: {pick((0, 1, -1, 9))} }}",
        "InfogainLoss": f"infogain_loss_param {{ axis: {pick((1, 3, -9))} }}",
        "SoftmaxWithLoss": f"softmax_param {{ axis: {pick((1, 0, -1, 5))} }}",
        "LSTM": "recurrent_param { num_output: 3 }",
        "Reshape": "reshape_param { shape { dim: 0 dim: -1 } }",
    }.get(kind, "")


def net(seed):
    rng = random.Random(seed)
    blobs, text = ["data", "label"], DATA
    for number in range(rng.randint(1, 7)):
        kind = rng.choice(list(LAYER_TYPES))
        tops = [f"t{number}", f"u{number}"][: rng.choice((1, 1, 1, 2))]
        ends = [f'bottom: "{rng.choice(blobs)}"' for _ in range(rng.choice((0, 1, 1, 2, 3)))]
        ends += [f'top: "{it}"' for it in tops]
        text += f'layer {{ name: "l{number}" type: "{kind}" {" ".join(ends)} {parameters(rng, kind)} }}\n'
        blobs += tops
    return text


@pytest.mark.parametrize("start", range(0, 300, 50))
@pytest.mark.parametrize("shape", [None, (3, 8, 8)])
def test_random_nets_are_judged(tmp_path, start, shape):
    for seed in range(start, start + 50):
        (tmp_path / "net.prototxt").write_text(net(seed))
        report = lint(tmp_path / "net.prototxt", shape=shape)
        assert report.checked > 0
        assert [it.name for it in net_sources(parse_prototxt("n", net(seed)))][:1] == ["d"]


def test_a_layer_with_too_few_bottoms_is_not_followed(tmp_path):
    text = DATA + 'layer { name: "l" type: "LSTM" bottom: "label" top: "t" recurrent_param { num_output: 3 } }'
    (tmp_path / "net.prototxt").write_text(text)
    assert [(it.key, it.verdict) for it in lint(tmp_path / "net.prototxt").findings][:1] == [("l", "bad")]
