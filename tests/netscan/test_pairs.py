"""Test layers that are read side by side, labels for each prediction, and pixels that nothing scales."""

import shlex

import h5py
import numpy as np
import pytest
from building import datum, write_lmdb
from click.testing import CliRunner

import datacheck
from datacheck.cli.entry import cli
from datacheck.netscan.pair_order import out_of_step

CLASSES = 5


def raw(*shape, high=256, seed=0):
    return datum(np.random.default_rng(seed).integers(0, high, shape).astype(np.uint8), seed % CLASSES)


def data(name, tops, source, batch=2, inside=""):
    ends = " ".join(f'top: "{it}"' for it in tops)
    param = f'data_param {{ source: "{source}" batch_size: {batch} backend: LMDB }}'
    return f'layer {{ name: "{name}" type: "Data" {ends} {param} {inside} }}\n'


def convolution(stride=1, kernel=1, more=""):
    param = f'num_output: {CLASSES} kernel_size: {kernel} stride: {stride} weight_filler {{ type: "xavier" }}'
    ends = 'type: "Convolution" bottom: "data" top: "score"'
    return f'layer {{ name: "score" {ends} {more} convolution_param {{ {param} }} }}\n'


LOSS = 'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "score" bottom: "label" top: "loss" }\n'


def scan(folder, text, name="net.prototxt"):
    (folder / name).write_text(text)
    reports = datacheck.scan_net(folder / name, root=folder, workers=1)
    return [it for report in reports for it in report.findings]


def codes(found):
    return [(it.code, it.verdict) for it in found]


# --- label maps against scores


def maps(folder, pictures=(3, 6, 8), labels=(1, 6, 8)):
    names = [b"%08d" % at for at in range(10)]
    write_lmdb(folder / "img", [(name, raw(*pictures, seed=at)) for at, name in enumerate(names)])
    write_lmdb(folder / "lab", [(name, raw(*labels, high=CLASSES, seed=at)) for at, name in enumerate(names)])


PAIR = data("pictures", ["data"], "img") + data("maps", ["label"], "lab")


@pytest.mark.parametrize(("stride", "labels"), [(1, (1, 6, 8)), (2, (1, 3, 4))])
def test_a_label_for_each_score_is_sound(tmp_path, stride, labels):
    maps(tmp_path, labels=labels)
    assert scan(tmp_path, PAIR + convolution(stride) + LOSS) == []


@pytest.mark.parametrize(("stride", "labels"), [(1, (1, 3, 4)), (2, (1, 6, 8)), (1, (1, 6, 9))])
def test_label_maps_of_another_size_than_the_scores(tmp_path, stride, labels):
    maps(tmp_path, labels=labels)
    (finding,) = scan(tmp_path, PAIR + convolution(stride) + LOSS)
    assert (finding.code, finding.verdict, finding.field) == ("label", "bad", "label")
    assert "softmax_loss_layer.cpp:47" in finding.details["caffe"]


def test_pictures_of_several_sizes_are_not_judged_by_one(tmp_path):
    names = [b"%08d" % at for at in range(10)]
    sizes = [(6, 8), (8, 6)] * 5
    write_lmdb(tmp_path / "img", [(name, raw(3, *size)) for name, size in zip(names, sizes, strict=True)])
    write_lmdb(tmp_path / "lab", [(name, raw(1, *size, high=5)) for name, size in zip(names, sizes, strict=True)])
    text = PAIR.replace("batch_size: 2", "batch_size: 1") + convolution() + LOSS
    assert scan(tmp_path, text) == []


def test_scores_for_each_pixel_and_one_label(tmp_path):
    write_lmdb(tmp_path / "img", [(b"%08d" % at, raw(3, 6, 8, seed=at)) for at in range(10)])
    one = data("both", ["data", "label"], "img")
    (finding,) = scan(tmp_path, one + convolution() + LOSS)
    assert (finding.code, finding.field) == ("label", "label")
    assert "2 labels for 96 predictions a batch" in finding.message
    pool = 'layer { name: "p" type: "Pooling" bottom: "data" top: "data2" pooling_param { global_pooling: true } }\n'
    assert scan(tmp_path, one + pool + convolution().replace('"data"', '"data2"') + LOSS) == []


# --- several labels in a row


