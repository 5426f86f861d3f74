"""Faults of HDF5 files that a copy, a folder or a list of files meets: they neither stop it nor pass pixels_skipped."""

import h5py
import numpy as np
import pytest
from building import fingerprint, floats
from msgspec.structs import replace

import datacheck
from datacheck.backends import BACKENDS, open_store
from datacheck.backends.copy_plan import Drops, Plan
from datacheck.backends.hdf5 import file_list
from datacheck.backends.hdf5.copying.copier import Hdf5Copier
from datacheck.backends.hdf5.in_folders import IN_FOLDERS
from datacheck.backends.hdf5.reader import Hdf5Reader
from datacheck.backends.interface import StoreOptions


def digest_of_a_copy(folder, name, **how):
    """Copy a file of one dataset without its first row, and return the digest of the copy."""
    (folder / name).mkdir()
    source = folder / name / "source.h5"
    with h5py.File(source, "w") as file:
        file.create_dataset("data", data=np.arange(20, dtype="i4"), chunks=(5,), **how)
    np.array([0], np.int64).tofile(folder / "drops")
    steps = Hdf5Copier().copy(open_store(source), Plan(folder / name / "copy.h5", Drops(folder / "drops")))
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value.digest


def test_the_fill_value_is_in_the_digest(tmp_path):
    one, other, same = (
        digest_of_a_copy(tmp_path, name, fillvalue=value) for name, value in (("one", -7), ("other", -8), ("same", -7))
    )
    assert one == same != other


@pytest.mark.parametrize(
    ("property_", "one", "other"),
    [
        ("compression_opts", {"compression": "gzip", "compression_opts": 1}, {"compression": "gzip"}),
        ("shuffle", {"shuffle": True}, {}),
        ("maxshape", {"maxshape": (None,)}, {"maxshape": (40,)}),
        ("fill time", {"fill_time": "never"}, {"fill_time": "alloc"}),
    ],
)
def test_how_a_dataset_was_made_is_in_the_digest(tmp_path, property_, one, other):
    assert digest_of_a_copy(tmp_path, "one", **one) != digest_of_a_copy(tmp_path, "other", **other), property_


@pytest.fixture
def unreadable(monkeypatch):
    """Make every file whose name begins with "locked" one that may not be read."""
    real = file_list.is_hdf5

    def is_hdf5(path):
        if path.name.startswith("locked"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(file_list, "is_hdf5", is_hdf5)
    monkeypatch.setattr(Hdf5Reader, "in_folders", replace(IN_FOLDERS, holds=is_hdf5))
    monkeypatch.setitem(BACKENDS, "hdf5", replace(BACKENDS["hdf5"], in_folders=None))  # so the reader's own is used


def store(path):
    with h5py.File(path, "w") as file:
        file["data"] = np.arange(3)


def test_a_file_of_a_folder_that_may_not_be_read_is_said_whatever_its_name(tmp_path, unreadable):
    store(tmp_path / "a.h5")
    (tmp_path / "locked.h5").write_bytes(b"")
    (tmp_path / "locked.HDF5").write_bytes(b"")
    (tmp_path / "locked.txt").write_bytes(b"")
    reader = Hdf5Reader.recognise(tmp_path, StoreOptions())
    assert [(it.code, it.verdict, it.file, it.message) for it in reader.layout().findings] == [
        ("unsupported", "unverifiable", name, f"{name}: may not be read: permission denied")
        for name in ("locked.HDF5", "locked.h5", "locked.txt")
    ]


def test_a_file_of_a_list_that_may_not_be_read_is_said_whatever_its_name(tmp_path, unreadable):
    store(tmp_path / "a.h5")
    for name in ("locked.dat", "locked.h5"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "broken.dat").write_bytes(b"words")
    (tmp_path / "list.txt").write_text("a.h5\nlocked.dat\nlocked.h5\nbroken.dat\n")
    reader = Hdf5Reader.recognise(tmp_path / "list.txt", StoreOptions())
    assert [(it.code, it.file, it.message) for it in reader.layout().findings] == [
        ("unsupported", "locked.dat", "locked.dat: may not be read: permission denied"),
        ("unsupported", "locked.h5", "locked.h5: may not be read: permission denied"),
        ("damaged-store", "broken.dat", "broken.dat: not an HDF5 file: it has no HDF5 signature"),
    ]


def test_a_reference_to_an_object_that_is_damaged_becomes_a_null_reference(tmp_path):
    path, target = tmp_path / "source.h5", tmp_path / "clean.h5"
    with h5py.File(path, "w", libver="latest") as file:
        data = floats(1, (20, 4))
        data[3, 1] = np.nan
        file["data"] = data
        file["gone"] = np.arange(5)
        file["aims"] = np.array([file["gone"].ref, file["data"].ref] * 10, h5py.ref_dtype)
        header = h5py.h5o.get_info(file["gone"].id).addr
    raw = bytearray(path.read_bytes())
    assert raw[header : header + 4] == b"OHDR"
    raw[header : header + 16] = bytes(16)
    path.write_bytes(raw)
    before = fingerprint(path)
    assert [(it.code, it.key) for it in datacheck.scan(path).findings if it.code == "nan"] == [("nan", "/[3]")]
    assert datacheck.rebuild(path, target, drop_bad=True, accept_losses=True).written
    assert fingerprint(path) == before
    with h5py.File(target) as copy:
        assert len(copy["data"]) == 19
        assert [bool(aim) for aim in copy["aims"][:4]] == [False, True, False, False]
        assert copy[copy["aims"][1]].name == "/data"
