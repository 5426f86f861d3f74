"""Test searching a folder: every store is a source, broken stores are named, and other files are counted."""

import os
from pathlib import Path

import h5py
import lmdb
import numpy as np
import pytest
from building import raw_records, write_lmdb

from datacheck.backends import open_store, open_stores
from datacheck.backends.folder import kinds_text
from datacheck.backends.leveldb.log_writer import create as write_leveldb
from datacheck.backends.shared.file_kinds import kind_of_file
from datacheck.errors import SourceUnknown, SourceUnreadable

CLASSIC = b"CDF\x01" + bytes(60)
HDF4 = b"\x0e\x03\x13\x01" + bytes(60)
MATLAB_5 = b"MATLAB 5.0 MAT-file, Platform: GLNXA64" + bytes(100)
MATLAB_4 = (0).to_bytes(4, "little") + (1).to_bytes(4, "little") * 2 + bytes(4) + (2).to_bytes(4, "little") + b"x\0"
ACCESS = b"\0\1\0\0Standard Jet DB\0" + bytes(100)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


def hdf5(path, rows=3):
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file["data"] = np.arange(rows) + 1.5


def lmdb_file(path, count=3):
    with lmdb.open(str(path), subdir=False, map_size=1 << 20) as environment, environment.begin(write=True) as txn:
        for key, value in raw_records(count).items():
            txn.put(key, value)


def found(folder, backend=None):
    """Return the sources by backend and name, the faults of others, and the counts of files that are not read."""
    opened = open_stores(folder, backend)
    readers = [(it.backend, os.path.relpath(it.path, folder)) for it in opened.readers]
    faults = [(it.file, it.code, it.verdict) for reader in opened.readers for it in getattr(reader, "faults", ())]
    return readers, faults, dict(opened.not_read)


def test_every_store_below_a_folder_is_a_source_and_all_hdf5_files_are_one(tmp_path):
    write_lmdb(tmp_path / "z", raw_records(3))
    write_leveldb(tmp_path / "b" / "deep" / "er", [(b"a", b"1")])
    lmdb_file(tmp_path / "b" / "file.of.any.name")
    hdf5(tmp_path / "a.h5")
    hdf5(tmp_path / "b" / "deep" / "no suffix")
    readers, faults, not_read = found(tmp_path)
    assert readers == [("hdf5", "."), ("leveldb", "b/deep/er"), ("lmdb", "b/file.of.any.name"), ("lmdb", "z")]
    assert open_stores(tmp_path).readers[0].names == ("a.h5", "b/deep/no suffix")
    assert (faults, not_read) == ([], {})


def test_the_order_is_that_of_the_names_whatever_the_folder_lists_first(tmp_path):
    for name in ("c", "a", "b/2", "b/1"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_lmdb(tmp_path / name, raw_records(1))
    assert [name for _, name in found(tmp_path)[0]] == ["a", "b/1", "b/2", "c"]


def test_a_store_that_holds_another_is_a_source_beside_it(tmp_path):
    write_lmdb(tmp_path / "outer", raw_records(3))
    write_lmdb(tmp_path / "outer" / "inner", raw_records(3))
    hdf5(tmp_path / "outer" / "means.h5")
    (tmp_path / "outer" / "meta_info.txt").write_text("the store's own\n")
    readers, faults, not_read = found(tmp_path / "outer")
    assert readers == [("hdf5", "."), ("lmdb", "."), ("lmdb", "inner")]
    assert (faults, not_read) == ([], {})


def test_a_store_alone_in_its_folder_is_what_it_was(tmp_path):
    write_leveldb(tmp_path / "db", [(b"a", b"1")])
    (tmp_path / "db" / "lost").mkdir()
    (tmp_path / "db" / "lost" / "000005.ldb").write_bytes(b"what repair could not use")
    (tmp_path / "db" / "README").write_text("about it")
    assert found(tmp_path / "db") == ([("leveldb", ".")], [], {})


def test_links_to_folders_are_counted_and_not_followed(tmp_path):
    (tmp_path / "real").mkdir()
    write_lmdb(tmp_path / "real" / "db", raw_records(3))
    (tmp_path / "real" / "up").symlink_to(tmp_path)
    (tmp_path / "latest").symlink_to("real/db")
    assert found(tmp_path) == ([("lmdb", "real/db")], [], {"link to a folder": 2})


def test_a_link_to_a_file_is_followed(tmp_path):
    hdf5(tmp_path / "elsewhere" / "a.h5")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "b.h5").symlink_to(tmp_path / "elsewhere" / "a.h5")
    assert found(tmp_path / "folder") == ([("hdf5", ".")], [], {})


