"""Many datasets, large chunks and damaged heaps cost what they must and no more."""

import os
import pickle
import resource
import signal
import struct
import zlib

import h5py
import numpy as np
import pytest
from stepping import ended

import datacheck
from datacheck.backends import open_store
from datacheck.backends.hdf5 import file as hdf5_file
from datacheck.backends.hdf5 import kept as hdf5_kept
from datacheck.backends.hdf5 import tables
from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.library.bounds import at_most
from datacheck.backends.hdf5.library.fork_guard import survived
from datacheck.backends.hdf5.probes import probes
from datacheck.backends.hdf5.values import direct, hindrances
from datacheck.scanning.profile.probing import Probe, TakeProfile
from datacheck.scanning.settings.make_settings import make
from datacheck.scanning.tasks import Check, Job
from datacheck.workers.interface import Watch


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store.h5"


@pytest.fixture(autouse=True)
def let_go():
    """Close what a reader in this process has kept open, so that the next test may write its file."""
    yield
    while hdf5_kept._last:
        hdf5_kept._last.pop()[1].close()


class Alarmless(Watch):
    def __init__(self):
        self.timeout = self.last = None

    def note(self, value):
        self.last = value


def worked_through(path):
    """Do in this process, as a worker would, all that a scan of a file does; return the profile."""
    reader = pickle.loads(pickle.dumps(open_store(path)))
    assert reader.kept
    layout = reader.layout()
    job = Job(reader, make(workers=1))
    count = len(layout.probes)
    probes = tuple(Probe((it,)) for it in layout.probes)
    steps = TakeProfile(probes, tuple(range(count)), count).run(job, Alarmless())
    taken = ended(steps)
    for shard in layout.shards:
        Check(shard, taken.profile).run(job, Alarmless())
    return taken.profile


@pytest.fixture
def opens(monkeypatch):
    """Count how often each dataset is opened to be read."""
    counted = []

    def counting(method):
        def opened(self, of, *more):
            counted.append(of.path)
            return method(self, of, *more)

        return opened

    for name in ("dataset", "read_whole"):
        monkeypatch.setattr(hdf5_file.OpenFile, name, counting(getattr(hdf5_file.OpenFile, name)))
    return counted


@pytest.fixture
def decodings(monkeypatch):
    """Count the chunks that are decoded past the library."""
    counted = []
    whole = direct._Chunked._decoded

    def decoded(self, origin):
        counted.append(origin)
        return whole(self, origin)

    monkeypatch.setattr(direct._Chunked, "_decoded", decoded)
    return counted


@pytest.mark.parametrize("count", [20, 200])
@pytest.mark.parametrize("grouped", [1, 10, 1000])
@pytest.mark.parametrize("chunks", [None, (500, 2)])
def test_each_dataset_is_opened_once_for_the_profile_and_once_for_the_scan(path, opens, count, grouped, chunks):
    """One that lies side by side is not opened again at all: the walk has told where."""
    with h5py.File(path, "w") as file:
        for number in range(count):
            values = np.random.default_rng(number).normal(size=(500, 2))
            file.create_dataset(f"g{number // grouped}/d{number}", data=values, chunks=chunks)
    profile = worked_through(path)
    assert profile.families
    if chunks is None:
        assert opens == []
        return
    assert set(opens) == {f"/g{number // grouped}/d{number}".encode() for number in range(count)}
    assert max(map(opens.count, set(opens))) <= 2


def test_a_very_wide_table_has_fewer_probes_and_a_usual_one_has_all():
    def probed(columns, rows=100_000):
        datasets = tuple(Dataset(b"/%d" % at, (rows, 2), np.dtype("f4")) for at in range(columns))
        return len(list(probes([("0\n/\n", tables.Table("/", rows, datasets))])))

    assert [probed(columns) for columns in (1, 64, 65, 128, 1024, 100_000)] == [64, 64, 63, 32, 4, 1]


def test_very_large_chunks_have_fewer_probes():
    def probed(chunk_rows, rows=1 << 22, filters=(1,)):
        dataset = Dataset(b"/d", (rows, 1 << 10), np.dtype("u1"), (chunk_rows, 1 << 10), filters)
        return len(list(probes([("0\n/\n", tables.Table("/", rows, (dataset,)))])))

    # 16 MiB times 64 is what the probes may have decoded; what is in one chunk is decoded once
    assert probed(1 << 10) == probed(1 << 14) == 64
    assert probed(1 << 16) == 16
    assert probed(1 << 16, filters=()) == 64
    assert probed(1 << 20, rows=1 << 20) == 64


