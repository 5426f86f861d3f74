"""The list of a group of the old kind may break off: what it has till then is not all that there is."""

import h5py
import numpy as np
import pytest

import datacheck
from datacheck.backends.hdf5.structure import name_heap

SAMPLES = 400
HEADER = 512
"""Bytes that the header of a dataset takes at most."""


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "samples.h5"
    with h5py.File(path, "w", libver="earliest") as file:
        for number in range(SAMPLES):
            file[f"protein_{number}"] = np.full((5 + number % 40, 16), number + 1.5)
    return path


def cut(path, share):
    """Cut a file; return how many samples lie before the cut, with their headers."""
    size = int(path.stat().st_size * share)
    with h5py.File(path) as file:
        ends = [
            max(it.id.get_offset() + it.id.get_storage_size(), h5py.h5o.get_info(it.id).addr + HEADER)
            for it in file.values()
        ]
    with path.open("r+b") as file:
        file.truncate(size)
    return sum(end <= size for end in ends)


@pytest.mark.parametrize("share", [0.9, 0.95, 0.999])
def test_all_samples_before_a_cut_are_found(path, tmp_path, share):
    whole = cut(path, share)
    assert datacheck.scan(path).bad
    datacheck.rebuild(path, tmp_path / "copy.h5", drop_bad=True)
    kept = []
    with h5py.File(tmp_path / "copy.h5") as copy:
        copy.visititems(lambda _, it: kept.append(it[0, 0]) if isinstance(it, h5py.Dataset) else None)
    assert len(set(kept)) >= whole


def test_a_heap_says_whether_all_of_it_is_there(path):
    def names():
        with h5py.File(path) as file:
            return name_heap.names(h5py, file["/"].id, h5py.h5o.get_info(file.id, b"/").addr)

    there, whole = names()
    assert (len(there), whole) == (SAMPLES, True)
    raw = path.read_bytes()
    heap = raw.index(b"HEAP\0\0\0\0")
    path.write_bytes(
        raw[: heap + 8] + (len(raw)).to_bytes(8, "little") + raw[heap + 16 :]
    )  # it would end behind the file
    assert not names()[1]