def rows(folder, labels, scores=f"num_output: {CLASSES}"):
    with h5py.File(folder / "rows.h5", "w") as file:
        file["data"] = np.random.default_rng(0).random((12, 7), np.float32)
        file["label"] = labels
    (folder / "list.txt").write_text("rows.h5\n")
    return (
        'layer { name: "d" type: "HDF5Data" top: "data" top: "label" '
        'hdf5_data_param { source: "list.txt" batch_size: 4 } }\n'
        f'layer {{ name: "ip" type: "InnerProduct" bottom: "data" top: "score" inner_product_param {{ {scores} '
        'weight_filler { type: "xavier" } } }\n'
    )  # fmt: skip


def labels(*shape):
    return (np.arange(np.prod(shape)) % CLASSES).astype(np.float32).reshape(shape)


@pytest.mark.parametrize("shape", [(12,), (12, 1), (12, 1, 1, 1)])
def test_one_label_a_row_is_sound(tmp_path, shape):
    assert scan(tmp_path, rows(tmp_path, labels(*shape)) + LOSS) == []


def test_several_labels_for_one_prediction(tmp_path):
    (finding,) = scan(tmp_path, rows(tmp_path, labels(12, 2)) + LOSS)
    assert (finding.code, finding.verdict, finding.field) == ("label", "bad", "label")
    assert "8 labels for 4 predictions a batch" in finding.message
    assert "'loss'" in finding.message


def test_several_labels_for_several_predictions_are_sound(tmp_path):
    text = rows(tmp_path, labels(12, 2), "num_output: 10")
    shape = "reshape_param { shape { dim: 0 dim: 5 dim: 2 } }"
    text += f'layer {{ name: "r" type: "Reshape" bottom: "score" top: "r" {shape} }}\n'
    assert scan(tmp_path, text + LOSS.replace('"score"', '"r"')) == []
    sliced = 'layer { name: "s" type: "Slice" bottom: "label" top: "label1" top: "label2" }\n'
    assert scan(tmp_path, rows(tmp_path, labels(12, 2)) + sliced + LOSS.replace('"label"', '"label1"')) == []
    assert scan(tmp_path, rows(tmp_path, labels(12, 5)) + LOSS.replace("SoftmaxWith", "Euclidean")) == []


# --- the order of two stores

NAMES = [f"2007_{at:06d}" for at in np.random.default_rng(3).permutation(40)]


def listed(names, suffix):
    return [b"%08d_%s%s" % (at, name.encode(), suffix) for at, name in enumerate(names)]


def order(ours, others):
    return [(it.code, it.verdict) for it in out_of_step(ours, "pictures", others)]


SOUND = {
    "the same keys": (listed(NAMES, b".jpg"), listed(NAMES, b".jpg")),
    "another suffix": (listed(NAMES, b".png"), listed(NAMES, b".jpg")),
    "another folder": (listed([f"masks/{it}" for it in NAMES], b".png"), listed([f"im/{it}" for it in NAMES], b".jpg")),
    "numbers": ([b"%08d" % at for at in range(40)], [b"%05d" % at for at in range(40)]),
    "numbers from another one": ([b"%08d" % (at + 1) for at in range(40)], [b"%08d" % at for at in range(40)]),
    "names that have nothing in common": (listed("abcdefghij", b""), listed("klmnopqrst", b"")),
    "one name for all": ([b"%04d/mask.png" % at for at in range(40)], [b"%04d/image.jpg" % at for at in range(40)]),
    "few records": (listed(["a", "b", "c"], b""), listed(["c", "b", "a"], b"")),
    "no keys": ([], listed(NAMES, b"")),
}  # fmt: skip
FAULTY = {
    "shuffled": (listed(sorted(NAMES), b".png"), listed(NAMES, b".jpg"), "bad"),
    "one is one too far": (listed(NAMES[1:], b".png"), listed(NAMES, b".jpg"), "suspicious"),
    "one is missing in the middle": (listed(NAMES[:20] + NAMES[21:], b".png"), listed(NAMES, b".jpg"), "bad"),
    "names of the same numbers": (listed([f"a{it}" for it in NAMES], b""),
                                  listed([f"b{it}" for it in NAMES[::-1]], b""), "suspicious"),
    "numbers without zeros": (sorted(b"%d" % at for at in range(40)), [b"%08d" % at for at in range(40)], "suspicious"),
}  # fmt: skip


@pytest.mark.parametrize("name", SOUND)
def test_records_in_step(name):
    assert order(*SOUND[name]) == []


