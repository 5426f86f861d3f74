"""Test many kinds of networks over the same few stores: what is read for each, and what is wrong with it."""

import io

import h5py
import numpy as np
import pytest
from building import datum, write_lmdb
from PIL import Image

import datacheck
from datacheck.errors import DatacheckError


def pixels(at, *shape, high=256):
    return np.random.default_rng(at).integers(0, high, shape).astype(np.uint8)


def write(path, records):
    write_lmdb(path, [(b"%08d" % at, record) for at, record in enumerate(records)])


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder of stores: sound ones, one with a label of 10, one with NaN, and one with label maps."""
    folder = tmp_path_factory.mktemp("home")
    write(folder / "train", [datum(pixels(at, 1, 8, 8), at % 10) for at in range(40)])
    write(folder / "label10", [datum(pixels(at, 1, 8, 8), 10 if at == 7 else at % 10) for at in range(40)])
    nan = [np.full((1, 8, 8), np.nan if at == 7 else at / 40, np.float32) * pixels(at, 1, 8, 8) for at in range(40)]
    write(folder / "nan", [datum(it, at % 10) for at, it in enumerate(nan)])
    write(folder / "colour", [datum(pixels(at, 3, 8, 8)) for at in range(40)])
    write(folder / "maps", [datum(pixels(at, 1, 8, 8, high=5)) for at in range(40)])
    write(
        folder / "maps255",
        [datum(np.where(pixels(at, 1, 8, 8) > 250, 255, pixels(at, 1, 8, 8, high=5))) for at in range(40)],
    )
    write(folder / "scalars", [datum(np.full((1, 1, 1), at % 10, np.uint8)) for at in range(40)])
    write(folder / "vectors", [datum(pixels(at, 4, 1, 1, high=2)) for at in range(40)])
    write(folder / "from1", [datum(pixels(at, 1, 8, 8), at % 10 + 1) for at in range(40)])
    write(folder / "minus", [datum(pixels(at, 1, 8, 8), -1 if at == 7 else at % 10) for at in range(40)])
    with h5py.File(folder / "rows.h5", "w") as file:
        file["data"], file["label"] = pixels(0, 40, 6) / np.float32(255), (np.arange(40) % 10).astype(np.float32)
    with h5py.File(folder / "bad.h5", "w") as file:
        file["data"], file["label"] = pixels(0, 40, 6) / np.float32(255), np.r_[np.arange(39) % 10, np.nan]
    (folder / "rows.txt").write_text("rows.h5\n")
    (folder / "bad.txt").write_text("rows.h5\nbad.h5\n")
    (folder / "pics").mkdir()
    for at in range(20):
        Image.fromarray(pixels(at, 8, 8, 3)).save(folder / "pics" / f"{at}.png")
    (folder / "pics.txt").write_text("".join(f"pics/{at}.png {at % 10}\n" for at in range(20)))
    (folder / "gone.txt").write_text("".join(f"pics/{at}.png {at % 10}\n" for at in range(21)))
    (folder / "bare.txt").write_text("".join(f"{at}.png {at % 10}\n" for at in range(20)))
    file = io.BytesIO()
    Image.fromarray(pixels(0, 8, 8, 3)).save(file, "PNG")
    write(folder / "png", [datum(file.getvalue(), at % 10, encoded=True) for at in range(40)])
    return folder


def data(source, name="data", tops=("data", "label"), more="", batch=10, kind="Data"):
    ends = " ".join(f'top: "{it}"' for it in tops)
    return (
        f'layer {{ name: "{name}" type: "{kind}" {ends} {more} '
        f'data_param {{ source: "{source}" backend: LMDB batch_size: {batch} }} }}\n'
    )


def dense(outputs=10, bottom="data", name="ip"):
    return (
        f'layer {{ name: "{name}" type: "InnerProduct" bottom: "{bottom}" top: "{name}" '
        f"inner_product_param {{ num_output: {outputs} }} }}\n"
    )


def conv(outputs=5, bottom="data", name="score"):
    return (
        f'layer {{ name: "{name}" type: "Convolution" bottom: "{bottom}" top: "{name}" '
        f"convolution_param {{ num_output: {outputs} kernel_size: 1 }} }}\n"
    )


def loss(bottom="ip", label="label", kind="SoftmaxWithLoss", more="", name="loss"):
    return f'layer {{ name: "{name}" type: "{kind}" bottom: "{bottom}" bottom: "{label}" top: "{name}" {more} }}\n'


def one(kind, bottom, top):
    return f'layer {{ name: "{kind}" type: "{kind}" bottom: "{bottom}" top: "{top}" }}\n'


def hdf5(source, tops=("data", "label"), more=""):
    ends = " ".join(f'top: "{it}"' for it in tops)
    param = f'hdf5_data_param {{ source: "{source}" batch_size: 10 }}'
    return f'layer {{ name: "h" type: "HDF5Data" {ends} {param} {more} }}\n'


def images(source, more="", tops=("data", "label"), transform=""):
    ends = " ".join(f'top: "{it}"' for it in tops)
    param = f'image_data_param {{ source: "{source}" batch_size: 10 {more} }}'
    return f'layer {{ name: "i" type: "ImageData" {ends} {param} {transform} }}\n'


TRAIN, TEST = "include { phase: TRAIN }", "include { phase: TEST }"
NO_TRAIN = "exclude { phase: TRAIN }"
MAPS = data("colour", "pictures", ["data"]) + conv()
MAP = ("label",)
SIAMESE = (
    'layer { name: "s" type: "Slice" bottom: "data" top: "a" top: "b" slice_param { slice_dim: 1 slice_point: 1 } }\n'
)
OLD = """
layers { layer { name: "d" type: "data" source: "%s" batchsize: 10 scale: 0.0039 } top: "data" top: "label" }
"""
SECOND = """
layers { name: "d" type: DATA top: "data" top: "label" data_param { source: "%s" backend: LMDB batch_size: 10 } %s }
layers { name: "fc" type: INNER_PRODUCT bottom: "data" top: "fc" inner_product_param { num_output: 10 } }
layers { name: "l" type: SOFTMAX_LOSS bottom: "fc" bottom: "label" top: "l" }
"""
DUMMY = 'layer { name: "y" type: "DummyData" top: "label" dummy_data_param { shape { dim: 10 } } }\n'
SILENCE = 'layer { name: "q" type: "Silence" bottom: "label" }\n'

END = dense() + loss()
SOUND = {
    "one layer for both phases": (data("train") + END, ["data"]),
    "a layer for each phase": (data("train", more=TRAIN) + data("train", more=TEST) + END, ["data", "data"]),
    "two rules of a layer": (data("train", more=f"{TRAIN} {TEST}") + END, ["data"]),
    "exclude": (data("train", more=NO_TRAIN) + END, ["data"]),
    "levels": (data("train", more="include { min_level: 0 max_level: 2 }") + END, ["data"]),
    "more classes than labels": (data("train") + dense(1000) + loss(), ["data"]),
    "labels that nothing reads": (data("label10") + SILENCE, ["data"]),
    "labels of a regression": (data("label10") + dense(1) + loss(kind="EuclideanLoss"), ["data"]),
    "two classifiers of one label": (
        data("train") + dense() + dense(20, name="aux") + loss() + loss("aux", name="loss2"), ["data"]),
    "a top alone": (data("label10", tops=["data"]) + DUMMY + END, ["data"]),
    "an accuracy beside the loss": (
        data("train") + dense() + loss() + loss(kind="Accuracy", name="acc", more=TEST), ["data"]),
    "shared names of layers": (data("train", "x", more=TRAIN) + data("label10", "x", ["other", "y"], more=TRAIN)
                               + END, ["x", "x"]),
    "in place": (data("train") + one("ReLU", "data", "data") + END, ["data"]),
    "label maps": (MAPS + data("maps", "maps", MAP) + loss("score"), ["pictures", "maps"]),
    "label maps with what is ignored": (
        MAPS + data("maps255", "maps", MAP) + loss("score", more="loss_param { ignore_label: 255 }"),
        ["pictures", "maps"]),
    "maps of a regression": (MAPS.replace("output: 5", "output: 1") + data("maps255", "maps", MAP)
                             + loss("score", kind="EuclideanLoss"), ["pictures", "maps"]),
    "pictures of a siamese net": (data("colour", tops=["data", "label"]) + SIAMESE, ["data"]),
    "encoded": (data("png") + END, ["data"]),
    "encoded, forced to grey": (
        data("png", more="transform_param { force_gray: true crop_size: 8 }") + END, ["data"]),
    "HDF5": (hdf5("rows.txt") + END, ["h"]),
    "HDF5 of which one dataset is read": (hdf5("rows.txt", ["data"]) + dense(), ["h"]),
    "HDF5 whose label comes first": (hdf5("rows.txt", ["label", "data"]) + END, ["h"]),
    "a list of pictures": (images("pics.txt") + END, ["i"]),
    "a list with a root folder": (images("bare.txt", 'root_folder: "pics/"') + END, ["i"]),
    "a list, resized and grey": (
        images("pics.txt", "new_height: 4 new_width: 4 is_color: false") + END, ["i"]),
    "the second generation": (SECOND % ("train", ""), ["d"]),
    "the second generation with a phase": (SECOND % ("train", TRAIN), ["d"]),
    "hinge loss": (data("train") + dense() + loss(kind="HingeLoss"), ["data"]),
    "sigmoids": (data("train", tops=["data"]) + dense(64) + data("train", "y", MAP)
                 + loss(kind="SigmoidCrossEntropyLoss"), ["data", "y"]),
    "an autoencoder": (data("train", tops=["data"]) + dense(64) + one("Flatten", "data", "f")
                       + loss(label="f", kind="EuclideanLoss"), ["data"]),
    "labels from 1 that a layer shifts": (
        data("from1") + 'layer { name: "m" type: "Power" bottom: "label" top: "l" power_param { shift: -1 } }\n'
        + dense() + loss(label="l"), ["data"]),
    "labels from 1 that a layer shifts in place": (
        data("from1") + 'layer { name: "m" type: "Power" bottom: "label" top: "label" power_param { shift: -1 } }\n'
        + END, ["data"]),
    "a label of -1 that is ignored": (data("minus") + dense() + loss(more="loss_param { ignore_label: -1 }"), ["data"]),
    "labels in a store of their own": (
        data("train", tops=["data"]) + data("scalars", "y", MAP) + END, ["data", "y"]),
    "several labels of 0 or 1": (data("train", tops=["data"]) + data("vectors", "y", MAP) + dense(4)
                                 + loss(kind="SigmoidCrossEntropyLoss"), ["data", "y"]),
    "data that is made": (DUMMY + data("train", tops=["data"]) + END, ["data"]),
    "pictures of which a part is cut": (
        data("train", more="transform_param { crop_size: 5 mirror: true }") + END, ["data"]),
}  # fmt: skip
FAULTY = {
    "a label in TEST alone": (data("train", more=TRAIN) + data("label10", more=TEST) + END, ["label"]),
    "a label beyond the classes": (data("label10") + END, ["label"]),
    "a label beyond those of the second classifier": (
        data("train") + dense(20) + dense(5, name="aux") + loss() + loss("aux", name="loss2"), ["label"]),
    "a label behind a Split": (data("label10") + one("Split", "label", "l2")
                               + dense() + loss(label="l2"), ["label"]),
    "NaN": (data("nan") + END, ["nan"]),
    "NaN under MAX pooling": (data("nan") + 'layer { name: "p" type: "Pooling" bottom: "data" top: "p" pooling_param '
                              "{ kernel_size: 2 } }\n" + dense(bottom="p") + loss(), ["nan"]),
    "NaN in an old file": (OLD % "nan", ["layer", "nan"]),
    "a label in a file of the second generation": (SECOND % ("label10", ""), ["label"]),
    "a store that is not there": (data("gone") + END, ["missing"]),
    "no batch size": (data("train", batch=0) + END, ["layer"]),
    "a crop that is too large": (data("train", more="transform_param { crop_size: 9 }") + END, ["shape"]),
    "means of other channels": (
        data("colour", more="transform_param { mean_value: 1 mean_value: 2 }") + END, ["mean"]),
    "pixels of no class": (MAPS + data("maps255", "maps", MAP) + loss("score"), ["label"]),
    "pixels behind a Reshape": (
        MAPS + data("maps255", "maps", ("m",)) + 'layer { name: "r" type: "Reshape" bottom: "m" top: "label" '
        "reshape_param { shape { dim: 0 dim: 8 dim: 8 } } }\n" + loss("score"), ["label"]),
    "colours as labels": (MAPS + data("colour", "maps", MAP) + loss("score"), ["label"]),
    "maps in batches of another size": (MAPS + data("maps", "maps", MAP, batch=5) + loss("score"), ["label"]),
    "labels from 1": (data("from1") + END, ["label"]),
    "a label of -1": (data("minus") + END, ["label"]),
    "a label of -1 where 255 is ignored": (
        data("minus") + dense() + loss(more="loss_param { ignore_label: 255 }"), ["label"]),
    "a label beyond in a store of its own": (
        data("train", tops=["data"]) + data("scalars", "y", MAP) + dense(9) + loss(), ["label"]),
    "several labels for one prediction": (
        data("train", tops=["data"]) + data("vectors", "y", MAP) + END, ["label"]),
    "a NaN label in HDF5": (hdf5("bad.txt") + END, ["label"]),
    "a top that no dataset is called": (
        hdf5("rows.txt", ["data", "labels"]) + dense() + loss(label="labels"), ["missing"]),
    "HDF5 with a transformation": (hdf5("rows.txt", more="transform_param { scale: 2 }") + END, ["layer"]),
    "a list with a picture that is gone": (images("gone.txt") + END, ["missing"]),
    "a list without its root folder": (images("bare.txt") + END, ["missing"]),
    "a list with too few classes": (images("pics.txt") + dense(9) + loss(), ["label"]),
}  # fmt: skip
CODES_OF_LITTLE_STORES = {"class-missing", "sorted"}


def scan(home, text, tmp_path, **how):
    file = tmp_path / "net.prototxt"
    file.write_text(text)
    return datacheck.scan_net(file, root=home, workers=1, **how)


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_net(home, tmp_path, name):
    text, layers = SOUND[name]
    reports = scan(home, text, tmp_path)
    assert [it.layer.name for it in reports] == layers
    told = [(it.code, it.message) for report in reports for it in report.findings]
    assert [it for it in told if it[0] not in CODES_OF_LITTLE_STORES] == []


@pytest.mark.parametrize("name", FAULTY)
def test_a_faulty_net(home, tmp_path, name):
    text, codes = FAULTY[name]
    reports = scan(home, text, tmp_path)
    bad = {it.code for report in reports for it in report.findings if it.verdict == "bad"}
    assert sorted(bad) == codes
    assert all("caffe" in it.details for report in reports for it in report.findings if it.verdict == "bad")


STAGED = (
    data("train", "fit", more='include { stage: "fit" }') + data("label10", "val", more='include { stage: "val" }')
    + data("nan", "odd", more='include { not_stage: "fit" not_stage: "val" }') + dense() + loss()
)  # fmt: skip


@pytest.mark.parametrize(
    ("stages", "layers", "clean"), [([], ["odd"], False), (["fit"], ["fit"], True), (["val"], ["val"], False)]
)
def test_stages(home, tmp_path, stages, layers, clean):
    reports = scan(home, STAGED, tmp_path, stages=stages)
    assert [it.layer.name for it in reports] == layers
    assert all(it.clean for it in reports) is clean


@pytest.mark.parametrize(
    ("solver", "layers"),
    [
        ('train_state { stage: "fit" } test_state { stage: "val" } test_iter: 1 test_interval: 1', ["fit", "val"]),
        ('train_state { stage: "fit" } test_state { stage: "val" } test_state { } test_iter: 1 test_iter: 1',
         ["fit", "val", "odd"]),
        ("test_iter: 1 test_interval: 1", ["odd"]),
    ],
)  # fmt: skip
def test_a_solver_says_the_stages_of_each_phase(home, tmp_path, solver, layers):
    (tmp_path / "net.prototxt").write_text(STAGED)
    (tmp_path / "solver.prototxt").write_text(f'net: "{tmp_path}/net.prototxt" base_lr: 0.001 {solver}')
    reports = datacheck.scan_net(tmp_path / "solver.prototxt", root=home, workers=1)
    assert [it.layer.name for it in reports] == layers


def test_a_solver_without_a_network(home, tmp_path):
    (tmp_path / "solver.prototxt").write_text("base_lr: 0.1 max_iter: 3")
    with pytest.raises(DatacheckError, match="names no network"):
        datacheck.scan_net(tmp_path / "solver.prototxt", root=home, workers=1)


@pytest.mark.parametrize("kind", ["WindowData", "DenseImageData", "Python", "VideoData"])
def test_a_layer_that_is_not_read_is_neither_clean_nor_bad(home, tmp_path, kind):
    text = f'layer {{ name: "odd" type: "{kind}" top: "data" top: "label" }}\n' + dense() + loss()
    (report,) = scan(home, text, tmp_path)
    (finding,) = report.findings
    assert (finding.code, finding.verdict) == ("unsupported", "unverifiable")
    assert kind in finding.message
