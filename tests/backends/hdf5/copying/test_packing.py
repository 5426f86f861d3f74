"""Chunks that a copy compresses here, past the library: it reads the same values from them as if it had done it."""

import zlib

import h5py
import numpy as np
import pytest
from covering import pairwise
from h5py import h5z
from stepping import ended

from datacheck.backends import open_store
from datacheck.backends.copy_plan import Drops, Plan
from datacheck.backends.hdf5.copying import chunk_sink
from datacheck.backends.hdf5.copying.copier import Hdf5Copier
from datacheck.backends.hdf5.copying.packing import LEVELS, Packer, packed

SHAPES = {
    "whole rows": ((101, 3, 8, 8), (4, 3, 8, 8)),
    "rows apart": ((101, 6, 8), (5, 2, 8)),
    "chunks over the edge": ((101, 7, 5), (4, 3, 4)),
    "one row": ((40, 16), (1, 16)),
    "one number a row": ((1000,), (64,)),
}
DTYPES = {"f4": "<f4", "big": ">f8", "bytes": "u1", "complex": "<c16", "compound": [("a", "<i2"), ("b", "<f4", 2)]}
FILTERS = {
    "deflate": {"compression": "gzip", "compression_opts": 4},
    "both": {"compression": "gzip", "compression_opts": 9, "shuffle": True},
    "level 0": {"compression": "gzip", "compression_opts": 0},
}


def written(path, shape, chunks, dtype, **options):
    chance = np.random.default_rng(len(shape))
    raw = chance.integers(0, 9, (*shape, np.dtype(dtype).itemsize)).astype(np.uint8)
    values = np.ascontiguousarray(raw).view(dtype)[..., 0] if np.dtype(dtype).itemsize > 1 else raw[..., 0]
    with h5py.File(path, "w") as file:
        data = file.create_dataset(
            "data", shape, dtype, chunks=chunks, maxshape=(None, *shape[1:]), fillvalue=None, **options
        )
        data[...] = values
    return path


def copied(source, target, drops, threads=1):
    np.array(drops, np.int64).tofile(target.with_suffix(".drops"))
    plan = Plan(target, Drops(target.with_suffix(".drops")), threads=threads)
    copier, reader = Hdf5Copier(), open_store(source)
    done = ended(copier.copy(reader, plan))
    assert ended(copier.verify(reader, plan)) == (done.kept, done.digest)
    return target


@pytest.fixture
def packs(monkeypatch):
    """How many chunks were compressed here."""
    seen = []
    given = Packer.put

    def put(self, origin, values):
        seen.append(origin)
        return given(self, origin, values)

    monkeypatch.setattr(Packer, "put", put)
    return seen


@pytest.mark.parametrize(("shape", "dtype", "filters"), pairwise([*SHAPES], [*DTYPES], [*FILTERS]))
def test_the_library_reads_what_the_library_would_have_written(tmp_path, packs, shape, dtype, filters):
    source = written(tmp_path / "source.h5", *SHAPES[shape], DTYPES[dtype], **FILTERS[filters])
    drops = [0, 3, 17, 18]
    target = copied(source, tmp_path / "copy.h5", drops, threads=3)
    with h5py.File(source) as one, h5py.File(target) as two:
        expected = np.delete(one["data"][()], drops, axis=0)
        assert two["data"][()].tobytes() == expected.tobytes()
        assert two["data"].chunks == one["data"].chunks
        plists = [it["data"].id.get_create_plist() for it in (one, two)]
        assert plists[0].get_filter(0) == plists[1].get_filter(0)
    assert bool(packs) == (shape != "one row")  # those that keep their rows are copied as they are


def test_the_file_is_the_same_with_any_number_of_threads(tmp_path):
    source = written(tmp_path / "source.h5", (500, 64, 16), (8, 64, 16), "<f4", **FILTERS["both"])
    chunks = []
    for count in (1, 2, 7):
        with h5py.File(copied(source, tmp_path / f"copy{count}.h5", [1], count)) as file:
            data = file["data"].id
            chunks.append([])
            for at in range(data.get_num_chunks()):
                info = data.get_chunk_info(at)
                chunks[-1].append((info.byte_offset, info.size, *data.read_direct_chunk(info.chunk_offset)))
    assert chunks[0] == chunks[1] == chunks[2]
    assert len(chunks[0]) == 63


def test_what_lies_beyond_the_end_is_the_fill_value(tmp_path, packs):
    """Whoever makes a copy longer sees there what the dataset says, as in the source."""
    source = tmp_path / "source.h5"
    with h5py.File(source, "w") as file:
        data = file.create_dataset(
            "data", (50, 3), "f4", chunks=(8, 2), maxshape=(None, None), fillvalue=-5, compression="gzip"
        )
        data[...] = np.arange(150, dtype="f4").reshape(50, 3)
    target = copied(source, tmp_path / "copy.h5", [0])
    with h5py.File(target, "r+") as file:
        file["data"].resize((60, 4))
        assert (file["data"][49:] == -5).all()
        assert (file["data"][:, 3] == -5).all()
    assert packs


