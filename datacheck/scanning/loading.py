"""Choose the modules that a worker loads before it has its job.

Light to import: a command starts the first worker with this module.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from datacheck.files.regular import open_regular

HDF5_NAMES = (".h5", ".hdf5")
"""The usual suffixes of HDF5 files.

If a folder or list has files with other suffixes, a worker only starts a little later.
"""
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
MARKS = {"data.mdb": "lmdb", "CURRENT": "leveldb"}
"""Kinds of stores, by the name of a file in their folder."""
ENTRIES = 64
"""Maximum number of entries of a folder that are searched for an HDF5 suffix."""
PAIRS, TABLES = "datacheck.scanning.loaded_for_pairs", "datacheck.scanning.loaded_ahead"
"""The modules to load for stores of keys and values, and for stores of all kinds."""


def loading(sources: Sequence[str], backend: str = "") -> list[str]:
    """Return the modules that workers will probably need, judged by the backend or by the sources."""
    kinds = {backend} if backend else set(map(_kind, sources))
    of_kinds = [f"datacheck.backends.{kind}.loaded_ahead" for kind in ("lmdb", "leveldb", "hdf5") if kind in kinds]
    return [TABLES if kinds == {"hdf5"} else PAIRS, *of_kinds]


def _kind(source: str) -> str:
    """Return what kind of store a source seems to be, or "" if that is not evident."""
    if source.endswith(HDF5_NAMES):
        return "hdf5"
    for name, kind in MARKS.items():
        if os.path.lexists(f"{source}/{name}"):
            return kind
    try:
        if Path(source).is_dir():
            with os.scandir(source) as entries:
                return "hdf5" if any(it.name.endswith(HDF5_NAMES) for it in islice(entries, ENTRIES)) else ""
        with open_regular(Path(source)) as file:
            return "hdf5" if file.read(len(HDF5_SIGNATURE)) == HDF5_SIGNATURE else ""
    except (OSError, ValueError):  # opening the source for reading will report the error
        return ""
