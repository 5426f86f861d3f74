"""Test that an earlier copy is replaced together with what it took over from its source, and nothing else."""

import os

import h5py
import lmdb
import numpy as np
import pytest
from building import pixels, raw_records, write_lmdb

import datacheck


def folder_of_hdf5(path):
    """Make a folder of HDF5 files, one with a bad record, and of other files that lie in such folders."""
    (path / "notes").mkdir(parents=True)
    (path / "empty").mkdir()
    for name in ("a", "b"):
        with h5py.File(path / f"{name}.h5", "w") as file:
            file["data"] = np.random.default_rng(0).normal(size=(30, 4)).astype("f4")
            file["data"][3, 1] = np.nan if name == "a" else 0
    (path / "stats.json").write_text('{"mean": 0}')
    (path / "none.txt").touch()
    (path / "notes" / "picture.png").write_bytes(b"\x89PNG" + bytes(3 << 20))
    (path / "link.txt").symlink_to("stats.json")
    return path


def pictures(path):
    """Make an LMDB with a bad record, and a meta_info.txt that lists its records."""
    from PIL import Image

    def png(number):
        Image.fromarray(pixels(number, (8, 8, 3))).save(path.parent / "p.png")
        return (path.parent / "p.png").read_bytes()

    records = {b"%04d" % number: png(number) for number in range(30)}
    records[b"0003"] = records[b"0003"][:40]
    write_lmdb(path, records)
    (path / "meta_info.txt").write_text("".join(f"{number:04d}.png (8,8,3) 1\n" for number in range(30)))
    return path


def rebuilt(source, target):
    return datacheck.rebuild(source, target, drop_bad=True, force=True, workers=1)


@pytest.mark.parametrize("make", [folder_of_hdf5, pictures])
def test_a_copy_is_replaced_by_the_next_one(tmp_path, make):
    source = make(tmp_path / "source")
    first = rebuilt(source, tmp_path / "copy")
    second = rebuilt(source, tmp_path / "copy")
    assert (first.dropped, second.dropped, second.written) == (1, 1, True)
    assert second.replaced
    assert [it.name for it in tmp_path.iterdir() if "partial" in it.name] == []


CHANGES = {
    "a file of the user's": lambda copy: (copy / "thesis.txt").write_text("mine"),
    "a file of the user's in a folder": lambda copy: (copy / "notes" / "thesis.txt").write_text("mine"),
    "another text under a name of the source": lambda copy: (copy / "stats.json").write_text('{"mean": 1}'),
    "more of it": lambda copy: (copy / "stats.json").write_text('{"mean": 0}\nmine\n'),
    "a part of it that is no line": lambda copy: (copy / "stats.json").write_text('{"mean"'),
    "other bytes": lambda copy: (copy / "notes" / "picture.png").write_bytes(b"\x89PNG" + bytes((3 << 20) - 1) + b"x"),
    "a file where the source has a link": lambda copy: (
        (copy / "link.txt").unlink(),
        (copy / "link.txt").write_text("x"),
    ),
    "a link where the source has a file": lambda copy: (
        (copy / "stats.json").unlink(),
        (copy / "stats.json").symlink_to("a.h5"),
    ),
    "a pipe": lambda copy: ((copy / "stats.json").unlink(), os.mkfifo(copy / "stats.json")),
    "a folder where the source has a file": lambda copy: (
        (copy / "stats.json").unlink(),
        (copy / "stats.json").mkdir(),
        (copy / "stats.json" / "thesis.txt").write_text("mine"),
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_the_source_does_not_hold_keeps_the_copy_where_it_is(tmp_path, change):
    source = folder_of_hdf5(tmp_path / "source")
    rebuilt(source, tmp_path / "copy")
    CHANGES[change](tmp_path / "copy")
    before = sorted(str(it) for it in (tmp_path / "copy").rglob("*"))
    with pytest.raises(datacheck.UsageError, match="move it away, or name another target"):
        rebuilt(source, tmp_path / "copy")
    assert sorted(str(it) for it in (tmp_path / "copy").rglob("*")) == before


def test_a_list_whose_line_the_source_has_no_more_stays(tmp_path):
    source = pictures(tmp_path / "source")
    rebuilt(source, tmp_path / "copy")
    (source / "meta_info.txt").write_text("0000.png (8,8,3) 1\n" * 40)
    with pytest.raises(datacheck.UsageError, match=r"holds meta_info\.txt"):
        rebuilt(source, tmp_path / "copy")


def test_the_copy_of_another_source_with_files_of_the_same_names_stays(tmp_path):
    source, other = write_lmdb(tmp_path / "source", raw_records(30)), pictures(tmp_path / "other")
    (source / "meta_info.txt").write_text("none of it\n" * 100)
    rebuilt(other, tmp_path / "copy")
    with pytest.raises(datacheck.UsageError, match=r"holds meta_info\.txt"):
        rebuilt(source, tmp_path / "copy")
    with lmdb.open(str(tmp_path / "copy"), readonly=True, lock=False) as environment:
        assert environment.stat()["entries"] == 29
