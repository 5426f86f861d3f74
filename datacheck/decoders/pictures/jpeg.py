"""Decode JPEG strictly: a warning of libjpeg, which other programs drop, condemns the picture.

A walk over the markers finds where the picture ends, so that bytes after it are noticed, and what it declares, before
anything is decoded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from datacheck.decoders.pictures import eyes
from datacheck.decoders.pictures.jpeg_markers import DHT, EOI, FRAMES, SCAN_END, SOS, Walk, undecoded, walk
from datacheck.decoders.pictures.jpeg_metadata import metadata, without_profile
from datacheck.decoders.pictures.picture import LIMIT, MOST_SHOWN, Picture, too_large, trailing
from datacheck.model.codes import Verdict
from datacheck.model.finding import Finding, found

if TYPE_CHECKING:
    from datacheck.decoders.pictures.jpeg_scans.plans import Plan
    from datacheck.decoders.pictures.jpeg_scans.walker import Walked

SEQUENTIAL, PROGRESSIVE, LOSSLESS, ARITHMETIC = {0xC0, 0xC1}, {0xC2}, {0xC3, 0xCB}, {0xC9, 0xCA}
COLOURS = {1: "GRAY", 3: "RGB", 4: "CMYK"}
SMALL = frozenset({1, 3})
"""Numbers of components of pictures that the decoder can turn into grey; it cannot do so for CMYK."""
HEAD_BYTES = 1 << 16
"""Largest header that is remembered, in bytes."""
SCANS = 500
"""Maximum number of scans: in a progressive picture each passes over all blocks, so a small file may take hours."""
MOST_SCANS = 64 * 14
"""Maximum number of useful scans of one component: each must send at least one bit of one coefficient."""
SHOWN = 480
"""Smallest side, in pixels, that a picture is scaled down to when it is decoded to be shown."""
ZEROS = bytes(48)
"""A run of zeros that covers at least one whole block of a scan, wherever it begins."""

_SOS = bytes([0xFF, SOS])
BAD_PROFILE = "bad ICC marker"
"""The decoder's message about a colour profile whose parts do not fit together, which does not concern pixels."""
_REFUSALS = ("Could not determine subsampling", "Unsupported")
"""The messages of simplejpeg about pictures that it cannot decode even if they are sound."""


@dataclass(frozen=True)
class Frame:
    """What the frame header declares; `sampling` holds the horizontal and vertical factors of each component."""

    process: int
    precision: int
    height: int
    width: int
    sampling: tuple[tuple[int, int], ...]

    @property
    def kind(self) -> str:
        """The properties that matter to whoever decodes the picture, as text to put after the word JPEG."""
        if self.precision != 8:
            return f" {self.precision}-bit"
        if self.process in LOSSLESS:
            return " lossless"
        if self.process in ARITHMETIC:
            return " arithmetic"
        return " CMYK" if len(self.sampling) == 4 else ""

    @property
    def common(self) -> bool:
        """Whether the decoder supports all that is declared, so that a picture that it refuses is broken."""
        if self.process not in SEQUENTIAL | PROGRESSIVE | ARITHMETIC:
            return False
        legal = self.precision == 12 and self.process != 0xC0
        return not legal and len(self.sampling) in COLOURS

    @property
    def shrinks(self) -> bool:
        """Whether the decoder can make the picture small and grey; it crashes on shrinking a lossless one."""
        return self.process not in LOSSLESS and len(self.sampling) in SMALL

    @cached_property
    def blocks(self) -> int:
        """The minimum number of 8 x 8 blocks that must be coded."""
        wide = max((x for x, _ in self.sampling), default=0) or 1
        high = max((y for _, y in self.sampling), default=0) or 1
        return sum(
            ceil(ceil(self.width * x / wide) / 8) * ceil(ceil(self.height * y / high) / 8) for x, y in self.sampling
        )


