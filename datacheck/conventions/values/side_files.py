"""Read files that a project keeps in the folder of a store, beside the store's own."""

from __future__ import annotations

import os
from pathlib import Path

from datacheck.files.regular import read_whole

LARGEST = 256 << 20
"""Largest side file that is read, in bytes."""


def side_file(store: Path, name: bytes) -> bytes | None:
    """Return the contents of a file in a store's folder, or None if the store is a file or the file cannot be read."""
    if not store.is_dir():
        return None
    try:
        return read_whole(store / os.fsdecode(name), LARGEST)
    except OSError:
        return None
