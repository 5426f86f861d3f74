"""Test what stores share and where they differ, and what only looks like it."""

from __future__ import annotations

import io
import json
import os
import pickle
from collections import Counter

import h5py
import numpy as np
import pytest
from building import datum, fingerprint, floats, key, pictures, pixels, raw_records, write_lmdb
from PIL import Image

import datacheck
from datacheck.digests import sorting
from datacheck.errors import UsageError


def of(report, *codes):
    return [(it.code, it.name, it.details.get("first")) for it in report.findings if not codes or it.code in codes]


def train_and_val(tmp_path):
    """Return two stores: a record occurs twice in the first, and two records of the second are also in the first."""
    train = raw_records(500)
    train[key(50)] = train[key(3)]
    val = {key(number): datum(pixels(5000 + number), number % 10) for number in range(300)}
    val[key(7)] = val[key(8)] = train[key(100)]
    return write_lmdb(tmp_path / "train", train), write_lmdb(tmp_path / "val", val)


@pytest.mark.parametrize("workers", [1, 2])
def test_duplicates_and_leaks_are_told_of_the_later_record(tmp_path, workers):
    stores = train_and_val(tmp_path)
    before = [fingerprint(it) for it in stores]
    train, val = datacheck.compare(*stores, workers=workers)
    assert of(train) == [("duplicate", "00000050", "00000003")]
    assert of(val) == [("leak", "00000007", "00000100"), ("leak", "00000008", "00000100")]
    assert [it.index for it in val.findings] == [7, 8]
    assert next(iter(val.findings)).details["store"] == str(stores[0])
    assert (train.comparison.compared, train.comparison.different) == (500, 499)
    assert (train.comparison.shared, train.comparison.alone) == (1, 499)
    assert (val.comparison.shared, val.comparison.alone) == (2, 298)
    assert val.comparison.first_alone[:2] == ["00000000", "00000001"]
    assert [it.status for it in (train, val)] == [0, 0]
    assert [fingerprint(it) for it in stores] == before


def test_what_is_found_counts_where_it_is_asked_to(tmp_path):
    reports = datacheck.compare(*train_and_val(tmp_path), strict=True)
    assert reports.status == 1
    assert datacheck.compare(*train_and_val_again(tmp_path), strict=True, ignore=["duplicate", "leak"]).status == 0


def train_and_val_again(tmp_path):
    return tmp_path / "train", tmp_path / "val"


def test_the_report_does_not_depend_on_the_number_of_workers_nor_on_memory(tmp_path, monkeypatch):
    stores = train_and_val(tmp_path)
    documents = []
    for workers, run in ((1, 1 << 20), (2, 64), (2, 100)):
        monkeypatch.setattr(sorting, "RUN", run)
        monkeypatch.setattr(sorting, "LEAST", 7)
        monkeypatch.setattr(sorting, "MERGED", 20)
        reports = datacheck.compare(*stores, workers=workers)
        made = json.loads(json.dumps([it.to_dicts() for it in reports]))
        documents.append([made, [it.comparison for it in reports]])
    assert documents[0] == documents[1] == documents[2]


def test_rows_are_sorted_beyond_memory(monkeypatch):
    generator = np.random.default_rng(5)
    monkeypatch.setattr(sorting, "RUN", 50)
    monkeypatch.setattr(sorting, "LEAST", 3)
    monkeypatch.setattr(sorting, "MERGED", 10)
    for most in (3, 1000):  # with 3, most rows are equal, and a piece of the merge cannot hold all equal rows
        rows = generator.integers(0, most, (1000, 3)).astype(np.uint64)
        with sorting.Sorter() as sorter:
            for piece in np.array_split(rows, 90):
                sorter.add(piece)
            pieces = list(sorter.sorted())
        assert len(pieces) > 5
        expected = sorted(map(tuple, rows.tolist()))
        assert list(map(tuple, np.concatenate(pieces).tolist())) == expected


