"""Test that each fault that real Caffe was given is found, and that the sentence about Caffe says what Caffe did.

The faults are those observed with BVLC Caffe: record 57 of a database, batches of 10 (see CONTRIBUTING.md).
"""

import io
import os

import h5py
import numpy as np
import pytest
from building import datum, floats, key, pictures, pixels, raw_records, write_lmdb
from PIL import Image

import datacheck
from datacheck.backends.leveldb.log_writer import create as write_leveldb
from datacheck.netscan.caffe_behaviour import SENTENCES

TAIL = """
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 10 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" %s }
"""


def data_layer(source="db", *, batch=10, backend="LMDB", transform="", more=""):
    return (
        f'layer {{ name: "data" type: "Data" top: "data" top: "label" {more}\n'
        f"  transform_param {{ {transform} }}\n"
        f'  data_param {{ source: "{source}" backend: {backend} batch_size: {batch} }} }}\n'
    )


def net(folder, layers, loss=""):
    path = folder / "net.prototxt"
    path.write_text(layers + TAIL % loss)
    return path


def scan(folder, layers, loss="", **options):
    return datacheck.scan_net(net(folder, layers, loss), root=folder, workers=1, **options)


def said(report):
    """Return what Caffe does, by the record's key (or None) and the code of each finding."""
    return {(it.key, it.code): it.details["caffe"] for it in report.findings}


def jpeg(number=0):
    return pictures()[number % len(pictures())]


RAW = datum(pixels(3), 3)
PICTURE = datum(jpeg(), 3, encoded=True)


def png(mode, size=(16, 16), dtype=np.uint8):
    shape = (*size, len(mode)) if len(mode) > 1 else size
    image = np.random.default_rng(5).integers(0, np.iinfo(dtype).max, shape, dtype)
    out = io.BytesIO()
    Image.fromarray(image).save(out, "PNG")
    return out.getvalue()


def with_floats(values):
    return datum(values.astype(np.float32), 3)


def nan_at(values, value=np.nan):
    values = values.copy()
    values.flat[7] = value
    return values


def sized(count):
    """Return a raw record of 3x8x8 with this many bytes of data."""
    return datum(pixels(3, (count,)), 3, shape=(3, 8, 8))


BOTH = RAW[:-2] + with_floats(nan_at(floats(1, (1, 1, 8))))[8:-2]
"""A record with data, and also NaN in float_data."""
GARBLED = jpeg()[:-300] + bytes(100) + jpeg()[-200:]


