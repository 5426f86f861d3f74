"""Check the ancillary chunks of PNG files: their lengths and values, and what a loader makes of wrong ones.

Their checksums are right, so a program wrote what is wrong here. The format is that of the W3C's PNG specification,
third edition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from datacheck.decoders.pictures.metadata import exif_problem, profile_problem
from datacheck.decoders.pictures.png_parts import Chunks, Header
from datacheck.model.codes import Verdict
from datacheck.model.finding import Finding, found

GREY, COLOURS, PALETTE, GREY_ALPHA, COLOURS_ALPHA = 0, 2, 3, 4, 6
LENGTHS = {
    b"cHRM": 32, b"gAMA": 4, b"sRGB": 1, b"pHYs": 9, b"tIME": 7, b"cICP": 4, b"mDCV": 24, b"cLLI": 8,
}  # fmt: skip
"""The length in bytes of the chunks that allow only one."""
REFUSED: dict[bytes, Callable[[int], bool]] = {
    b"cHRM": lambda size: size % 4 > 0,
    b"gAMA": lambda size: size < 4,
    b"sRGB": lambda size: size < 1,
    b"pHYs": lambda size: size < 9,
}
"""Tests for lengths that make Pillow refuse the picture; libpng warns about any wrong length and ignores the chunk."""
TRANSPARENT = {GREY: 2, COLOURS: 6}
SIGNIFICANT = {GREY: 1, COLOURS: 3, PALETTE: 3, GREY_ALPHA: 2, COLOURS_ALPHA: 4}
BACKGROUND = {GREY: 2, COLOURS: 6, PALETTE: 1, GREY_ALPHA: 2, COLOURS_ALPHA: 6}
TEXT = b"zTXt"
ENTRIES = 256
SMALLEST_FRAME = 26


def worst_finding(value: bytes, chunks: Chunks, header: Header) -> Finding | None:
    """Return the worst finding about the ancillary chunks and the palette, or None."""
    worst = None
    seen: set[bytes] = set()
    for kind, at, start, stop in chunks.places:
        if (kind not in LENGTHS and kind not in _JUDGES) or kind in seen:
            continue
        if kind != TEXT:  # a decoder uses only one of each other kind
            seen.add(kind)
        problem = _chunk_problem(kind, value[start:stop], chunks, header)
        if problem is not None and (worst is None or (problem[0] == "bad" and worst.verdict != "bad")):
            verdict, reason = problem
            text = f"PNG: the chunk {kind.decode('ascii')} at byte {at} {reason}"
            worst = found("corrupt-image", text, field="data", verdict=verdict, offset=at)
    return worst


def _chunk_problem(kind: bytes, data: bytes, chunks: Chunks, header: Header) -> tuple[Verdict, str] | None:
    expected = LENGTHS.get(kind)
    if expected is not None and len(data) != expected:
        if kind in REFUSED and REFUSED[kind](len(data)):
            return "bad", f"has {len(data)} bytes, expected {expected}: Pillow refuses the picture"
        return "suspicious", f"has {len(data)} bytes, expected {expected}"
    judge = _JUDGES.get(kind)
    return judge(data, chunks, header) if judge is not None else None


def _palette(data: bytes, _: Chunks, header: Header) -> tuple[Verdict, str] | None:
    verdict: Verdict = "bad" if header.colour == PALETTE else "suspicious"
    if not data or len(data) % 3 or len(data) > 3 * ENTRIES:
        return verdict, f"has {len(data)} bytes, expected three for each of 1 to {ENTRIES} colours"
    if header.colour == PALETTE and len(data) > 3 << header.depth:
        return "suspicious", f"has {len(data) // 3} colours, pixels of {header.depth} bits reach {1 << header.depth}"
    return None


def _transparent(data: bytes, chunks: Chunks, header: Header) -> tuple[Verdict, str] | None:
    expected = TRANSPARENT.get(header.colour)
    if header.colour in (GREY_ALPHA, COLOURS_ALPHA):
        return "suspicious", "names a transparent colour, but every pixel has an opacity"
    if expected is None:
        colours = sum(stop - start for start, stop in chunks.of_kind(b"PLTE")) // 3
        if len(data) > colours:
            return "suspicious", f"has the opacity of {len(data)} colours, the palette has {colours}"
        return None
    if len(data) < expected:
        return "bad", f"has {len(data)} bytes, expected {expected}: Pillow refuses the picture"
    return ("suspicious", f"has {len(data)} bytes, expected {expected}") if len(data) > expected else None


def _lengths(sizes: dict[int, int]) -> Callable[[bytes, Chunks, Header], tuple[Verdict, str] | None]:
    def judge(data: bytes, _: Chunks, header: Header) -> tuple[Verdict, str] | None:
        size = sizes[header.colour]
        return None if len(data) == size else ("suspicious", f"has {len(data)} bytes, expected {size}")

    return judge


def _intent(data: bytes, *_: object) -> tuple[Verdict, str] | None:
    return ("suspicious", f"has the rendering intent {data[0]}, expected 0 to 3") if data[0] > 3 else None


def _unit(data: bytes, *_: object) -> tuple[Verdict, str] | None:
    return ("suspicious", f"has the unit {data[8]}, expected 0 or 1") if data[8] > 1 else None


def _packed(data: bytes, *_: object) -> tuple[Verdict, str] | None:
    """Judge a name, a compression method, and the compressed data: a text, which is not unpacked."""
    name, zero, rest = data.partition(b"\0")
    if not zero or not rest or not 0 < len(name) < 80:
        return "suspicious", "does not begin with a name and a compression method"
    return ("bad", f"has the compression method {rest[0]}, expected 0: Pillow refuses the picture") if rest[0] else None


def _profile(data: bytes, *_: object) -> tuple[Verdict, str] | None:
    problem = _packed(data)
    if problem is not None:
        return problem
    reason = profile_problem(data.partition(b"\0")[2][1:], deflated=True)
    return None if reason is None else ("suspicious", f"holds a colour profile that {reason}")


def _exif(data: bytes, *_: object) -> tuple[Verdict, str] | None:
    reason = exif_problem(data)
    return None if reason is None else ("suspicious", f"holds EXIF that {reason}")


_JUDGES: dict[bytes, Callable[[bytes, Chunks, Header], tuple[Verdict, str] | None]] = {
    b"PLTE": _palette,
    b"tRNS": _transparent,
    b"sBIT": _lengths(SIGNIFICANT),
    b"bKGD": _lengths(BACKGROUND),
    b"sRGB": _intent,
    b"pHYs": _unit,
    TEXT: _packed,
    b"iCCP": _profile,
    b"eXIf": _exif,
}


def broken_animation(value: bytes, chunks: Chunks, header: Header) -> str | None:
    """Describe what is wrong with the chunks that control an animation, or return None.

    The first picture is sound without them.
    """
    controls = chunks.of_kind(b"acTL")
    if len(controls) > 1 or controls[0][1] - controls[0][0] != 8:
        return "its chunk acTL does not have 8 bytes, or comes twice"
    count, frames = int.from_bytes(value[controls[0][0] : controls[0][0] + 4], "big"), chunks.of_kind(b"fcTL")
    if not count or count != len(frames):
        return f"it declares {count} frames, and has {len(frames)}"
    for start, stop in frames:
        if stop - start != SMALLEST_FRAME:
            return f"a chunk fcTL has {stop - start} bytes, expected {SMALLEST_FRAME}"
        wide, high, x, y = (int.from_bytes(value[start + at : start + at + 4], "big") for at in (4, 8, 12, 16))
        if not wide or not high or x + wide > header.width or y + high > header.height:
            return f"a frame of {wide} x {high} pixels at {x}, {y} does not lie in the picture"
    numbers = list(_sequence(value, chunks))
    if numbers != list(range(len(numbers))):
        return "its chunks are not numbered one after the other"
    return None


def _sequence(value: bytes, chunks: Chunks) -> Iterator[int]:
    for kind, _, start, stop in chunks.places:
        if kind in (b"fcTL", b"fdAT"):
            yield int.from_bytes(value[start : min(start + 4, stop)], "big")
