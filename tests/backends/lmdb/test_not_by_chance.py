"""Test files with bytes that happen to look like the header of an LMDB page: they are not environments."""

from __future__ import annotations

import struct

import h5py
import lmdb
import numpy as np
import pytest

import datacheck
from datacheck.backends import open_store
from datacheck.backends.interface import StoreOptions
from datacheck.backends.lmdb.reader import LmdbReader

CHANCE = struct.pack("<QQQ", 16, 0x20118, 0)
"""What HDF5 writes for a link in a group: the offset of its name, and the address of its header."""


@pytest.mark.parametrize("page_size", [256, 512, 1024, 2048, 4096, 8192, 16384])
def test_a_page_header_without_its_nodes_makes_no_environment(tmp_path, page_size):
    content = bytearray(page_size * 40)
    content[page_size * 16 : page_size * 16 + 24] = CHANCE
    (tmp_path / "a.bin").write_bytes(content)
    assert LmdbReader.recognise(tmp_path / "a.bin", StoreOptions()) is None


def test_files_of_many_groups_are_hdf5(tmp_path):
    for count in range(20, 60):
        path = tmp_path / f"{count}.h5"
        with h5py.File(path, "w") as file:
            for at in range(count):
                file[f"patient_{at % 7}/slice_{at}/image"] = np.full((16, 16), at, "u1")
                file[f"patient_{at % 7}/slice_{at}/mask"] = np.full((16, 16), at, "u1")
        assert open_store(path).backend == "hdf5"


@pytest.mark.parametrize("records", [1, 3, 400])
def test_an_environment_without_its_meta_pages_is_known_by_its_leaves(tmp_path, records):
    path = tmp_path / "a.mdb"
    with lmdb.open(str(path), subdir=False, map_size=1 << 24) as env, env.begin(write=True) as txn:
        for at in range(records):
            txn.put(b"%06d" % at, bytes([at % 251]) * 60)
    content = bytearray(path.read_bytes())
    content[: 2 * 4096] = bytes(2 * 4096)
    path.write_bytes(content)
    assert LmdbReader.recognise(path, StoreOptions()) is not None
    assert any(it.code == "damaged-store" for it in datacheck.scan(path).findings)
