"""Check the pixel data of WebP files: does the decoder need the last bytes of each part?

Nothing in the arithmetic code of WebP reveals damage: any bits stand for pixels. But damage shifts where each later
symbol begins, so the decoder either reaches its last pixel with bytes left over, or runs out of bytes. It reports only
the latter. The former shows if it can still decode a copy whose parts lack their last bytes. The formats are those of
RFC 9649 (the container, and VP8L) and of RFC 6386 (VP8).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from datacheck.decoders.pictures import pillow
from datacheck.decoders.pictures.metadata import exif_problem, profile_problem
from datacheck.decoders.pictures.picture import LIMIT
from datacheck.model.finding import Finding, found

NEEDED = 3
"""Maximum number of bytes that encoders write beyond what a decoder needs."""
CUTS = range(8, NEEDED, -1)
"""Numbers of bytes to cut off, each tried in turn.

By chance, the decoder may read a long copy instruction after a cut and so finish, but not after every cut.
"""
SHORTEST = 28
"""Length in bytes below which a stream says too little."""
KEY_FRAME_HEAD = 10
PACKED_ALPHA = 1
CHANNELS = 4
"""Number of bytes that the decoder makes of a pixel."""
CANVAS = 24
"""Offset of the size of the canvas, which is also the size of a single frame."""


class Stream(NamedTuple):
    """The pixels of a frame, or its opacity: its kind, the offset of its data in the file, and that data."""

    kind: bytes
    at: int
    data: bytes

    @property
    def pixels(self) -> int:
        """The number of pixels that the stream's header declares."""
        if self.kind == b"VP8 ":
            width, height = (int.from_bytes(self.data[at : at + 2], "little") & 0x3FFF for at in (6, 8))
            return width * height
        sizes = int.from_bytes(self.data[1:5], "little")
        return (1 + (sizes & 0x3FFF)) * (1 + (sizes >> 14 & 0x3FFF))


def damage(value: bytes, end: int) -> Finding | None:
    """Return a finding if a part of a picture that decodes has bytes which the decoder never reaches, or None."""
    remaining = LIMIT
    for stream in streams(value, end):
        for start, stop in _parts(stream):
            if stop - start < SHORTEST:
                continue
            remaining -= stream.pixels * CHANNELS
            if remaining < 0:
                return None  # later frames are not decoded either
            if all(pillow.decodes(_shortened(stream, start, stop, count), "WebP") for count in CUTS):
                samples = "opacity values" if stream.kind == b"ALPH" else "pixels"
                text = (
                    f"WebP: the decoder has all {samples} {CUTS[0]} or more bytes before the data of the chunk at byte "
                    f"{stream.at - 8} ends: damage made it lose its place"
                )
                return found("corrupt-image", text, field="data", offset=stream.at)
    return None


def metadata(value: bytes, end: int) -> Finding | None:
    """Return a finding if EXIF or a colour profile would make its reader fail, or None; the pixels do not need them."""
    for kind, start, stop in _chunks(value, 12, end):
        judge = {b"EXIF": exif_problem, b"ICCP": profile_problem}.get(kind)
        reason = judge(value[start:stop]) if judge is not None else None
        if reason is not None:
            content = "EXIF" if kind == b"EXIF" else "a colour profile"
            text = f"WebP: the chunk at byte {start - 8} holds {content} that {reason}"
            return found("corrupt-image", text, field="data", verdict="suspicious", offset=start)
    return None


def streams(value: bytes, end: int) -> Iterator[Stream]:
    """Yield the streams of a file whose chunks were walked, including those of its frames."""
    for kind, at, stop in _chunks(value, 12, end):
        inside = _chunks(value, at + 16, stop) if kind == b"ANMF" else [(kind, at, stop)]
        for part, start, part_end in inside:
            if part in (b"VP8 ", b"VP8L"):
                yield Stream(part, start, value[start:part_end])
            elif part == b"ALPH" and part_end > start and value[start] & 3 == PACKED_ALPHA:
                where = at + 6 if kind == b"ANMF" else CANVAS
                width, height = (1 + int.from_bytes(value[it : it + 3], "little") for it in (where, where + 3))
                yield Stream(part, start, _as_pixels(value[start + 1 : part_end], width, height))


