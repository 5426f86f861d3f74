"""How HDF5 files are told in a folder, before their reader is loaded."""

from __future__ import annotations

import os
from pathlib import Path

from datacheck.backends.hdf5.superblock import SIGNATURE, offsets, superblock
from datacheck.backends.interface import InFolders
from datacheck.files.regular import open_regular
from datacheck.files.retrying import pread

SUFFIXES = frozenset({".h5", ".hdf5", ".hdf", ".he5", ".h5ad", ".loom", ".nc", ".nc4"})
"""In a folder, a file with one of these that is no HDF5 file is a finding; a text of such names is a list of files."""


def is_hdf5(path: Path) -> bool:
    """Say whether a file has a superblock's signature, or lost that and all else says that it was one of HDF5."""
    return has_signature(path) or superblock(path) is not None


def has_signature(path: Path) -> bool:
    with open_regular(path) as file:
        places = offsets(os.fstat(file.fileno()).st_size)
        return any(pread(file.fileno(), len(SIGNATURE), offset) == SIGNATURE for offset in places)


IN_FOLDERS = InFolders(SUFFIXES, holds=is_hdf5)
