"""What is read past the HDF5 library is what the library reads, and where it cannot be, the library reads it."""

import random
import zlib

import h5py
import numpy as np
import pytest
from covering import seeds

from datacheck.backends.hdf5 import file as hdf5_file
from datacheck.backends.hdf5.reader import Hdf5Reader
from datacheck.backends.hdf5.values.direct import direct, fletcher32, unshuffle
from datacheck.backends.hdf5.values.reading import window_on
from datacheck.backends.interface import StoreOptions


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store.h5"


def read(path, **how):
    """Everything that a reader says of a file: findings, and the values of each column, row by row."""
    reader = Hdf5Reader.recognise(path, StoreOptions())
    layout = reader.layout()
    said = list(layout.findings)
    values = {}
    for shard in layout.shards:
        for block in reader.blocks(shard, **how):
            said += (block.place(*it, None) for it in block.findings)
            for name, column in block.columns.items():
                rows = values.setdefault((block.table, name), [])
                rows += [row.tobytes() for row in column]
                assert column.dtype.isnative
    return said, values


def plain(path, monkeypatch, **how):
    with monkeypatch.context() as patch:
        patch.setattr(hdf5_file, "direct", lambda *_: None)
        return read(path, **how)


def went_past_the_library(path, name):
    """Say whether all rows of a dataset are read past the library."""
    with hdf5_file.opened(path) as file:
        reader = Hdf5Reader.recognise(path, StoreOptions())
        contents = reader.contents(0)
        of = [it for table in contents.tables for it in table.datasets if it.name == name]
        windows = [window_on(file, it, 1000) for it in of]
        return [it._direct is not None and it._direct.read(0, it.dataset.rows) is not None for it in windows] == [True]


SUBTYPES = [
    "<f4", ">f4", "<f8", ">f2", "u1", "i1", "<u2", ">i4", "<i8", "?", "<c8", "V3", "S5",
    [("x", "<f4"), ("k", ">i2"), ("s", "S3")],
    [("deep", [("a", "<f8", (2,))]), ("b", "u1")],
]  # fmt: skip


def filled(rng, shape, dtype):
    dtype = np.dtype(dtype)
    raw = rng.integers(0, 256, int(np.prod(shape)) * dtype.itemsize, dtype=np.uint8)
    if dtype.kind == "b":
        raw &= 1
    raw[:: 7 if dtype.kind != "b" else 1] &= 3  # something to compress
    return np.ndarray(shape, dtype, raw.tobytes())


def random_store(path, seed):
    """Datasets of one number of rows, in random types, shapes, layouts and filters; return the chunked ones' names."""
    pick = random.Random(seed)
    rng = np.random.default_rng(seed)
    rows = pick.randint(1, 60)
    made = []
    options = {"libver": pick.choice(["earliest", "latest"]), "userblock_size": pick.choice([0, 512, 4096])}
    with h5py.File(path, "w", **options) as file:
        for number in range(pick.randint(1, 4)):
            shape = (rows, *(pick.randint(1, 9) for _ in range(pick.randint(0, 3))))
            how = {}
            if pick.random() < 0.7:
                how["chunks"] = tuple(pick.randint(1, extent) for extent in shape)
                how["shuffle"] = pick.random() < 0.5
                how["fletcher32"] = pick.random() < 0.5
                how["compression"] = pick.choice([None, "gzip", "gzip", "lzf"])
                made.append(f"d{number}")
            file.create_dataset(f"d{number}", data=filled(rng, shape, pick.choice(SUBTYPES)), **how)
    return made


@pytest.mark.parametrize("seed", seeds(16))
def test_both_ways_read_the_same(path, monkeypatch, seed):
    random_store(path, seed)
    said, values = read(path)
    assert (said, values) == plain(path, monkeypatch)
    assert said == []
    assert (said, values) == read(path, limit=3)


