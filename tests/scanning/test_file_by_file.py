"""Test that only the changed files of a folder of HDF5 files are read, and that the report is that of a whole scan."""

import base64
import contextlib
import json
import os
import shutil
import zlib

import h5py
import numpy as np
import pytest

import datacheck
from datacheck.scanning import line

NOT_COMPARED = ("started", "seconds", "reused", "unchanged")


@contextlib.contextmanager
def new_file(path):
    """Write an HDF5 file to another name and move it into place, since a kept worker may have the previous one open."""
    with h5py.File(path.with_suffix(".new"), "w") as file:
        yield file
    path.with_suffix(".new").replace(path)


def write_file(path, seed, *, rows=40, nan=(), label=True, steps=None):
    random = np.random.default_rng(seed)
    values = random.normal(size=(rows, 6)).astype("f4") + seed
    values[list(nan), 0] = np.nan
    with new_file(path) as file:
        file["data"] = values
        file["scale"] = np.float32(seed)
        if label:
            file["label"] = np.arange(rows) % 3
        if steps is not None:
            file["actions"] = np.zeros((steps, 2), "f4") + np.arange(2, dtype="f4")


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "train"
    (made / "more").mkdir(parents=True)
    for number in range(8):
        nan = {2: [1, 5], 5: [0]}.get(number, [])
        write_file(made / ("more" if number > 5 else ".") / f"part_{number}.h5", number, nan=nan)
    return made


@pytest.fixture(params=["last.json", "last.jsonl"])
def last(request, folder, tmp_path):
    path = tmp_path / request.param
    datacheck.scan(folder, reports=[path])
    return path


@pytest.fixture(autouse=True)
def large(monkeypatch):
    """Treat the folders as large ones, which get no mean and no deviation unless these are asked for."""
    monkeypatch.setattr("datacheck.scanning.planning.STATS_BYTES", 0)


def document(report, path):
    report.save(path)
    return {name: it for name, it in json.loads(path.read_text()).items() if name not in NOT_COMPARED}


def both(folder, last, tmp_path, **options):
    """Scan what changed, and also everything; return the first report after comparing the documents."""
    new, whole = tmp_path / "new.json", tmp_path / "whole.json"
    report = datacheck.scan(folder, if_changed=last, reports=[new], **options)
    full = datacheck.scan(folder, reports=[whole], **options)
    assert document(report, new) == document(full, whole)
    return report


def said(report):
    reused = report.by_file.reused
    assert reused is not None
    return reused.read, reused.files


def test_one_file_that_changed_is_the_only_one_that_is_read(folder, last, tmp_path):
    write_file(folder / "part_3.h5", 3, nan=[7])
    report = both(folder, last, tmp_path)
    assert said(report) == (1, 8)
    assert [it.name for it in report.findings if it.code == "nan"] == [
        "part_2.h5:/[1]",
        "part_2.h5:/[5]",
        "part_3.h5:/[7]",
        "part_5.h5:/[0]",
    ]
    assert f"1 of 8 files read (part_3.h5); the others as in {last}" in str(report)


def test_a_file_of_another_length_moves_the_positions_behind_it(folder, last, tmp_path):
    write_file(folder / "part_0.h5", 0, rows=55)
    report = both(folder, last, tmp_path)
    assert said(report) == (1, 8)
    assert list(report.bad_indices()) == [80 + 55 + 40 + 1, 80 + 55 + 40 + 5, 80 + 55 + 4 * 40]


def test_new_files_are_read_and_removed_ones_are_gone(folder, last, tmp_path):
    (folder / "part_2.h5").unlink()
    write_file(folder / "part_1b.h5", 9, nan=[3])
    report = both(folder, last, tmp_path)
    assert said(report) == (1, 8)
    assert list(report.bad_keys()) == ["part_1b.h5:/[3]", "part_5.h5:/[0]"]


def test_a_renamed_file_is_read_under_its_new_name(folder, last, tmp_path):
    (folder / "part_2.h5").rename(folder / "zz_part_2.h5")
    report = both(folder, last, tmp_path)
    assert said(report) == (1, 8)
    assert "zz_part_2.h5:/[1]" in list(report.bad_keys())


def test_a_touched_file_is_read_and_comes_to_the_same(folder, last, tmp_path):
    os.utime(folder / "part_4.h5", ns=(1, 1))
    assert said(both(folder, last, tmp_path)) == (1, 8)


