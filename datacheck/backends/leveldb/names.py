"""Recognise the files of a LevelDB by their names, the ends of tables, and the content of CURRENT."""

from __future__ import annotations

import re
from pathlib import Path

from datacheck.files.regular import NotRegular, open_regular

MAGIC = 0xDB4775248B80FB57
ROCKSDB_MAGICS = (0x88E241B785F4CFF7, 0x8242229663BF9564)
FOOTER = 48
TABLE_NAME = re.compile(r"([0-9]{1,20})\.(ldb|sst)")
PLACEHOLDER = re.compile(r"\.(.+)\.icloud")
CURRENT_TEXT = re.compile(rb"(MANIFEST-[0-9]{1,20})\n?")


def current(directory: Path) -> str | None:
    """Return the name of the MANIFEST in CURRENT, or None if there is no valid CURRENT."""
    match = current_text(directory)
    return None if match is None else match[1].decode()


def current_text(directory: Path) -> re.Match[bytes] | None:
    """Return a match of the content of CURRENT, with the MANIFEST's name as its group, or None as for `current`."""
    try:
        with open_regular(directory / "CURRENT") as file:
            return CURRENT_TEXT.fullmatch(file.read(64))
    except (FileNotFoundError, IsADirectoryError, NotRegular):
        return None
