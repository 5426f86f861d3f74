"""Files that a project keeps in the folder of a store, beside the store's own."""

from __future__ import annotations

import os
from pathlib import Path

from datacheck.files.regular import read_whole

LARGEST = 256 << 20
"""Bytes of a side file that is read."""


def beside(store: Path, name: bytes) -> bytes | None:
    """Return what a file in a store's folder holds; None where the store is a file, or no such file can be read."""
    if not store.is_dir():
        return None
    try:
        return read_whole(store / os.fsdecode(name), LARGEST)
    except OSError:
        return None
