"""Indexes of chunks and of links that have no checksum: whatever is damaged in them, no wrong value passes."""

from __future__ import annotations

import os
import pickle
import struct

import h5py
import numpy as np
import pytest
from covering import seeds

from datacheck import rebuild, scan
from datacheck.backends.hdf5.reader import Hdf5Reader
from datacheck.backends.interface import StoreOptions

ROWS = 400
LINKS = 24
"""Bytes of a node before its first key."""
KEY = 8 + 3 * 8
OPTIONS = {
    "plain": {},
    "gzip": {"compression": "gzip"},
    "shuffled": {"shuffle": True},
    "in columns": {"chunks": (4, 2)},
}


def made(path, **options):
    """Write a table of two datasets in chunks, whose values tell their row; return what it holds, and the bytes."""
    values = np.arange(1, ROWS * 8 + 1, dtype="f4").reshape(ROWS, 8)
    held = {"data": values, "more": values[::-1] + 0.5, "label": np.arange(ROWS) % 3}
    with h5py.File(path, "w", libver="earliest") as file:
        file.create_dataset("data", data=held["data"], **{"chunks": (4, 8), **options})
        file.create_dataset("more", data=held["more"], **{**options, "chunks": (6, 8)})
        file["label"] = held["label"]
    return held, path.read_bytes()


def nodes(raw, kind=1):
    at, found = -1, []
    while (at := raw.find(b"TREE" + bytes([kind]), at + 1)) >= 0:
        found.append(at)
    return found


def above(raw, level=1):
    """Return where the first node of a level is."""
    return next(at for at in nodes(raw) if raw[at + 5] == level)


def unnamed(path, held):
    """Return the rows that are read otherwise than they were written, and that no finding is about."""
    reader = Hdf5Reader.recognise(path, StoreOptions())
    wrong = []
    for shard in reader.layout().shards:
        for block in reader.blocks(shard):
            for name, values in block.columns.items():
                sound = (values == held[name][list(block.rows)]).reshape(len(block.rows), -1).all(axis=1)
                sound[[row for row, _ in block.findings if row is not None]] = True
                sound[[*block.unread.get(name, ()), *block.unwritten.get(name, ())]] = True
                wrong += [(name, block.rows[at]) for at in np.flatnonzero(~sound)]
    return wrong