def test_a_link_to_a_file_of_the_folder_itself_is_not_read_again(tmp_path):
    hdf5(tmp_path / "far.h5")
    hdf5(tmp_path / "f" / "more" / "z.h5")
    for name, goal in (("a.h5", "more/z.h5"), ("b.h5", "../far.h5"), ("c.h5", "b.h5"), ("d.h5", "../far.h5")):
        (tmp_path / "f" / name).symlink_to(goal)
    (tmp_path / "f" / "hard.h5").hardlink_to(tmp_path / "far.h5")
    assert open_stores(tmp_path / "f").readers[0].names == ("hard.h5", "more/z.h5")
    (tmp_path / "f" / "hard.h5").unlink()
    assert open_stores(tmp_path / "f").readers[0].names == ("b.h5", "more/z.h5")


def test_what_is_not_read_is_counted_by_kind(tmp_path):
    hdf5(tmp_path / "a.h5")
    for name, content in {
        "1.png": PNG,
        "2.jpg": b"\xff\xd8\xff\xe0",
        "sub/3": b"GIF89a",
        "notes.md": b"words",
        "LICENSE": "Straße".encode(),
        "x.npy": b"\x93NUMPY",
        "x.npz": b"PK\x03\x04",
        "weights.bin": bytes(range(256)),
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "gone").symlink_to("nowhere")
    _, faults, not_read = found(tmp_path)
    assert faults == []
    assert kinds_text(not_read) == (
        "3 pictures, 2 text files, 1 NumPy file, 1 link that leads nowhere, 1 other file, 1 special file, 1 zip archive"
    )


@pytest.mark.parametrize(("count", "said"), [(1, "1 link to a folder"), (2, "2 links to a folder")])
def test_numbers_of_links_read_well(count, said):
    assert kinds_text({"link to a folder": count}) == said


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("b.h5", b"nothing"),
        ("b.hdf", b"\xff garbage"),
        ("b.nc", b""),
        ("sub/b.HDF5", PNG),
        ("b.mdb", b"\xff" * 9000),
        ("b.lmdb", b""),
    ],
)
def test_a_file_that_should_be_a_store_by_its_name_and_is_none_is_bad(tmp_path, name, content):
    hdf5(tmp_path / "a.h5")
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(content)
    assert found(tmp_path)[1:] == ([(name, "damaged-store", "bad")], {})


def test_the_suffix_of_sound_stores_says_what_others_should_be(tmp_path):
    hdf5(tmp_path / "a.dat")
    (tmp_path / "b.dat").write_bytes(b"\xff\0 garbage")
    (tmp_path / "c.dat").write_bytes(b"")
    (tmp_path / "d.bin").write_bytes(b"\xff\0 garbage")
    (tmp_path / "about.dat").write_text("text of whoever made it")
    assert found(tmp_path)[1:] == (
        [("b.dat", "damaged-store", "bad"), ("c.dat", "damaged-store", "bad")],
        {"other file": 1, "text file": 1},
    )


def test_files_without_a_suffix_have_no_neighbours(tmp_path):
    hdf5(tmp_path / "data")
    (tmp_path / "blob").write_bytes(b"\xff\0")
    assert found(tmp_path)[1:] == ([], {"other file": 1})


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("b.nc", CLASSIC),
        ("b.hdf", HDF4),
        ("b.mat", MATLAB_5),
        ("b.mat", MATLAB_4),
        ("b.mdb", ACCESS),
        ("b", CLASSIC),
    ],
)
def test_a_foreign_format_with_such_a_name_is_not_broken(tmp_path, name, content):
    hdf5(tmp_path / "a.mat")
    (tmp_path / name).write_bytes(content)
    assert found(tmp_path)[1:] == ([(name, "unsupported", "unverifiable")], {})


