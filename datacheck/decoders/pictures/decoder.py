"""Encoded pictures: bare JPEG, PNG, WebP, GIF, BMP and TIFF files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial

from datacheck.decoders.foreign import known_format
from datacheck.decoders.interface import Field, Reading, Value
from datacheck.decoders.media.decoder import WALKS, media_kind
from datacheck.decoders.one_by_one import decode_each
from datacheck.decoders.pictures.picture import LIMIT, Picture, sniff, too_large, trailing
from datacheck.decoders.pictures.strangers import describe_non_picture
from datacheck.model.batch import Batch
from datacheck.model.blocks import Block
from datacheck.model.finding import Finding, found
from datacheck.model.profile import FamilyProfile

_REPR = re.compile(rb"""b(['"])(?:\\xff\\xd8\\xff|\\x89PNG\\r\\n|GIF8[79]a|RIFF.{4,16}?WEBP)""", re.DOTALL)


def picture_field(picture: Picture) -> Field:
    """Return the field "data" that holds a picture."""
    return Field("data", picture.pixels, format=picture.format, encoded=True, pixels_skipped=picture.pixels_skipped)


def read_picture(value: Value, *, pixels: bool = True) -> tuple[Picture | None, list[Finding]]:
    """Return a picture, or None if it is broken, and the findings: for a broken one only the most telling.

    For an animation, the first frame is returned, but all frames are decoded, within bounds. Without `pixels` a picture
    may come with `pixels_skipped`, if that is quicker and finds the same.
    """
    name = sniff(value)
    if name is None:
        return None, [_no_picture_finding(value)]
    data = bytes(value)
    # The first picture loads the image libraries, so that a store without pictures does not pay for them.
    if name == "JPEG":
        from datacheck.decoders.pictures import jpeg

        return jpeg.read(data, pixels=pixels)
    if name == "PNG":
        from datacheck.decoders.pictures import png

        return png.read(data)
    return _read_container(data, name)


def _read_container(data: bytes, name: str) -> tuple[Picture | None, list[Finding]]:
    """Read a format whose structure is walked here and whose pixels Pillow decodes."""
    from datacheck.decoders.pictures import containers, pillow

    if name == "TIFF":
        return _read_tiff(data)
    outline = {"GIF": containers.gif, "WebP": containers.webp, "BMP": containers.bmp}[name](data)
    if isinstance(outline, Finding):
        return None, [outline]
    size = outline.width * outline.height * 3
    if size > LIMIT:
        least = containers.least_bytes(name, data, outline)
        return None, [too_large(name, outline.width, outline.height, size, outline.end, least)]
    content = data[: outline.end]
    picture, findings = pillow.read(content, name, outline.frames)
    if picture is None:
        return None, findings
    unseen = _skipped_findings(content, name)
    if any(it.verdict == "bad" for it in unseen):
        return None, unseen[:1]
    return picture, [*findings, *unseen, *trailing(name, data, outline.end)]


def _read_tiff(data: bytes) -> tuple[Picture | None, list[Finding]]:
    """Read a TIFF. Its end is only known once everything that it points to is found, since it points back and forth."""
    from datacheck.decoders.pictures import containers, pillow, tiff, tiff_end, tiff_metadata, tiff_samples

    problem = containers.tiff(data) or tiff.cut_directory(data)
    if problem is not None and problem.verdict == "bad":
        return None, [problem]
    beyond = tiff_samples.is_beyond_pillow(data)
    picture, findings = (None, []) if beyond else pillow.read(data, "TIFF")
    beyond = beyond or (picture is None and tiff_samples.has_unusual_samples(data))
    if not beyond and picture is None and any(it.verdict == "bad" for it in findings):
        return None, findings
    damage = tiff.damage(data)  # also for files that Pillow does not know
    if damage is not None:
        return None, [damage]
    if beyond:
        picture, findings = tiff_samples.read(data)
    if problem is not None:
        findings = [*findings, problem]
    if picture is not None and (metadata_finding := tiff_metadata.metadata(data)) is not None:
        findings = [*findings, metadata_finding]
    end = tiff_end.end(data) if picture is not None else None
    return picture, findings if end is None else [*findings, *trailing("TIFF", data, end)]


def _skipped_findings(data: bytes, name: str) -> list[Finding]:
    """Return findings about what the decoder passed over, the worst first."""
    from datacheck.decoders.pictures import bmp_rle, containers, gif, webp

    findings: list[Finding | None] = []
    if name == "GIF":
        findings = [gif.damage(data)]
    elif name == "BMP":
        findings = [containers.bmp_oddity(data), bmp_rle.damage(data)]
    elif name == "WebP":
        findings = [webp.damage(data, len(data)), webp.metadata(data, len(data))]
    return [it for it in findings if it is not None]


def _no_picture_finding(value: Value) -> Finding:
    """Return the finding for a value that does not begin as a picture does."""
    head = bytes(value[:32])
    if _REPR.match(head):
        text = "a picture's bytes written out as text, b'\\xff...': str() was called on them before they were stored"
        return found("undecodable", text, field="data")
    kind = media_kind(value)
    if kind is not None:
        finding = next((it for it in WALKS[kind][1](value) if it.verdict == "bad"), None)
        return finding or found("wrong-format", f"no picture but {kind}, sound or video", field="data")
    if (name := known_format(value)) is not None:
        return found("unknown-payload", f"{name}, which datacheck does not decode", field="data")
    if (description := describe_non_picture(value)) is not None:
        return found("undecodable", f"not a picture but {description}", field="data")
    content = "all zero" if not bytes(value).strip(b"\0") else f"it begins with {head[:8].hex(' ')}"
    return found("undecodable", f"not a picture: {len(value)} bytes, {content}", field="data")


class PictureDecoder:
    """A decoder of picture files into a field "data" (channels, height, width)."""

    name = "picture"

    def knows(self, value: Value) -> bool:
        return sniff(value) is not None or _REPR.match(bytes(value[:32])) is not None

    def decode(
        self, block: Block, rows: Sequence[int], profile: FamilyProfile | None, *, pixels: bool = True
    ) -> Iterator[Batch | tuple[int, Finding]]:
        return decode_each(partial(self.read, pixels=pixels), block, rows, profile)

    def read(self, value: Value, profile: FamilyProfile | None, *, pixels: bool = True) -> Reading:
        """Read one picture file."""
        picture, findings = read_picture(value, pixels=pixels)
        if picture is None:
            return Reading(findings=findings)
        return Reading([picture_field(picture)], findings)

    def stored_picture(self, value: Value) -> bytes | None:
        """Return the value itself, which is a picture file."""
        return bytes(value)
