"""A large copy is written out while it grows, which changes nothing of it, and what the disk says then is said."""

import errno
import os

import h5py
import numpy as np
import pytest
from stepping import ended

from datacheck.backends import open_store
from datacheck.backends.copy_plan import Drops, Plan
from datacheck.backends.hdf5.copying import builder, copier
from datacheck.backends.hdf5.copying.copier import Hdf5Copier
from datacheck.files import disk

LAYOUTS = {
    "side by side": {},
    "chunks": {"chunks": (5, 8)},
    "compressed": {"chunks": (5, 8), "compression": "gzip", "shuffle": True},
}


@pytest.fixture(params=LAYOUTS)
def source(request, tmp_path):
    path = tmp_path / "source.h5"
    values = np.random.default_rng(2).integers(0, 9, (400, 8)).astype("f4")
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=values, **LAYOUTS[request.param])
        file["label"] = np.arange(400)
        texts = file.create_dataset("text", (400,), h5py.string_dtype(), chunks=(9,))
        texts[:] = [f"the text of {number}" for number in range(400)]
    return path


@pytest.fixture
def often(monkeypatch):
    """Have files written out, and let go of, at each step; return the calls."""
    calls = []
    monkeypatch.setattr(builder, "WRITTEN_BYTES", 1)
    monkeypatch.setattr(copier, "STEPS", 1)
    for module, name, whole in ((disk, "write_out", disk.write_out), (copier, "let_go", copier.let_go)):
        monkeypatch.setattr(module, name, lambda path, name=name, whole=whole: calls.append(name) or whole(path))
    return calls


def content(path):
    with h5py.File(path) as file:
        return {name: (it[()].tolist(), it.chunks, it.compression) for name, it in file.items()}


def copied(source, target):
    """Copy without a row, and read the copy again; return its digest."""
    drops = target.with_suffix(".drops")
    np.array([77], np.int64).tofile(drops)
    reader, plan = open_store(source), Plan(target, Drops(drops), threads=2)
    done = ended(Hdf5Copier().copy(reader, plan))
    assert ended(Hdf5Copier().verify(reader, plan)) == (done.kept, done.digest) == (399, done.digest)
    return done.digest


def test_the_copy_is_the_same(source, tmp_path, request):
    whole = copied(source, tmp_path / "whole.h5")
    calls = request.getfixturevalue("often")
    assert copied(source, tmp_path / "parts.h5") == whole
    assert content(tmp_path / "parts.h5") == content(tmp_path / "whole.h5")
    assert {"write_out", "let_go"} == set(calls)


def test_what_a_full_disk_says_then_is_raised(source, tmp_path, often, monkeypatch):
    def full(path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(disk, "write_out", full)
    with pytest.raises(OSError, match="No space left on device"):
        copied(source, tmp_path / "copy.h5")


@pytest.mark.parametrize("row", [12, 300])
def test_a_bit_that_turned_between_copy_and_proof_is_found(source, tmp_path, row):
    """Of row 12 the chunk is copied as it is stored, that of row 300 is made anew."""
    drops, target = tmp_path / "drops", tmp_path / "copy.h5"
    np.array([77], np.int64).tofile(drops)
    reader, plan = open_store(source), Plan(target, Drops(drops), threads=2)
    done = ended(Hdf5Copier().copy(reader, plan))
    with h5py.File(target) as file:
        data = file["data"].id
        if file["data"].chunks is None:
            place = data.get_offset() + row * 8 * 4
        else:
            stored = data.get_chunk_info_by_coord((row - row % 5, 0))
            place = stored.byte_offset + stored.size // 2
    with target.open("r+b") as file:
        file.seek(place)
        was = file.read(1)[0]
        file.seek(place)
        file.write(bytes([was ^ 4]))
    assert ended(Hdf5Copier().verify(reader, plan)) != (done.kept, done.digest)
