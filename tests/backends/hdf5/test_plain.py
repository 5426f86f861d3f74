"""Numbers that lie in a sound file as NumPy holds them are read without the library: they come out the same."""

import os

import h5py
import numpy as np
import pytest

import datacheck
from datacheck.backends.hdf5 import blocks as reading
from datacheck.backends.hdf5.reader import Hdf5Reader
from datacheck.backends.hdf5.values import plain
from datacheck.model.blocks import Position


def write(path, *, user_block=0):
    random = np.random.default_rng(2)
    with h5py.File(path, "w", userblock_size=user_block) as file:
        file["f4"] = random.normal(size=(300, 5)).astype("f4")
        file["f4"][7, 2] = np.nan
        file["big"] = random.normal(size=300).astype(">f8")
        file["half"] = random.normal(size=(300, 2)).astype("f2")
        file["whole"] = random.integers(-5, 5, 300)
        file["bits"] = random.integers(0, 2, 300).astype(bool)
        file["pair"] = np.zeros(300, [("x", "i2"), ("y", "f4")])
        file["text"] = np.array([b"ab", b"c"] * 150)
        file["label"] = np.arange(300) % 4
        file.create_dataset("chunked", data=np.arange(300.0), chunks=(64,))
        file.create_dataset("packed", data=np.arange(300.0), chunks=(64,), compression="gzip")
        file.create_dataset("never", (300,), "f4")
        for number in range(40):
            group = file.create_group(f"each/{number % 2}") if number < 2 else file[f"each/{number % 2}"]
            group[f"protein_{number}"] = random.normal(size=(10 + number % 3, 4)).astype("f4")
        file["each/0/protein_4"][3, 1] = np.inf
    return path


def findings(path, **options):
    report = datacheck.scan(path, stats=True, **options)
    document = report.document()
    return list(report.findings), document.statistics, document.profile


@pytest.mark.parametrize("user_block", [0, 1024])
def test_a_scan_says_the_same_as_one_by_the_library(tmp_path, monkeypatch, user_block):
    path = write(tmp_path / "x.h5", user_block=user_block)
    made = findings(path, workers=1)
    assert {it.code for it in made[0]} >= {"nan", "inf"}
    monkeypatch.setattr(reading, "is_plain", lambda contents, table: False)
    blocks = [[*Hdf5Reader(path, (path,)).blocks(shard)] for shard in Hdf5Reader(path, (path,)).layout().shards]
    monkeypatch.undo()
    for shard, before in zip(Hdf5Reader(path, (path,)).layout().shards, blocks, strict=True):
        for one, other in zip(Hdf5Reader(path, (path,)).blocks(shard), before, strict=True):
            assert one.columns.keys() == other.columns.keys()
            for name, values in one.columns.items():
                np.testing.assert_array_equal(values, other.columns[name])
            assert [*one.findings] == [*other.findings]
            assert one.names(range(len(one))) == other.names(range(len(other)))


def tables(path, names=("a", "b")):
    with h5py.File(path, "w") as file:
        for name in names:
            file[name] = np.arange(2000, dtype="f4").reshape(-1, 10)
    return path


def test_the_library_does_not_open_such_a_file_again(tmp_path, monkeypatch):
    path = tables(tmp_path / "x.h5")
    source = Hdf5Reader(path, (path,))
    layout = source.layout()
    known = source.knowing(layout.known)

    def refuse(*_):
        raise AssertionError("the library opened it")

    monkeypatch.setattr(plain, "opened", refuse)
    (block,) = known.blocks(layout.shards[0])
    assert block.columns["a"][199].tolist() == np.arange(1990, 2000).tolist()


def test_a_file_that_was_cut_meanwhile_is_read_by_the_library_as_far_as_it_goes(tmp_path):
    path = tables(tmp_path / "x.h5", ("a",))
    source = Hdf5Reader(path, (path,))
    layout = source.layout()
    status = path.stat()
    os.truncate(path, status.st_size - 400)
    with path.open("r+b") as file:
        file.seek(status.st_size - 1)
    known = source.knowing(layout.known)
    said = [it for block in known.blocks(layout.shards[0]) for _, it in block.findings]
    assert said


def test_values_that_cannot_be_read_there_are_read_by_the_library(tmp_path, monkeypatch):
    path = write(tmp_path / "x.h5")
    source = Hdf5Reader(path, (path,))
    layout = source.layout()
    monkeypatch.setattr(plain.os, "preadv", lambda *_: 0)
    known = source.knowing(layout.known)
    seen = {}
    for shard in layout.shards:
        for block in known.blocks(shard):
            seen |= {name: len(values) for name, values in block.columns.items()}
            assert not any(it.code in ("unreadable", "crash") for _, it in block.findings)
    assert {"f4", "big", "packed"} <= seen.keys()


def test_one_row_at_a_time_is_read_by_the_library(tmp_path, monkeypatch):
    """What kills a reader is looked for row by row: then nothing is to be read in another way."""
    path = tables(tmp_path / "x.h5")
    source = Hdf5Reader(path, (path,))
    layout = source.layout()
    monkeypatch.setattr(reading, "plain", None)
    places = []
    blocks = [*source.blocks(layout.shards[0], limit=1, note=lambda place, seen: places.append(place))]
    assert len(blocks) == 200
    assert places[3] == Position(3)


def test_a_type_that_numpy_holds_otherwise_has_no_place(tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["enum"] = np.zeros(50, h5py.enum_dtype({"a": 0, "b": 1}, "i1"))
        file.create_dataset("texts", data=["a"] * 50, dtype=h5py.string_dtype())
        file["plain"] = np.zeros((50, 2))
    contents = Hdf5Reader(path, (path,)).contents(0)
    placed = {it.name: it.placed for table in contents.tables for it in table.datasets}
    assert placed[b"plain"] is not None
    assert placed[b"texts"] is None


def test_a_file_that_is_still_read_stays_open_while_another_one_is(tmp_path, monkeypatch):
    """The next file would get the number of its descriptor, and its values."""
    monkeypatch.setattr(reading, "BLOCK_BYTES", 1 << 20)
    paths = []
    for number in range(2):
        paths.append(tmp_path / f"{number}.h5")
        with h5py.File(paths[-1], "w") as file:
            file["a"] = np.full((1 << 15, 16), float(number))
    readers = [Hdf5Reader(it, (it,), kept=True) for it in paths]
    first, second = (iter(it.blocks(it.layout().shards[0])) for it in readers)
    seen = [set(), set()]
    for number, blocks in enumerate((first, second, first, second, first)):
        seen[number % 2].update(np.unique(next(blocks).columns["a"]).tolist())
    assert seen == [{0.0}, {1.0}]
