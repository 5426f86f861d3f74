"""Chunks that threads decode before they are asked for are those that are decoded one by one."""

import random

import h5py
import numpy as np
import pytest
from covering import pairwise

from datacheck.backends.hdf5.file import opened
from datacheck.backends.hdf5.reader import Hdf5Reader
from datacheck.backends.hdf5.values import decoding_ahead, direct
from datacheck.backends.hdf5.values.decoding_ahead import Ahead, Threads
from datacheck.backends.interface import StoreOptions

ROWS = 61
CHUNKS = {"rows": (4, 6, 10), "parts of rows": (4, 4, 3), "single rows": (1, 6, 10), "one chunk": (ROWS, 6, 10)}
FILTERS = {
    "gzip": {"compression": "gzip"},
    "shuffled": {"compression": "gzip", "shuffle": True},
    "sums": {"compression": "gzip", "shuffle": True, "fletcher32": True},
    "shuffled alone": {"shuffle": True},
}


def written(path, chunks, **options):
    values = np.random.default_rng(3).integers(0, 99, (ROWS, 6, 10)).astype("f4")
    with h5py.File(path, "w") as file:
        data = file.create_dataset("data", (ROWS, 6, 10), "f4", chunks=chunks, **options)
        for start in range(0, ROWS, 4):
            if start % 20:  # these are not stored
                data[start : start + 4] = values[start : start + 4]
        file["label"] = np.arange(ROWS)
    return path


def spoiled(path, every):
    """Break what is stored of every so manieth chunk."""
    with h5py.File(path) as file:
        stored = file["data"].id
        places = [stored.get_chunk_info(at) for at in range(0, stored.get_num_chunks(), every)]
    with path.open("r+b") as file:
        for place in places:
            file.seek(place.byte_offset)
            file.write(bytes(place.size // 2))


def asked():
    """Return ranges of rows: from front to back as a copy asks for them, and any others."""
    jumps = random.Random(5)
    pieces = [(low, min(low + 7, ROWS)) for low in range(0, ROWS, 7)]
    moved = [(low, min(low + 8, ROWS)) for low in range(3, ROWS, 8)]
    return [*pieces, *moved, *(sorted(jumps.sample(range(ROWS + 1), 2)) for _ in range(20))]


def data_of(path):
    contents = Hdf5Reader.recognise(path, StoreOptions()).contents(0)
    (dataset,) = [it for table in contents.tables for it in table.datasets if it.path == b"/data"]
    return dataset


def read(path, threads):
    """Return what is read for each range of rows, None where the library is to read it."""
    dataset = data_of(path)
    with opened(path) as file, Threads(threads) as decoding:
        past = file.past(dataset, file.dataset(dataset))
        past.spread(decoding)
        return [None if (rows := past.read(*it)) is None else rows.tobytes() for it in asked()]


@pytest.mark.parametrize(
    ("chunks", "filters", "damage", "threads"), pairwise([*CHUNKS], [*FILTERS], [None, 1, 5], [2, 5])
)
def test_rows_are_those_that_one_after_the_other_gives(tmp_path, chunks, filters, damage, threads):
    path = written(tmp_path / "store.h5", CHUNKS[chunks], **FILTERS[filters])
    if damage:
        spoiled(path, damage)
    assert read(path, threads) == read(path, 1)


def test_threads_decode_what_comes_next_and_nothing_twice(tmp_path, monkeypatch):
    path = written(tmp_path / "store.h5", (4, 6, 10), compression="gzip")
    calls = []
    whole = direct._Chunked._stored
    monkeypatch.setattr(direct._Chunked, "_stored", lambda self, origin: calls.append(origin) or whole(self, origin))
    monkeypatch.setattr(direct._Chunked, "_decoded", None)
    dataset = data_of(path)
    with opened(path) as file, Threads(2) as decoding:
        past = file.past(dataset, file.dataset(dataset))
        past.spread(decoding)
        assert past.read(4, 8) is not None
        assert [it[0] for it in calls] == [4, 8, 12, 16, 20]
        for low in range(8, 20, 4):
            assert past.read(low, low + 4) is not None
    assert [it[0] for it in calls] == [*range(4, 36, 4)]


def test_no_more_is_begun_than_memory_allows(tmp_path, monkeypatch):
    path = written(tmp_path / "store.h5", (4, 6, 10), compression="gzip", shuffle=True)
    monkeypatch.setattr(decoding_ahead, "AHEAD_BYTES", 3 * 4 * 6 * 10 * 4)
    begun = []
    whole = Ahead.chunk

    def chunk(self, origin):
        made = whole(self, origin)
        begun.append(len(self._pending))
        return made

    monkeypatch.setattr(Ahead, "chunk", chunk)
    assert read(path, 8) == read(path, 1)
    assert max(begun) == 3


def test_a_chunk_too_large_for_that_is_decoded_when_it_is_asked_for(tmp_path, monkeypatch):
    path = written(tmp_path / "store.h5", (4, 6, 10), compression="gzip", shuffle=True)
    monkeypatch.setattr(direct, "AHEAD_BYTES", 4 * 6 * 10 * 4 - 1)
    monkeypatch.setattr(Ahead, "chunk", None)
    assert read(path, 8) == read(path, 1)