def _chunks(value: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield the type of each chunk, and where its data begins and ends."""
    while at + 8 <= end:
        start = at + 8
        stop = min(end, start + int.from_bytes(value[at + 4 : start], "little"))
        yield value[at : at + 4], start, stop
        at = stop + ((stop - start) & 1)


def _as_pixels(data: bytes, width: int, height: int) -> bytes:
    """Return opacity data as the lossless picture that it is, with the header that it lacks."""
    head = (width - 1) & 0x3FFF | ((height - 1) & 0x3FFF) << 14
    return b"\x2f" + head.to_bytes(4, "little") + data


def _parts(stream: Stream) -> list[tuple[int, int]]:
    """Return where the parts of a stream begin and end; a decoder reads each part to its end."""
    return partitions(stream.data) if stream.kind == b"VP8 " else [(0, len(stream.data))]


def _shortened(stream: Stream, start: int, stop: int, count: int) -> bytes:
    """Return a file of the stream whose part that ends at `stop` lacks its last `count` bytes."""
    data = stream.data
    if stream.kind != b"VP8 ":
        return _file(b"VP8L", data[:-count])
    out = bytearray(data)
    places = partitions(data)
    number = places.index((start, stop))
    if number < len(places) - 1:
        at = places[0][0] - 3 * (len(places) - 1 - number)
        out[at : at + 3] = (stop - start - count).to_bytes(3, "little")
    del out[stop - count : stop]
    return _file(b"VP8 ", bytes(out))


def _file(kind: bytes, data: bytes) -> bytes:
    body = b"WEBP" + kind + len(data).to_bytes(4, "little") + data + bytes(len(data) & 1)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def partitions(data: bytes) -> list[tuple[int, int]]:
    """Return where the partitions with the coefficients of a key frame begin and end, or nothing if that is unclear."""
    first = int.from_bytes(data[:3], "little") >> 5
    head_end = KEY_FRAME_HEAD + first
    if data[3:6] != b"\x9d\x01\x2a" or head_end > len(data):
        return []
    count = _partition_count(data[KEY_FRAME_HEAD:head_end])
    at = head_end + 3 * (count - 1)
    sizes = [
        int.from_bytes(data[head_end + 3 * number : head_end + 3 * number + 3], "little") for number in range(count - 1)
    ]
    places = []
    for size in sizes:
        places.append((at, min(at + size, len(data))))
        at += size
    return [*places, (at, len(data))] if at <= len(data) else []


def _partition_count(data: bytes) -> int:
    """Return the number of partitions that the frame header declares (RFC 6386, section 19.2)."""
    bits = _Bits(data)
    bits.take(2)  # colour space, clamping
    if bits.take(1):  # segments
        update_map, update_data = bits.take(1), bits.take(1)
        if update_data:
            bits.take(1)
            bits.optional(4, 7 + 1)
            bits.optional(4, 6 + 1)
        if update_map:
            bits.optional(3, 8)
    bits.take(1 + 6 + 3)  # loop filter
    if bits.take(1) and bits.take(1):
        bits.optional(8, 6 + 1)
    return 1 << bits.take(2)


class _Bits:
    """The arithmetic decoder of RFC 6386, section 7, for header fields, whose bits have even odds."""

    def __init__(self, data: bytes) -> None:
        self._data = data + bytes(2)
        self._value = int.from_bytes(self._data[:2], "big")
        self._next = 2
        self._range = 255
        self._count = 0

    def take(self, count: int) -> int:
        """Return the next bits as a number."""
        result = 0
        for _ in range(count):
            split = 1 + ((self._range - 1) * 128 >> 8)
            one = self._value >= split << 8
            if one:
                self._range -= split
                self._value -= split << 8
            else:
                self._range = split
            while self._range < 128:
                self._value <<= 1
                self._range <<= 1
                self._count += 1
                if self._count == 8:
                    self._count = 0
                    self._value |= self._data[self._next] if self._next < len(self._data) else 0
                    self._next += 1
            result = result << 1 | one
        return result

    def optional(self, times: int, count: int) -> None:
        """Skip fields, each of which is present only if the bit before it says so."""
        for _ in range(times):
            if self.take(1):
                self.take(count)
