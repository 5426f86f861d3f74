"""Test label pictures in a separate store, stages, solvers, and the data layers of forks and of old files."""

import io

import numpy as np
import pytest
from building import datum, write_lmdb
from PIL import Image

import datacheck
from datacheck.caffe.net_flow import Classifier
from datacheck.caffe.net_sources import net_sources
from datacheck.caffe.prototxt import parse_prototxt

CLASSES = 5


def raw(values):
    return datum(values.astype(np.uint8))


def png(values):
    file = io.BytesIO()
    Image.fromarray(values[0].astype(np.uint8)).save(file, "PNG")
    return datum(file.getvalue(), encoded=True)


def labels(at, changed=None):
    values = np.random.default_rng(at).integers(0, CLASSES, (1, 6, 8))
    if changed is not None:
        values[0, 2, 3] = changed
    return values


def store(path, records):
    write_lmdb(path, [(b"%08d" % at, value) for at, value in enumerate(records)])


def layer(name, source, top, inside="", kind="Data"):
    param = f'data_param {{ source: "{source}" batch_size: 2 backend: LMDB }}'
    return f'layer {{ name: "{name}" type: "{kind}" top: "{top}" {param} {inside} }}\n'


def net(loss='type: "SoftmaxWithLoss"', inside=""):
    score = f"convolution_param {{ num_output: {CLASSES} kernel_size: 1 }}"
    return (
        layer("pictures", "img", "data") + layer("maps", "lab", "label", inside)
        + f'layer {{ name: "score" type: "Convolution" bottom: "data" top: "score" {score} }}\n'
        + f'layer {{ name: "loss" {loss} bottom: "score" bottom: "label" top: "loss" }}\n'
    )  # fmt: skip


def scan(folder, text, maps=None, pictures=12, **options):
    store(folder / "img", [raw(np.random.default_rng(at).integers(0, 256, (3, 6, 8))) for at in range(pictures)])
    if maps is not None:
        store(folder / "lab", maps)
    (folder / "net.prototxt").write_text(text)
    reports = datacheck.scan_net(folder / "net.prototxt", root=folder, workers=1, **options)
    return [(it.key, it.code, it.verdict) for report in reports for it in report.findings]


@pytest.mark.parametrize("encode", [raw, png], ids=["raw", "encoded"])
def test_pixels_are_classes(tmp_path, encode):
    maps = [encode(labels(at, {3: CLASSES, 7: 255}.get(at))) for at in range(12)]
    assert scan(tmp_path, net(), maps) == [("00000003", "label", "bad"), ("00000007", "label", "bad")]


@pytest.mark.parametrize("encode", [raw, png], ids=["raw", "encoded"])
def test_the_label_that_the_loss_ignores(tmp_path, encode):
    maps = [encode(labels(at, {3: CLASSES, 7: 255}.get(at))) for at in range(12)]
    ignoring = net('type: "SoftmaxWithLoss" loss_param { ignore_label: 255 }')
    assert scan(tmp_path, ignoring, maps) == [("00000003", "label", "bad")]


def test_a_regression_takes_any_pixels(tmp_path):
    maps = [raw(labels(at, 255)) for at in range(12)]
    of_one_value = net('type: "EuclideanLoss"').replace(f"num_output: {CLASSES}", "num_output: 1")
    assert scan(tmp_path, of_one_value, maps) == []


def test_colour_pictures_are_no_labels(tmp_path):
    maps = [raw(np.repeat(labels(at), 3, axis=0)) for at in range(12)]
    assert scan(tmp_path, net(), maps) == [(None, "label", "bad")]


def test_a_scale_changes_labels(tmp_path):
    maps = [raw(labels(at)) for at in range(12)]
    assert scan(tmp_path, net(inside="transform_param { scale: 0.00390625 }"), maps) == [(None, "label", "bad")]


def test_a_store_of_labels_of_another_length(tmp_path):
    maps = [raw(labels(at)) for at in range(11)]
    assert scan(tmp_path, net(), maps) == [(None, "row-count", "bad")]