@pytest.mark.own_workers  # a kept worker may have the file open that is changed in place
def test_bytes_that_changed_behind_an_equal_size_and_time_are_not_seen(folder, tmp_path):
    """Only reading the whole file can show that, which the documents say."""
    path, last = folder / "part_4.h5", tmp_path / "last.json"
    write_file(path, 4, rows=900)
    datacheck.scan(folder, reports=[last])
    before = path.stat()
    with h5py.File(path, "r+") as file:
        file["data"][899] = np.nan
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    write_file(folder / "part_0.h5", 0)
    report = datacheck.scan(folder, if_changed=last)
    assert said(report) == (1, 8)
    assert report.counts["nan"] == 3


@pytest.mark.own_workers  # a kept worker may have the file open that is changed in place
def test_bytes_of_the_head_are_looked_at(folder, last):
    path = folder / "part_4.h5"
    before = path.stat()
    raw = bytearray(path.read_bytes())
    write_file(path, 44)
    other = path.read_bytes()
    assert len(other) == len(raw)
    if other[:4096] == raw[:4096]:  # the values lie after it
        raw[100:104] = b"\1\2\3\4"
        path.write_bytes(raw)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    report = datacheck.scan(folder, if_changed=last)
    assert said(report) == (1, 8)


def test_it_rolls_from_report_to_report(folder, tmp_path):
    path = tmp_path / "rolling.jsonl"
    datacheck.scan(folder, reports=[path], if_changed=path)
    for number in range(3):
        write_file(folder / f"part_{number}.h5", number, nan=[number])
        report = datacheck.scan(folder, reports=[path], if_changed=path)
        assert said(report) == (1, 8)
    unchanged = datacheck.scan(folder, reports=[path], if_changed=path)
    assert unchanged.unchanged == str(path)
    write_file(folder / "part_7.h5", 7)
    assert said(datacheck.scan(folder, reports=[path], if_changed=path)) == (1, 9)


def test_what_files_say_of_each_other_is_true_of_those_that_are_there(tmp_path):
    """In episodes with members of one length all are compared, whether or not they were read again."""
    folder = tmp_path / "episodes"
    folder.mkdir()
    for number in range(6):
        write_file(folder / f"episode_{number}.hdf5", number, rows=30 + number, steps=30 + number, label=False)
    last = tmp_path / "last.json"
    assert datacheck.scan(folder, reports=[last]).bad == 0
    write_file(folder / "episode_3.hdf5", 3, rows=33, steps=20, label=False)
    report = both(folder, last, tmp_path)
    assert "row-count" in report.counts
    assert said(report)[0] == 1


def test_undecided_files_are_looked_at_again_though_nothing_changed(folder, tmp_path):
    with h5py.File(folder / "part_6.h5", "w") as file:
        file["blobs"] = np.frombuffer(b"\x9b\x8c12" * 400, "V16")
    last = tmp_path / "last.json"
    whole = datacheck.scan(folder, reports=[last])
    assert whole.unverifiable
    report = both(folder, last, tmp_path)
    assert said(report) == (1, 9)


@pytest.mark.parametrize("workers", [1, 2])
def test_files_of_many_tables(tmp_path, workers):
    folder = tmp_path / "demos"
    folder.mkdir()

    def write(path, seed, demos=30, nan=None):
        with h5py.File(path, "w") as file:
            for number in range(demos):
                values = np.random.default_rng(seed * 100 + number).normal(size=(12, 3)).astype("f4")
                values[2] = np.nan if number == nan else values[2]
                file[f"data/demo_{number}/actions"] = values
                file[f"data/demo_{number}/obs/x"] = values[:, :2] + 1

    for number in range(5):
        write(folder / f"task_{number}.hdf5", number, nan=4 if number in (1, 3) else None)
    last = tmp_path / "last.json"
    datacheck.scan(folder, reports=[last], workers=workers)
    write(folder / "task_2.hdf5", 2, demos=29, nan=11)
    report = both(folder, last, tmp_path, workers=workers)
    assert len(list(report.bad_keys())) == 3 * 2
    assert report.by_file.reused or "held to something else" in str(report)


@pytest.mark.parametrize("dtype", ["f4", "i2"])
def test_statistics_that_are_asked_for_are_those_of_a_whole_scan(tmp_path, dtype):
    """The rounding of float means depends on the centre of the sums, which depends on the records."""
    folder = tmp_path / "parts"
    folder.mkdir()

    def write(number, seed):
        with new_file(folder / f"{number}.h5") as file:
            file["data"] = (1000 * np.random.default_rng(seed).normal(size=(50, 4))).astype(dtype)

    for number in range(6):
        write(number, number)
    last = tmp_path / "last.json"
    datacheck.scan(folder, reports=[last], stats=True)
    write(3, 33)
    report = both(folder, last, tmp_path, stats=True)
    if dtype == "i2":
        assert said(report) == (1, 6)
    else:
        assert f"not answered from {last}: the records are held to something else now" in str(report)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"skip": ["constant"]}, "part_3.h5 changed"),
        ({"sample": 20}, "part_3.h5 changed"),
        ({"labels": 2}, "part_3.h5 changed"),
    ],
)
def test_with_other_settings_all_are_read(folder, last, options, why):
    write_file(folder / "part_3.h5", 3)
    report = datacheck.scan(folder, if_changed=last, **options)
    assert (report.unchanged, report.by_file.reused) == (None, None)
    assert f"not answered from {last}: {why}" in str(report)