def test_a_mat_file_that_is_none_of_them_is_broken_beside_sound_ones(tmp_path):
    hdf5(tmp_path / "a.mat")
    (tmp_path / "b.mat").write_bytes(b"\xff" * 100)
    assert found(tmp_path)[1] == [("b.mat", "damaged-store", "bad")]


@pytest.mark.parametrize("names", [["data.mdb"], ["CURRENT", "MANIFEST-000002"], ["000005.ldb"]])
def test_a_folder_that_should_be_a_store_by_the_names_in_it_is_bad(tmp_path, names):
    hdf5(tmp_path / "a.h5")
    (tmp_path / "broken").mkdir()
    for name in names:
        (tmp_path / "broken" / name).write_bytes(b"\xff garbage" * 900)
    assert found(tmp_path) == ([("hdf5", ".")], [("broken", "damaged-store", "bad")], {})


def test_an_empty_folder_is_bad_only_if_it_is_named_as_a_store(tmp_path):
    hdf5(tmp_path / "a.h5")
    for name in ("empty", "train.lmdb", "val.leveldb"):
        (tmp_path / name).mkdir()
    faults = [("train.lmdb", "damaged-store", "bad"), ("val.leveldb", "damaged-store", "bad")]
    assert found(tmp_path)[1:] == (faults, {})


def test_the_code_of_a_program_is_no_store(tmp_path):
    hdf5(tmp_path / "a.h5")
    for name in ("lmdb/__init__.py", "leveldb/CURRENT", "000012.log", "lib.ldb"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("text = 1\n")
    assert found(tmp_path)[1:] == ([], {"text file": 4})


def test_a_store_that_cannot_be_read_here_is_unverifiable(tmp_path):
    hdf5(tmp_path / "a.h5")
    old = bytes(12) + b"\xde\xc0\xef\xbe" + bytes(4096)  # the place of the magic number on a 32-bit machine
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "data.mdb").write_bytes(old)
    (tmp_path / "old.mdb").write_bytes(old)
    rocks = tmp_path / "rocks"
    rocks.mkdir()
    write_leveldb(rocks / "db", [(b"a", b"1")])
    (rocks / "db" / "IDENTITY").write_text("rocksdb")
    (rocks / "db" / "OPTIONS-000005").write_text("rocksdb")
    assert found(tmp_path)[1] == [
        ("old.mdb", "unsupported", "unverifiable"),
        ("other", "unsupported", "unverifiable"),
        ("rocks/db", "unsupported", "unverifiable"),
    ]


def test_a_folder_without_a_sound_store_still_says_what_is_broken(tmp_path):
    (tmp_path / "a.h5").write_bytes(b"\xff")
    (tmp_path / "b.png").write_bytes(PNG)
    readers, faults, not_read = found(tmp_path)
    assert (readers, faults, not_read) == ([("folder", ".")], [("a.h5", "damaged-store", "bad")], {"picture": 1})
    with pytest.raises(SourceUnknown, match="holds no LMDB, LevelDB or HDF5 files"):
        open_store(tmp_path)


def test_a_folder_without_any_store_is_none_and_says_what_lies_there(tmp_path):
    for number in range(12):
        (tmp_path / f"{number}.png").write_bytes(PNG)
    (tmp_path / "labels.txt").write_text("0 1\n")
    with pytest.raises(SourceUnknown, match=r"holds no .* files; not read: 12 pictures, 1 text file"):
        open_stores(tmp_path)


def refusing(monkeypatch, what, name):
    """Make a function refuse the path with this name with EACCES, which root would not get from the system."""
    module, attribute = what.rsplit(".", 1)
    holder = __import__(module, fromlist=[attribute])
    real = getattr(holder, attribute)

    def refuse(path, *rest, **more):
        if Path(path).name == name:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *rest, **more)

    monkeypatch.setattr(holder, attribute, refuse)


