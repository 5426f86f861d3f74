"""Judge a JPEG by a walk over its scans: for decoding it, for showing it, or after it was found broken."""

from __future__ import annotations

from functools import cache

from datacheck.decoders.pictures.jpeg_markers import Walk
from datacheck.decoders.pictures.jpeg_markers import walk as markers
from datacheck.decoders.pictures.jpeg_scans.plans import Plan, plan
from datacheck.decoders.pictures.jpeg_scans.walker import Damage, Walked, walk, walk_planned

__all__ = ["Damage", "Walked", "damage_of", "only_scan", "passes", "walk", "warm"]


def only_scan(head: bytes, steps: Walk) -> Plan | None:
    """Return the plan of a sequential picture from what lies before its only scan; None for any other picture."""
    result = plan(head, steps)
    return result if result is not None and result.script.whole and len(result.script.scans) == 1 else None


def passes(scan_plan: Plan, value: bytes, start: int, stop: int) -> bool:
    """Check that nothing is wrong with the only scan of a picture, and that it has more than one grey."""
    walked = walk_planned(scan_plan, value, [(start, stop)])
    return walked.damage is None and not walked.flat


def damage_of(value: bytes) -> Damage | None:
    """Return the damage that a walk finds in a whole JPEG; None if there is none, if it is cut, or cannot be walked.

    `show` and the page locate damage with it.
    """
    steps = markers(value)
    walked = walk(value, steps) if steps.end is not None else None
    return None if walked is None else walked.damage


@cache
def warm(*, strict: bool) -> None:
    """Compile everything by walking pictures of one block."""
    for value in (_tiny(progressive=False), _tiny(progressive=True)):
        steps = markers(value)
        for closer in (False, True) if strict else (False,):
            walked = walk(value, steps, closer=closer)
            assert walked is not None
            assert walked.damage is None


def _tiny(*, progressive: bool) -> bytes:
    """Return a grey picture of 8 x 8 pixels in which every code is one bit."""
    codes = b"".join(b"\xff\xc4\0\x14" + bytes([kind, 1, *bytes(15), 0]) for kind in (0x00, 0x10))
    head = b"\xff\xd8\xff\xdb\0\x43\0" + b"\1" * 64
    head += b"\xff" + (b"\xc2" if progressive else b"\xc0") + b"\0\x0b\x08\0\x08\0\x08\1\1\x11\0" + codes
    bands = [(0, 0, 0x01), (0, 0, 0x10), (1, 63, 0x01), (1, 63, 0x10)] if progressive else [(0, 63, 0)]
    scans = b"".join(b"\xff\xda\0\x08\1\1\0" + bytes(band) + (b"\x7f" if progressive else b"\x3f") for band in bands)
    return head + scans + b"\xff\xd9"
