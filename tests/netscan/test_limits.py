"""Test when a layer's checks begin: its set-up, values that its transformation makes infinite, interrupted scans."""

import io

import numpy as np
import pytest
from building import datum, floats, key, pixels, raw_records, write_lmdb
from PIL import Image

import datacheck
from datacheck.model.batch import Batch
from datacheck.netscan import scan as netscan
from datacheck.netscan.caffe_behaviour import SENTENCES
from datacheck.netscan.record_checks import FiniteInNet
from datacheck.netscan.scan import prepare_net
from datacheck.scanning.profile.record_shapes import shape_for_caffe
from datacheck.scanning.settings.make_settings import make

TAIL = """
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 10 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""


def net(folder, *, batch="batch_size: 10", transform="", source="db", backend="LMDB"):
    path = folder / "net.prototxt"
    path.write_text(
        f'layer {{ name: "data" type: "Data" top: "data" top: "label" transform_param {{ {transform} }} '
        f'data_param {{ source: "{source}" backend: {backend} {batch} }} }}{TAIL}'
    )
    return path


def scan(folder, **options):
    (report,) = datacheck.scan_net(net(folder, **options), root=folder, workers=1)
    return report


@pytest.mark.parametrize(("batch", "wrong"), [("", True), ("batch_size: 0", True), ("batch_size: 1", False)])
def test_a_layer_without_a_batch_size_is_said_with_what_caffe_does(tmp_path, batch, wrong):
    write_lmdb(tmp_path / "db", raw_records(40))
    found = [
        (it.key, it.code, it.verdict, it.message, it.details["caffe"]) for it in scan(tmp_path, batch=batch).findings
    ]
    expected = "batch_size is missing or 0", "aborts at set-up in blob.cpp:133, Check failed: data_"
    assert found == ([(None, "layer", "bad", *expected)] if wrong else [])


def picture(mode, channels):
    shape = (16, 16, channels) if channels > 1 else (16, 16)
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(channels).integers(0, 256, shape, np.uint8)).convert(mode).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    ("mode", "channels", "means", "fits"),
    [("LA", 2, 4, True), ("LA", 2, 3, False), ("LA", 2, 2, False), ("RGBA", 4, 4, True), ("RGB", 3, 3, True)],
)
def test_grey_with_alpha_has_four_channels_in_caffe(tmp_path, mode, channels, means, fits):
    records = {key(at): datum(picture(mode, channels), at % 10, encoded=True) for at in range(40)}
    write_lmdb(tmp_path / "db", records)
    report = scan(tmp_path, transform=" ".join(["mean_value: 100"] * means))
    seen = 4 if mode == "LA" else channels
    said = f"{means} mean values for the {seen} channels of the records; it takes 1, or as many as channels"
    assert [it.message for it in report.findings if it.code == "mean"] == ([] if fits else [said])


@pytest.mark.parametrize(
    ("shape", "format_", "colour", "seen"),
    [
        ((2, 8, 8), "PNG", None, (4, 8, 8)),
        ((4, 8, 8), "JPEG CMYK", None, (3, 8, 8)),
        ((1, 8, 8), "PNG", None, (1, 8, 8)),
        ((2, 8, 8), "PNG", 3, (3, 8, 8)),
        ((3, 8, 8), "JPEG", 1, (1, 8, 8)),
    ],
)
def test_the_channels_that_opencv_gives_a_picture(shape, format_, colour, seen):
    values = np.zeros((1, *shape), np.uint8)
    assert shape_for_caffe(Batch("data", range(1), values, format=format_, encoded=True), colour) == seen
    assert shape_for_caffe(Batch("data", range(1), values), colour) == shape


def with_value(value):
    values = floats(5, (3, 8, 8))
    values.flat[7] = value
    return datum(values, 3)


@pytest.mark.parametrize(
    ("value", "transform", "lost"),
    [
        (-3e38, "scale: 2", True),
        (3e38, "scale: 2", True),
        (-1.6e38, "scale: 2", False),
        (1.6e38, "scale: 2", False),
        (-3e38, "scale: -2", True),
        (-3.3e38, "mean_value: 3e37", True),
        (3.3e38, "mean_value: -3e37", True),
        (3.3e38, "mean_value: 3e37", False),
    ],
)
def test_a_value_that_the_transformation_makes_infinite_at_either_end(tmp_path, value, transform, lost):
    records = {key(at): datum(floats(at, (3, 8, 8)), at % 10) for at in range(40)}
    write_lmdb(tmp_path / "db", records | {key(5): with_value(value)})
    found = [
        (it.key, it.message, it.details["caffe"])
        for it in scan(tmp_path, transform=transform).findings
        if it.code == "inf" and it.key
    ]
    how = "in float32 once the mean is subtracted and the scale multiplied"
    said = f"1 of 192 values become infinite {how}, first {np.float32(value):g} at [0, 0, 7]"
    assert found == ([(key(5).decode(), said, SENTENCES["overflow"])] if lost else [])


def test_a_double_that_float32_cannot_hold_is_lost_without_any_transformation():
    values = np.zeros((3, 4))
    values[1, 2], values[2, 3] = -1e39, 1e38
    ((at, finding),) = list(FiniteInNet()(Batch("x", range(3), values)))
    assert at == 1
    assert finding.message == "1 of 4 values become infinite in float32, first -1e+39 at [2]"
    assert finding.details["caffe"] == SENTENCES["narrowed"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_a_look_that_is_cut_short_leaves_an_incomplete_report(tmp_path, monkeypatch, error):
    write_lmdb(tmp_path / "db", raw_records(40))
    (layer,) = prepare_net(net(tmp_path), make(workers=1), root=tmp_path)

    def interrupted(*args):
        raise error

    monkeypatch.setattr(netscan, "sample_source", interrupted)
    assert layer.report.complete
    with pytest.raises(error):
        layer.run()
    assert not layer.report.complete


@pytest.mark.parametrize(
    ("transform", "sentence"),
    [
        ("force_color: true force_gray: true", "aborts in data_transformer.cpp:135"),
        ('mean_file: "m" mean_value: 1', "aborts at set-up in data_transformer.cpp:20-21"),
        ("scale: -inf", "takes it in silence, and every value becomes nan or inf"),
        ("scale: 0", "trains on in silence on zeros"),
        ("mean_value: inf", "takes it in silence, and every value becomes nan or inf"),
        ("crop_size: 9", SENTENCES["crop"]),
        ("mean_value: 1 mean_value: 2", "aborts in data_transformer.cpp:67 or :263"),
        ("scale: 1e37", SENTENCES["overflow"]),
        ("mean_value: -3e38 scale: 2", SENTENCES["overflow"]),
    ],
)
def test_what_caffe_does_with_a_transformation_that_is_wrong(tmp_path, transform, sentence):
    write_lmdb(tmp_path / "db", raw_records(40))
    report = scan(tmp_path, transform=transform)
    assert sentence in [it.details["caffe"] for it in report.findings if it.key is None]
    assert report.status == (0 if transform == "scale: 0" else 1)


def test_a_transformation_that_only_just_fits_is_clean(tmp_path):
    write_lmdb(tmp_path / "db", raw_records(40) | {key(1): datum(pixels(1), 1)})
    for transform in ("crop_size: 8", "mean_value: 1 mean_value: 2 mean_value: 3", "scale: 1e36", "force_color: false"):
        report = scan(tmp_path, transform=transform)
        assert ([it.message for it in report.findings], report.status) == ([], 0), transform