@pytest.mark.parametrize("how", [{}, {"shuffle": True}, {"fletcher32": True}])
def test_a_chunk_is_decoded_once_for_all_probes_and_once_for_the_scan(path, decodings, how):
    values = np.random.default_rng(1).integers(0, 9, (5000, 50)).astype("i4")
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=values, chunks=(5000, 50), compression="gzip", **how)
    worked_through(path)
    assert len(decodings) == 1
    report = datacheck.scan(path, workers=2)
    assert (report.status, report.tally.records) == (0, 5000)


@pytest.mark.parametrize("how", [{}, {"shuffle": True}, {"fletcher32": True}])
def test_a_chunk_above_the_usual_size_is_decoded_as_seldom_and_to_the_same(path, decodings, monkeypatch, how):
    values = np.random.default_rng(1).integers(0, 9, (5000, 50)).astype("i4")
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=values, chunks=(5000, 50), compression="gzip", **how)
    monkeypatch.setattr(direct, "CHUNK_BYTES", 1000)
    monkeypatch.setattr(hdf5_kept, "CHUNK_BYTES", 1000)
    reader = pickle.loads(pickle.dumps(open_store(path)))
    (shard,) = reader.layout().shards
    read = np.concatenate([block.columns["data"] for block in reader.blocks(shard)])
    assert np.array_equal(read, values)
    assert len(decodings) == (0 if "fletcher32" in how else 1)


def test_the_library_keeps_a_chunk_it_has_decoded(path, monkeypatch):
    """Shown by overwriting the chunk meanwhile: what is decoded again would not be zeros."""
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=np.zeros((4000, 500), "i4"), chunks=(4000, 500), compression="lzf")
    with h5py.File(path) as file:
        chunk = file["data"].id.get_chunk_info(0)
    reader = pickle.loads(pickle.dumps(open_store(path)))
    layout = reader.layout()
    first = next(reader.blocks(layout.probes[0], limit=16))
    assert not first.findings
    status = path.stat()
    with path.open("r+b") as file:
        file.seek(chunk.byte_offset)
        file.write(b"\xff" * chunk.size)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    for probe in layout.probes[1:]:
        block = next(reader.blocks(probe, limit=16))
        assert not block.findings
        assert not block.columns["data"].any()


def test_a_kept_file_that_changes_is_opened_anew(path):
    with h5py.File(path, "w") as file:
        file["data"] = np.arange(8.0)
    reader = pickle.loads(pickle.dumps(open_store(path)))
    (shard,) = reader.layout().shards
    assert next(reader.blocks(shard)).columns["data"][3] == 3
    other = path.with_name("other.h5")
    with h5py.File(other, "w") as file:
        file["data"] = np.arange(8.0) * 2
    other.replace(path)
    assert next(reader.blocks(shard)).columns["data"][3] == 6


def test_a_reader_that_was_not_sent_to_a_worker_keeps_nothing_open(path):
    with h5py.File(path, "w") as file:
        file["data"] = np.arange(8.0)
    reader = open_store(path)
    assert sum(len(block) for shard in reader.layout().shards for block in reader.blocks(shard)) == 8
    assert not hdf5_kept._last
    with h5py.File(path, "r+") as file:
        file["data"][0] = 1


def heap_size_at(raw: bytes, nth: int = 0) -> int:
    """Return where the size of a global heap collection is (HDF5 File Format Specification 3.0, III.E)."""
    at = -1
    for _ in range(nth + 1):
        at = raw.index(b"GCOL", at + 1)
    return at + 8


@pytest.mark.parametrize("size", [1 << 30, 3_000_000_000])
def test_a_heap_that_claims_gigabytes_costs_none_and_loses_only_its_own_rows(path, size):
    with h5py.File(path, "w") as file:
        file["data"] = np.random.default_rng(1).normal(size=(200, 3))
        strings = file.create_dataset("names", (200,), h5py.string_dtype())
        for at in range(200):
            strings[at] = f"{at} " + "x" * 400
    raw = bytearray(path.read_bytes())
    at = heap_size_at(raw, 1)
    raw[at : at + 8] = struct.pack("<Q", size)
    path.write_bytes(raw)
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    report = datacheck.scan(path, workers=1)
    assert report.complete
    assert 0 < report.bad < 200
    assert set(report.counts) <= {"unreadable", "too-large"}
    assert not {"timeout", "crash"} & set(report.counts)
    grown = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert grown <= max(before, 400 << 10)


