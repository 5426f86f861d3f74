"""mp4 and Matroska, walked from their first byte to their last.

Sources: ISO/IEC 14496-12 (boxes), RFC 8794 (EBML), RFC 9559 (Matroska).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import msgspec
import numpy as np

from datacheck.decoders.media.sound import behind, cut
from datacheck.model.finding import Finding, found

Value = bytes | memoryview
PICTURES = (b"avif", b"avis", b"mif1", b"msf1", b"hei", b"hev", b"jxl ", b"crx ")
"""The brands of still pictures, which are kept in boxes as well."""
CONTAINERS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"mvex", b"dinf"})
OFFSETS = {b"stco": 4, b"co64": 8}
BOXES = 1 << 16
ELEMENTS = 1 << 18
"""So many boxes or elements are walked."""
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
    """A box: its name, and where its content begins and ends, which may be beyond what holds it."""

    name: bytes
    start: int
    stop: int


def _boxes(value: Value, at: int, end: int) -> Iterator[Box]:
    """Yield the boxes between two places; the last may be cut. What is too short for a header is a box without name."""
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
    """Walk the boxes: the sizes add up, the index and the samples are there, and no chunk lies beyond the file."""
    if bytes(value[4:8]) != b"ftyp":
        return [found("undecodable", f"not an mp4 file: it begins with {bytes(value[:8]).hex(' ')}")]
    seen: set[bytes] = set()
    for number, box in enumerate(_boxes(value, 0, len(value))):
        if not box.name or not _plain(box.name) or number >= BOXES:
            short = len(value) - box.start < 8 and b"moof" in seen
            if {b"moov", b"mdat"} <= seen and not short:
                return [behind("mp4", value, box.start - (8 if box.name else 0))]
            if len(value) - box.start < 8:
                return [cut("mp4", value, "inside the header of a box")]
            return [found("undecodable", f"an mp4 file without a box where one must begin, at byte {box.start}")]
        if box.stop > len(value):
            return [cut("mp4", value, f"inside the box {box.name.decode('latin-1')} of {box.stop - box.start} bytes")]
        seen.add(box.name)
        finding = _index(value, box) if box.name == b"moov" else None
        if finding is not None:
            return [finding]
    missing = [it for it in (b"moov", b"mdat") if it not in seen]
    if missing:
        names = " and ".join(it.decode() for it in missing)
        return [found("truncated", f"an mp4 file of {len(value)} bytes without {names}", size=len(value))]
    return []


def _plain(name: bytes) -> bool:
    return all(0x20 <= it < 0x7F or it == 0xA9 for it in name)


def _index(value: Value, moov: Box) -> Finding | None:
    """Return what is wrong in the index: a box that is longer than what holds it, an offset beyond the file."""
    waiting, count = [moov], 0
    while waiting:
        holder = waiting.pop()
        for box in _boxes(value, holder.start, holder.stop):
            count += 1
            if not box.name and bytes(value[box.start : box.stop]).strip(b"\0") == b"":
                continue  # QuickTime ends some lists with a zero
            if box.stop > holder.stop or not box.name or count > BOXES:
                said = f"a box at byte {box.start} of the index does not fit into {holder.name.decode('latin-1')}"
                return found("undecodable", said, offset=box.start)
            if box.name in CONTAINERS:
                waiting.append(box)
            elif box.name in OFFSETS:
                finding = _chunks(value, box)
                if finding is not None:
                    return finding
    return None


def _chunks(value: Value, box: Box) -> Finding | None:
    width = OFFSETS[box.name]
    count = int.from_bytes(value[box.start + 4 : box.start + 8], "big")
    room = box.stop - box.start - 8
    if room < 0 or count * width > room:
        said = f"{count} chunk offsets are declared, {max(room, 0) // width} fit"
        return found("undecodable", said, offset=box.start)
    offsets = np.frombuffer(value, f">u{width}", count, box.start + 8)
    beyond = int((offsets >= len(value)).sum())
    if beyond:
        return found(
            "truncated", f"{beyond} of {count} chunks of samples lie beyond the end of the mp4 file", found=beyond
        )
    return None


class Element(msgspec.Struct, frozen=True):
    """An element of EBML: `stop` is None where its size is not known."""

    id: int
    at: int
    start: int
    stop: int | None


def _element(value: Value, at: int) -> Element | None:
    """Return the element that begins there, None where none can."""
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
    """Walk the elements: the sizes add up, checksums match, tracks and clusters are there."""
    if not is_matroska(value):
        return [found("undecodable", f"not a Matroska file: it begins with {bytes(value[:4]).hex(' ')}")]
    head = _element(value, 0)
    segment = None if head is None or head.stop is None else _element(value, head.stop)
    if segment is None:
        return [cut("Matroska", value, "inside its header")]
    if segment.id != SEGMENT:
        return [found("undecodable", f"a Matroska file without a segment at byte {segment.at}", offset=segment.at)]
    if segment.stop is not None and segment.stop > len(value):
        return [cut("Matroska", value, f"inside its segment, which ends at byte {segment.stop}")]
    end = len(value) if segment.stop is None else segment.stop
    seen: set[int] = set()
    finding = _segment(value, segment.start, end, seen)
    if finding is not None:
        return [finding]
    missing = [name for it, name in ((TRACKS, "tracks"), (CLUSTER, "clusters")) if it not in seen]
    if missing:
        said = f"a Matroska file of {len(value)} bytes without {' and '.join(missing)}"
        return [found("truncated", said, size=len(value))]
    return [behind("Matroska", value, end)] if end < len(value) else []


def _segment(value: Value, at: int, end: int, seen: set[int]) -> Finding | None:
    """Walk what a segment holds; clusters of unknown size end where something begins that none can hold."""
    inside = False
    for _ in range(ELEMENTS):
        if at >= end:
            return None
        it = _element(value, at)
        if it is None:
            if end - at < 12:
                return cut("Matroska", value, f"inside the header of an element at byte {at}")
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
            return cut("Matroska", value, f"inside the element {it.id:x} at byte {at}")
        finding = _checked(value, it)
        if finding is not None:
            return finding
        at = it.stop
    return found("too-large", f"more than {ELEMENTS} elements, which are not walked", verdict="unverifiable")


def _checked(value: Value, it: Element) -> Finding | None:
    """Return the finding of an element whose first child is a checksum of the rest, and does not match."""
    assert it.stop is not None
    if bytes(value[it.start : it.start + 2]) != b"\xbf\x84" or it.stop - it.start < 6 or it.id in (CRC, VOID):
        return None
    stored = int.from_bytes(value[it.start + 2 : it.start + 6], "little")
    actual = zlib.crc32(value[it.start + 6 : it.stop])
    if stored == actual:
        return None
    said = f"the element {it.id:x} of Matroska at byte {it.at}: its CRC-32 is {actual:08x}, expected {stored:08x}"
    return found("checksum", said, offset=it.at)
