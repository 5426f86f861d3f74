"""Check EXIF and colour profiles of pictures for errors that make loaders fail; the pixels do not depend on them.

The formats are those of the CIPA's EXIF 2.32 and of ICC.1.
"""

from __future__ import annotations

import re
import zlib

MOST_PROFILE = 1 << 24
PROFILE_HEAD = 128
TIFF_HEADS = (b"II*\0", b"MM\0*", b"II\0*", b"MM*\0")
"""Beginnings of an EXIF block that Pillow accepts; it is generous. It reads too little of BigTIFF to find the tags."""
TIFF_HEAD = 8
_NAMES = re.compile(rb"(Exif\0\0){1,2}")
"""The name before the block; some writers put it before a block that already has it."""


def exif_problem(data: bytes) -> str | None:
    """Return why reading the orientation from an EXIF block would fail, as the rest of a sentence, or None."""
    name = _NAMES.match(data)
    head = data[name.end() if name else 0 :][:TIFF_HEAD]
    if not head or (len(head) == TIFF_HEAD and head.startswith(TIFF_HEADS)):
        return None
    return "does not begin with a TIFF header: Pillow cannot turn the picture by it"


def profile_problem(data: bytes, *, deflated: bool = False) -> str | None:
    """Return why converting colours by a profile would fail, as the rest of a sentence, or None."""
    if deflated:
        try:
            inflater = zlib.decompressobj()
            data = inflater.decompress(data, MOST_PROFILE)
        except zlib.error as error:
            return f"does not inflate: {error}"
        if len(data) == MOST_PROFILE:
            return None  # too large to examine
    size = int.from_bytes(data[:4], "big")
    if len(data) < PROFILE_HEAD or data[36:40] != b"acsp":
        return "has no header of a profile"
    if size > len(data):
        return f"declares {size} bytes and has {len(data)}"
    return None
