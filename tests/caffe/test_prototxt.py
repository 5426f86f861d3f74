"""Test reading prototxt with line numbers: what Caffe does not know or would not parse is named."""

import os

import numpy as np
import pytest

from datacheck.caffe.blobs import read_blob
from datacheck.caffe.network import State, layers, layers_in
from datacheck.caffe.prototxt import MAX_BYTES, parse_prototxt, read_prototxt
from datacheck.caffe.schema import enums, messages
from datacheck.caffe.syntax import MAX_DEPTH
from datacheck.errors import PrototxtMalformed, SourceMissing, SourceUnknown

NET = """\
# a network
name: "small"
layer {
  name: "data" type: "Data" top: "data"; top: 'label'
  include { phase: TRAIN }
  data_param <
    source: "a" "b"  # two pieces of one string
    batch_size: 0x10, backend: LMDB
  >
}
layer {
  name: "conv"
  type: "Convolution"
  bottom: "data"
  convolution_param: {
    num_output: 4
    kernel_size: [3,
      5]
    weight_filler { type: "gaussian" std: 1e-2 }
    kernel: 3
  }
  param { lr_mult: -inf } param { lr_mult: NaN }
  blobs [ { shape { dim: [1, 2] } }, { data: 1.5f } ]
}
"""


def test_values_and_lines():
    net = parse_prototxt("net.prototxt", NET)
    assert net.kind == "network"
    data, conv = net.message.layer
    assert (data.data_param.source, data.data_param.batch_size, list(data.top)) == ("ab", 16, ["data", "label"])
    assert list(conv.convolution_param.kernel_size) == [3, 5]
    assert (conv.param[0].lr_mult, str(conv.param[1].lr_mult)) == (-np.inf, "nan")
    assert conv.convolution_param.group == 1
    places = {
        "name": 2,
        "layer[0]": 3,
        "layer[0].top[1]": 4,
        "layer[0].data_param": 6,
        "layer[0].data_param.batch_size": 8,
        "layer[1].convolution_param.kernel_size": 17,
        "layer[1].convolution_param.kernel_size[1]": 18,
        "layer[1].param[1].lr_mult": 22,
        "layer[1].blobs[1].data[0]": 23,
        "layer[1].pooling_param.stride": 11,
        "layer[7].nothing": 1,
        "force_backward": 1,
    }
    assert {path: net.line(path) for path in places} == places


def test_unknown_fields_are_reported_and_the_rest_is_read():
    (unknown,) = parse_prototxt("net.prototxt", NET).unknown
    assert (unknown.name, unknown.owner, unknown.line) == ("kernel", "ConvolutionParameter", 20)
    assert unknown.path == "layer[1].convolution_param.kernel"
    text = 'layer { name: "a" odd { deep < x: [1, {y: 2}] > } strange: "s" } lr: 3'
    net = parse_prototxt("net.prototxt", text)
    assert [it.name for it in net.unknown] == ["odd", "strange", "lr"]
    assert net.message.layer[0].name == "a"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('net: "a"\nmax_iter: 10\nmax_iter: 20', 3, "max_iter"),
        ('net: "a"\n\nmax_iter: 1.5', 3, "1.5"),
        ('net: "a"\nmax_iter: 99999999999', 2, "99999999999"),
        ("layer {\n  pooling_param { pool: AVERAGE } }", 2, "AVERAGE"),
        ('layer {\n  name: "a"\n', 1, "without '}'"),
        ('layer {\n  name: "a" >\n}', 2, "'>'"),
        ('name: "a"\nlayer {\n  name "a"\n}', 3, "':'"),
        ('name: "a"\nlayer ]', 2, "':'"),
        ('name: "a"\nlayer { name: }', 2, "a value"),
        ('name: "a"\n=', 2, "'='"),
        ('layer { type: "Clip" clip_param { min: 1 } }', None, "max"),
        ("layer {\n" * (MAX_DEPTH + 1), MAX_DEPTH + 1, "nested"),
    ],
)
def test_what_caffe_would_not_parse_is_said_with_its_line(text, line, words):
    with pytest.raises(PrototxtMalformed) as caught:
        parse_prototxt("x.prototxt", text if line != MAX_DEPTH + 1 else f'name: "a" {text}')
    assert caught.value.line == line
    assert words in caught.value.reason
    assert "\n" not in str(caught.value)