def test_two_stores_that_no_loss_compares_may_differ_in_length(tmp_path):
    two = (
        layer("one", "img", "a") + layer("other", "lab", "b")
        + 'layer { name: "both" type: "Concat" bottom: "a" bottom: "b" top: "c" concat_param { axis: 1 } }\n'
    )  # fmt: skip
    assert scan(tmp_path, two, [raw(labels(at)) for at in range(5)]) == []


STAGED = layer("train", "img", "data", 'include { stage: "fit" }') + layer(
    "check", "lab", "data", 'include { stage: "check" }'
)


def names(text, **how):
    return [it.name for it in net_sources(parse_prototxt("n", text), **how)]


def test_layers_of_stages():
    assert names(STAGED) == ["train", "check"]
    assert names(STAGED, stages=["check"]) == ["check"]
    assert names(STAGED + layer("always", "x", "y")) == ["always"]
    assert names(STAGED + layer("always", "x", "y"), stages=["fit"]) == ["train", "always"]


def test_a_solver_says_its_stages(tmp_path):
    store(tmp_path / "img", [raw(np.random.default_rng(at).integers(0, 256, (3, 6, 8))) for at in range(5)])
    (tmp_path / "net.prototxt").write_text(STAGED)
    (tmp_path / "solver.prototxt").write_text('net: "net.prototxt" train_state { stage: "fit" } base_lr: 1')
    (report,) = datacheck.scan_net(tmp_path / "solver.prototxt", root=tmp_path, workers=1)
    assert (report.layer.name, report.layer.phases, report.clean) == ("train", ("TRAIN",), True)


OTHERS = ("DenseImageData", "ImageSegData", "VideoData", "Python", "WindowData", "OurData")


@pytest.mark.parametrize("kind", OTHERS)
def test_a_data_layer_that_is_not_read_is_named(tmp_path, kind):
    text = f'layer {{ name: "odd" type: "{kind}" top: "data" top: "label" }}\n'
    (tmp_path / "net.prototxt").write_text(text)
    (report,) = datacheck.scan_net(tmp_path / "net.prototxt", workers=1)
    (finding,) = report.findings
    assert (finding.code, kind in finding.message, report.status) == ("unsupported", True, 3)


@pytest.mark.parametrize("kind", ["Input", "DummyData", "MemoryData", "Parameter", "Convolution"])
def test_a_layer_that_makes_its_values_reads_nothing(kind):
    assert names(f'layer {{ name: "it" type: "{kind}" top: "data" }}') == []


def test_layers_of_the_first_generation(tmp_path):
    text = (
        'layers { layer { name: "d" type: "data" source: "img" batchsize: 2 scale: 0.5 cropsize: 4 } '
        'top: "data" top: "label" }\n'
        'layers { layer { name: "i" type: "images" source: "list.txt" batchsize: 3 new_height: 9 new_width: 9 } '
        'top: "a" top: "b" }\n'
        'layers { layer { name: "h" type: "hdf5_data" source: "h5.txt" batchsize: 4 } top: "c" }\n'
    )
    data, images, hdf5 = net_sources(parse_prototxt("n", text))
    assert (data.type, data.path, data.batch_size, data.backend) == ("Data", "img", 2, "leveldb")
    assert (data.transform.scale, data.transform.crop_size, data.tops) == (0.5, 4, ("data", "label"))
    assert (images.type, images.pictures.new_height, images.batch_size) == ("ImageData", 9, 3)
    assert (hdf5.type, hdf5.path, hdf5.tops) == ("HDF5Data", "h5.txt", ("c",))


def test_which_layer_a_label_is_compared_with():
    pictures, maps = net_sources(parse_prototxt("n", net()))
    assert (pictures.partner, pictures.pixels) == (None, None)
    assert (maps.partner, maps.pixels) == ("pictures", Classifier("score", CLASSES))


def test_a_mean_for_values_of_0_to_1_is_suspicious(tmp_path):
    pictures = layer("pictures", "img", "data", "transform_param { mean_value: %s }")
    assert scan(tmp_path, pictures % 0.5) == [(None, "mean", "suspicious")]
    for number, well in enumerate((104, 0, 1)):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert scan(folder, pictures % well) == []


def test_a_label_map_of_a_single_class_is_sound(tmp_path):
    one = [raw(np.full((1, 6, 8), at % CLASSES)) for at in range(12)]
    assert scan(tmp_path, net(), one) == []
