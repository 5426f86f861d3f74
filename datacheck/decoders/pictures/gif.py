"""Check the pixel data of GIF files: decoders accept any codes, and stop at the last pixel they need.

Encoders take the longest match that the table has, so a code together with the value after it is always new. If that
holds for all but a few codes of an image, damage has changed these codes or what they refer to.

The format is that of the GIF89a specification.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from datacheck.decoders.pictures import lzw
from datacheck.decoders.pictures.containers import colours
from datacheck.model.finding import Finding, found

DEEPEST = 8
"""The largest number of bits of a single value in a GIF."""
FEW, MANY = 4, 1000
"""Limits for taking repeated table entries for damage.

An encoder that misses longer matches does so in table after table. Misses in a single table are damage if the other
tables have MANY codes, or if there are at most FEW misses with MANY codes for each.
"""
SPARE = 1
"""Maximum number of bytes after the code that ends an image; some encoders write one byte more."""


class Frame(NamedTuple):
    """One image of a GIF: the offset of its descriptor, its pixels, the bits of a single value, and its LZW data."""

    at: int
    pixels: int
    depth: int
    data: bytes


def frames(value: bytes) -> Iterator[Frame]:
    """Yield the images of a GIF whose blocks were walked to the trailer."""
    at = 13 + colours(value[10])
    while (kind := value[at]) != 0x3B:
        start = at
        at += 11 + colours(value[at + 9]) if kind == 0x2C else 2
        parts = []
        while (size := value[at]) > 0:
            parts.append(value[at + 1 : at + 1 + size])
            at += 1 + size
        first, at = at, at + 1
        if kind == 0x2C:
            width, height = (int.from_bytes(value[start + side : start + side + 2], "little") for side in (5, 7))
            data = b"".join(parts)
            depth = value[first - len(data) - len(parts) - 1]
            yield Frame(start, width * height, depth, data)


def damage(value: bytes) -> Finding | None:
    """Return a finding of the first codes in a GIF's images that no encoder should write, or None."""
    for number, frame in enumerate(frames(value)):
        if 0 < frame.depth <= DEEPEST:  # for other depths, the decoder knows what is possible
            walked = lzw.walk(frame.data, lzw.Lzw(frame.depth), frame.pixels)
            where = f"GIF: the image at byte {frame.at}" + (f" (frame {number})" if number else "")
            if (reason := _describe_incomplete(walked, frame)) is not None:
                return found("corrupt-image", f"{where}: {reason}", field="data", offset=frame.at)
            if (reason := _describe_excess(walked, frame)) is not None:
                text = f"{where}: {reason}; damage may have shifted its pixels"
                return found("corrupt-image", text, field="data", verdict="suspicious", offset=frame.at)
            if (reason := _describe_repeats(walked)) is not None:
                text = f"{where}: {reason}; damage may have changed its pixels"
                return found("corrupt-image", text, field="data", verdict="suspicious", offset=frame.at)
    return None


def _describe_incomplete(walked: lzw.Walked, frame: Frame) -> str | None:
    if walked.size >= frame.pixels:
        return None
    if walked.wrong is None:
        return f"its codes end after {walked.size} of {frame.pixels} pixels"
    largest = walked.largest
    return f"after {walked.size} of {frame.pixels} pixels comes the code {walked.wrong}, expected at most {largest}"


def _describe_excess(walked: lzw.Walked, frame: Frame) -> str | None:
    """Describe what comes after the last pixel, or return None.

    Sound decoders never look there; one or two of thousands of files have something there.
    """
    if walked.size > frame.pixels or walked.wrong is not None:
        return f"its codes make more than {frame.pixels} pixels"
    if walked.stop is not None and walked.stop + SPARE < len(frame.data):
        return f"{len(frame.data) - walked.stop} bytes follow the code that ends it"
    return None


def _describe_repeats(walked: lzw.Walked) -> str | None:
    """Describe codes that no encoder would choose, if they are too few to be this encoder's habit; None otherwise."""
    if walked.size == walked.codes:  # the encoder uses no matches at all
        return None
    rarely = walked.repeats <= FEW and walked.codes >= MANY * walked.repeats
    if walked.tables != 1 or not (rarely or walked.other >= MANY):
        return None
    count = walked.repeats
    share = f"{count} of {walked.codes} codes" if count > 1 else f"a code of {walked.codes}"
    return f"{share} could have been longer: the table had already what {'they add' if count > 1 else 'it adds'} to it"
