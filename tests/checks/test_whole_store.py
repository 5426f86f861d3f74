"""Test findings about a whole store: classes that never occur, records sorted by label, of one value, swapped axes."""

import random

import h5py
import numpy as np
import pytest
from building import datum, floats, key, pixels, write_lmdb
from covering import seeds

import datacheck
from datacheck.backends.lmdb.reader import LmdbReader
from datacheck.checks.axis_order import picture_last, rows_agree
from datacheck.checks.whole_store import LabelRuns, WholeStore


def of_store(report):
    return [(it.code, it.verdict, it.message) for it in report.findings if it.key is None]


def labelled(path, labels):
    return write_lmdb(path, {key(at): datum(pixels(at), label) for at, label in enumerate(labels)})


def shuffled(count=400, classes=10):
    labels = [at % classes for at in range(count)]
    random.Random(1).shuffle(labels)
    return labels


def test_classes_that_never_occur_are_named_without_a_batch_size(tmp_path):
    path = labelled(tmp_path / "env", [it for it in shuffled() if it != 3])
    report = datacheck.scan(path, labels=14)
    assert of_store(report) == [("class-missing", "suspicious", "5 of 14 classes never occur: 3, 10, 11, 12, 13")]
    assert report.balance is None
    assert of_store(datacheck.scan(path, labels=10))[0][2] == "1 of 10 classes never occur: 3"
    assert of_store(datacheck.scan(path)) == []


def test_a_great_many_missing_classes_are_counted_and_the_first_ten_named(tmp_path):
    (said,) = of_store(datacheck.scan(labelled(tmp_path / "env", shuffled()), labels=1_000_000_000))
    assert said[2] == "999999990 of 1000000000 classes never occur: 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, ..."


def test_one_class_only_is_a_fault_where_there_should_be_more(tmp_path):
    path = labelled(tmp_path / "env", [0] * 60)
    assert of_store(datacheck.scan(path)) == []
    assert [it[0] for it in of_store(datacheck.scan(path, labels=8))] == ["class-missing"]


@pytest.mark.parametrize("options", [{}, {"labels": 20}])
def test_a_sample_says_nothing_of_classes_and_of_order(tmp_path, options):
    path = labelled(tmp_path / "env", sorted(shuffled()))
    assert of_store(datacheck.scan(path, sample=200, **options)) == []


@pytest.mark.parametrize(("workers", "shard_bytes"), [(1, 1 << 24), (1, 1 << 14), (2, 1 << 14)])
def test_records_sorted_by_label_are_told_once(tmp_path, workers, shard_bytes):
    path = labelled(tmp_path / "env", sorted(shuffled(), reverse=True))
    report = datacheck.scan(LmdbReader(path, shard_bytes), workers=workers)
    message = "the records are sorted by label: those of each of the 10 labels follow each other"
    assert of_store(report) == [("sorted", "suspicious", message)]
    assert report.status == 0


def test_with_a_batch_size_it_is_told_once_too(tmp_path):
    path = labelled(tmp_path / "env", sorted(shuffled()))
    assert [it[0] for it in of_store(datacheck.scan(path, batch_size=16))] == ["sorted"]


@pytest.mark.parametrize(
    "labels",
    [
        shuffled(),
        [at % 10 for at in range(400)],
        [*sorted(shuffled()), 0],
        [5] * 400,
        list(range(400)),
        [0, 0, 1, 1],
        [0, 1],
    ],
    ids=["shuffled", "in turn", "one out of place", "one class", "all different", "chance", "two"],
)
def test_an_order_that_is_no_sorting(tmp_path, labels):
    assert of_store(datacheck.scan(labelled(tmp_path / "env", labels))) == []


