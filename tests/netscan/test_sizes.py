"""Test layers that cannot work with the sizes of the records, and the targets of a sigmoid loss."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from building import datum, write_lmdb

import datacheck

ROWS = 20


def scan(folder, data, label, layers, kind="HDF5Data"):
    """Scan a network of one data layer and `layers`, given as (type, bottom, top, parameters)."""
    if kind == "HDF5Data":
        with h5py.File(folder / "a.h5", "w") as file:
            file["data"], file["label"] = data, np.asarray(label, "f4")
        (folder / "list.txt").write_text("a.h5\n")
        param = 'hdf5_data_param { source: "list.txt" batch_size: 4 }'
    else:
        write_lmdb(
            folder / "db",
            [(b"%04d" % at, datum(its, int(of))) for at, (its, of) in enumerate(zip(data, label, strict=True))],
        )
        param = 'data_param { source: "db" batch_size: 4 backend: LMDB }'
    text = f'layer {{ name: "in" type: "{kind}" top: "data" top: "label" {param} }}\n'
    for at, (of, bottoms, top, inside) in enumerate(layers):
        below = " ".join(f'bottom: "{it}"' for it in bottoms.split())
        text += f'layer {{ name: "{of.lower()}{at}" type: "{of}" {below} top: "{top}" {inside} }}\n'
    (folder / "net.prototxt").write_text(text)
    reports = datacheck.scan_net(folder / "net.prototxt", root=folder, workers=1)
    return [(it.key, it.code, it.verdict, it.message) for report in reports for it in report.findings]


def full(*shape):
    return np.random.default_rng(1).normal(size=(ROWS, *shape)).astype("f4")


CLASS = np.arange(ROWS, dtype="f4") % 4
SCORES = ("InnerProduct", "data", "ip", "inner_product_param { num_output: 4 }")


def conv(size, pad=0):
    return ("Convolution", "data", "conv", f"convolution_param {{ num_output: 4 kernel_size: {size} pad: {pad} }}")


POOL = ("Pooling", "data", "pool", "pooling_param { kernel_size: 2 stride: 2 }")


@pytest.mark.parametrize(
    ("data", "label", "layers", "says"),
    [
        (full(3, 8, 8), CLASS, [conv(11)], "the kernel 11x11 does not fit into 4x3x8x8"),
        (full(192), CLASS, [POOL], "pooling takes 4 axes, not the 2 of 4x192"),
        (full(3, 8, 8), CLASS, [SCORES, ("EuclideanLoss", "ip label", "loss", "")], "its bottoms are 4x4 and 4"),
        (
            full(6),
            CLASS > 1,
            [SCORES, ("SigmoidCrossEntropyLoss", "ip label", "loss", "")],
            "4x4 and 4 have not as many",
        ),
        (full(6), full(3), [("Eltwise", "data label", "sum", "")], "4x6 and 4x3"),
    ],
    ids=["kernel", "pooling", "euclidean", "sigmoid", "eltwise"],
)
def test_a_layer_that_cannot_work_with_the_rows_is_named(tmp_path, data, label, layers, says):
    ((key, code, verdict, message),) = scan(tmp_path, data, label, layers)
    assert (key, code, verdict) == (None, "layer", "bad")
    assert says in message


@pytest.mark.parametrize(
    ("data", "label", "layers"),
    [
        (full(3, 8, 8), CLASS, [conv(3)]),
        (full(3, 8, 8), CLASS, [conv(9, pad=1)]),
        (full(3, 8, 8), CLASS, [POOL]),
        (full(3, 8, 8), full(4), [SCORES, ("EuclideanLoss", "ip label", "loss", "")]),
        (full(3, 8, 8), full(2, 2), [SCORES, ("EuclideanLoss", "ip label", "loss", "")]),
        (full(6), np.eye(4)[CLASS.astype(int)], [SCORES, ("SigmoidCrossEntropyLoss", "ip label", "loss", "")]),
    ],
    ids=["kernel", "padded", "pooling", "euclidean", "as many values", "sigmoid"],
)
def test_what_fits_is_clean(tmp_path, data, label, layers):
    assert scan(tmp_path, data, label, layers) == []


def test_pictures_of_a_database_are_looked_at_as_well(tmp_path):
    pictures = np.random.default_rng(3).integers(0, 256, (ROWS, 3, 8, 8), np.uint8)
    ((_, code, verdict, message),) = scan(tmp_path, pictures, CLASS, [conv(11)], "Data")
    assert (code, verdict) == ("layer", "bad")
    assert "the kernel 11x11 does not fit" in message


def test_rows_without_height_and_width_are_nothing_to_slide_over(tmp_path):
    ((_, code, verdict, message),) = scan(tmp_path, full(192), CLASS, [conv(5)])
    assert (code, verdict) == ("layer", "suspicious")
    assert "is given 4x192, without height and width" in message


def test_pictures_with_their_channels_last_are_said(tmp_path):
    y, x = np.mgrid[0:24, 0:32]
    waves = [np.stack([np.sin((x + at) / 5 + c) + np.cos(y / 4) for c in range(3)], -1) for at in range(ROWS)]
    said = scan(tmp_path, np.array(waves, "f4"), CLASS, [conv(3)])
    assert [it[1:3] for it in said] == [("axis-order", "suspicious")]


@pytest.mark.parametrize(("value", "ignored"), [(-1.0, None), (2.0, -1), (255.0, None)])
def test_targets_of_a_sigmoid_loss_are_probabilities(tmp_path, value, ignored):
    targets = np.random.default_rng(5).integers(0, 2, (ROWS, 4)).astype("f4")
    targets[7, 2] = value
    inside = "" if ignored is None else f"loss_param {{ ignore_label: {ignored} }}"
    loss = [SCORES, ("SigmoidCrossEntropyLoss", "ip label", "loss", inside)]
    ((key, code, verdict, message),) = scan(tmp_path, full(6), targets, loss)
    assert (key, code, verdict) == ("/[7]", "label", "bad")
    assert message == f"1 of 4 targets is outside 0 to 1, first {value:g}"


def test_the_target_that_is_ignored_may_be_any(tmp_path):
    targets = np.random.default_rng(5).integers(-1, 2, (ROWS, 4)).astype("f4")
    loss = [SCORES, ("SigmoidCrossEntropyLoss", "ip label", "loss", "loss_param { ignore_label: -1 }")]
    assert scan(tmp_path, full(6), targets, loss) == []
