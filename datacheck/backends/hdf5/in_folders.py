"""Recognise HDF5 files in a folder without loading their reader."""

from __future__ import annotations

import os
from pathlib import Path

from datacheck.backends.hdf5.structure.superblock import SIGNATURE, offsets, superblock
from datacheck.backends.interface import InFolders
from datacheck.files.regular import open_regular
from datacheck.files.retrying import pread

SUFFIXES = frozenset({".h5", ".hdf5", ".hdf", ".he5", ".h5ad", ".loom", ".nc", ".nc4"})
"""Suffixes of HDF5 files. A file in a folder with one of these that is not HDF5 gives a finding, and a text of names
with these suffixes is a list of files."""


def is_hdf5(path: Path) -> bool:
    """Check whether a file has the HDF5 signature, or lost it but is otherwise recognisable as HDF5."""
    return has_signature(path) or superblock(path) is not None


def has_signature(path: Path) -> bool:
    with open_regular(path) as file:
        places = offsets(os.fstat(file.fileno()).st_size)
        return any(pread(file.fileno(), len(SIGNATURE), offset) == SIGNATURE for offset in places)


IN_FOLDERS = InFolders(SUFFIXES, holds=is_hdf5)