GARBAGE = {
    "empty": (b"", "is an empty file"),
    "blank": (b" \n\n", "is an empty file"),
    "binary": (bytes(range(256)) * 100, "is binary"),
    "caffemodel": (b"\x0a\x05lenet\xa2\x06\x10\x0a\x04data", "is binary"),
    "page": (b"<!DOCTYPE html><html>", "is an HTML page"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:4e29\n", "is a git-lfs pointer"),
    "log": (b"I1125 14:00:00.000000 1 solver.cpp:239] Iteration 0, loss = 1\n", "is a log"),
    "words": (b"these are only words\n", "line 1: expected ':' or '{' after these, found 'are'"),
    "other": (b'item { id: 1 display_name: "cat" }', "holds no field of a Caffe solver or network"),
    "json": (b'{"name": 1}', "is not a prototxt: line 1"),
    "nested": (b"a{" * 100_000, "nested more than 64 deep"),
    "nested lists": (b"a:[" * 100_000, "is not a prototxt"),
    "endless": (b"a" * 50_000_000, "has more than 4 MiB"),
    "long line": (b"a " * 2_000_000, "is not a prototxt"),
    "open string": (b'"' + b"a" * 2_000_000, "is not a prototxt"),
    "backslashes": (b'name: "' + b"\\" * 2_000_001, "is not a prototxt"),
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_is_refused_in_a_sentence(tmp_path, name):
    content, reason = GARBAGE[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceUnknown) as caught:
        read_prototxt(tmp_path / name)
    assert reason in str(caught.value) or (name == "backslashes" and isinstance(caught.value, PrototxtMalformed))
    assert "\n" not in str(caught.value)


def test_what_is_not_there_or_no_file(tmp_path):
    with pytest.raises(SourceMissing):
        read_prototxt(tmp_path / "nothing")
    with pytest.raises(SourceUnknown, match="is a directory"):
        read_prototxt(tmp_path)


def test_a_large_prototxt_is_read(tmp_path):
    text = 'layer { name: "a" type: "ReLU" bottom: "x" top: "x" }\n' * 5000
    (tmp_path / "large").write_text(text)
    assert len(text) < MAX_BYTES
    assert read_prototxt(tmp_path / "large").line("layer[4999].type") == 5000


def test_a_comment_in_an_old_encoding_does_no_harm(tmp_path):
    (tmp_path / "net").write_bytes('# café\nname: "a"\n'.encode("latin-1"))
    assert read_prototxt(tmp_path / "net").line("name") == 2


def test_the_kinds_are_told_apart():
    assert parse_prototxt("s", 'net: "a" debug_info: true').kind == "solver"
    assert parse_prototxt("n", 'debug_info: true name: "a" input: "data"').kind == "network"
    assert parse_prototxt("s", 'net: "a" name: "b" base_lr: 1 max_iter: 3').kind == "solver"


def test_the_schema_names_only_types_there_are():
    scalars = {"int32", "int64", "uint32", "float", "double", "bool", "string"}
    for owner, fields in messages().items():
        assert len({it.number for it in fields.values()}) == len(fields), owner
        for field in fields.values():
            assert field.type in scalars or field.type in enums() or field.type in messages(), (owner, field)
    assert len(messages()["LayerParameter"]) > 50


PHASED = """
layer { name: "train" include { phase: TRAIN } }
layer { name: "test" include { phase: TEST } }
layer { name: "both" }
layer { name: "no train" exclude { phase: TRAIN } }
layer { name: "deep" include { min_level: 2 max_level: 3 } }
layer { name: "deploy" include { stage: "deploy" } include { stage: "a" stage: "b" not_stage: "c" } }
"""


@pytest.mark.parametrize(
    ("state", "names"),
    [
        (State("TRAIN"), ["train", "both"]),
        (State("TEST"), ["test", "both", "no train"]),
        (State("TRAIN", level=3), ["train", "both", "deep"]),
        (State("TEST", stages=("deploy",)), ["test", "both", "no train", "deploy"]),
        (State("TRAIN", stages=("a", "b")), ["train", "both", "deploy"]),
        (State("TRAIN", stages=("a", "b", "c")), ["train", "both"]),
        (State("TRAIN", level=4, stages=("a",)), ["train", "both"]),
    ],
)
def test_the_layers_of_a_state(state, names):
    assert [it.name for it in layers_in(parse_prototxt("n", PHASED), state)] == names


def test_old_networks_are_upgraded():
    net = parse_prototxt(
        "n",
        """
        input: "image" input_dim: 1 input_dim: 3 input_dim: 8 input_dim: 9
        layers { name: "d" type: DATA top: "data" data_param { source: "x" scale: 0.5 crop_size: 7 } }
        layers { name: "c" type: CONVOLUTION blobs_lr: 1 blobs_lr: 2 weight_decay: 1 weight_decay: 0
          convolution_param { num_output: 5 kernel_size: 3 } include: { phase: TEST } }
        layers { name: "l" type: SOFTMAX_LOSS loss_weight: 2 }
        layers { layer { name: "oldest" type: "conv" } }
        """,
    )
    image, data, conv, loss, oldest = layers(net)
    assert (image.type, list(image.message.input_param.shape[0].dim)) == ("Input", [1, 3, 8, 9])
    assert (data.type, data.message.transform_param.scale, data.message.transform_param.crop_size) == ("Data", 0.5, 7)
    assert net.line(f"{data.path}.data_param.crop_size") == 3
    assert (conv.type, conv.message.convolution_param.num_output) == ("Convolution", 5)
    assert [(it.lr_mult, it.decay_mult) for it in conv.message.param] == [(1, 1), (2, 0)]
    assert net.message.layers[0].data_param.crop_size == 7
    assert conv not in layers_in(net, State("TRAIN"))
    assert (loss.type, list(loss.message.loss_weight)) == ("SoftmaxWithLoss", [2])
    assert (oldest.name, oldest.old) == ("oldest", True)


def test_the_three_parameters_of_an_old_batch_norm_are_dropped():
    one = "param { lr_mult: 1 }"
    net = parse_prototxt("n", f'layer {{ type: "BatchNorm" {one * 3} }} layer {{ type: "BatchNorm" {one * 2} }}')
    assert [len(it.message.param) for it in layers(net)] == [0, 2]
    assert [len(it.param) for it in net.message.layer] == [3, 2]


def test_a_transformation_where_old_files_have_it():
    net = parse_prototxt("n", 'layer { type: "Data" data_param { source: "x" scale: 0.5 mirror: true } }')
    (layer,) = layers(net)
    assert (layer.message.transform_param.scale, layer.message.transform_param.mirror) == (0.5, True)
    assert not layer.message.data_param.HasField("scale")
    assert net.message.layer[0].data_param.scale == 0.5


def field(number, kind, data):
    return bytes([number << 3 | kind]) + data


def blob(values, shape=None, legacy=None, double=False):
    """Return an encoded BlobProto with values, and a modern shape or legacy sizes."""
    data = np.asarray(values, "<f8" if double else "<f4").tobytes()
    out = field(8 if double else 5, 2, varint(len(data)) + data)
    for number, size in (legacy or {}).items():
        out += field(number, 0, varint(size))
    if shape is not None:
        dims = b"".join(map(varint, shape))
        inner = field(1, 2, varint(len(dims)) + dims)
        out += field(7, 2, varint(len(inner)) + inner)
    return out


def varint(number):
    out = bytearray()
    number &= (1 << 64) - 1
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes(out) + bytes([number])


@pytest.mark.parametrize(
    ("content", "shape", "dtype"),
    [
        (blob(range(6), shape=(2, 3)), (2, 3), "float32"),
        (blob(range(6), legacy={1: 1, 2: 1, 3: 2, 4: 3}), (1, 1, 2, 3), "float32"),
        (blob(range(6), shape=(2, 3), double=True), (2, 3), "float64"),
        (blob([5.0]), (), "float32"),
    ],
)
def test_a_blob_is_read_in_its_shape(tmp_path, content, shape, dtype):
    (tmp_path / "b").write_bytes(content)
    values = read_blob(tmp_path / "b")
    assert (values.shape, values.dtype) == (shape, dtype)
    if shape:
        np.testing.assert_array_equal(values.ravel(), range(6))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is an empty file"),
        (blob(range(6), shape=(2, 3))[:-3], "is not a BlobProto"),
        (blob(range(6), shape=(2, 3))[:20], "is not a BlobProto"),
        (blob(range(6), shape=(7,)), "holds 6 values, but its shape 7 has 7"),
        (blob(range(6), legacy={2: 6}), "holds 6 values, but its shape 0x6x0x0 has 0"),
        (blob(range(6), shape=(-1, 6)), "which no blob can have"),
        (blob([1.0], shape=(1,) * 33), "which no blob can have"),
        (blob([], shape=(1 << 40, 1 << 40)), "holds 0 values"),
        (b"not a blob at all", "is not a BlobProto"),
    ],
)
def test_a_malformed_blob_is_said(tmp_path, content, words):
    (tmp_path / "b").write_bytes(content)
    with pytest.raises(SourceUnknown, match=words):
        read_blob(tmp_path / "b")
    with pytest.raises(SourceMissing):
        read_blob(tmp_path / "nothing")


def test_a_pipe_is_no_blob_and_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SourceUnknown, match="not a regular file"):
        read_blob(tmp_path / "pipe")
