"""Walk mp4 and Matroska files from their first byte to their last.

Sources: ISO/IEC 14496-12 (boxes), RFC 8794 (EBML), RFC 9559 (Matroska).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import msgspec
import numpy as np

from datacheck.decoders.media.sound import trailing_data, truncated_file
from datacheck.model.finding import Finding, found

Value = bytes | memoryview
PICTURES = (b"avif", b"avis", b"mif1", b"msf1", b"hei", b"hev", b"jxl ", b"crx ")
"""Brands of still pictures, which are stored in boxes as well."""
CONTAINERS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"mvex", b"dinf"})
OFFSETS = {b"stco": 4, b"co64": 8}
BOXES = 1 << 16
ELEMENTS = 1 << 18
"""Maximum number of boxes, and of elements, that are walked."""
EBML, SEGMENT, CLUSTER, TRACKS, CRC, VOID = 0x1A45DFA3, 0x18538067, 0x1F43B675, 0x1654AE6B, 0xBF, 0xEC
SEGMENT_PARTS = {0x114D9B74, 0x1549A966, TRACKS, CLUSTER, 0x1C53BB6B, 0x1941A469, 0x1043A770, 0x1254C367, CRC, VOID}
"""SeekHead, Info, Tracks, Cluster, Cues, Attachments, Chapters, Tags, CRC-32, Void."""
CLUSTER_PARTS = {0xE7, 0x5854, 0xA7, 0xAB, 0xA3, 0xA0, 0xAF, CRC, VOID}


def is_mp4(value: Value) -> bool:
    brand = bytes(value[8:12])
    return bytes(value[4:8]) == b"ftyp" and len(value) >= 12 and not brand.startswith(PICTURES)


def is_matroska(value: Value) -> bool:
    return bytes(value[:4]) == b"\x1a\x45\xdf\xa3"


class Box(msgspec.Struct, frozen=True):
    """A box: its name, and the offsets of its content, whose end may be beyond the enclosing box."""

    name: bytes
    start: int
    stop: int


def _boxes(value: Value, at: int, end: int) -> Iterator[Box]:
    """Yield the boxes between two offsets; the last may be cut. If no valid header fits, it has no name."""
    while at < end:
        if at + 8 > end:
            yield Box(b"", at, end)
            return
        size, name = int.from_bytes(value[at : at + 4], "big"), bytes(value[at + 4 : at + 8])
        head = 8
        if size == 1:
            head, size = 16, int.from_bytes(value[at + 8 : at + 16], "big")
        elif size == 0:
            size = end - at
        if size < head:
            yield Box(b"", at, end)
            return
        yield Box(name, at + head, at + size)
        at += size


def walk_mp4(value: Value) -> list[Finding]:
    """Walk the boxes of an mp4 file. Checks that sizes add up, index and samples exist, and chunks lie in the file."""
    if bytes(value[4:8]) != b"ftyp":
        return [found("undecodable", f"not an mp4 file: it begins with {bytes(value[:8]).hex(' ')}")]
    seen: set[bytes] = set()
    for number, box in enumerate(_boxes(value, 0, len(value))):
        if number >= BOXES:
            return [_too_many(f"{BOXES} boxes of an mp4 file")]
        if not box.name or not _plain(box.name):
            short = len(value) - box.start < 8 and b"moof" in seen
            if {b"moov", b"mdat"} <= seen and not short:
                return [trailing_data("mp4", value, box.start - (8 if box.name else 0))]
            if len(value) - box.start < 8:
                return [truncated_file("mp4", value, "inside the header of a box")]
            return [found("undecodable", f"an mp4 file without a box where one must begin, at byte {box.start}")]
        if box.stop > len(value):
            return [
                truncated_file(
                    "mp4", value, f"inside the box {box.name.decode('latin-1')} of {box.stop - box.start} bytes"
                )
            ]
        seen.add(box.name)
        finding = _index(value, box) if box.name == b"moov" else None
        if finding is not None:
            return [finding]
    missing = [it for it in (b"moov", b"mdat") if it not in seen]
    if missing:
        names = " and ".join(it.decode() for it in missing)
        return [found("truncated", f"an mp4 file of {len(value)} bytes without {names}", size=len(value))]
    return []


def _too_many(parts: str) -> Finding:
    return found("too-large", f"more than {parts}, which are not walked", verdict="unverifiable")


def _plain(name: bytes) -> bool:
    return all(0x20 <= it < 0x7F or it == 0xA9 for it in name)


def _index(value: Value, moov: Box) -> Finding | None:
    """Return a finding if a box in the index is longer than its parent or an offset is beyond the file, or None."""
    pending, count = [moov], 0
    while pending:
        holder = pending.pop()
        for box in _boxes(value, holder.start, holder.stop):
            count += 1
            if not box.name and bytes(value[box.start : box.stop]).strip(b"\0") == b"":
                continue  # QuickTime ends some lists with a zero
            if count > BOXES:
                return _too_many(f"{BOXES} boxes in the index of an mp4 file")
            if box.stop > holder.stop or not box.name:
                message = f"a box at byte {box.start} of the index does not fit into {holder.name.decode('latin-1')}"
                return found("undecodable", message, offset=box.start)
            if box.name in CONTAINERS:
                pending.append(box)
            elif box.name in OFFSETS:
                finding = _chunks(value, box)
                if finding is not None:
                    return finding
    return None


def _chunks(value: Value, box: Box) -> Finding | None:
    width = OFFSETS[box.name]
    count = int.from_bytes(value[box.start + 4 : box.start + 8], "big")
    available = box.stop - box.start - 8
    if available < 0 or count * width > available:
        message = f"{count} chunk offsets are declared, {max(available, 0) // width} fit"
        return found("undecodable", message, offset=box.start)
    offsets = np.frombuffer(value, f">u{width}", count, box.start + 8)
    beyond = int((offsets >= len(value)).sum())
    if beyond:
        return found(
            "truncated", f"{beyond} of {count} chunks of samples lie beyond the end of the mp4 file", found=beyond
        )
    return None


class Element(msgspec.Struct, frozen=True):
    """An EBML element; `stop` is None if its size is unknown."""

    id: int
    at: int
    start: int
    stop: int | None


def _element(value: Value, at: int) -> Element | None:
    """Return the element at an offset, or None if there is no valid one."""
    if at >= len(value) or not value[at]:
        return None
    width = 9 - value[at].bit_length()
    if width > 4 or at + width >= len(value):
        return None
    identity = int.from_bytes(value[at : at + width], "big")
    size_at = at + width
    first = value[size_at]
    if not first:
        return None
    size_width = 9 - first.bit_length()
    if size_at + size_width > len(value):
        return None
    size = int.from_bytes(value[size_at : size_at + size_width], "big") & (1 << 7 * size_width) - 1
    start = size_at + size_width
    return Element(identity, at, start, None if size == (1 << 7 * size_width) - 1 else start + size)


def walk_matroska(value: Value) -> list[Finding]:
    """Walk the elements; checks their sizes and checksums, and that tracks and clusters exist."""
    if not is_matroska(value):
        return [found("undecodable", f"not a Matroska file: it begins with {bytes(value[:4]).hex(' ')}")]
    head = _element(value, 0)
    segment = None if head is None or head.stop is None else _element(value, head.stop)
    if segment is None:
        return [truncated_file("Matroska", value, "inside its header")]
    if segment.id != SEGMENT:
        return [found("undecodable", f"a Matroska file without a segment at byte {segment.at}", offset=segment.at)]
    if segment.stop is not None and segment.stop > len(value):
        return [truncated_file("Matroska", value, f"inside its segment, which ends at byte {segment.stop}")]
    end = len(value) if segment.stop is None else segment.stop
    seen: set[int] = set()
    finding = _segment(value, segment.start, end, seen)
    if finding is not None:
        return [finding]
    missing = [name for it, name in ((TRACKS, "tracks"), (CLUSTER, "clusters")) if it not in seen]
    if missing:
        message = f"a Matroska file of {len(value)} bytes without {' and '.join(missing)}"
        return [found("truncated", message, size=len(value))]
    return [trailing_data("Matroska", value, end)] if end < len(value) else []


def _segment(value: Value, at: int, end: int, seen: set[int]) -> Finding | None:
    """Walk the content of a segment; a cluster of unknown size ends at the first element that it cannot contain."""
    inside = False
    for _ in range(ELEMENTS):
        if at >= end:
            return None
        it = _element(value, at)
        if it is None:
            if end - at < 12:
                return truncated_file("Matroska", value, f"inside the header of an element at byte {at}")
            return found("undecodable", f"no element of Matroska where one must begin, at byte {at}", offset=at)
        if it.id not in SEGMENT_PARTS and not (inside and it.id in CLUSTER_PARTS):
            return found("undecodable", f"an unknown element {it.id:x} of Matroska at byte {at}", offset=at)
        if it.id in SEGMENT_PARTS - {CRC, VOID}:
            seen.add(it.id)
            inside = it.id == CLUSTER and it.stop is None
        if it.stop is None:
            if it.id != CLUSTER:
                return found("undecodable", f"an element {it.id:x} of unknown size at byte {at}", offset=at)
            at = it.start
            continue
        if it.stop > end:
            return truncated_file("Matroska", value, f"inside the element {it.id:x} at byte {at}")
        finding = _checked(value, it)
        if finding is not None:
            return finding
        at = it.stop
    return _too_many(f"{ELEMENTS} elements")


def _checked(value: Value, it: Element) -> Finding | None:
    """Return a finding if the first child of an element is a checksum of the rest and does not match, else None."""
    assert it.stop is not None
    if bytes(value[it.start : it.start + 2]) != b"\xbf\x84" or it.stop - it.start < 6 or it.id in (CRC, VOID):
        return None
    stored = int.from_bytes(value[it.start + 2 : it.start + 6], "little")
    actual = zlib.crc32(value[it.start + 6 : it.stop])
    if stored == actual:
        return None
    message = f"the element {it.id:x} of Matroska at byte {it.at}: its CRC-32 is {actual:08x}, expected {stored:08x}"
    return found("checksum", message, offset=it.at)
