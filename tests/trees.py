"""Record everything about a folder that a command could change, and build a small store of each kind."""

from __future__ import annotations

import contextlib
import io
import os
import stat
from collections.abc import Collection
from pathlib import Path

import h5py
import numpy as np
import pytest
from building import datum, raw_records, write_lmdb

from datacheck.backends.leveldb.log_writer import create as write_leveldb
from datacheck.cli import entry

KINDS = ("lmdb", "lmdb-file", "leveldb", "hdf5", "hdf5-folder", "hdf5-list")
WRITTEN = (
    "lmdb",
    "lmdb-file",
    pytest.param("leveldb", marks=pytest.mark.writes_leveldb),
    "hdf5",
    "hdf5-folder",
    "hdf5-list",
)
"""The same kinds, for tests that write a copy of one."""


def tree(root: Path, but: Collection[Path] = ()) -> dict[str, tuple[object, ...]]:
    """Return type, mode, owner, inode, time and content of everything in a folder, except `but` and what is below it.

    The time of a folder that contains one of these paths is left out, since it changes with them.
    """
    out = {str(path) for path in but}
    touched = {str(path.parent) for path in but}
    found = {}
    waiting = [str(root)]
    while waiting:
        path = waiting.pop()
        if path in out:
            continue
        status = os.lstat(path)
        kind = stat.S_IFMT(status.st_mode)
        content: object = None
        if kind == stat.S_IFDIR:
            waiting += map(str, Path(path).iterdir())
        elif kind == stat.S_IFLNK:
            content = Path(path).readlink()
        elif kind == stat.S_IFREG:
            content = Path(path).read_bytes()
        time = None if path in touched else status.st_mtime_ns
        found[path] = (kind, stat.S_IMODE(status.st_mode), status.st_uid, status.st_ino, time, content)
    return found


def run(*arguments: object) -> tuple[int, str, str]:
    """Run a command in this process; return its exit status, its standard output and its standard error."""
    said, complained = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained):
        status = entry._status([str(it) for it in arguments])
    return status, said.getvalue(), complained.getvalue()


def refused(*arguments: object) -> str:
    """Run a command that must be refused in one sentence, and return the sentence."""
    status, _, complaint = run(*arguments)
    assert status == 2, (status, complaint)
    assert complaint.count("\n") == 1, complaint
    assert "Traceback" not in complaint
    return complaint


def table(path: Path, rows: int = 40, bad: int = 7) -> Path:
    with h5py.File(path, "w") as file:
        data = np.random.default_rng(rows).normal(size=(rows, 4)).astype(np.float32)
        data[bad] = np.nan
        file["data"], file["label"] = data, np.arange(rows) % 10
    return path


def store(kind: str, folder: Path) -> Path:
    """Build a store of a kind in a folder, with one bad record (two in a list or folder); return the path to scan."""
    records = {**raw_records(30), b"00000007": datum(None, 1)[:1]}
    if kind == "lmdb":
        return write_lmdb(folder / "env", records)
    if kind == "lmdb-file":
        write_lmdb(folder / "made", records)
        (folder / "made" / "data.mdb").rename(folder / "env.mdb")
        for file in (folder / "made").iterdir():
            file.unlink()
        (folder / "made").rmdir()
        return folder / "env.mdb"
    if kind == "leveldb":
        write_leveldb(folder / "db", list(records.items()))
        return folder / "db"
    if kind == "hdf5":
        return table(folder / "data.h5")
    if kind == "hdf5-folder":
        (folder / "h5").mkdir()
        table(folder / "h5" / "a.h5")
        table(folder / "h5" / "b.h5", 50)
        return folder / "h5"
    (folder / "parts").mkdir()
    table(folder / "parts" / "a.h5")
    table(folder / "parts" / "b.csv", 50)
    (folder / "list.txt").write_text("parts/a.h5\nparts/b.csv\n")
    return folder / "list.txt"


def members(kind: str, source: Path) -> list[Path]:
    """Return the files that make up a store."""
    if kind in ("lmdb", "leveldb", "hdf5-folder"):
        return sorted(source.iterdir())
    if kind == "hdf5-list":
        return [source, *sorted((source.parent / "parts").iterdir())]
    return [source]