# name: (record, code, the situation whose sentence applies, words of the sentence)
IN_RAW = {
    "data 1 byte short": (sized(191), "size-mismatch", "data-short", "silence"),
    "data half": (sized(96), "size-mismatch", "data-short", "record before"),
    "data of 1 byte": (sized(1), "size-mismatch", "data-short", "record before"),
    "data too long": (sized(200), "size-mismatch", "data-long", "silence"),
    "no data, no float_data": (datum(None, 3, shape=(3, 8, 8)), "size-mismatch", "no-data", "SIGSEGV"),
    "float_data half length": (datum(floats(3, (96,)), 3, shape=(3, 8, 8)), "size-mismatch", "floats-short", "SIGSEGV"),
    "raw pixels, encoded": (datum(pixels(3), 3, encoded=True), "undecodable", "picture-none", "not decode datum"),
    "a JPEG whose flag is lost": (datum(jpeg(), 3), "size-mismatch", "flag-lost", "(3 vs. 0)"),
    "cut to 50 %": (RAW[: len(RAW) // 2], "truncated", "data-cut", "label is 0"),
    "cut to 90 %": (RAW[: len(RAW) * 9 // 10], "truncated", "data-cut", "record before"),
    "without its last 3 bytes": (RAW[:-3], "truncated", "label-cut", "label 0"),
    "without its last byte": (RAW[:-1], "truncated", "flag-cut", "harmless"),
    "cut to its sizes": (RAW[:8], "truncated", "nothing-left", "SIGSEGV"),
    "random bytes": (bytes(pixels(9, (200,)) | 1), "undecodable", "no-datum", "channels == datum_channels"),
    "empty": (b"", "empty", "empty", "datum_channels > 0"),
    "32x32 among 64x64": (datum(pixels(3, (3, 4, 4)), 3), "shape", "size", "next, healthy record"),
    "grey": (datum(pixels(3, (1, 8, 8)), 3), "shape", "channels", "datum_channels"),
    "label 10": (datum(pixels(3), 10), "label", "label-outside", "silence"),
    "label -1": (datum(pixels(3), -1), "label", "label-outside", "DCHECK"),
    "label 255": (datum(pixels(3), 255), "label", "label-outside", "softmax_loss_layer.cpp:106"),
    "label 100000": (datum(pixels(3), 100_000), "label", "label-far", "SIGSEGV"),
    "label 2000000000": (datum(pixels(3), 2_000_000_000), "label", "label-far", "SIGSEGV"),
    "no label": (RAW[:-4], "label", "label-lost", "label 0"),
    "float_data NaN": (with_floats(nan_at(floats(3, (3, 8, 8)))), "nan", "nan", "Batch N"),
    "float_data Inf": (with_floats(nan_at(floats(3, (3, 8, 8)), np.inf)), "inf", "inf", "Batch N"),
    "float_data 3e38": (with_floats(nan_at(floats(3, (3, 8, 8)), 3e38)), "half-overflow", "half", "finite"),
    "data and NaN float_data": (BOTH, "nan", "floats-ignored", "ignores float_data"),
    "bytes behind": (RAW + b"\x00\x00", "trailing-data", "trailing", "silence"),
}  # fmt: skip

IN_ENCODED = {
    "a JPEG cut at 50 %": (datum(jpeg()[: len(jpeg()) // 2], 3, encoded=True), "truncated", "picture-cut", "silence"),
    "a JPEG without its end": (datum(jpeg()[:-2], 3, encoded=True), "truncated", "picture-cut", "silence"),
    "a JPEG cut to 20 bytes": (datum(jpeg()[:20], 3, encoded=True), "truncated", "picture-none", "io.cpp:173"),
    "text": (datum(b"no picture at all", 3, encoded=True), "undecodable", "picture-none", "io.cpp:173"),
    "encoded and empty": (datum(b"", 3, encoded=True), "undecodable", "picture-empty", "cv::Exception"),
    "a value cut in half": (PICTURE[: len(PICTURE) // 2], "truncated", "encoded-cut", "(3 vs. 0)"),
    "a value without its last byte": (PICTURE[:-1], "truncated", "encoded-cut", "(3 vs. 0)"),
    "zeros in the scan": (
        datum(GARBLED, 3, encoded=True), "corrupt-image", "picture-garbled", "silence",
    ),
    "grey": (datum(png("L", (64, 64)), 3, encoded=True), "shape", "channels-encoded", "img_channels"),
    "RGBA": (datum(png("RGBA", (64, 64)), 3, encoded=True), "shape", "channels-encoded", "img_channels"),
    "another size": (datum(png("RGB", (8, 8)), 3, encoded=True), "shape", "size", "data_transformer.cpp:168"),
}  # fmt: skip


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    folder = tmp_path_factory.mktemp("raw")
    records = raw_records(60)
    for at, (value, *_) in enumerate(IN_RAW.values()):
        records[key(2 * at + 1)] = value
    write_lmdb(folder / "db", records)
    (report,) = scan(folder, data_layer())
    return report


@pytest.fixture(scope="module")
def encoded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoded")
    records = {key(at): datum(jpeg(at), at % 10, encoded=True) for at in range(60)}
    for at, (value, *_) in enumerate(IN_ENCODED.values()):
        records[key(5 * at + 1)] = value
    write_lmdb(folder / "db", records)
    (report,) = scan(folder, data_layer())
    return report


@pytest.mark.parametrize("name", IN_RAW)
def test_a_fault_among_raw_records(raw, name):
    _, code, situation, words = IN_RAW[name]
    of = key(2 * list(IN_RAW).index(name) + 1).decode()
    assert said(raw)[of, code] == SENTENCES[situation]
    assert words in SENTENCES[situation]
    assert len([it for it in raw.findings if it.key == of and it.verdict == "bad"]) <= 1


@pytest.mark.parametrize("name", IN_ENCODED)
def test_a_fault_among_encoded_records(encoded, name):
    _, code, situation, words = IN_ENCODED[name]
    of = key(5 * list(IN_ENCODED).index(name) + 1).decode()
    assert said(encoded)[of, code] == SENTENCES[situation]
    assert words in SENTENCES[situation]


def test_all_others_are_clean(raw, encoded):
    faulty = {key(2 * at + 1).decode() for at in range(len(IN_RAW))}
    assert {it.key for it in raw.findings if it.key is not None} == faulty
    faulty = {key(5 * at + 1).decode() for at in range(len(IN_ENCODED))}
    assert {it.key for it in encoded.findings if it.verdict == "bad"} == faulty


def test_the_report_says_which_layer_it_is_of(raw):
    layer = raw.layer
    assert (layer.name, layer.type, layer.tops, layer.batch_size) == ("data", "Data", ("data", "label"), 10)
    assert (layer.phases, layer.line, layer.classes, layer.classifier) == (("TRAIN", "TEST"), 1, 10, "ip")
    assert "layer data (Data, TRAIN and TEST), tops data, label" in str(_text(raw))
    assert "      Caffe trains on in silence" in _text(raw)


def _text(report):
    from datacheck.reporting.summary import text

    return text(report)


# --- databases as a whole


def test_a_database_that_is_not_there(tmp_path):
    (report,) = scan(tmp_path, data_layer("nowhere"))
    (finding,) = report.findings
    assert (finding.code, report.status) == ("missing", 1)
    assert "No such file or directory" in finding.details["caffe"]


def test_a_database_cut_to_70_percent(tmp_path):
    write_lmdb(tmp_path / "db", raw_records(2000))
    data = tmp_path / "db" / "data.mdb"
    os.truncate(data, data.stat().st_size * 7 // 10)
    (report,) = scan(tmp_path, data_layer())
    assert said(report)[None, "truncated-store"] == SENTENCES["store-cut"]
    assert "SIGBUS" in SENTENCES["store-cut"]


def test_a_database_whose_meta_pages_are_zero(tmp_path):
    write_lmdb(tmp_path / "db", raw_records(20))
    with (tmp_path / "db" / "data.mdb").open("r+b") as file:
        file.write(bytes(8192))
    (report,) = scan(tmp_path, data_layer())
    assert "MDB_INVALID" in said(report)[None, "damaged-store"]


def test_a_leveldb_with_a_flipped_byte(tmp_path):
    write_leveldb(tmp_path / "db", raw_records(200).items())
    (log,) = (tmp_path / "db").glob("*.log")
    raw = bytearray(log.read_bytes())
    raw[len(raw) // 2] ^= 1
    log.write_bytes(raw)
    (report,) = scan(tmp_path, data_layer(backend="LEVELDB"))
    assert said(report)[None, "checksum"] == SENTENCES["leveldb-damaged"]
    assert "verify_checksums" in SENTENCES["leveldb-damaged"]


def test_a_backend_that_is_another(tmp_path):
    write_lmdb(tmp_path / "db", raw_records(40))
    layers = data_layer().replace("backend: LMDB", "")
    (report,) = scan(tmp_path, layers)
    (finding,) = report.findings
    assert (finding.code, finding.message) == (
        "layer", "backend is LEVELDB (the default), but an LMDB environment lies there",
    )  # fmt: skip
    assert report.checked == 40


def test_two_layers_on_one_leveldb(tmp_path):
    write_leveldb(tmp_path / "db", raw_records(40).items())
    layers = data_layer(backend="LEVELDB", more="include { phase: TRAIN }")
    layers += data_layer(backend="LEVELDB", more="include { phase: TEST }")
    reports = scan(tmp_path, layers)
    assert [said(it) for it in reports] == [{(None, "layer"): "aborts in db_leveldb.cpp:16, the LOCK is taken"}] * 2
    assert [it.layer.phases for it in scan(tmp_path, layers, phase="TEST")] == [("TEST",)]


# --- requirements of batches, crops, colours and means


def shapes_of(tmp_path, layers, sizes, **picture):
    records = {key(at): datum(pixels(at), at % 10) for at in range(40)}
    for at, size in sizes.items():
        records[key(at)] = datum(pixels(at, size), at % 10)
    write_lmdb(tmp_path / "db", records)
    (report,) = scan(tmp_path, layers, **picture)
    return {it.key: it.details["caffe"] for it in report.findings}


def test_batches_of_one_take_any_size_unless_an_inner_product_follows(tmp_path):
    odd = {7: (3, 4, 4)}
    assert shapes_of(tmp_path / "fixed", data_layer(batch=1), odd) == {key(7).decode(): SENTENCES["size-one"]}
    folder = tmp_path / "free"
    folder.mkdir()
    records = raw_records(40) | {key(7): datum(pixels(7, (3, 4, 4)), 7)}
    write_lmdb(folder / "db", records)
    (folder / "net.prototxt").write_text(data_layer(batch=1))
    (report,) = datacheck.scan_net(folder / "net.prototxt", root=folder)
    assert report.status == 0


@pytest.fixture(autouse=True)
def _folders(tmp_path):
    (tmp_path / "fixed").mkdir()


def test_a_crop_takes_any_size_that_is_large_enough(tmp_path):
    found = shapes_of(tmp_path, data_layer(transform="crop_size: 6"), {7: (3, 9, 7), 9: (3, 9, 5), 11: (1, 8, 8)})
    assert found == {key(9).decode(): SENTENCES["crop"], key(11).decode(): SENTENCES["channels"]}


def test_a_crop_larger_than_all_is_said_once(tmp_path):
    assert shapes_of(tmp_path, data_layer(transform="crop_size: 9"), {}) == {None: SENTENCES["crop"]}


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        ("mean_value: 1 mean_value: 2", "2 mean values for the 3 channels"),
        ("mean_value: nan", "mean_value nan"),
        ('mean_value: 1 mean_file: "mean"', "exclude each other"),
        ('mean_file: "nowhere"', "no such mean file"),
        ('mean_file: "mean"', "the mean is 3x9x9, the records are 3x8x8"),
        ('mean_file: "garbage"', "garbage"),
        ('mean_file: "nan"', "1 of 192 values is not finite, first at [0, 1, 2]"),
    ],
)
def test_a_mean_that_does_not_fit(tmp_path, transform, message):
    write_mean(tmp_path / "mean", np.ones((3, 9, 9)))
    values = np.ones((3, 8, 8))
    values[0, 1, 2] = np.nan
    write_mean(tmp_path / "nan", values)
    (tmp_path / "garbage").write_bytes(b"\xff\xff\xff garbage")
    write_lmdb(tmp_path / "db", raw_records(40))
    (report,) = scan(tmp_path, data_layer(transform=transform))
    findings = [it for it in report.findings if message in it.message]
    assert {it.code for it in findings} <= {"mean", "missing"}
    assert findings
    assert all(it.key is None and it.verdict == "bad" for it in report.findings)


def write_mean(path, values):
    from datacheck.caffe.messages import message_class

    blob = message_class("BlobProto")(num=1)
    blob.channels, blob.height, blob.width = values.shape
    blob.data.extend(values.ravel().tolist())
    path.write_bytes(blob.SerializeToString())


def test_a_mean_that_fits_demands_the_whole_size(tmp_path):
    write_mean(tmp_path / "mean", np.ones((3, 8, 8)))
    found = shapes_of(tmp_path, data_layer(transform='mean_file: "mean" crop_size: 4'), {7: (3, 9, 9)})
    assert found == {key(7).decode(): SENTENCES["mean-size"]}


@pytest.mark.parametrize(
    ("transform", "code", "verdict"),
    [
        ("scale: nan", "layer", "bad"),
        ("scale: inf", "layer", "bad"),
        ("scale: 0", "layer", "suspicious"),
        ("scale: 1e38", "inf", "bad"),
        ("force_color: true", "layer", "suspicious"),
    ],
)
def test_a_transformation_that_spoils_every_value(tmp_path, transform, code, verdict):
    write_lmdb(tmp_path / "db", raw_records(40))
    (report,) = scan(tmp_path, data_layer(transform=transform))
    assert [(it.key, it.code, it.verdict) for it in report.findings] == [(None, code, verdict)]


def test_floats_that_the_scale_makes_infinite(tmp_path):
    records = {key(at): with_floats(floats(at, (3, 8, 8))) for at in range(40)}
    records[key(5)] = with_floats(nan_at(floats(5, (3, 8, 8)), 60000.0))
    write_lmdb(tmp_path / "db", records)
    (report,) = scan(tmp_path, data_layer(transform="scale: 1e34 mean_value: 1"))
    named = [(it.key, it.code, it.details["caffe"]) for it in report.findings if it.key]
    assert named == [(key(5).decode(), "inf", SENTENCES["overflow"])]


def test_force_color_takes_grey_alpha_and_16_bit(tmp_path):
    records = {key(at): datum(jpeg(at), at % 10, encoded=True) for at in range(40)}
    records[key(7)] = datum(png("L", (64, 64)), 7, encoded=True)
    records[key(9)] = datum(png("L", (64, 64), np.uint16), 9, encoded=True)
    write_lmdb(tmp_path / "db", records)
    (report,) = scan(tmp_path, data_layer(transform="force_color: true"))
    assert (report.status, report.suspicious) == (0, 2)
    assert said(report)[key(9).decode(), "wrong-format"] == SENTENCES["picture-forced"]
    (report,) = scan(tmp_path, data_layer(transform="force_gray: true"))
    assert report.status == 0


def test_16_bit_among_grey(tmp_path):
    records = {key(at): datum(png("L", (64, 64)), at % 10, encoded=True) for at in range(40)}
    records[key(9)] = datum(png("L", (64, 64), np.uint16), 9, encoded=True)
    write_lmdb(tmp_path / "db", records)
    (report,) = scan(tmp_path, data_layer())
    bad = [(it.key, it.code, it.details["caffe"]) for it in report.findings if it.verdict == "bad"]
    assert bad == [(key(9).decode(), "wrong-format", SENTENCES["picture-16-bit"])]


def test_the_label_that_the_loss_ignores(tmp_path):
    write_lmdb(tmp_path / "db", raw_records(40) | {key(7): datum(pixels(7), 255), key(9): datum(pixels(9), 254)})
    (report,) = scan(tmp_path, data_layer(), "loss_param { ignore_label: 255 }")
    assert [it.key for it in report.findings] == [key(9).decode()]
    assert report.layer.ignore_label == 255


def test_labels_of_a_regression_are_no_classes(tmp_path):
    write_lmdb(tmp_path / "db", raw_records(40) | {key(7): datum(pixels(7), 1000)})
    path = net(tmp_path, data_layer())
    text = path.read_text().replace("SoftmaxWithLoss", "EuclideanLoss")
    path.write_text(text.replace("num_output: 10", "num_output: 1"))  # the label has one value, too
    (report,) = datacheck.scan_net(path, root=tmp_path)
    assert report.clean
    assert report.balance is None


def test_classes_that_are_missing_and_an_order_that_is_sorted(tmp_path):
    records = {key(at): datum(pixels(at), at // 20) for at in range(160)}
    write_lmdb(tmp_path / "db", records)
    (report,) = scan(tmp_path, data_layer())
    assert said(report) == {
        (None, "class-missing"): SENTENCES["class-missing"], (None, "sorted"): SENTENCES["sorted"],
    }  # fmt: skip
    assert (report.status, report.suspicious) == (0, 2)
    assert report.balance.in_key_order.lacking == 16
    (report,) = scan(tmp_path, data_layer(more="include { phase: TEST }"))
    assert [it.code for it in report.findings] == ["class-missing"]


# --- HDF5Data


def hdf5_layer(tops='top: "data" top: "label"', more="", param=""):
    return (
        f'layer {{ name: "data" type: "HDF5Data" {tops} {more} '
        f'hdf5_data_param {{ source: "list.txt" batch_size: 10 {param} }} }}\n'
    )


def rows(path, count=40, shape=(3,), **datasets):
    with h5py.File(path, "w") as file:
        data = np.random.default_rng(1).normal(size=(count, *shape)).astype(np.float32)
        made = {"data": data, "label": (np.arange(count) % 10).astype(np.float32), **datasets}
        for name, values in made.items():
            if values is not None:
                file[name] = values
    return path


def hdf5(tmp_path, *files, listed=None, layers=None, **options):
    names = [file.name for file in files]
    (tmp_path / "list.txt").write_text("\n".join(names) if listed is None else listed)
    (report,) = scan(tmp_path, hdf5_layer() if layers is None else layers, **options)
    return report


def test_healthy_rows_are_clean(tmp_path):
    report = hdf5(tmp_path, rows(tmp_path / "a.h5"), rows(tmp_path / "b.h5", 60))
    assert (report.status, report.checked, len(report.findings)) == (0, 100, 0)
    assert report.balance.in_key_order.batches == 10


def test_rows_and_labels_of_nan_and_beyond(tmp_path):
    data = np.random.default_rng(1).normal(size=(40, 3))
    data[7, 1], data[9, 2] = np.nan, 1e300
    label = (np.arange(40) % 10).astype(float)
    label[11], label[13], label[15] = np.nan, 10, 2.5
    report = hdf5(tmp_path, rows(tmp_path / "a.h5", data=data, label=label))
    named = {it.key: (it.code, it.details["caffe"]) for it in report.findings if it.verdict == "bad"}
    assert named == {
        "/[7]": ("nan", SENTENCES["nan"]),
        "/[9]": ("inf", SENTENCES["narrowed"]),
        "/[11]": ("label", SENTENCES["label-nan"]),
        "/[13]": ("label", SENTENCES["label-outside"]),
        "/[15]": ("label", SENTENCES["label-fraction"]),
    }
    assert "SIGSEGV" in SENTENCES["label-nan"]


DATASETS = {
    "rows that differ": ({"label": np.zeros(30)}, "row-count", "hdf5_data_layer.cpp:55"),
    "a dataset that is missing": ({"label": None}, "missing", "Failed to find HDF5 dataset"),
    "a string": ({"label": [b"abc"] * 40}, "wrong-format", "Unsupported datatype class"),
    "no axes": ({"label": 3.0}, "shape", "(0 vs. 1)"),
    "no rows": ({"label": np.zeros((0,)), "data": np.zeros((0, 3))}, "missing", "blob.cpp:133"),
}


@pytest.mark.parametrize("name", DATASETS)
def test_datasets_that_do_not_fit_the_tops(tmp_path, name):
    datasets, code, words = DATASETS[name]
    report = hdf5(tmp_path, rows(tmp_path / "a.h5", **datasets))
    findings = [it for it in report.findings if it.code == code and it.verdict == "bad"]
    assert findings
    assert all(words in it.details["caffe"] and it.file == "a.h5" for it in findings)
    assert report.status == 1
    assert len([it for it in report.findings if it.code == "row-count"]) <= 1


@pytest.mark.parametrize(("shape", "words"), [((2,), "SIGSEGV"), ((4,), "in silence")])
def test_a_second_file_with_other_rows(tmp_path, shape, words):
    report = hdf5(tmp_path, rows(tmp_path / "a.h5"), rows(tmp_path / "b.h5", shape=shape))
    (finding,) = [it for it in report.findings if it.code == "shape"]
    assert (finding.file, finding.field) == ("b.h5", "data")
    assert words in finding.details["caffe"]


def test_files_that_are_not_there_cut_or_spelled_with_a_blank(tmp_path):
    rows(tmp_path / "a.h5")
    rows(tmp_path / "b c.h5")
    cut = rows(tmp_path / "cut.h5", 400)
    os.truncate(cut, cut.stat().st_size * 7 // 10)
    (tmp_path / "no.h5").write_bytes(b"no HDF5 file")
    report = hdf5(tmp_path, listed="a.h5\nb c.h5\ncut.h5\nno.h5\ngone.h5\n")
    named = {it.file: it.code for it in report.findings if it.verdict == "bad"}
    assert named == {
        "b c.h5": "list-line", "cut.h5": "truncated-store", "no.h5": "damaged-store", "gone.h5": "missing",
    }  # fmt: skip
    assert all("hdf5_data_layer.cpp:32" in it.details["caffe"] for it in report.findings if it.verdict == "bad")
    assert report.checked == 480


def test_an_hdf5_file_instead_of_the_list(tmp_path):
    rows(tmp_path / "list.txt")
    (report,) = scan(tmp_path, hdf5_layer())
    assert said(report)[None, "list-line"].startswith("aborts in hdf5_data_layer.cpp:32")
    assert report.checked == 40


def test_a_damaged_chunk(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        data = np.random.default_rng(1).normal(size=(40, 300)).astype(np.float32)
        made = file.create_dataset("data", data=data, chunks=(10, 300), compression="gzip")
        file["label"] = np.arange(40) % 10
        offset = made.id.get_chunk_info(1).byte_offset
    with path.open("r+b") as file:
        file.seek(offset + 40)
        file.write(bytes(200))
    report = hdf5(tmp_path, path)
    assert report.bad == 10
    assert {it.details["caffe"] for it in report.findings} == {SENTENCES["hdf5-damaged"]}
    assert "hdf5.cpp:94" in SENTENCES["hdf5-damaged"]


def test_a_transformation_in_an_hdf5_layer(tmp_path):
    report = hdf5(tmp_path, rows(tmp_path / "a.h5"), layers=hdf5_layer(more="transform_param { scale: 2 }"))
    assert said(report) == {(None, "layer"): "aborts at set-up in hdf5_data_layer.cpp:77"}


def test_a_dataset_that_no_top_reads_does_no_harm(tmp_path):
    other = np.ones((40, 4))
    other[3, 1] = np.nan
    report = hdf5(tmp_path, rows(tmp_path / "a.h5", other=other))
    (finding,) = [it for it in report.findings if it.code == "nan"]
    assert (finding.verdict, finding.details["caffe"]) == ("suspicious", SENTENCES["not-read"])
    assert report.status == 0


def test_a_layer_that_shuffles_may_be_sorted(tmp_path):
    label = (np.arange(200) // 20).astype(np.float32)
    path = rows(tmp_path / "a.h5", 200, label=label)
    assert [it.code for it in hdf5(tmp_path, path).findings] == ["sorted"]
    assert not len(hdf5(tmp_path, path, layers=hdf5_layer(param="shuffle: true")).findings)


# --- ImageData


def image_layer(param="", transform=""):
    return (
        'layer { name: "data" type: "ImageData" top: "data" top: "label" '
        f'transform_param {{ {transform} }} image_data_param {{ source: "list.txt" batch_size: 10 {param} }} }}\n'
    )


def images(tmp_path, lines, param="", transform="", **options):
    folder = tmp_path / "pictures"
    folder.mkdir(exist_ok=True)
    for at in range(20):
        (folder / f"{at}.jpg").write_bytes(jpeg(at))
    (tmp_path / "list.txt").write_bytes(lines)
    (report,) = scan(tmp_path, image_layer(param, transform), **options)
    return report


def healthy(count=40):
    return b"".join(b"pictures/%d.jpg %d\n" % (at % 20, at % 10) for at in range(count))


def test_a_healthy_list_is_clean(tmp_path):
    report = images(tmp_path, healthy())
    assert (report.status, report.checked, len(report.findings)) == (0, 40, 0)
    assert report.source.backend == "image-list"
    lines = b"".join(b"%d.jpg %d\r\n" % (at % 20, at % 10) for at in range(40))
    assert images(tmp_path, lines, 'root_folder: "pictures/" new_height: 5 new_width: 6').clean


LINES = {
    b"pictures/gone.jpg 3": ("missing", "file-missing"),
    b"pictures": ("list-line", "label-lost"),
    b"pictures/1.jpg": ("list-line", "label-lost"),
    b"pictures/1.jpg\t3": ("list-line", "file-missing"),
    b"pictures/1.jpg 3 ": ("list-line", "file-missing"),
    b"": ("list-line", "file-missing"),
    b"pictures/1.jpg cat": ("list-line", "label-lost"),
    b"pictures/1.jpg 3.7": ("list-line", "label-lost"),
    b"pictures/1.jpg 99999999999": ("list-line", "label-lost"),
    b"pictures/1.jpg " + b"9" * 5000: ("list-line", "label-lost"),
    b"x" * 20000 + b" 3": ("list-line", "file-missing"),
    b"pictures/text.jpg 3": ("undecodable", "file-missing"),
    b"pictures/cut.jpg 3": ("truncated", "picture-cut"),
    b"pictures/empty.jpg 3": ("empty", "file-missing"),
    b"pictures/1.jpg 10": ("label", "label-outside"),
    b"pictures/small.png 3": ("shape", "size"),
    b"pictures/pipe 3": ("missing", "file-missing"),
    b"pictures/a\0b.jpg 3": ("missing", "file-missing"),
}


def test_lines_and_pictures_that_are_not_what_they_seem(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "text.jpg").write_text("no picture")
    (folder / "cut.jpg").write_bytes(jpeg()[:-300])
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "small.png").write_bytes(png("RGB", (8, 8)))
    os.mkfifo(folder / "pipe")
    report = images(tmp_path, healthy(60) + b"".join(line + b"\n" for line in LINES))
    found = {}
    for it in report.findings:
        if it.verdict == "bad":
            found.setdefault(it.key, []).append((it.code, it.details["caffe"]))
    for at, (line, (code, situation)) in enumerate(LINES.items()):
        assert found[f"line {61 + at}"][0][0] == code, line
        assert (code, SENTENCES[situation]) in found[f"line {61 + at}"], line
    assert len(found) == len(LINES)
    assert report.checked == 60 + len(LINES)


def test_numbers_wrap_as_in_atoi():
    from datacheck.backends.image_list import parse

    assert parse(b"a.jpg 99999999999").label == 1215752191
    assert (parse(b"a b.jpg 3").name, parse(b"a b.jpg 3").label) == (b"a b.jpg", 3)
    assert parse(b"a.jpg -1").fault is None


def test_a_list_reads_the_same_from_any_place(tmp_path):
    from datacheck.backends.image_list import ImageListReader
    from datacheck.model.blocks import Position

    images(tmp_path, healthy(600))
    reader = ImageListReader(tmp_path / "list.txt", tmp_path)
    shards = reader.layout().shards
    assert [it.records for it in shards] == [256, 256, 88]

    def names(shard, limit=None):
        blocks = list(reader.blocks(shard, limit=limit))
        return [block.name(row) for block in blocks for row in range(len(block))]

    every = [name for shard in shards for name in names(shard)]
    assert every == [f"line {at + 1}" for at in range(600)]
    assert names(shards[1], 7) == every[256:512]
    assert names(shards[1].since(Position(300, 1))) == every[301:512]
    assert names(shards[1].before(Position(300))) == every[256:300]
    assert names(reader.find("line 301")) == ["line 301"]
    assert reader.find("line 601") is None
    assert reader.name(shards[1], Position(300), datacheck.found("crash", "")).key == "line 301"
    block = next(reader.blocks(shards[0])).take([3, 5])
    assert block.place(1, datacheck.found("nan", ""), 5).file == "pictures/5.jpg"
