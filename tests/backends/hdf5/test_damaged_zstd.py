"""A chunk that cannot be decompressed is damaged, though the Zstandard filter of hdf5plugin gives no error."""

import ctypes
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from commanding import datacheck

plugins = pytest.importorskip("hdf5plugin")
ROWS = np.random.default_rng(0).integers(0, 9, (8, 64)).astype("f4")
EDGES = 2  # H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS


def write(path, rows=ROWS, **options):
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=rows, chunks=(4, *rows.shape[1:]), **plugins.Zstd(), **options)
        file["y"] = np.arange(len(rows))


def scan(path, *options):
    return datacheck("scan", path, "--no-config", "--quiet", *options)


@pytest.mark.parametrize("options", [{}, {"shuffle": True}, {"fletcher32": True}])
def test_sound_chunks_are_clean(tmp_path, options):
    write(tmp_path / "a.h5", **options)
    assert scan(tmp_path / "a.h5").returncode == 0


def test_sound_chunks_of_texts_are_clean(tmp_path):
    write(tmp_path / "a.h5", np.array([f"text {it}" for it in range(8)], dtype=object), dtype=h5py.string_dtype())
    assert scan(tmp_path / "a.h5").returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="the library is found in /proc")
def test_partial_chunks_that_no_filter_was_applied_to_are_clean(tmp_path):
    maps = [line.split()[-1] for line in Path("/proc/self/maps").read_text().split("\n") if line]
    library = ctypes.CDLL(next(it for it in maps if Path(it).name.startswith(("libhdf5-", "libhdf5."))))
    created = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    created.set_chunk((5, 64))
    created.set_filter(plugins.Zstd.filter_id, 0, (3,))
    assert library.H5Pset_chunk_opts(ctypes.c_int64(created.id), ctypes.c_uint(EDGES)) == 0
    with h5py.File(tmp_path / "a.h5", "w", libver="latest") as file:
        made = h5py.h5d.create(file.id, b"x", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple(ROWS.shape), created)
        made.write(h5py.h5s.ALL, h5py.h5s.ALL, ROWS)
        assert made.get_chunk_info(1).size == 5 * 64 * 4
    assert scan(tmp_path / "a.h5").returncode == 0


@pytest.mark.parametrize("rows", [ROWS, ROWS[:, :1]])
def test_a_damaged_chunk_is_named(tmp_path, rows):
    write(tmp_path / "a.h5", rows)
    with h5py.File(tmp_path / "a.h5") as file:
        stored = file["x"].id.get_chunk_info(1)
    damaged = bytearray((tmp_path / "a.h5").read_bytes())
    damaged[stored.byte_offset + 6 : stored.byte_offset + 12] = bytes(6)
    (tmp_path / "a.h5").write_bytes(damaged)
    done = scan(tmp_path / "a.h5")
    assert done.returncode == 1, done.stdout
    assert "the chunk at [4, 0] of /x" in done.stdout
    assert f"does not decompress to the {4 * rows[0].nbytes} bytes of its values" in done.stdout
    assert "/[4]" in done.stdout
    assert "/[3]" not in done.stdout
