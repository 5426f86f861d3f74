"""Walk the markers of a JPEG and the segments between them; ITU-T T.81, annex B."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

SOI, EOI, SOS, DHT, DNL = 0xD8, 0xD9, 0xDA, 0xC4, 0xDC
LOSSLESS = 0xF7
"""The marker that starts a frame of JPEG-LS (ITU-T T.87), which is another format."""
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""The markers that start a frame; the others of this range are tables."""
BARE = frozenset({0x01, SOI, *range(0xD0, 0xD8)})
"""The markers that have no segment."""
SCAN_END = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""A marker that ends the data of a scan: any marker except those of restarts."""
_LOSSLESS_END = re.compile(rb"\xff[\x80-\xfe]")
"""The same for JPEG-LS, in whose data a byte below 0x80 follows each 0xff."""
_MARKER = re.compile(rb"\xff[^\x00\xff]")


@dataclass(slots=True)
class Walk:
    """The markers of a picture: `segments` are (marker, start, stop) of what follows each.

    `scans` are (start, stop) of the entropy-coded data. `end` is the offset after the end-of-image marker, or None if
    there is no such marker.
    """

    segments: list[tuple[int, int, int]] = field(default_factory=list)
    scans: list[tuple[int, int]] = field(default_factory=list)
    end: int | None = None


def walk(value: bytes) -> Walk:
    """Step from marker to marker up to the end of the image, over whatever lies between them.

    Whole segments are stepped over, so a thumbnail in one is not seen.
    """
    steps = Walk()
    ends = SCAN_END
    at = 2
    while (match := _MARKER.search(value, at)) is not None:
        marker, at = value[match.end() - 1], match.end()
        if marker == EOI:
            steps.end = at
            break
        if marker in BARE:
            continue
        start, at = at + 2, at + max(2, int.from_bytes(value[at : at + 2], "big"))
        steps.segments.append((marker, start, at))
        if marker == LOSSLESS:
            ends = _LOSSLESS_END
        if marker == SOS and at <= len(value):
            scan_end = ends.search(value, at)
            steps.scans.append((at, scan_end.start() if scan_end else len(value)))
            at = steps.scans[-1][1]
    return steps


def undecoded(steps: Walk, height: int | None) -> str | None:
    """Return the name of a sound JPEG that decoders do not know, or None; `height` is None if there is no frame."""
    if height or not steps.scans:
        return None
    markers = [marker for marker, _, _ in steps.segments]
    if height is None:
        return "a JPEG-LS picture" if LOSSLESS in markers else None
    return "a JPEG whose height follows its first scan (DNL)" if DNL in markers else None