def in_a_child(work):
    """Return what `work` does, in a process that the library may kill: then None, which is no wrong value."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        with os.fdopen(writing, "wb") as out:
            pickle.dump(work(), out)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        said = answer.read()
    os.waitpid(child, 0)
    return pickle.loads(said) if said else None


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_random_damage_in_an_index_of_chunks_leaves_no_wrong_row_without_a_finding(tmp_path, options):
    path = tmp_path / "a.h5"
    held, raw = made(path, **options)
    there, read = nodes(raw), 0
    for seed in seeds(15):
        random = np.random.default_rng(seed)
        at = int(random.choice(there))
        end = LINKS + struct.unpack_from("<H", raw, at + 6)[0] * (KEY + 8) + KEY
        start = int(random.integers(end if random.random() < 0.8 else LINKS))
        size = min(int(random.choice([1, 8, 16, 64, 400])), end - start)
        damaged = bytearray(raw)
        damaged[at + start : at + start + size] = bytes(size) if random.random() < 0.7 else random.bytes(size)
        path.write_bytes(damaged)
        wrong = in_a_child(lambda: unnamed(path, held))
        read += wrong is not None
        assert not wrong, f"seed {seed}: {wrong[:5]}"
    assert read > 0.6 * len(seeds(15))


WRONG = {
    "a node that says to have fewer chunks": (0, 6, struct.pack("<H", 20)),
    "a root that says to have no links": (1, 6, bytes(2)),
    "a root that says to have one link": (1, 6, struct.pack("<H", 1)),
    "a root that says to lead to chunks": (1, 5, b"\0"),
    "a root of zeros behind its head": (1, LINKS, bytes(200)),
    "a key of a root that is none": (1, LINKS + KEY + 8 + 8, bytes(8)),
}


@pytest.mark.parametrize(("level", "place", "value"), WRONG.values(), ids=WRONG)
def test_what_an_index_of_chunks_has_lost_is_named_and_in_no_copy(tmp_path, level, place, value):
    path, copy = tmp_path / "a.h5", tmp_path / "copy.h5"
    held, raw = made(path)
    damaged = bytearray(raw)
    at = above(raw, level) + place
    damaged[at : at + len(value)] = value
    path.write_bytes(damaged)
    report = scan(path, workers=1)
    assert report.status == 1
    assert any("the index of the chunks of /data is damaged" in it.message for it in report.findings)
    if report.bad == ROWS + 1:  # nothing is left
        return
    rebuild(path, copy, drop_bad=True, workers=1, accept_losses=True)
    with h5py.File(copy) as file:
        rows = ((file["data"][:, 0] - 1) / 8).astype(int)
        assert 0 < len(rows) < ROWS
        assert (file["data"][:] == held["data"][rows]).all()
        assert (file["more"][:] == held["more"][rows]).all()
        assert (file["label"][:] == held["label"][rows]).all()


@pytest.mark.parametrize("place", [8, 16])
def test_a_root_that_leads_to_others_beside_it_is_damaged_and_loses_no_row(tmp_path, place):
    path = tmp_path / "a.h5"
    _, raw = made(path)
    damaged = bytearray(raw)
    struct.pack_into("<Q", damaged, above(raw) + place, 0)
    path.write_bytes(damaged)
    (finding,) = scan(path, workers=1).findings
    assert (finding.code, finding.key) == ("damaged-store", None)
    assert "leads to other nodes beside it" in finding.message


def test_an_index_of_chunks_is_compared_in_a_file_whose_links_were_recovered(tmp_path):
    path = tmp_path / "a.h5"
    _, raw = made(path)
    damaged = bytearray(raw)
    struct.pack_into("<H", damaged, struct.unpack_from("<Q", raw, 80)[0] + 6, 0)
    node = above(raw, 0)
    (chunks,) = struct.unpack_from("<H", raw, node + 6)
    struct.pack_into("<H", damaged, node + 6, 20)
    path.write_bytes(damaged)
    report = scan(path, workers=1)
    said = " ".join(it.message for it in report.findings)
    assert "the index of the links of / is damaged" in said
    assert "the index of the chunks of /data is damaged" in said
    assert sum(it.key is not None for it in report.findings) == 4 * (chunks - 20)


def test_an_index_of_chunks_is_compared_in_a_file_that_was_not_closed(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w", libver=("v108", "v110")) as file:
        file.create_dataset("data", data=np.arange(1.0, 101).reshape(50, 2), chunks=(1, 2))
    raw = bytearray(path.read_bytes())
    struct.pack_into("<H", raw, nodes(raw)[0] + 6, 20)
    if raw[8] == 3:
        raw[11] |= 1
    else:
        raw[44] ^= 1  # the checksum of its superblock
    path.write_bytes(raw)
    report = scan(path, workers=1)
    assert {"damaged-store"} < {it.code for it in report.findings}
    assert sum(it.key is not None and it.code == "damaged-store" for it in report.findings) == 30


@pytest.mark.parametrize("seed", seeds(12))
def test_an_index_is_sound_in_whatever_order_its_chunks_were_written(tmp_path, seed):
    random, path = np.random.default_rng(seed), tmp_path / "a.h5"
    rank = 1 + seed % 3
    grid = tuple(int(random.integers(1, most)) for most in ((6000,), (60, 30), (12, 12, 9))[rank - 1])
    chunk = tuple(int(random.integers(1, 4)) for _ in grid)
    shape = tuple(count * size for count, size in zip(grid, chunk, strict=True))
    with h5py.File(path, "w", libver=("earliest", "v108")[seed % 2]) as file:
        options = {"compression": "gzip"} if seed % 4 == 3 else {}
        data = file.create_dataset("data", shape, "i2", chunks=chunk, maxshape=(None,) * rank, **options)
        places = random.permutation(int(np.prod(grid)))[: 1500 if seed % 5 else None]
        for place in places if seed % 4 else range(len(places)):
            at = np.unravel_index(int(place), grid)
            data[tuple(slice(it * size, (it + 1) * size) for it, size in zip(at, chunk, strict=True))] = 1
        if seed % 3 == 0:  # chunks that are taken away, and others behind them
            data.resize(max(1, shape[0] // 2), axis=0)
            data.resize(shape[0] + 5, axis=0)
            data[-1:] = 2
    layout = Hdf5Reader.recognise(path, StoreOptions()).layout()
    assert {it.code for it in layout.findings} <= {"unwritten"}


def proteins(path, count=60):
    with h5py.File(path, "w", libver="earliest") as file:
        for number in range(count):
            file[f"protein_{number}"] = np.random.default_rng(number).normal(size=(5 + number % 7, 4))
    raw = bytearray(path.read_bytes())
    return raw, struct.unpack_from("<Q", raw, 80)[0]


@pytest.mark.parametrize("links", [0, 1])
def test_a_root_group_that_says_to_have_fewer_links_has_them_all_in_a_copy(tmp_path, links):
    path, copy = tmp_path / "a.h5", tmp_path / "copy.h5"
    raw, root = proteins(path)
    struct.pack_into("<H", raw, root + 6, links)
    path.write_bytes(raw)
    report = scan(path, workers=1)
    assert [(it.code, it.key) for it in report.findings] == [("damaged-store", None)]
    assert (report.checked, report.status) == (60, 1)
    rebuild(path, copy, drop_bad=True, workers=1, accept_losses=True)
    with h5py.File(copy) as file:
        assert set(file) == {f"protein_{number}" for number in range(60)}
        assert (file["protein_7"][()] == np.random.default_rng(7).normal(size=(5, 4))).all()


def test_a_list_of_names_that_says_to_have_fewer_loses_no_dataset(tmp_path):
    path = tmp_path / "a.h5"
    raw, _ = proteins(path)
    at = raw.index(b"SNOD")
    raw[at + 6] -= 1
    path.write_bytes(raw)
    report = scan(path, workers=1)
    assert {it.code for it in report.findings} == {"damaged-store", "orphan"}
    assert report.status == 1


@pytest.mark.parametrize("place", [8, 16])
def test_an_index_of_links_that_leads_beside_itself_is_damaged_and_loses_nothing(tmp_path, place):
    path = tmp_path / "a.h5"
    raw, root = proteins(path)
    struct.pack_into("<Q", raw, root + place, 0)
    path.write_bytes(raw)
    report = scan(path, workers=1)
    assert [it.code for it in report.findings] == ["damaged-store"]
    assert report.checked == 60


@pytest.mark.parametrize("seed", seeds(6))
def test_groups_whose_links_came_and_went_are_sound(tmp_path, seed):
    random, path = np.random.default_rng(seed), tmp_path / "a.h5"
    names = [f"{'long_' * int(random.integers(5))}{number}" for number in range((0, 1, 7, 300)[seed % 4])]
    random.shuffle(names)
    with h5py.File(path, "w", libver="earliest") as file:
        file["data"] = np.arange(20.0)
        above = file.create_group("above")
        for name in names:
            above[name] = h5py.SoftLink("/data") if random.random() < 0.3 else file["data"]
    with h5py.File(path, "a", libver="earliest") as file:
        for name in names[:: 1 + seed // 4]:
            del file["above"][name]
        for number in range(int(random.integers(20))):
            file["above"][f"new_{number}"] = h5py.SoftLink("/data")
    layout = Hdf5Reader.recognise(path, StoreOptions()).layout()
    assert layout.findings == []
