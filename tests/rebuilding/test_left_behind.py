"""Test that files beside a store that a copy will not have are named, before anything is written and afterwards."""

import pytest
from convention_stores import picture, sizes, write

import datacheck


def folder(path, *names):
    write(path, sizes() | {b"16-00020": b"no picture"})
    for name in names:
        (path / name).write_bytes(b"something")
    return path


@pytest.mark.parametrize("dry_run", [True, False])
def test_files_in_the_folder(tmp_path, dry_run):
    source = folder(tmp_path / "store", "nbb_th0.2.json", "metadata.npz", ".DS_Store")
    (source / "maps").mkdir()
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True, dry_run=dry_run)
    assert receipt.unkept == [
        "maps, metadata.npz, nbb_th0.2.json lie beside the store, and may name records that are not in the copy"
    ]
    assert receipt.written != dry_run


def test_many_files(tmp_path):
    source = folder(tmp_path / "store", *(f"part{number}" for number in range(9)))
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert receipt.unkept[0].startswith("part0, part1, part2, part3, part4 and 4 more lie beside the store")


def test_a_folder_with_nothing_else(tmp_path):
    assert datacheck.rebuild(folder(tmp_path / "store"), tmp_path / "copy", drop_bad=True).unkept == []


def test_a_file_that_is_copied_is_not_named(tmp_path):
    source = write(tmp_path / "store", {b"%04d" % number: picture(number, (8, 8)) for number in range(30)})
    (source / "meta_info.txt").write_text("".join(f"{number:04}.png (8,8,3) 1\n" for number in range(30)))
    assert datacheck.rebuild(source, tmp_path / "copy", drop_bad=True).unkept == []


def test_what_is_called_by_the_name_of_a_file(tmp_path):
    source = write(tmp_path / "processed.lmdb", sizes(), subdir=False)
    (tmp_path / "processed.lmdb-ids").write_bytes(b"ids")
    (tmp_path / "other.lmdb").write_bytes(b"")
    receipt = datacheck.rebuild(source, tmp_path / "copy", drop_bad=True)
    assert receipt.unkept == ["processed.lmdb-ids lies beside the store"]


@pytest.mark.writes_leveldb
def test_a_leveldb(tmp_path):
    folder(tmp_path / "lmdb")
    datacheck.rebuild(tmp_path / "lmdb", tmp_path / "leveldb", drop_bad=True, to="leveldb")
    (tmp_path / "leveldb" / "classes.txt").write_text("cat")
    receipt = datacheck.rebuild(tmp_path / "leveldb", tmp_path / "copy", drop_bad=True)
    assert receipt.unkept == ["classes.txt lies beside the store"]