def read(value: bytes, *, pixels: bool = True) -> tuple[Picture | None, list[Finding]]:
    """Return the picture in its own colours (1 grey, 3 RGB, 4 CMYK as stored), and the findings about it.

    An orientation in EXIF is not applied. Without `pixels` the picture is decoded at 1/8 scale and in grey: the same
    entropy-coded data is read to the same end, and only the transform is smaller. A picture that looks constant then is
    decoded in full.
    """
    if not pixels and (picture := HeaderCache()(value)) is not None:
        return picture, []
    steps = walk(value)
    frame = _frame(value, steps)
    problem = _end_finding(value, steps) or _frame_finding(frame, steps)
    if problem is not None:
        return None, [problem]
    assert frame is not None
    if (problem := _size_finding(frame, steps)) is not None:
        return None, [problem]
    assert steps.end is not None
    walked = _walk_scans(value, steps)
    if walked is not None and walked.damage is not None:
        return None, [_corrupt(walked.damage.text, None, **walked.damage.details)]
    oddities = [_corrupt(text, "suspicious") for text in walked.odd] if walked is not None else []
    others = [it for it in (metadata(value, steps),) if it is not None]
    try:
        if not pixels and walked is not None and _spares_decoding(value, frame, walked):
            result = Picture(_stand_in(frame), f"JPEG{frame.kind}", pixels_skipped=True)
        else:
            result = _decoded(value, frame, pixels)
    except ValueError as error:
        if BAD_PROFILE in str(error) and others:
            picture, findings = read(without_profile(value[: steps.end], steps), pixels=pixels)
            others += trailing("JPEG", value, steps.end)
            return picture, [*findings, *(others if picture is not None else [])]
        return _read_refused(value[: steps.end], frame, str(error), trailing("JPEG", value, steps.end))
    problem = _zeroed_finding(value, steps, frame)
    if problem is not None:
        return None, [problem]
    return result, [*oddities, *others, *trailing("JPEG", value, steps.end)]


def _walk_scans(value: bytes, steps: Walk) -> Walked | None:
    """Walk the Huffman data, or return None if that is not wanted or not possible."""
    if not eyes.is_walking():
        return None
    from datacheck.decoders.pictures.jpeg_scans import judging

    return judging.walk(value, steps, closer=eyes.is_strict())


def _spares_decoding(value: bytes, frame: Frame, walked: Walked) -> bool:
    """Check whether a walk has found all that a decoder would: the picture is sound and has more than one grey.

    Raises ValueError if the decoder objects to the headers.
    """
    if not walked.surely or walked.flat or len(frame.sampling) not in SMALL:
        return False
    try:
        simplejpeg.decode_jpeg_header(value)
    except KeyError:  # the header names no colours
        return False
    return True


class HeaderCache:
    """A reader of pictures whose pixels are not needed.

    It remembers the last header: those of a store are often the same.
    """

    def __init__(self) -> None:
        self._head: _Head | None = None

    def __call__(self, value: bytes) -> Picture | None:
        """Return a sound picture without its pixels, or None if only a closer look can judge it."""
        if eyes.is_strict():  # oddities must be reported, too
            return None
        head = self._head
        if head is None or not value.startswith(head.raw):
            head = self._head = _read_head(value)
            if head is None:
                return None
        start = len(head.raw)
        end = SCAN_END.search(value, start)
        if end is None or end.end() != len(value) or value[-1] != EOI or 8 * (end.start() - start) < head.bits:
            return None
        if head.zeros_tell and value.find(ZEROS, start) >= 0:
            return None
        try:
            return head.picture if _is_sound(head, value, end.start()) else None
        except ValueError:
            return None


@dataclass(frozen=True)
class _Head:
    """What lies before the only scan of a picture that the decoder can make grey.

    `bits` is the minimum length of the scan. `zeros_tell` says that a run of zeros in the scan can only be judged with
    the Huffman tables. `plan` is set if the scan is to be walked, which finds all that the decoder would.
    """

    raw: bytes
    picture: Picture
    bits: int
    zeros_tell: bool
    plan: Plan | None


def _read_head(value: bytes) -> _Head | None:
    """Return what lies before the first scan of a picture, or None if there is anything to report about it."""
    sos = value.find(_SOS)
    start = sos + 2 + int.from_bytes(value[sos + 2 : sos + 4], "big")
    return _head(value[:start], eyes.is_walking()) if 0 < sos < start <= HEAD_BYTES else None


