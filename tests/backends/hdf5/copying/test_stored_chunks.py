"""Chunks that a copy has as the source stores them are not decoded, and are proved by what is stored."""

import struct
from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np
import pytest
from covering import pairwise
from stepping import ended

from datacheck import rebuild
from datacheck.backends import open_store
from datacheck.backends.copy_plan import Drops, Plan
from datacheck.backends.hdf5.copying import digest, stored_chunks
from datacheck.backends.hdf5.copying.copier import Hdf5Copier
from datacheck.backends.hdf5.copying.row_selection import Change, Kept
from datacheck.backends.hdf5.copying.stored_chunks import AsStored
from datacheck.backends.hdf5.file import OpenFile

ROWS = 61
CHUNKS = {
    "rows": (4, 6, 10),
    "parts of rows": (4, 4, 3),
    "single rows": (1, 6, 10),
    "one chunk": (ROWS, 6, 10),
    "none": None,
}
OPTIONS = {
    "plain": {},
    "gzip": {"compression": "gzip", "shuffle": True},
    "sums": {"compression": "gzip", "fletcher32": True},
    "lzf": {"compression": "lzf"},
    "rounding": {"scaleoffset": 2},
    "thin": {"compression": "gzip", "fillvalue": 7},
}
DROPS = {"the first": [0], "the last": [ROWS - 1], "whole chunks": [8, 9, 10, 11, 20, 21, 22, 23], "some": [5, 30, 31]}


def written(path, chunks, **options):
    values = np.random.default_rng(3).normal(size=(ROWS, 6, 10)).astype("f4")
    options = options if chunks else {key: it for key, it in options.items() if key == "fillvalue"}
    with h5py.File(path, "w") as file:
        data = file.create_dataset("data", (ROWS, 6, 10), "f4", chunks=chunks, **options)
        for start in range(0, ROWS, 4):
            if "fillvalue" not in options or start % 3 == 0:
                data[start : start + 4] = values[start : start + 4]
        file["label"] = np.arange(ROWS)
        file.create_dataset("other", (9, 4), "i2", data=np.arange(36).reshape(9, 4), chunks=(2, 4), compression="gzip")
    return path


def planned(source, target, drops):
    np.array(drops, np.int64).tofile(target.with_suffix(".drops"))
    return Hdf5Copier(), open_store(source), Plan(target, Drops(target.with_suffix(".drops")), threads=2)


def copied(source, target, drops):
    copier, reader, plan = planned(source, target, drops)
    done = ended(copier.copy(reader, plan))
    assert ended(copier.verify(reader, plan)) == (done.kept, done.digest)
    return target


def content(path):
    with h5py.File(path) as file:
        stored = {name: (it[()].tobytes(), it.shape, it.chunks, it.compression) for name, it in file.items()}
        return stored, file["data"].id.get_num_chunks() if file["data"].chunks else None


@pytest.fixture
def plainly(monkeypatch):
    """Return what has all values decoded, by the library."""

    def have():
        monkeypatch.setattr(stored_chunks, "whole", lambda *_: None)
        monkeypatch.setattr(OpenFile, "past", lambda *_: None)

    return have


@pytest.mark.parametrize(("chunks", "options", "drops"), pairwise([*CHUNKS], [*OPTIONS], [*DROPS]))
def test_the_copy_is_the_one_that_decoding_all_makes(tmp_path, plainly, chunks, options, drops):
    source = written(tmp_path / "source.h5", CHUNKS[chunks], **OPTIONS[options])
    quick = content(copied(source, tmp_path / "quick.h5", DROPS[drops]))
    plainly()
    assert content(copied(source, tmp_path / "plain.h5", DROPS[drops])) == quick
    with h5py.File(source) as file:
        expected = np.delete(file["data"][()], DROPS[drops], axis=0)
    assert quick[0]["data"][0] == expected.tobytes()


def test_what_is_copied_as_it_is_stored_is_never_decoded(tmp_path, monkeypatch):
    source = written(tmp_path / "source.h5", (1, 6, 10), compression="gzip")
    seen = []
    monkeypatch.setattr(digest, "read_rows", lambda fetch, held, change, piece, chunks: seen.append(chunks) or 1 / 0)
    with h5py.File(source, "r+") as file:
        del file["label"]  # which has no chunks
    assert content(copied(source, tmp_path / "copy.h5", [7]))[1] == ROWS - 1
    assert seen == []


