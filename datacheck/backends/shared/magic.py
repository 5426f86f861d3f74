"""Say what a file is that lies in a store's place, by its first bytes, like file(1)."""

from __future__ import annotations

import os
from pathlib import Path

from datacheck.files.regular import next_data, open_regular

HEAD_BYTES = 512
KINDS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"version https://git-lfs", "is a git-lfs pointer, not the file it stands for; fetch it with 'git lfs pull'"),
    (0, b"/annex/objects/", "is a git-annex pointer, not the file it stands for; fetch it with 'git annex get'"),
    (0, b"outs:\n- ", "is a DVC pointer, not the file it stands for; fetch that with 'dvc pull'"),
    (0, b"bplist00", "is a property list, as iCloud leaves it for a file that was not downloaded"),
    (0, b"PK\x03\x04", "is a zip archive (.npz files are such too)"),
    (0, b"\x1f\x8b", "is compressed by gzip; unpack it first"),
    (0, b"\x28\xb5\x2f\xfd", "is compressed by Zstandard; unpack it first"),
    (0, b"BZh", "is compressed by bzip2; unpack it first"),
    (0, b"\xfd7zXZ\0", "is compressed by xz; unpack it first"),
    (257, b"ustar", "is a tar archive; unpack it first"),
    (0, b"\x93NUMPY", "is a NumPy .npy file"),
    (0, b"CDF\x01", "is a classic netCDF file, which is not HDF5"),
    (0, b"CDF\x02", "is a classic netCDF file, which is not HDF5"),
    (0, b"CDF\x05", "is a classic netCDF file, which is not HDF5"),
    (0, b"\x0e\x03\x13\x01", "is an HDF4 file, which is not HDF5"),
    (0, b"MATLAB 5.0", "is a MATLAB file of version 5, which is not HDF5"),
    (0, b"SQLite format 3\0", "is an SQLite database"),
    (0, b"PAR1", "is a Parquet file"),
    (0, b"ARROW1", "is an Arrow file"),
    (0, b"%PDF", "is a PDF document"),
    (0, b"\x89PNG", "is a PNG picture"),
    (0, b"\xff\xd8\xff", "is a JPEG picture"),
)
"""Offset, the bytes at that offset, and a clause that says what the file is."""


def other_format(path: Path) -> str | None:
    """Return a clause that says what a file is, or None if its first bytes do not tell. Raises OSError."""
    with open_regular(path) as file:
        head = file.read(HEAD_BYTES)
        if not head:
            return "is an empty file"
        for offset, magic, what in KINDS:
            if head.startswith(magic, offset):
                return what
        start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:15].lower()
        if start.startswith((b"<!doctype html", b"<html")):
            return "is an HTML page, most likely the error page of a download"
        if start.startswith(b"<?xml") and b"<error>" in head.lower():
            return "is the error message of a download, in XML"
        if start.startswith(b"{") and (b'"error' in head.lower() or b'"message"' in head.lower()):
            return "is the error message of a download, in JSON"
        if not any(head) and _only_zeros(file.fileno()):
            return "has nothing but zeros in it, as a download does that was never finished, or a cloud placeholder"
    return None


def _only_zeros(descriptor: int) -> bool:
    """Return whether a file holds only zeros. Holes are not read, and reading stops at the first other byte."""
    size = os.fstat(descriptor).st_size
    at = 0
    while at < size:
        data = next_data(descriptor, at)
        if data is None:
            return True
        at = data
        raw = os.pread(descriptor, 1 << 20, at)
        if raw.strip(b"\0"):
            return False
        at += len(raw) or 1
    return True
