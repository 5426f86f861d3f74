"""Test what a copy keeps of an environment besides its records, and what is said if the disk is full."""

import contextlib
import errno
import itertools
import resource
import subprocess
import sys

import lmdb
import pytest
from building import raw_records, write_lmdb
from covering import pairwise
from random_lmdb import DUPFIXED, DUPSORT, INTEGERDUP, INTEGERKEY, REVERSEDUP, REVERSEKEY

import datacheck
from datacheck.backends.lmdb.layout import flags_of, flags_of_main
from datacheck.backends.lmdb.library import LmdbWriter

FLAGS = [
    0,
    REVERSEKEY,
    INTEGERKEY,
    DUPSORT,
    DUPSORT | REVERSEDUP,
    DUPSORT | DUPFIXED,
    DUPSORT | DUPFIXED | INTEGERDUP,
    DUPSORT | DUPFIXED | REVERSEDUP,
    DUPSORT | INTEGERKEY,
    DUPSORT | REVERSEKEY | REVERSEDUP,
]


def pairs(flags):
    """Return records in the key order of a database with these flags."""
    keys = [number.to_bytes(4, "little") for number in range(1, 600, 7)]
    values = [b"%03d" % (number * 37 % 1000) + b"xyzuv"[number % 5 :][:1] for number in range(5)]
    if not flags & INTEGERKEY:
        keys.sort(key=lambda it: it[::-1] if flags & REVERSEKEY else it)
    values.sort(key=lambda it: int.from_bytes(it, "little") if flags & INTEGERDUP else it)
    if flags & REVERSEDUP:
        values.sort(key=lambda it: it[::-1])
    return list(itertools.product(keys, values if flags & DUPSORT else values[:1]))


@pytest.mark.parametrize(("flags", "part", "version"), pairwise(FLAGS, ["", "train", "t\\xff"], [1, 3]))
def test_a_database_keeps_its_flags(tmp_path, flags, part, version):
    wanted = pairs(flags)
    with LmdbWriter(tmp_path / "env", {part: flags} if part else {"": flags}, version) as writer:
        writer.put(part, wanted)
        writer.finish()
    data = tmp_path / "env" / "data.mdb"
    assert flags_of(data) == {part: flags}
    assert flags_of_main(data) == (0 if part else flags)
    name = {"": None, "train": b"train"}.get(part, b"t\xff")
    with lmdb.open(str(tmp_path / "env"), readonly=True, lock=False, max_dbs=2) as environment:
        database = environment.open_db(name, create=False)
        with environment.begin(db=database) as transaction:
            assert list(transaction.cursor()) == wanted
    datacheck.rebuild(tmp_path / "env", tmp_path / "copy", keep=["bad"], workers=1)
    assert flags_of(tmp_path / "copy" / "data.mdb") == {part: flags}
    with lmdb.open(str(tmp_path / "copy"), readonly=True, lock=False, max_dbs=2) as environment:
        database = environment.open_db(name, create=False)
        with environment.begin(db=database) as transaction:
            assert list(transaction.cursor()) == wanted


def test_names_in_a_reversed_main_database_are_found_in_the_copy(tmp_path):
    path = tmp_path / "env"
    flags = {"": REVERSEKEY, "ab": 0, "ba": DUPSORT | REVERSEDUP}
    with LmdbWriter(path, flags) as writer:
        for part in ("ab", "ba"):
            writer.put(part, pairs(flags[part]))
        writer.finish()
    datacheck.rebuild(path, tmp_path / "copy", keep=["bad"], workers=1)
    data = tmp_path / "copy" / "data.mdb"
    assert flags_of(data) == {part: flags[part] for part in ("ab", "ba")}
    assert flags_of_main(data) == REVERSEKEY


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 400 kB."""
    folder = tmp_path / "small"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", folder]
    mounted = subprocess.run(words, capture_output=True, text=True, check=False)
    if mounted.returncode or folder.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip(f"no small file system can be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def fill(path):
    with LmdbWriter(path, {"": 0}) as writer:
        writer.put("", [(b"%04d" % number, bytes(9000)) for number in range(100)])
        writer.finish()


def test_a_full_disk_is_called_that(small_disk):
    with pytest.raises(OSError, match="No space left on device") as caught:
        fill(small_disk / "env")
    assert caught.value.errno == errno.ENOSPC


def test_a_limit_on_the_size_of_files_is_called_that(tmp_path):
    source = write_lmdb(tmp_path / "source", raw_records(200, (3, 64, 64)))
    words = [sys.executable, "-m", "datacheck", "rebuild", source, tmp_path / "copy"]
    limit = (500_000, 500_000)
    done = subprocess.run(
        words,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
    )
    assert done.returncode == 2
    assert "copy: could not be written: File too large" in done.stderr


def test_a_disk_that_fails_is_not_called_full(tmp_path, monkeypatch):
    writer = LmdbWriter(tmp_path / "env", {"": 0})
    with contextlib.closing(writer._environment):
        with pytest.raises(OSError, match="Input/output error") as caught, writer._translated_errors():
            raise lmdb.Error("mdb_txn_commit: Input/output error")
        assert caught.value.errno == errno.EIO