@pytest.mark.parametrize("row", [2, 50])
def test_a_copy_of_which_a_stored_chunk_is_another_is_refused(tmp_path, row):
    """Before the dropped row the chunks are copied as they are, behind it their rows have moved."""
    source = written(tmp_path / "source.h5", (4, 6, 10), compression="gzip")
    copier, reader, plan = planned(source, tmp_path / "copy.h5", [20])
    done = ended(copier.copy(reader, plan))
    with h5py.File(plan.target, "r+") as file:
        file["data"][row, 1, 1] += 1
    assert ended(copier.verify(reader, plan)) != (done.kept, done.digest)


def test_a_chunk_that_is_gone_from_the_copy_is_missed(tmp_path):
    source = written(tmp_path / "source.h5", (4, 6, 10), compression="gzip", fillvalue=7)
    copier, reader, plan = planned(source, tmp_path / "copy.h5", [60])
    done = ended(copier.copy(reader, plan))
    with h5py.File(plan.target, "r+") as file:
        mask, held = file["data"].id.read_direct_chunk((0, 0, 0))
        file["data"].id.write_direct_chunk((4, 0, 0), held, mask)  # one that was never written
    assert ended(copier.verify(reader, plan)) != (done.kept, done.digest)


def test_values_are_filled_in_chunks_that_are_not_copied_as_they_are(tmp_path):
    source = written(tmp_path / "source.h5", (4, 6, 10), compression="gzip", shuffle=True)
    with h5py.File(source, "r+") as file:
        file["data"][33, 2, 2] = np.nan
        file["data"][34, 2, 2] = np.inf
        expected = file["data"][()]
    receipt = rebuild(source, tmp_path / "copy.h5", fill=-1.0, workers=1)
    assert receipt.altered == 2
    expected[~np.isfinite(expected)] = -1
    with h5py.File(tmp_path / "copy.h5") as file:
        assert file["data"][()].tobytes() == expected.tobytes()


def test_of_a_damaged_index_the_values_are_compared(tmp_path):
    """A chunk is there twice, and another one not at all: whether it was ever written nobody knows."""
    source = tmp_path / "source.h5"
    with h5py.File(source, "w", libver="earliest") as file:
        file["label"] = np.arange(ROWS)
        file.create_dataset("data", data=np.arange(1, 3 * ROWS + 1, dtype="f4").reshape(ROWS, 3), chunks=(2, 3))
    raw = bytearray(source.read_bytes())
    first = raw.index(b"TREE\x01\x00") + 24 + 8
    struct.pack_into("<Q", raw, first + 7 * (8 + 3 * 8 + 8), 30)
    source.write_bytes(raw)
    target = copied(source, tmp_path / "copy.h5", [14, 15, 30, 31])
    with h5py.File(target) as file:
        assert (file["data"][:, 0] == [3 * row + 1 for row in range(ROWS) if row not in (14, 15, 30, 31)]).all()


def test_pieces_are_split_where_chunks_are_whole():
    rows = Kept(20, np.array([9]))
    split = AsStored((4, 5), Change(rows)).split(((0, 19), (0, 5)))
    assert [(part[0], first) for part, first in split] == [((0, 4), 0), ((4, 8), 4), ((8, 19), None)]
    ends = AsStored((4, 5), Change(Kept(20, np.arange(4, 8)))).split(((0, 16), (0, 5)))
    assert [(part[0], first) for part, first in ends] == [((0, 4), 0), ((4, 8), 8), ((8, 12), 12), ((12, 16), 16)]
    assert [*AsStored((8, 5), None).split(((8, 19), (0, 5)))] == [(((8, 16), (0, 5)), 8), (((16, 19), (0, 5)), 16)]


def test_rows_behind_the_last_one_that_is_kept_are_in_no_chunk(tmp_path):
    """The source's last chunk has rows that go, so that it is not taken as it is."""
    source = written(tmp_path / "source.h5", (4, 6, 10), compression="gzip", shuffle=True)
    target = copied(source, tmp_path / "copy.h5", [58, 59, 60])
    with h5py.File(target, "r+") as file, suppress(OSError):
        data = h5py.h5d.open(file.id, b"data")
        last = bytes(data.read_direct_chunk((56, 0, 0))[1])
    with h5py.File(source) as file:
        assert last != file["data"].id.read_direct_chunk((56, 0, 0))[1]
    assert Path(target).exists()
