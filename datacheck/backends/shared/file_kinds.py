"""Name the kind of a file that belongs to no store, by its first bytes or its name, so that it can be counted."""

from __future__ import annotations

import codecs
import re
import struct
from pathlib import PurePath

HEAD_BYTES = 4096
FOREIGN = {
    "classic netCDF file": "is a classic netCDF file",
    "HDF4 file": "is an HDF4 file",
    "MATLAB file": "is a MATLAB file of version 5 or older",
    "Access database": "is a Microsoft Access database",
}
"""Kinds of file that hold data as stores do, under names that stores have too: they get a finding, the rest a count."""
MAGICS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"CDF\x01", "classic netCDF file"),
    (0, b"CDF\x02", "classic netCDF file"),
    (0, b"CDF\x05", "classic netCDF file"),
    (0, b"\x0e\x03\x13\x01", "HDF4 file"),
    (0, b"MATLAB 5.0", "MATLAB file"),
    (4, b"Standard Jet DB", "Access database"),
    (4, b"Standard ACE DB", "Access database"),
    (0, b"\xff\xd8\xff", "picture"),
    (0, b"\x89PNG\r\n", "picture"),
    (0, b"GIF8", "picture"),
    (8, b"WEBP", "picture"),
    (0, b"II*\0", "picture"),
    (0, b"MM\0*", "picture"),
    (0, b"\0\0\0\x0cjP", "picture"),
    (0, b"\x93NUMPY", "NumPy file"),
    (0, b"PK\x03\x04", "zip archive"),
    (257, b"ustar", "tar archive"),
    (0, b"\x1f\x8b", "compressed file"),
    (0, b"\x28\xb5\x2f\xfd", "compressed file"),
    (0, b"BZh", "compressed file"),
    (0, b"\xfd7zXZ\0", "compressed file"),
    (0, b"PAR1", "Parquet file"),
    (0, b"ARROW1", "Arrow file"),
    (0, b"SQLite format 3\0", "SQLite database"),
    (0, b"%PDF", "PDF document"),
    (4, b"ftyp", "video"),
    (0, b"\x1aE\xdf\xa3", "video"),
    (8, b"AVI ", "video"),
    (8, b"WAVE", "sound file"),
    (0, b"fLaC", "sound file"),
    (0, b"OggS", "sound file"),
    (0, b"ID3", "sound file"),
    (0, b"\x7fELF", "program"),
)
"""Offset, the bytes at that offset, and the noun for such a file."""
PICKLED = re.compile(rb"\x80[\x02-\x05]")
TEXTS = frozenset({".txt", ".md", ".json", ".jsonl", ".yaml", ".yml", ".csv", ".tsv", ".xml", ".html", ".log", ".py"})
LOCK = "lock file"
LMDB_LOCK = re.compile(r"lock\.mdb|.+-lock")
BOMS = (b"\xff\xfe", b"\xfe\xff")


def kind_of_file(name: str, head: bytes) -> str | None:
    """Return the kind of a file by its first bytes (up to HEAD_BYTES) and its name, or None if neither tells."""
    if LMDB_LOCK.fullmatch(name):
        return LOCK
    suffix = PurePath(name).suffix.lower()
    for offset, magic, kind in MAGICS:
        if head.startswith(magic, offset):
            return kind
    if head.startswith(b"BM") and head[6:10] == bytes(4):
        return "picture"
    if _is_matlab_4(head, suffix):
        return "MATLAB file"
    if suffix in TEXTS:
        return "text file"
    if PICKLED.match(head):
        return "pickle"
    if not head:
        return None
    return "text file" if _is_text(head) else None


def _is_text(head: bytes) -> bool:
    if head.startswith(BOMS):
        return True
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)  # the last character may be cut
    except UnicodeDecodeError:
        return False
    return not any(char < " " and char not in "\t\n\r\f\v\x1b" for char in text)


def _is_matlab_4(head: bytes, suffix: str) -> bool:
    """Return whether a `.mat` file begins with the header of a matrix that MATLAB wrote up to version 4."""
    if suffix != ".mat" or len(head) < 20:
        return False
    for order in "<>":
        kind, _, _, imaginary, length = struct.unpack_from(f"{order}5I", head)
        machine, zero, precision, shape = kind // 1000, kind // 100 % 10, kind // 10 % 10, kind % 10
        fits = machine <= 4 and not zero and precision <= 5 and shape <= 2 and imaginary in (0, 1)
        if fits and 1 < length <= 64 and head[19 + length : 20 + length] == b"\0":
            return True
    return False
