"""Check JPEG in the strips and tiles of TIFF files, each a picture of its own that lacks the tables they all share.

libtiff drops the warnings of libjpeg. The format is that of the TIFF Technical Note 2.
"""

from __future__ import annotations

from datacheck.decoders.pictures import jpeg_markers

SOI, EOI = b"\xff\xd8", b"\xff\xd9"


def jpeg_problem(tables: bytes, data: bytes, limit: int) -> str | None:
    """Return what is wrong with a strip or tile of at most `limit` bytes, as the rest of a sentence, or None.

    A part that is larger, or is not a complete JPEG, is not judged: the decoder knows what is possible then.
    """
    value = _with_tables(tables, data)
    if value is None:
        return None
    steps = jpeg_markers.walk(value)
    if steps.end is None:  # damage may look like a segment that leads past the end
        value = value.rstrip(b"\0")
    if (steps.end is None and not value.endswith(EOI)) or not 0 < _pixels(value, steps) <= limit:
        return None
    from datacheck.decoders.pictures import jpeg

    _, findings = jpeg.read(value, pixels=False)
    message = next((it.message for it in findings if it.verdict == "bad"), None)
    return None if message is None else f"holds a broken JPEG: {message.removeprefix('JPEG: ')}"


def _with_tables(tables: bytes, data: bytes) -> bytes | None:
    """Return a JPEG with the tables put in, or None if it or they do not begin as a JPEG does."""
    if not data.startswith(SOI) or (tables and not tables.startswith(SOI)):
        return None
    shared = tables.removeprefix(SOI)
    end = jpeg_markers.walk(tables).end if tables else None
    return SOI + (shared if end is None else shared[: end - len(SOI) - len(EOI)]) + data[len(SOI) :]


def _pixels(value: bytes, steps: jpeg_markers.Walk) -> int:
    """Return the number of pixels that the frame header declares, or 0 without a frame header."""
    for marker, start, stop in steps.segments:
        if marker in jpeg_markers.FRAMES and start + 6 <= stop <= len(value):
            return int.from_bytes(value[start + 1 : start + 3], "big") * int.from_bytes(
                value[start + 3 : start + 5], "big"
            )
    return 0
