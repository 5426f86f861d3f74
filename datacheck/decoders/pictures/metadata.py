"""EXIF and colour profiles of pictures, as far as a loader stumbles over them: pixels do not depend on them.

The formats are those of the CIPA's EXIF 2.32 and of ICC.1.
"""

from __future__ import annotations

import zlib

MOST_PROFILE = 1 << 24
PROFILE_HEAD = 128
TIFF_HEADS = (b"II*\0", b"MM\0*", b"II\0*", b"MM*\0", b"II+\0", b"MM\0+")
"""How a block may begin for Pillow, which is generous."""


def exif_problem(data: bytes) -> str | None:
    """Return what would stop who reads the orientation from a block of EXIF, as the rest of a sentence."""
    data = data.removeprefix(b"Exif\0\0")
    if not data:
        return None
    if not data.startswith(TIFF_HEADS):
        return "does not begin with a TIFF header: Pillow cannot turn the picture by it"
    return None


def profile_problem(data: bytes, *, deflated: bool = False) -> str | None:
    """Return what would stop who converts colours by a profile, as the rest of a sentence."""
    if deflated:
        try:
            inflater = zlib.decompressobj()
            data = inflater.decompress(data, MOST_PROFILE)
        except zlib.error as error:
            return f"does not inflate: {error}"
        if len(data) == MOST_PROFILE:
            return None  # more than is looked at
    size = int.from_bytes(data[:4], "big")
    if len(data) < PROFILE_HEAD or data[36:40] != b"acsp":
        return "has no header of a profile"
    if size > len(data):
        return f"declares {size} bytes and has {len(data)}"
    return None