@pytest.mark.parametrize("what", ["os.scandir", "os.open"])
def test_what_may_not_be_read_is_said_and_the_rest_is_found(tmp_path, monkeypatch, what):
    hdf5(tmp_path / "a.h5")
    write_lmdb(tmp_path / "c", raw_records(3))
    (tmp_path / "b").mkdir() if what == "os.scandir" else (tmp_path / "b").write_text("x")
    refusing(monkeypatch, what, "b")
    assert found(tmp_path) == ([("hdf5", "."), ("lmdb", "c")], [("b", "unsupported", "unverifiable")], {})


def test_a_folder_that_may_not_be_read_itself_is_said(tmp_path, monkeypatch):
    (tmp_path / "b").mkdir()
    refusing(monkeypatch, "os.scandir", "b")
    with pytest.raises(SourceUnreadable, match="b: may not be read: permission denied"):
        open_stores(tmp_path / "b")


def test_a_folder_with_nothing_but_what_may_not_be_read_is_undecided(tmp_path, monkeypatch):
    (tmp_path / "b").mkdir()
    refusing(monkeypatch, "os.scandir", "b")
    assert found(tmp_path) == ([("folder", ".")], [("b", "unsupported", "unverifiable")], {})


def test_a_backend_that_is_named_is_the_only_one_searched_for(tmp_path):
    hdf5(tmp_path / "a.h5")
    write_lmdb(tmp_path / "b", raw_records(3))
    assert found(tmp_path, "lmdb")[0] == [("lmdb", "b")]
    assert found(tmp_path, "hdf5")[0] == [("hdf5", ".")]
    with pytest.raises(SourceUnknown, match="is not a store that the backend leveldb reads"):
        open_stores(tmp_path, "leveldb")


def test_open_store_opens_one_and_names_those_of_a_folder(tmp_path):
    hdf5(tmp_path / "a.h5")
    assert open_store(tmp_path).backend == "hdf5"
    write_lmdb(tmp_path / "b", raw_records(3))
    with pytest.raises(SourceUnknown) as caught:
        open_store(tmp_path)
    said = "is a folder with 2 sources in it: 1 HDF5 file (--backend hdf5), b (LMDB); name the one that is meant"
    assert str(caught.value) == f"{tmp_path}: {said}"


def test_open_store_opens_the_store_that_a_folder_is_whatever_else_lies_in_it(tmp_path):
    write_lmdb(tmp_path / "outer", raw_records(3))
    write_lmdb(tmp_path / "outer" / "inner", raw_records(3))
    hdf5(tmp_path / "outer" / "means.h5")
    assert open_store(tmp_path / "outer").backend == "lmdb"


def test_a_name_with_hostile_bytes_is_escaped(tmp_path):
    hdf5(tmp_path / "a.h5")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/b\x1b\xff.h5")).write_bytes(b"x")
    (finding,) = open_stores(tmp_path).readers[0].faults
    assert finding.file == r"b\x1b\xff.h5"
    assert finding.message.isascii()


def test_files_that_nothing_recognises_are_read_at_their_beginning_alone(tmp_path, monkeypatch):
    """Its cost does not depend on the sizes of files that are not stores."""
    (tmp_path / "huge").touch()
    os.truncate(tmp_path / "huge", 1 << 40)
    hdf5(tmp_path / "a.h5")
    seen = []
    real = os.pread
    monkeypatch.setattr(os, "pread", lambda *given: seen.append(given[1]) or real(*given))
    assert found(tmp_path)[2] == {"other file": 1}
    assert sum(seen) < 1 << 16


@pytest.mark.parametrize(
    ("name", "head", "kind"),
    [
        ("a.bmp", b"BM\x36\0\0\0\0\0\0\0\x36\0", "picture"),
        ("a", b"BMW and other words", "text file"),
        ("a", b"RIFF\0\0\0\0WEBP", "picture"),
        ("a.txt", b"\xff\xff", "text file"),
        ("a", b"caf\xc3", "text file"),
        ("a", b"caf\xc3 \xff", None),
        ("a", b"one\0two", None),
        ("a", "ü".encode() * 2048 + b"\xc3", "text file"),
        ("x.lmdb-lock", b"\0" * 100, "lock file"),
        ("a.pkl", b"\x80\x04\x95", "pickle"),
        ("a", b"", None),
    ],
)
def test_what_a_file_is_by_its_first_bytes(name, head, kind):
    assert kind_of_file(name, head) == kind