@lru_cache(maxsize=64)
def _head(head: bytes, walking: bool) -> _Head | None:
    """Judge what lies before a picture's only scan; None if it is anything else or there is something to report."""
    steps = walk(head)
    frame = _frame(head, steps)
    alone = steps.end is None and steps.scans == [(len(head), len(head))]
    if not alone or frame is None or not frame.shrinks or _frame_finding(frame, steps) is not None:
        return None
    if metadata(head, steps) is not None:
        return None
    plan = None
    if walking:
        from datacheck.decoders.pictures.jpeg_scans import judging

        try:
            simplejpeg.decode_jpeg_header(head)
        except (ValueError, KeyError):
            return None
        plan = judging.only_scan(head, steps)
    picture = Picture(_stand_in(frame), f"JPEG{frame.kind}", pixels_skipped=True)
    return _Head(head, picture, _least_bits(frame), frame.process in SEQUENTIAL, plan)


def _is_sound(head: _Head, value: bytes, end: int) -> bool:
    """Check that the only scan of a picture is sound and has more than one grey. May raise ValueError if it is not."""
    if head.plan is None:
        return _varies(value)
    from datacheck.decoders.pictures.jpeg_scans import judging

    return judging.passes(head.plan, value, len(head.raw), end)


def _varies(value: bytes) -> bool:
    """Check at 1/8 scale whether a picture has more than one grey. Raises ValueError if the decoder objects."""
    small = simplejpeg.decode_jpeg(value, "GRAY", min_height=1, min_width=1, min_factor=8).tobytes()
    return bool(small != small[:1] * len(small))


def _decoded(value: bytes, frame: Frame, pixels: bool) -> Picture:
    """Decode a picture, skipping its pixels if they are not wanted. Raises ValueError if the decoder objects."""
    colours = len(frame.sampling)
    kind = f"JPEG{frame.kind}"
    if not pixels and frame.shrinks and _varies(value):
        return Picture(_stand_in(frame), kind, pixels_skipped=True)
    full = simplejpeg.decode_jpeg(value, COLOURS.get(colours, "RGB"))
    return Picture(full.transpose(2, 0, 1), kind)


def _stand_in(frame: Frame) -> NDArray[np.uint8]:
    """Return an array of the picture's shape that takes no memory."""
    return np.broadcast_to(np.uint8(0), (len(frame.sampling), frame.height, frame.width))


def _frame(value: bytes, steps: Walk) -> Frame | None:
    for marker, start, stop in steps.segments:
        if marker in FRAMES and start + 6 < stop <= len(value) and stop - start == 6 + 3 * value[start + 5]:
            factors = value[start + 7 : stop : 3]
            return Frame(
                marker,
                value[start],
                int.from_bytes(value[start + 1 : start + 3], "big"),
                int.from_bytes(value[start + 3 : start + 5], "big"),
                tuple((factor >> 4, factor & 15) for factor in factors),
            )
    return None


def _end_finding(value: bytes, steps: Walk) -> Finding | None:
    """Return a finding if the picture lacks its end marker, or None.

    If the file still ends with the marker, after a broken segment, the picture is not cut but corrupt.
    """
    if steps.end is not None:
        return None
    if value.endswith(bytes([0xFF, EOI])):
        return _corrupt("a segment's length leads past the end of the file")
    where = "inside the pixel data" if steps.scans else "before any pixel data"
    return found(
        "truncated",
        f"the JPEG ends at byte {len(value)} without an end-of-image marker, {where}",
        field="data",
        size=len(value),
    )


def _frame_finding(frame: Frame | None, steps: Walk) -> Finding | None:
    """Return a finding if the declared properties are wrong or too large, or None.

    This runs before the decoder allocates memory for the picture.
    """
    if (name := undecoded(steps, None if frame is None else frame.height)) is not None:
        return found("unknown-payload", f"{name}, which is not decoded", field="data")
    if frame is None or not steps.scans:
        return _corrupt("no sound frame header" if frame is None else "no scan: there are headers but no pixel data")
    if not frame.height or not frame.width:
        return _corrupt(f"declares {frame.width} x {frame.height} pixels")
    size = frame.height * frame.width * max(1, len(frame.sampling))
    if size > LIMIT:
        return too_large("JPEG", frame.width, frame.height, size, _scan_size(steps), _least_bits(frame) / 8 or None)
    if len(steps.scans) > SCANS:
        return found(
            "too-large", f"the JPEG has {len(steps.scans)} scans, at most {SCANS} are decoded", field="data",
            verdict="unverifiable" if len(steps.scans) <= MOST_SCANS * len(frame.sampling) else None,
            scans=len(steps.scans),
        )  # fmt: skip
    return None