def test_what_is_ignored_and_what_is_known_do_not_count_in_files_that_are_not_read(folder, tmp_path):
    last = tmp_path / "last.json"
    datacheck.scan(folder, reports=[last], ignore=["nan"])
    write_file(folder / "part_3.h5", 3, nan=[7])
    report = both(folder, last, tmp_path, ignore=["nan"])
    assert report.document().ignored == {"nan": 4}

    plain = tmp_path / "plain.json"
    datacheck.scan(folder, reports=[plain])
    write_file(folder / "part_4.h5", 4, nan=[7])
    report = both(folder, plain, tmp_path, known=plain)
    assert (report.counts, report.document().known.still) == ({"nan": 1}, {"nan": 4})
    assert "per_file" not in json.loads((tmp_path / "new.json").read_text())  # that report lacks some findings


def test_duplicates_need_all_records(folder, tmp_path):
    last = tmp_path / "last.json"
    datacheck.scan(folder, reports=[last], duplicates=True)
    assert "per_file" not in json.loads(last.read_text())
    shutil.copy(folder / "part_1.h5", folder / "part_3.h5")
    report = both(folder, last, tmp_path, duplicates=True)
    assert report.by_file.reused is None
    assert f"not answered from {last}: part_3.h5 changed" in str(report)


@pytest.mark.parametrize("damage", ["letters", "bytes", "counts"])
def test_a_report_whose_part_of_the_files_is_damaged_is_refused(folder, tmp_path, damage):
    last = tmp_path / "last.json"
    datacheck.scan(folder, reports=[last])
    said = json.loads(last.read_text())
    if damage == "letters":
        said["per_file"] = "?" + said["per_file"][1:]
    elif damage == "bytes":
        said["per_file"] = base64.b64encode(zlib.compress(b"\x91\x01")).decode()
    else:
        said["findings"] = said["findings"][:1]
    last.write_text(json.dumps(said))
    write_file(folder / "part_7.h5", 7)
    with pytest.raises(datacheck.UsageError, match="damaged, or the report was replaced"):
        datacheck.scan(folder, if_changed=last)


def test_only_what_changed_is_handed_to_the_workers(folder, last, monkeypatch):
    write_file(folder / "part_3.h5", 3)
    given = []
    start = line._Line._start
    monkeypatch.setattr(line._Line, "_start", lambda self, some: given.extend(some) or start(self, some))
    datacheck.scan(folder, if_changed=last)
    assert {it.check.shard.part.split("\n")[0] for it in given} == {"5"}  # after the two in a folder


@pytest.mark.parametrize("tables", [1, 3])
def test_batches_are_counted_in_files_that_are_not_read(tmp_path, tables):
    """The labels of a file are kept in order, whichever of its tables they are in."""
    folder = tmp_path / "train"
    folder.mkdir()

    def write(number, seed):
        with new_file(folder / f"{number}.h5") as file:
            for table in range(tables):
                random = np.random.default_rng(10 * seed + table)
                file[f"{table}/data"] = random.normal(size=(50, 4)).astype("f4")
                file[f"{table}/label"] = random.integers(0, 4, 50)
            file["before/data"] = np.ones((50, 3), "f4")
            file["zeros/data"] = np.ones((50, 3), "f4")

    for number in range(4):
        write(number, number)
    last = tmp_path / "last.json"
    datacheck.scan(folder, reports=[last], batch_size=8, label_field="label")
    write(2, 22)
    report = both(folder, last, tmp_path, batch_size=8, label_field="label")
    assert said(report) == (1, 4)
    assert report.balance.in_key_order.changes > 0


@pytest.mark.parametrize("changed", [True, False])
def test_what_is_known_and_ignored_is_not_gone(folder, tmp_path, changed):
    """A report lacks what is ignored, so it cannot tell whether that is still there."""
    plain, last = tmp_path / "plain.json", tmp_path / "last.json"
    datacheck.scan(folder, reports=[plain])
    datacheck.scan(folder, reports=[last], ignore=["nan"])
    if changed:
        write_file(folder / "part_3.h5", 3)
    report = both(folder, last, tmp_path, known=plain, ignore=["nan"])
    assert report.document().known.gone == 0
    assert (report.unchanged, report.by_file.reused) == (None, None)