def test_text_labels_beside_pictures_are_classes_in_an_order_too(tmp_path):
    records = {b"image-%04d" % at: _png(at) for at in range(80)}
    records |= {b"label-%04d" % at: b"%d" % (at // 10) for at in range(80)}
    report = datacheck.scan(write_lmdb(tmp_path / "env", records), labels=9)
    assert [it[0] for it in of_store(report)] == ["class-missing", "sorted"]


def _png(number):
    import io

    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels(number, (20, 20, 3))).save(file, "PNG")
    return file.getvalue()


def test_tables_have_an_order_each(tmp_path):
    with h5py.File(tmp_path / "it.h5", "w") as file:
        for name, labels in (("train", sorted(shuffled())), ("test", shuffled())):
            file[f"{name}/x"] = np.random.default_rng(0).normal(size=(400, 5))
            file[f"{name}/label"] = labels
    (said,) = of_store(datacheck.scan(tmp_path / "it.h5"))
    assert said[2] == "the records of /train are sorted by label: those of each of the 10 labels follow each other"


@pytest.mark.parametrize("seed", seeds(8))
def test_any_split_of_labels_comes_to_the_same(seed):
    generator = np.random.default_rng(seed)
    labels = np.repeat(generator.permutation(6), generator.integers(1, 9, 6))
    if seed % 3 == 0:
        labels[-1] = labels[0]
    whole = LabelRuns()
    whole.take(labels)
    parts = WholeStore()
    for piece in np.split(labels, np.sort(generator.integers(0, len(labels), 5))):
        part = WholeStore()
        part.take_labels("", (piece.astype(np.int8).dtype.str, piece.astype(np.int8).tobytes()))
        parts += part
    assert parts.runs[""] == whole
    runs = 1 + int((labels[1:] != labels[:-1]).sum())
    assert (whole.counts is None) == (runs > len(set(labels.tolist())))


def test_runs_take_bounded_memory():
    runs = LabelRuns()
    runs.take(np.arange(1_000_000))
    assert runs.counts is None


def flat(number, values=1):
    return np.full((3, 8, 8), number % values, np.uint8)


@pytest.mark.parametrize(("workers", "shard_bytes"), [(1, 1 << 24), (2, 1 << 14)])
def test_records_of_one_value_are_told_once_where_most_are_so(tmp_path, workers, shard_bytes):
    records = {key(at): datum(pixels(at) if at % 20 == 0 else flat(at), at % 7) for at in range(400)}
    path = write_lmdb(tmp_path / "env", records)
    report = datacheck.scan(LmdbReader(path, shard_bytes), workers=workers)
    message = "380 of 400 records have one value only: normalising them divides by zero"
    assert of_store(report) == [("constant", "suspicious", message)]
    assert (report.suspicious, len(report.findings)) == (1, 1)
    assert not len(datacheck.scan(path, skip=["constant"]).findings)


def test_a_few_records_of_one_value_are_named(tmp_path):
    records = {key(at): datum(flat(at) if at % 20 == 0 else pixels(at), at % 7) for at in range(400)}
    report = datacheck.scan(write_lmdb(tmp_path / "env", records))
    assert {it.code for it in report.findings} == {"constant"}
    assert [it.key for it in report.findings] == [key(at).decode() for at in range(0, 400, 20)]


def smooth(number, shape):
    """Return something like a picture of height x width x channels: waves and a little noise."""
    height, width, channels = shape
    y, x = np.mgrid[:height, :width]
    waves = [np.sin((x + 3 * number) / (6 + k)) * np.cos((y + number) / (5 + 2 * k)) for k in range(channels)]
    noise = np.random.default_rng(number).normal(0, 9, shape)
    return np.clip(127 + 90 * np.stack(waves, -1) + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("shape", [(48, 64, 3), (32, 32, 4), (40, 30, 1)])
@pytest.mark.parametrize("workers", [1, 2])
def test_pictures_stored_with_their_channels_last_are_told_once(tmp_path, shape, workers):
    records = {key(at): datum(smooth(at, shape), at % 4) for at in range(40)}
    path = write_lmdb(tmp_path / "env", records)
    said = of_store(datacheck.scan(path, workers=workers))
    assert [it[:2] for it in said] == [("axis-order", "suspicious")]
    assert "look like height x width x channels, where channels come first" in said[0][2]
    assert datacheck.scan(path, strict=True).status == 1
    assert of_store(datacheck.scan(path, shape=shape)) == []
    assert of_store(datacheck.scan(path, skip=["shape"])) == []


@pytest.mark.parametrize(
    "made",
    [
        lambda at: smooth(at, (48, 64, 3)).transpose(2, 0, 1),
        lambda at: pixels(at, (64, 64, 3)),
        lambda at: pixels(at, (64, 64, 1)),
        lambda at: floats(at, (4096, 1, 1)),
        lambda at: floats(at, (256, 3, 3)),
        lambda at: floats(at, (64, 50, 1)),
        lambda at: smooth(at, (64, 50, 1)).astype(np.float32),
        lambda at: smooth(at, (3, 48, 3)),
    ],
    ids=["channels first", "noise", "noise of 1", "4096x1x1", "256x3x3", "features", "spectrum", "3x48x3"],
)
def test_what_has_its_channels_first_or_is_no_picture(tmp_path, made):
    records = {key(at): datum(np.ascontiguousarray(made(at)), at % 4) for at in range(40)}
    assert [it for it in of_store(datacheck.scan(write_lmdb(tmp_path / "env", records))) if it[0] == "axis-order"] == []


@pytest.mark.parametrize(("name", "told"), [("data", True), ("images", False)])
def test_of_hdf5_only_what_caffe_reads_has_its_channels_first(tmp_path, name, told):
    with h5py.File(tmp_path / "it.h5", "w") as file:
        file[name] = np.stack([smooth(at, (32, 40, 3)) for at in range(40)]).astype(np.float32)
        file["label"] = np.arange(40) % 7
    assert [it[0] for it in of_store(datacheck.scan(tmp_path / "it.h5"))] == ["axis-order"] * told


def test_a_picture_of_grey_in_three_channels_agrees_too():
    grey = np.repeat(smooth(1, (40, 50, 1)), 3, axis=2)
    assert rows_agree(grey)
    assert not rows_agree(np.full((40, 50, 3), np.nan))
    assert not picture_last((8, 64, 3))


@pytest.mark.parametrize("labels", [None, 2])
def test_a_label_that_may_be_missing_is_bounded_where_it_is_there(tmp_path, labels):
    with h5py.File(tmp_path / "it.h5", "w") as file:
        targets = (np.arange(120).reshape(40, 3) % 2).astype(np.float32)
        targets[3, 1], targets[5, 0], targets[7, 2] = np.nan, np.inf, 7 if labels else 1
        file["x"], file["y"] = np.random.default_rng(0).normal(size=(40, 5)), targets
    said = [(it.key, it.code) for it in datacheck.scan(tmp_path / "it.h5", labels=labels, allow_nan=["y"]).findings]
    assert said == [("/[5]", "label"), *([("/[7]", "label")] if labels else [])]
    assert ("/[3]", "label") in [(it.key, it.code) for it in datacheck.scan(tmp_path / "it.h5").findings]
