"""Damage in the index of a dataset's chunks, which the library takes for chunks that were never written."""

from __future__ import annotations

import struct

import h5py
import numpy as np
import pytest

from datacheck import rebuild, scan

ROWS, CHUNK = 60, 2


def made(path, **options):
    """Write a dataset whose values tell their row; return the file's bytes."""
    with h5py.File(path, "w", libver="earliest") as file:
        values = np.arange(1, ROWS * 3 + 1, dtype="f4").reshape(ROWS, 3)
        file.create_dataset("data", data=values, chunks=(CHUNK, 3), **options)
        file["label"] = np.arange(ROWS) % 3
    return bytearray(path.read_bytes())


def keys(raw):
    """Return where the offsets of each chunk are in the version 1 B-tree of the only dataset with chunks."""
    at = raw.index(b"TREE\x01\x00")
    used = struct.unpack_from("<H", raw, at + 6)[0]
    return [at + 24 + 8 + number * (8 + 3 * 8 + 8) for number in range(used)]


WRONG = {
    "beyond the values of a number": (16, 8),
    "beyond the columns": (8, 3 << 20),
    "beyond the rows": (0, (1 << 20) + 14),
    "where another one is": (0, 30),
}


@pytest.mark.parametrize("options", [{}, {"compression": "gzip", "fletcher32": True}, {"compression": "lzf"}])
@pytest.mark.parametrize(("place", "value"), WRONG.values(), ids=WRONG)
def test_a_chunk_with_a_wrong_place_in_the_index_is_not_taken_for_one_never_written(tmp_path, options, place, value):
    path = tmp_path / "a.h5"
    raw = made(path, **options)
    struct.pack_into("<Q", raw, keys(raw)[7] + place, value)
    path.write_bytes(raw)
    report = scan(path, workers=1)
    lost = {finding.key for finding in report.findings if finding.code == "damaged-store"}
    assert {"/[14]", "/[15]"} <= lost
    copy = tmp_path / "copy.h5"
    rebuild(path, copy, drop_bad=True, workers=1)
    with h5py.File(copy) as file:
        first = file["data"][:, 0]
        assert all(first == np.float32(3 * np.round((first - 1) / 3) + 1))
        assert not (first == 0).any()


def test_what_was_never_written_and_what_is_zero_is_no_damage(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        sparse = file.create_dataset("sparse", (ROWS, 3), "f4", chunks=(CHUNK, 3), maxshape=(None, None))
        sparse[4:6] = 1
        sparse[20:22] = 0
        sparse[50:60] = 2
        file.create_dataset("never", (ROWS, 3), "f4", chunks=(CHUNK, 3))
        zeros = file.create_dataset("zeros", (ROWS, 4), "i2", chunks=(7, 3), compression="lzf")
        zeros[...] = 0
        file.create_dataset("filled", (ROWS, 4), "i2", chunks=(7, 3), compression="lzf", fillvalue=-3)
    report = scan(path, workers=1, skip=["constant"])
    assert [it.code for it in report.findings if it.verdict == "bad"] == []
