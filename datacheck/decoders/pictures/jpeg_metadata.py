"""Check EXIF and colour profiles in the segments of a JPEG."""

from __future__ import annotations

from datacheck.decoders.pictures.jpeg_markers import Walk
from datacheck.decoders.pictures.metadata import exif_problem, profile_problem
from datacheck.model.finding import Finding, found

APP1, APP2 = 0xE1, 0xE2
MOST_PARTS = 255
EXIF, PROFILE = b"Exif\0\0", b"ICC_PROFILE\0"
EXIF_LOOKED_AT = 64
"""Number of bytes of EXIF that are examined: enough for the names and the header."""


def metadata(value: bytes, steps: Walk) -> Finding | None:
    """Return a finding if EXIF or a colour profile would make its reader fail, or None; the pixels do not need them."""
    reason = _problem(value, steps)
    if reason is None:
        return None
    return found("corrupt-image", f"JPEG: {reason}", field="data", verdict="suspicious")


def _problem(value: bytes, steps: Walk) -> str | None:
    parts: list[bytes] = []
    exif, place = b"", 0
    for marker, start, stop in steps.segments:
        if marker == APP1 and value.startswith(EXIF, start):
            place = place or start - 4
            if len(exif) < EXIF_LOOKED_AT:  # a further segment continues the first one
                exif += value[start + (len(EXIF) if exif else 0) : min(stop, start + EXIF_LOOKED_AT)]
        elif marker == APP2 and value.startswith(PROFILE, start):
            parts.append(value[start + len(PROFILE) : stop])
    reason = exif_problem(exif)
    if reason is not None:
        return f"the segment at byte {place} holds EXIF that {reason}"
    return _profile_problem(parts)


def _profile_problem(parts: list[bytes]) -> str | None:
    if not parts:
        return None
    parts.sort()
    count = len(parts)
    if count > MOST_PARTS or [it[:2] for it in parts] != [bytes([number + 1, count]) for number in range(count)]:
        return "holds a colour profile of which parts are missing, or come twice"
    reason = profile_problem(b"".join(it[2:] for it in parts))
    return None if reason is None else f"holds a colour profile that {reason}"


def without_profile(value: bytes, steps: Walk) -> bytes:
    """Return the picture without its colour profile: the decoder refuses one whose parts do not fit together."""
    out, at = [], 0
    for marker, start, stop in steps.segments:
        if marker == APP2 and value.startswith(PROFILE, start):
            out.append(value[at : start - 4])
            at = stop
    return b"".join([*out, value[at:]])