def test_equal_values_across_the_pieces_of_a_merge(tmp_path, monkeypatch):
    monkeypatch.setattr(sorting, "RUN", 40)
    monkeypatch.setattr(sorting, "LEAST", 3)
    monkeypatch.setattr(sorting, "MERGED", 10)
    values = [datum(pixels(number), 1) for number in range(3)]
    one = write_lmdb(tmp_path / "one", {key(number): values[number % 2] for number in range(200)})
    other = write_lmdb(tmp_path / "other", {key(number): values[1 + number % 2] for number in range(100)})
    first, second = datacheck.compare(one, other, ignore=["drift"])
    assert first.counts == {"duplicate": 198}
    assert second.counts == {"leak": 50, "duplicate": 49}
    assert (first.comparison.different, first.comparison.shared, first.comparison.alone) == (2, 100, 100)
    assert (second.comparison.different, second.comparison.shared, second.comparison.alone) == (2, 50, 50)
    assert second.comparison.first_alone == ["00000001"]


def test_scan_finds_what_is_there_twice(tmp_path):
    train, _ = train_and_val(tmp_path)
    report = datacheck.scan(train, duplicates=True)
    assert of(report) == [("duplicate", "00000050", "00000003")]
    assert report.clean
    assert report.settings.duplicates
    with pytest.raises(UsageError, match="--sample looks at some"):
        datacheck.scan(train, duplicates=True, sample=10)


def test_checksums_and_duplicates_at_once(tmp_path):
    train, _ = train_and_val(tmp_path)
    datacheck.checksum(train, tmp_path / "sums")
    report = datacheck.scan(train, duplicates=True, checksums=tmp_path / "sums", workers=2)
    assert report.counts == {"duplicate": 1}
    assert report.checksums.compared == 500


def test_a_copy_without_what_is_there_twice(tmp_path):
    train, _ = train_and_val(tmp_path)
    datacheck.scan(train, duplicates=True, reports=[tmp_path / "r.json"])
    receipt = datacheck.rebuild(train, tmp_path / "copy", drop=["duplicate"], from_report=tmp_path / "r.json")
    assert receipt.dropped == 1
    assert datacheck.scan(tmp_path / "copy", duplicates=True).counts == {}


def png(values):
    made = io.BytesIO()
    Image.fromarray(values).save(made, "PNG")
    return made.getvalue()


def picture(number, side=24):
    return png(np.random.default_rng(number).integers(0, 256, (side, side, 3), dtype=np.uint8))


def test_labels_sizes_and_texts_that_recur_are_no_duplicates(tmp_path):
    """Each picture has a label, a size and a class in words beside it, which are the same for very many pictures."""
    records = {b"num-samples": b"120"}
    for number in range(1, 121):
        records[b"image-%09d" % number] = picture(number)
        records[b"label-%09d" % number] = b"word"
        records[b"wh-%09d" % number] = b"24_24"
        records[b"text-%09d" % number] = b"a photograph of an animal that lives in the woods"
        records[b"meta-%09d" % number] = b'{"source": "the very same archive of pictures", "license": 4}'
    report = datacheck.scan(write_lmdb(tmp_path / "a", records), duplicates=True)
    assert report.counts.get("duplicate") is None
    assert report.comparison.compared == 120
    assert sum(report.comparison.left_out.values()) == 480


def test_masks_that_are_empty_are_no_duplicates(tmp_path):
    records = {}
    for number in range(100):
        records[b"image-%06d" % number] = picture(number)
        mask = np.zeros((24, 24), np.uint8)
        if number % 4 == 0:
            mask[5:9, number % 20 : number % 20 + 3] = number + 1
        records[b"mask-%06d" % number] = png(mask)
    report = datacheck.scan(write_lmdb(tmp_path / "a", records), duplicates=True)
    assert "duplicate" not in report.counts