def test_chunks_that_were_never_written_take_no_room(tmp_path):
    source = tmp_path / "source.h5"
    with h5py.File(source, "w") as file:
        data = file.create_dataset("data", (6400, 8), "f8", chunks=(64, 8), fillvalue=1, compression="gzip")
        data[640:704] = 2
        data[3200:3264] = 3
    target = copied(source, tmp_path / "copy.h5", [0])
    with h5py.File(source) as one, h5py.File(target) as two:
        assert np.array_equal(two["data"][()], one["data"][1:])
        assert two["data"].id.get_num_chunks() <= 4


@pytest.mark.parametrize(
    "options",
    [
        {"compression": "lzf"},
        {"compression": "gzip", "fletcher32": True},
        {"compression": "gzip", "scaleoffset": 0},
        {"shuffle": True},
        {},
    ],
)
def test_other_filters_are_the_librarys(tmp_path, packs, options):
    source = written(tmp_path / "source.h5", (101, 16), (4, 16), "<i4", **options)
    target = copied(source, tmp_path / "copy.h5", [2])
    with h5py.File(source) as one, h5py.File(target) as two:
        assert np.array_equal(two["data"][()], np.delete(one["data"][()], 2, axis=0))
    assert not packs


def test_what_a_thread_raises_ends_the_copy(tmp_path, monkeypatch):
    source = written(tmp_path / "source.h5", (500, 64, 16), (8, 64, 16), "<f4", **FILTERS["both"])

    def failing(*_, **__):
        raise MemoryError("no room")

    monkeypatch.setattr("datacheck.backends.hdf5.copying.packing.packed", failing)
    with pytest.raises(MemoryError, match="no room"):
        copied(source, tmp_path / "copy.h5", [1], 3)


def test_shuffled_as_the_library_does(tmp_path):
    values = np.random.default_rng(0).integers(0, 256, (64, 3), np.uint8).view("V3")[:, 0]
    with h5py.File(tmp_path / "one.h5", "w") as file:
        data = file.create_dataset("data", (64,), "V3", chunks=(64,), compression="gzip", shuffle=True)
        data[...] = values
        _, stored = data.id.read_direct_chunk((0,))
        assert data.id.get_create_plist().get_filter(0)[0] == h5z.FILTER_SHUFFLE
    mine = packed(np.frombuffer(values.tobytes(), np.uint8), 3, 4)
    assert zlib.decompress(mine) == zlib.decompress(stored)


@pytest.mark.parametrize("level", range(1, 10))
def test_chunks_are_no_larger_than_zlibs(level):
    chance = np.random.default_rng(5)
    smooth = np.cumsum(chance.normal(size=(64, 2048)), axis=-1).astype("f4")
    few = chance.integers(0, 200, (64, 4096), np.uint8)
    for values, width in ((smooth, 4), (few, 1)):
        octets = np.frombuffer(values.tobytes(), np.uint8)
        shuffled = np.ascontiguousarray(octets.reshape(-1, width).T).tobytes()
        assert len(packed(octets, width, LEVELS[level])) <= 1.03 * len(zlib.compress(shuffled, level))


def test_chunks_come_in_their_order_however_many_wait():
    class Created:
        def get_nfilters(self):
            return 1

        def get_filter(self, at):
            return (1, 1, (6,), b"deflate")

    packer = Packer.of(Created(), 1 << 20, 4)
    chunks = [np.full(1 << 20, at, np.uint8) for at in range(80)]
    done = [it for at, chunk in enumerate(chunks) for it in packer.put((at,), chunk)]
    assert len(done) >= 80 - 33
    done += packer.finish()
    assert [origin for origin, _, _ in done] == [(at,) for at in range(80)]
    assert all(zlib.decompress(stored) == bytes([at]) * (1 << 20) for (at,), _, stored in done)
    assert chunk_sink.Packer is Packer


class Deflated:
    """What a dataset was created with: deflate of level 6."""

    def get_nfilters(self):
        return 1

    def get_filter(self, at):
        return (1, 1, (6,), b"deflate")


@pytest.mark.parametrize("threads", [1, 3])
def test_the_quickest_level_is_taken_where_the_source_is_no_smaller(threads):
    chance = np.random.default_rng(7)
    floats = [chance.normal(size=4096).astype("f4") for _ in range(70)]
    lines = [
        np.frombuffer(b"".join(b"%d %d\n" % (at, it) for it in chance.integers(0, 40, 2000)), np.uint8) for at in (1, 2)
    ]
    for chunks, quick in ((floats, True), (lines, False)):
        octets = [np.frombuffer(it.tobytes(), np.uint8) for it in chunks]
        as_named = [packed(it, 1, LEVELS[6]) for it in octets]
        mean = sum(map(len, as_named)) / len(as_named)
        packer = Packer.of(Deflated(), octets[0].size, threads, stored=mean)
        stored = [it for at, chunk in enumerate(octets) for it in packer.put((at,), chunk)] + [*packer.finish()]
        assert [zlib.decompress(it) for _, _, it in stored] == [it.tobytes() for it in octets]
        assert ([it for _, _, it in stored] == as_named) != quick
        assert sum(len(it) for _, _, it in stored) <= 1.01 * sum(map(len, as_named))


def test_of_what_is_not_known_of_the_source_the_level_is_the_one_it_names():
    chunk = np.frombuffer(np.random.default_rng(7).normal(size=4096).astype("f4").tobytes(), np.uint8)
    ((_, _, stored),) = Packer.of(Deflated(), chunk.size, 1).put((0,), chunk)
    assert stored == packed(chunk, 1, LEVELS[6])