@pytest.mark.parametrize("name", FAULTY)
def test_records_out_of_step(name):
    ours, others, verdict = FAULTY[name]
    assert order(ours, others) == [("unpaired", verdict)]


def test_label_maps_in_another_order_than_the_pictures(tmp_path):
    def stores(names):
        write_lmdb(tmp_path / "lab", [(it, raw(1, 6, 8, high=5)) for it in listed(names, b".png")])
        return PAIR + convolution() + LOSS

    write_lmdb(tmp_path / "img", [(it, raw(3, 6, 8)) for it in listed(NAMES, b".jpg")])
    (finding,) = [it for it in scan(tmp_path, stores(NAMES[::-1])) if it.verdict == "bad"]
    assert finding.message.startswith("40 of the first 40 records stand beside others of 'pictures': record 0, ")
    (tmp_path / "lab" / "data.mdb").unlink()
    assert scan(tmp_path, stores(NAMES)) == []


# --- pixels that nothing scales

IP = (
    'layer { name: "ip" type: "InnerProduct" bottom: "data" top: "score" inner_product_param '
    '{ num_output: 5 weight_filler { type: "xavier" } } }\n'
)
NORM = 'layer { name: "bn" type: "BatchNorm" bottom: "data" top: "data" }\n'


def unscaled(folder, solver="base_lr: 0.01", inside="", layers=IP, high=256):
    if not (folder / "img").exists():
        write_lmdb(folder / "img", [(b"%08d" % at, raw(1, 6, 6, seed=at, high=high)) for at in range(10)])
    (folder / "net.prototxt").write_text(data("d", ["data", "label"], "img", inside=inside) + layers + LOSS)
    return codes(scan(folder, f'net: "net.prototxt" lr_policy: "fixed" max_iter: 9 {solver}', "solver.prototxt"))


@pytest.mark.parametrize("solver", ["base_lr: 0.01", "base_lr: 0.5 momentum: 0.9", 'base_lr: 0.1 type: "Nesterov"'])
def test_pixels_without_a_scale_meet_a_large_rate(tmp_path, solver):
    assert unscaled(tmp_path, solver) == [("layer", "suspicious")]


@pytest.mark.parametrize(
    "how",
    [
        {"solver": "base_lr: 0.001 momentum: 0.9"},
        {"solver": 'base_lr: 0.01 type: "Adam"'},
        {"solver": "base_lr: 0.01 solver_type: ADAGRAD"},
        {"solver": 'base_lr: 0.01 weights: "trained.caffemodel"'},
        {"solver": "base_lr: 0.01 clip_gradients: 10"},
        {"inside": "transform_param { scale: 0.00390625 }"},
        {"inside": "transform_param { mean_value: 128 }"},
        {"layers": NORM + IP},
        {"layers": IP.replace('top: "score"', 'top: "score" param { lr_mult: 0 } param { lr_mult: 0 }')},
        {"layers": 'layer { name: "p" type: "Power" bottom: "data" top: "data" power_param { scale: 0.01 } }\n' + IP},
        {"high": 2},
    ],
    ids=str,
)
def test_pixels_that_something_brings_to_size_are_sound(tmp_path, how):
    assert unscaled(tmp_path, **how) == []


# --- the command that is printed


def test_the_printed_command_asks_for_what_was_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_lmdb(tmp_path / "img", [(b"%08d" % at, raw(1, 6, 6, seed=at)) for at in range(10)])
    staged = data("d", ["data", "label"], "img", inside='include { stage: "fit" }')
    (tmp_path / "net.prototxt").write_text(staged + IP + LOSS)
    (tmp_path / "solver.prototxt").write_text('net: "net.prototxt" base_lr: 0.5 lr_policy: "fixed" max_iter: 9')
    options = ["--stage", "fit", "--phase", "TRAIN", "--workers", "1"]
    done = CliRunner().invoke(cli, ["scan", "solver.prototxt", *options], standalone_mode=False)
    (line,) = [it for it in done.output.splitlines() if it.startswith("all 1 finding: datacheck ")]
    again = shlex.split(line.partition("datacheck ")[2])
    assert again[-2:] == ["--net", "solver.prototxt"]
    once_more = CliRunner().invoke(cli, again, standalone_mode=False)
    assert "values of 0 to 255 go into 'ip'" in once_more.output
    assert once_more.return_value == done.return_value == 0