def test_masks_of_one_outline_are_no_duplicates(tmp_path):
    """Few masks are of one value, but they recur. Beside pictures they are left out; alone they are compared."""
    mask = np.zeros((3, 16, 16), np.uint8)
    masks = []
    for at in range(3):
        mask[at, 2 : 8 + at, 3:12] = 1
        masks.append(png(mask[at]))
    pairs = {b"%04d_image" % at: png(pixels(at, (16, 16, 3))) for at in range(40)}
    pairs[b"0039_image"] = pairs[b"0007_image"]
    beside = {b"%04d_mask" % at: masks[at % 3] for at in range(40)}
    report = datacheck.scan(write_lmdb(tmp_path / "a", pairs | beside), duplicates=True)
    assert of(report, "duplicate") == [("duplicate", "0039_image", "0007_image")]
    assert report.comparison.left_out == {"#_mask (masks)": 40}
    alone = datacheck.scan(write_lmdb(tmp_path / "b", beside), duplicates=True)
    assert alone.counts["duplicate"] == 37


def test_boxes_beside_pictures_are_no_duplicates(tmp_path):
    frames = {b"img-%04d" % at: png(pixels(at, (16, 16, 3))) for at in range(40)}
    frames[b"img-0030"] = frames[b"img-0002"]
    boxes = {b"box-%04d" % at: pickle.dumps(np.array([[0.0, 0, 8, 8]] * (1 + at % 3))) for at in range(40)}
    report = datacheck.scan(write_lmdb(tmp_path / "a", frames | boxes), duplicates=True)
    assert of(report, "duplicate") == [("duplicate", "img-0030", "img-0002")]
    assert report.comparison.left_out == {"box-# (numbers beside pictures)": 40}
    unknown = {b"box-%04d" % at: bytes([at % 3, 7, 200, 255]) * 20 for at in range(40)}  # of an unknown kind
    report = datacheck.scan(write_lmdb(tmp_path / "d", frames | unknown), duplicates=True)
    assert report.counts["duplicate"] == 38
    alone = datacheck.scan(write_lmdb(tmp_path / "b", boxes), duplicates=True)
    assert alone.counts["duplicate"] == 37
    few = dict(list(frames.items())[:4])  # too few pictures among so many arrays
    many = {b"vec-%04d" % at: pickle.dumps(floats(at // 2, (9,))) for at in range(400)}
    report = datacheck.scan(write_lmdb(tmp_path / "c", few | many), duplicates=True)
    assert report.counts["duplicate"] == 200


def test_a_robot_that_stands_still_is_no_duplicate(tmp_path):
    with h5py.File(tmp_path / "episode_0.hdf5", "w") as file:
        poses = np.random.default_rng(1).normal(size=(90, 14)).astype(np.float32)
        poses[20:60] = poses[20]
        frames = np.random.default_rng(2).integers(0, 256, (90, 16, 20, 3), dtype=np.uint8)
        frames[80] = frames[10]
        file["action"], file["observations/qpos"], file["observations/images/top"] = poses, poses, frames
        file["observations/effort"] = np.where(np.arange(90)[:, None] < 20, poses, 0)  # most of it has one value
    report = datacheck.scan(tmp_path / "episode_0.hdf5", duplicates=True)
    ((_, name, first),) = of(report, "duplicate")
    assert (name[-4:], first[-4:]) == ("[80]", "[10]")
    assert sum(report.comparison.left_out.values()) == 180


def test_labels_and_numbers_of_rows_are_no_duplicates(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = np.random.default_rng(1).integers(0, 256, (90, 3, 8, 8), dtype=np.uint8)
        data[70] = data[20]
        file["data"], file["label"] = data, np.arange(90) % 5
        file["id"] = np.arange(90)
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["label"] = np.arange(900) % 5
    report = datacheck.scan(tmp_path / "a.h5", duplicates=True)
    assert of(report, "duplicate") == [("duplicate", "/[70]", "/[20]")]
    assert "duplicate" not in datacheck.scan(tmp_path / "b.h5", duplicates=True).counts


@pytest.mark.writes_leveldb
def test_stores_of_different_kinds_share_values(tmp_path):
    """The raw values in a LevelDB and in an LMDB are the same bytes."""
    train, val = train_and_val(tmp_path)
    datacheck.rebuild(val, tmp_path / "leveldb", to="leveldb")
    _, other = datacheck.compare(train, tmp_path / "leveldb")
    assert [it[:2] for it in of(other)] == [("leak", "00000007"), ("leak", "00000008")]


def encoded(image, quality=90):
    made = io.BytesIO()
    image.save(made, "JPEG", quality=quality)
    return made.getvalue()


def demo_images():
    return [Image.open(io.BytesIO(it)).convert("RGB").resize((96, 96)) for it in pictures()[:6]]


def test_pictures_that_look_the_same_are_found_whatever_they_are_stored_as(tmp_path):
    """A JPEG in the first store is a raw Datum in BGR order in the second, and smaller floats in rows in the third."""
    images = demo_images()
    jpegs = write_lmdb(tmp_path / "jpegs", {key(at): encoded(it) for at, it in enumerate(images)})
    raw = {key(at): datum(np.asarray(it).transpose(2, 0, 1)[::-1].copy(), 1) for at, it in enumerate(images[:4])}
    datums = write_lmdb(tmp_path / "datums", raw | {key(9): datum(pixels(9, (3, 96, 96)), 1)})
    with h5py.File(tmp_path / "rows.h5", "w") as file:
        small = [np.asarray(it.resize((48, 48))).transpose(2, 0, 1) / 255 for it in images[2:]]
        file["data"] = np.array(small, "f4")
    first, second, third = datacheck.compare(jpegs, datums, tmp_path / "rows.h5", near=30)
    assert of(first) == []
    assert of(second, "leak") == [("leak", key(at).decode(), key(at).decode()) for at in range(4)]
    assert of(third, "leak") == [("leak", f"/[{at}]", key(at + 2).decode()) for at in range(4)]
    assert "bits differ" in next(it.message for it in second.findings if it.code == "leak")
    assert second.comparison.pictures == 5
    assert datacheck.compare(jpegs, datums)[1].counts.get("leak") is None


def test_pictures_that_are_alike_within_a_store(tmp_path):
    images = demo_images()
    records = {key(at): encoded(it) for at, it in enumerate(images)} | {key(40): encoded(images[2], 75)}
    (report,) = datacheck.compare(write_lmdb(tmp_path / "a", records), near=True)
    assert of(report) == [("duplicate", "00000040", "00000002")]


def test_flat_and_different_pictures_do_not_look_the_same(tmp_path):
    """Black pictures with a speck are not compared by looks; different noise, gradients and shapes look different."""
    records = {}
    for number in range(60):
        black = np.zeros((32, 32, 3), np.uint8)
        black[number % 30, number // 30] = 1
        records[b"black-%04d" % number] = png(black)
        records[b"noise-%04d" % number] = picture(number, 32)
        ramp = np.add.outer(np.arange(32) * (number % 8), np.arange(32) * (7 - number % 8))
        shape = ((ramp + 9 * number) % 256).astype(np.uint8)
        shape[number // 8 * 3 : number // 8 * 3 + 6, :9] = 255 - 3 * number
        records[b"shape-%04d" % number] = png(np.dstack([shape] * 3))
    (report,) = datacheck.compare(write_lmdb(tmp_path / "a", records), near=True)
    assert not [it for it in report.findings if it.code == "duplicate" and "black" in it.name]
    assert not [it for it in report.findings if it.code == "duplicate" and "noise" in it.name]


def test_the_page_shows_what_is_alike_side_by_side(tmp_path):
    images = demo_images()
    one = write_lmdb(tmp_path / "one", {key(at): encoded(it) for at, it in enumerate(images)})
    other = write_lmdb(tmp_path / "other", {key(at): encoded(it, 80) for at, it in enumerate(images[:2])})
    reports = [tmp_path / name for name in ("r.html", "r.json", "r.jsonl", "r.csv", "r.xml", "r.sarif", "r.md")]
    datacheck.compare(one, other, near=True, reports=reports)
    page = reports[0].read_text()
    assert page.count("The earlier one") == 2
    assert page.count("This record") == 2
    assert "Sound</b>" not in page
    document = json.loads(reports[1].read_text())
    assert [it["counts"] for it in document["reports"]] == [{}, {"leak": 2}]
    assert document["reports"][1]["comparison"]["pictures"] == 2
    assert sum('"leak"' in line for line in reports[2].read_text().splitlines()[:-1]) == 2


def test_what_is_wrong_with_single_records_is_for_a_scan_to_say(tmp_path):
    records = {key(at): datum(np.full((2, 4, 4), at, "f4"), at % 3) for at in range(50)}
    records[key(9)] = datum(np.full((2, 4, 4), np.nan, "f4"), 1)
    reports = datacheck.compare(write_lmdb(tmp_path / "a", records), write_lmdb(tmp_path / "b", raw_records(50)))
    assert reports[0].counts == {}
    assert reports[0].status == 0


def test_what_cannot_be_read_is_said(tmp_path):
    store = write_lmdb(tmp_path / "a", raw_records(3000))
    with (store / "data.mdb").open("r+b") as file:
        file.truncate(400_000)
    reports = datacheck.compare(store, write_lmdb(tmp_path / "b", raw_records(50)))
    assert "truncated-store" in reports[0].counts
    assert reports.status == 1


def test_a_store_is_named_once(tmp_path):
    store = write_lmdb(tmp_path / "a", raw_records(50))
    (tmp_path / "link").symlink_to(store)
    with pytest.raises(UsageError, match="is the same store as"):
        datacheck.compare(store, tmp_path / "link")
    with pytest.raises(UsageError, match="from 0 to 31"):
        datacheck.compare(store, near=32)


def test_a_part_of_a_store_is_no_other_store(tmp_path):
    """Everything in it would be a leak. Folders that hold links to one file are two datasets that share the file."""
    store = write_lmdb(tmp_path / "train", raw_records(20))
    for one, other in ((store, store / "data.mdb"), (store / "data.mdb", store)):
        with pytest.raises(UsageError, match=r"data\.mdb is read as part of both"):
            datacheck.compare(one, other)
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        for name in ("a.h5", "b.h5"):
            with h5py.File(tmp_path / folder / name, "w") as file:
                file["data"] = np.stack([pixels(ord(name[0]) + 100 * at + len(folder)) for at in range(20)])
    with pytest.raises(UsageError, match=r"b\.h5 is read as part of both"):
        datacheck.compare(tmp_path / "one", tmp_path / "one" / "b.h5")
    (tmp_path / "three").mkdir()
    for name in ("a.h5", "c.h5"):
        with h5py.File(tmp_path / "three" / name, "w") as file:
            file["data"] = np.stack([pixels(5000 + ord(name[0]) + 100 * at) for at in range(20)])
    os.link(tmp_path / "one" / "b.h5", tmp_path / "three" / "b.h5")
    _, three = datacheck.compare(tmp_path / "one", tmp_path / "three")
    assert Counter(it.code for it in three.findings) == {"leak": 20}
    with h5py.File(store / "val.h5", "w") as file:  # it lies in the folder of an LMDB, but is not part of it
        file["data"] = np.stack([pixels(7000 + at) for at in range(20)])
    assert [it.source.backend for it in datacheck.compare(store)] == ["hdf5", "lmdb"]


def test_an_interrupted_comparison_is_clean_of_nothing(tmp_path):
    def interrupt(done, total, bad):
        raise KeyboardInterrupt

    stores = train_and_val(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        datacheck.compare(*stores, reports=[tmp_path / "r.json"], progress=interrupt)
    document = json.loads((tmp_path / "r.json").read_text())
    assert [(it["status"], it["clean"], it["complete"]) for it in document["reports"]] == [(130, False, False)] * 2


def test_findings_come_in_the_order_of_the_records_and_a_record_counts_once(tmp_path):
    records = {key(at): datum(np.full((2, 4, 4), at, "f4") + np.eye(4, dtype="f4"), at % 3) for at in range(300)}
    records[key(50)] = records[key(3)]
    bad = np.full((2, 4, 4), 7, "f4")
    bad[0, 1, 1] = np.nan
    records[key(20)] = records[key(90)] = datum(bad, 1)
    report = datacheck.scan(write_lmdb(tmp_path / "a", records), duplicates=True, reports=[tmp_path / "r.jsonl"])
    expected = [(20, "nan"), (50, "duplicate"), (90, "nan"), (90, "duplicate")]
    assert [(it.index, it.code) for it in report.findings] == expected
    assert (report.bad, report.suspicious) == (2, 1)
    lines = [json.loads(it) for it in (tmp_path / "r.jsonl").read_text().splitlines()]
    assert [(it["index"], it["code"]) for it in lines[:-1]] == expected


def test_databases_have_names_of_any_bytes(tmp_path):
    import lmdb

    with lmdb.open(str(tmp_path / "a"), map_size=1 << 24, max_dbs=4) as environment:
        for name in (b"caf\xe9", b"two:words"):
            database = environment.open_db(name)
            with environment.begin(write=True, db=database) as transaction:
                for at in range(30):
                    transaction.put(key(at), datum(pixels(at), 1))
    datacheck.checksum(tmp_path / "a", tmp_path / "sums")
    report = datacheck.scan(tmp_path / "a", checksums=tmp_path / "sums", duplicates=True)
    assert report.checksums.compared == 60
    assert report.counts["duplicate"] == 30
    assert "changed" not in report.counts


def test_rows_that_are_empty_or_were_never_written_are_no_duplicates(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset("data", (80, 3, 8, 8), "f4", chunks=(4, 3, 8, 8))
        data[:40] = np.random.default_rng(1).normal(size=(40, 3, 8, 8))
        data[12] = 5.0
        data[13] = 5.0
        data[30] = data[2]
        file["label"] = np.arange(80) % 5
    with h5py.File(tmp_path / "b.h5", "w") as file:
        encodings = [np.frombuffer(picture(at), np.uint8) if at % 9 else np.empty(0, np.uint8) for at in range(60)]
        cells = file.create_dataset("image", (60,), h5py.vlen_dtype(np.uint8))
        for at, value in enumerate(encodings):
            cells[at] = value
        file["label"] = np.arange(60) % 5
    assert of(datacheck.scan(tmp_path / "a.h5", duplicates=True), "duplicate") == [("duplicate", "/[30]", "/[2]")]
    assert of(datacheck.scan(tmp_path / "b.h5", duplicates=True), "duplicate") == []


def test_the_report_of_a_comparison_does_not_say_what_is_bad(tmp_path):
    """It cannot serve for a copy without the bad records, but for one without those that the other store has."""
    values = {key(number): floats(number).tobytes() for number in range(40)}
    one = write_lmdb(tmp_path / "one", values | {key(3): np.full(32, np.nan, "f4").tobytes()})
    other = write_lmdb(tmp_path / "other", {key(number): values[key(number)] for number in range(5, 9)})
    path = tmp_path / "compared.json"
    datacheck.compare(other, one).save(path)
    for choice in ({"drop_bad": True}, {}):
        with pytest.raises(datacheck.UsageError, match="is of a comparison, which does not look for bad records"):
            datacheck.rebuild(one, tmp_path / "clean", from_report=path, **choice)
    assert not (tmp_path / "clean").exists()
    assert datacheck.rebuild(one, tmp_path / "clean", drop=["leak"], from_report=path).dropped == 4