@pytest.mark.parametrize("seed", seeds(16))
def test_both_ways_find_the_same_damage(path, monkeypatch, seed):
    pick = random.Random(seed)
    while not (chunked := random_store(path, pick.randrange(1 << 30))):
        pass
    with h5py.File(path) as file:
        places = [
            (chunk.byte_offset, chunk.size)
            for name in chunked
            for chunk in map(file[name].id.get_chunk_info, range(file[name].id.get_num_chunks()))
        ]
    raw = bytearray(path.read_bytes())
    for offset, size in pick.sample(places, min(3, len(places))):
        for _ in range(pick.randint(1, 3)):
            raw[offset + pick.randrange(size)] ^= 1 << pick.randrange(8)
    path.write_bytes(raw)
    assert read(path) == plain(path, monkeypatch)


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"chunks": (16, 4, 6)},
        {"chunks": (5, 4, 6), "compression": "gzip"},
        {"chunks": (7, 3, 4), "compression": "gzip", "shuffle": True, "fletcher32": True},
        {"chunks": (40, 1, 1), "shuffle": True},
        {"maxshape": (None, 4, 6), "chunks": (7, 4, 6), "compression": "gzip", "shuffle": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", ["<f4", ">f8", "u1"])
@pytest.mark.parametrize("libver", ["earliest", "latest"])
@pytest.mark.parametrize("userblock", [0, 1024])
def test_common_layouts_go_past_the_library(path, how, dtype, libver, userblock):
    values = np.random.default_rng(1).integers(0, 9, (40, 4, 6)).astype(dtype)
    with h5py.File(path, "w", libver=libver, userblock_size=userblock) as file:
        file.create_dataset("data", data=values, **how)
    assert went_past_the_library(path, b"data")
    assert read(path)[1] == {("/", "data"): [row.tobytes() for row in values.astype(values.dtype.newbyteorder("="))]}


def partly_filtered(file):
    """The second chunk was stored without its filters, which are optional."""
    data = file.create_dataset("data", (4, 3), "<i4", chunks=(2, 3), compression="gzip", shuffle=True)
    data[:2] = [[1, 2, 3], [4, 5, 6]]
    data.id.write_direct_chunk((2, 0), np.arange(6, dtype="<i4").tobytes(), 3)


def partly_stored(file):
    data = file.create_dataset("data", (6, 3), "<i4", chunks=(2, 3), compression="gzip", fillvalue=7)
    data[:2] = [[1, 2, 3], [4, 5, 6]]


def not_stored(file):
    file.create_dataset("data", (6, 3), "<i4", fillvalue=7)


def of_twelve_bits(file):
    """Numbers with padding that HDF5 leaves out and NumPy knows nothing of."""
    kind = h5py.h5t.STD_U16LE.copy()
    kind.set_precision(12)
    data = h5py.h5d.create(file.id, b"data", kind, h5py.h5s.create_simple((4,)))
    data.write(h5py.h5s.ALL, h5py.h5s.ALL, np.arange(4, dtype="<u2"))


def of_arrays(file):
    kind = h5py.h5t.array_create(h5py.h5t.IEEE_F32LE, (3,))
    data = h5py.h5d.create(file.id, b"data", kind, h5py.h5s.create_simple((4,)))
    data.write(h5py.h5s.ALL, h5py.h5s.ALL, np.arange(12, dtype="<f4").reshape(4, 3), kind)


def huge_chunks(file):
    """A chunk may be far larger than the dataset, which may grow."""
    file.create_dataset("data", (4,), "<f4", maxshape=(None,), chunks=(1 << 27,), fillvalue=2)


def lossy(file):
    file.create_dataset("data", data=np.arange(12.0), chunks=(4,), scaleoffset=2)


def too_long_a_chunk(file):
    """Inflates to more than a chunk has."""
    data = file.create_dataset("data", (4,), "<i4", chunks=(4,), compression="gzip")
    data.id.write_direct_chunk((0,), zlib.compress(np.arange(5, dtype="<i4").tobytes()))


def too_short_a_chunk(file):
    """Inflates to less than a chunk has."""
    data = file.create_dataset("data", (4,), "<i4", chunks=(4,), compression="gzip")
    data.id.write_direct_chunk((0,), zlib.compress(np.arange(3, dtype="<i4").tobytes()))


@pytest.mark.parametrize(
    ("make", "past"),
    [
        (partly_filtered, True),
        (partly_stored, False),
        (not_stored, False),
        (of_twelve_bits, False),
        (of_arrays, False),
        (lossy, False),
        (huge_chunks, False),
        (too_long_a_chunk, False),
    ],
)
def test_what_is_uncommon_reads_as_the_library_has_it(path, monkeypatch, make, past):
    with h5py.File(path, "w") as file:
        make(file)
    assert went_past_the_library(path, b"data") == past
    assert read(path) == plain(path, monkeypatch)


def test_a_chunk_that_is_too_short_is_left_to_the_library(path):
    with h5py.File(path, "w") as file:
        too_short_a_chunk(file)
    assert not went_past_the_library(path, b"data")


def test_contiguous_values_that_go_beyond_the_end_are_left_to_the_library(path, monkeypatch):
    with h5py.File(path, "w") as file:
        data = file.create_dataset("data", data=np.arange(1, 101))
        offset = data.id.get_offset()
    raw = path.read_bytes()
    at = raw.index(offset.to_bytes(8, "little") + (800).to_bytes(8, "little"))
    path.write_bytes(raw[:at] + (len(raw) - 80).to_bytes(8, "little") + raw[at + 8 :])
    assert not went_past_the_library(path, b"data")
    said, values = read(path)
    assert (said, values) == plain(path, monkeypatch)


@pytest.mark.parametrize("length", [1, 2, 3, 255, 256, 257, 4095, 70_000])
@pytest.mark.parametrize("kind", ["random", "ones", "zeros"])
def test_fletcher32_is_the_one_that_the_library_stores(path, length, kind):
    fills = {"random": np.random.default_rng(length).integers(0, 256, length), "ones": 255, "zeros": 0}
    values = np.full(length, fills[kind], np.uint8)
    with h5py.File(path, "w") as file:
        data = file.create_dataset("data", data=values, chunks=(length,), fletcher32=True)
        _, raw = data.id.read_direct_chunk((0,))
    assert raw[:-4] == values.tobytes()
    assert fletcher32(values) == int.from_bytes(raw[-4:], "little")


@pytest.mark.parametrize("width", range(1, 20))
def test_unshuffled_is_what_was_shuffled(width):
    values = np.random.default_rng(width).integers(0, 256, (50, width), dtype=np.uint8)
    assert bytes(unshuffle(values.T.tobytes(), width, np.empty(50 * width, np.uint8))) == values.tobytes()


def test_strings_of_variable_length_are_left_to_the_library(path):
    with h5py.File(path, "w") as file:
        file["data"] = ["a", "bb"]
        (table,) = Hdf5Reader.recognise(path, StoreOptions()).contents(0).tables
        assert direct(h5py, table.judged[0], file["data"].id, -1, 1 << 20) is None