def _scan_size(steps: Walk) -> int:
    """Return the total size of the scans, in bytes."""
    return sum(stop - start for start, stop in steps.scans)


def _least_bits(frame: Frame) -> int:
    """Return the minimum length of the scans in bits, or 0 if it is not known for this process.

    Each block takes at least two bits, or one in the first scan of a progressive picture.
    """
    return {0xC0: 2, 0xC1: 2, 0xC2: 1}.get(frame.process, 0) * frame.blocks


def _size_finding(frame: Frame, steps: Walk) -> Finding | None:
    """Return a finding if the scans are too short for what the frame header declares, or None."""
    bits = _least_bits(frame)
    stored = _scan_size(steps)
    if stored * 8 < bits:
        return found(
            "truncated",
            f"{frame.width} x {frame.height} pixels take at least {ceil(bits / 8)} bytes, the scans have {stored}",
            field="data",
            found=stored,
            expected=ceil(bits / 8),
        )
    return None


def _read_refused(
    value: bytes, frame: Frame, message: str, others: list[Finding]
) -> tuple[Picture | None, list[Finding]]:
    """Find out whether a picture is broken or only unsupported by the strict decoder; Pillow may then decode it."""
    if not message.removeprefix("tjDecompressHeader3(): ").startswith(_REFUSALS):
        return None, [_corrupt(message)]
    from datacheck.decoders.pictures import pillow

    picture, findings = pillow.read(value, "JPEG")
    if picture is not None:
        return Picture(picture.pixels, f"JPEG{frame.kind}"), others
    if frame.common:
        return None, findings if findings[0].code == "corrupt-image" else [_corrupt(message)]
    kind = frame.kind.strip() or f"process {frame.process - 0xC0} with {len(frame.sampling)} components"
    return None, [found("unknown-payload", f"a JPEG ({kind}) that no decoder here supports: {message}", field="data")]


def _zeroed_finding(value: bytes, steps: Walk, frame: Frame) -> Finding | None:
    """Return a finding if a sequential scan has zero bytes that can be decoded but that no encoder writes, or None.

    The code of nothing but zero bits is that of the first symbol of a Huffman table. If that symbol ends the block,
    zeros are a flat picture. Otherwise they are a block whose every coefficient has the same value, and then another.
    """
    if frame.process not in SEQUENTIAL or value.find(ZEROS, steps.scans[0][0]) < 0:
        return None
    for (start, stop), firsts in zip(steps.scans, _first_symbols(value, steps), strict=False):
        at = value.find(ZEROS, start, stop)
        if at >= 0 and any(symbol & 15 for symbol in firsts):
            count = stop - at - len(value[at:stop].lstrip(b"\0"))
            return _corrupt(f"{count} zero bytes in the pixel data at byte {at}")
    return None


def _first_symbols(value: bytes, steps: Walk) -> Iterator[list[int]]:
    """Yield for each scan the first symbols of the AC tables that it uses."""
    first: dict[int, int] = {}
    for marker, start, stop in steps.segments:
        if marker == DHT:
            at = start
            while at + 17 < stop:
                if value[at] >> 4:
                    first[value[at] & 15] = value[at + 17]
                at += 17 + sum(value[at + 1 : at + 17])
        elif marker == SOS:
            count = value[start]
            yield [first.get(ids & 15, 0) for ids in value[start + 2 : start + 1 + 2 * count : 2]]


def _corrupt(reason: str, verdict: Verdict | None = None, **details: int) -> Finding:
    return found("corrupt-image", f"JPEG: {reason}", field="data", verdict=verdict, **details)


def as_loaders_see(value: bytes) -> NDArray[np.uint8] | None:
    """Return the pixels (channels, height, width) that a tolerant decoder makes of a picture that may be broken.

    A large picture is decoded at a smaller scale. None if there are no pixels, or if there would be too many.
    """
    if value.count(_SOS) > SCANS:
        return None
    try:
        height, width, _, _ = simplejpeg.decode_jpeg_header(value, strict=False)
        if height * width > MOST_SHOWN:
            return None
        frame = _frame(value, walk(value))
        least = 0 if frame is not None and frame.process in LOSSLESS else SHOWN
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(
            value, "RGB", min_height=least, min_width=least, strict=False
        )
    except (ValueError, KeyError):  # KeyError: the header names no colours
        return None
    return np.moveaxis(pixels, 2, 0)