def test_very_many_and_very_long_values_of_variable_length_are_sound(path):
    with h5py.File(path, "w") as file:
        file["data"] = np.random.default_rng(1).normal(size=(20_000, 3))
        ragged = file.create_dataset("ragged", (20_000,), h5py.vlen_dtype("f4"))
        ragged[:] = [np.arange(at % 3, dtype="f4") for at in range(20_000)]
        names = file.create_dataset("names", (20_000,), h5py.string_dtype(), chunks=(1000,), compression="gzip")
        names[:] = [str(at) for at in range(20_000)]
        long = file.create_dataset("g/long", (3,), h5py.vlen_dtype("u1"))
        file["g/data"] = np.arange(3.0)
        for at in range(3):
            long[at] = np.full(30_000_000, at, "u1")
    report = datacheck.scan(path, workers=1)
    assert [(it.key, it.code, it.details["family"]) for it in report.findings] == [(None, "unknown-payload", "/g/long")]


def chunked(path, stored: bytes, shape, filters: int = 1):
    """Write a dataset of one chunk that is stored as these bytes."""
    with h5py.File(path, "w") as file:
        created = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        created.set_chunk(shape)
        for _ in range(filters):
            created.set_deflate(6)
        space = h5py.h5s.create_simple(shape)
        made = h5py.h5d.create(file.id, b"data", h5py.h5t.NATIVE_UINT8, space, created)
        made.write_direct_chunk((0, 0), stored)
        file["other"] = np.arange(2.0)


def test_a_chunk_that_inflates_to_more_than_it_declares_is_bad_and_costs_no_gigabyte(path):
    packer = zlib.compressobj(1)
    piece = bytes(1 << 24)
    stored = b"".join(packer.compress(piece) for _ in range(28)) + packer.flush()
    chunked(path, stored, (10, 100))
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    report = datacheck.scan(path, workers=1)
    assert report.bad == 10
    assert not {"timeout", "crash"} & set(report.counts)
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss <= max(before, 300 << 10)


def test_a_chunk_of_two_deflates_is_read_like_any_other(path):
    values = np.random.default_rng(2).integers(0, 5, (100, 100)).astype("u1")
    chunked(path, zlib.compress(zlib.compress(values.tobytes())), (100, 100), filters=2)
    report = datacheck.scan(path, workers=1)
    assert (report.status, report.tally.records) == (0, 102)


@pytest.mark.parametrize(
    ("stored", "filters", "verdict"),
    [(0, (1,), "unverifiable"), (1000, (1,), "bad"), (10_000, (1, 1), "unverifiable"), (1000, (32015,), "unverifiable"),
     (1 << 25, (2, 1), "unverifiable")],
)  # fmt: skip
def test_a_chunk_beyond_our_limit_is_bad_only_where_its_bytes_cannot_be_so_many(monkeypatch, stored, filters, verdict):
    class Opened:
        def get_storage_size(self):
            return stored

    class Created:
        def get_layout(self):
            return 2

    h5 = type("h5", (), {"h5d": type("h5d", (), {"VIRTUAL": 3})})
    walk = hindrances.Hindrances(h5, None, 1 << 30)
    dataset = Dataset(b"/d", (8, 1 << 28), np.dtype("u1"), (8, 1 << 28), filters)
    (finding,) = walk._size_findings(Opened(), Created(), dataset)
    assert (finding.code, finding.verdict) == ("too-large", verdict)


def test_the_bound_holds_while_it_is_set_and_no_longer():
    before = resource.getrlimit(resource.RLIMIT_DATA)
    with pytest.raises(MemoryError), at_most(1 << 20):
        np.ones(1 << 28, np.uint8)
    assert resource.getrlimit(resource.RLIMIT_DATA) == before
    with at_most(1 << 28):
        assert len(np.ones(1 << 28, np.uint8)) == 1 << 28


@pytest.mark.parametrize(("hangs", "answered"), [(3, True), (4, False)])
def test_a_walk_that_hangs_again_and_again_is_given_up(hangs, answered):
    def walk(trail):
        for number in range(8):
            if trail.step() is None and number < hangs:
                os.kill(os.getpid(), signal.SIGALRM)
        return "whole"

    made, avoided = survived(walk)
    assert (made == "whole", len(avoided)) == (answered, hangs)
