"""Unpack the strips and tiles of TIFF files, and check each against its size and its checksum.

libtiff, and Pillow with it, goes on if a checksum is wrong or a strip is short. The format is that of TIFF 6.0 and of
BigTIFF; deflate is that of Adobe's Photoshop technical notes.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import ceil

from datacheck.decoders.pictures import lzw, tiff_jpeg
from datacheck.decoders.pictures.picture import LIMIT
from datacheck.model.codes import Verdict
from datacheck.model.finding import Finding, found

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER = 256, 257, 258, 259, 262, 266
OFFSETS, SAMPLES, ROWS, COUNTS, PLANAR = 273, 277, 278, 279, 284
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_COUNTS, SUBSAMPLING = 322, 323, 324, 325, 530
DEFLATE, ADOBE_DEFLATE, LZW, PACKBITS, JPEG, YCBCR = 32946, 8, 5, 32773, 7, 6
JPEG_TABLES, PREDICTOR, SAMPLE_FORMAT = 347, 317, 339
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""The size in bytes of each type of value."""
NUMBERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
PAGES, ENTRIES = 1000, 4096
CHILDREN = (330, 34665, 34853, 40965)
"""The tags that point to further directories: of smaller pictures, EXIF, GPS, and interoperability."""
OLD_JPEG, FREE = (513, 514), (288, 289)
"""The tags with the offsets and sizes of other kinds of blocks."""
READ = frozenset({
    WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER, OFFSETS, SAMPLES, ROWS, COUNTS, PLANAR, TILE_WIDTH,
    TILE_HEIGHT, TILE_OFFSETS, TILE_COUNTS, SUBSAMPLING, PREDICTOR, SAMPLE_FORMAT, *CHILDREN, *OLD_JPEG, *FREE,
})  # fmt: skip
"""The tags whose numbers are read."""
MOST_SEEN = 1 << 16
REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
"""Bytes with their bits in reverse order."""


class Tags:
    """The tags of one page, as numbers; `tables` are those that the JPEGs of its strips or tiles share."""

    def __init__(self, numbers: Mapping[int, tuple[int, ...]], tables: bytes = b"") -> None:
        self._numbers = numbers
        self.tables = tables

    def all(self, tag: int) -> tuple[int, ...]:
        return self._numbers.get(tag, ())

    def one(self, tag: int, default: int) -> int:
        return self._numbers[tag][0] if self._numbers.get(tag) else default


@dataclass(frozen=True, slots=True)
class Part:
    """A strip or a tile: its name, where it lies, and the number of bytes that it unpacks to.

    Some writers fill the last strip with rows that are not in the picture: it then has the `most` bytes.
    """

    name: str = field(compare=False)
    start: int
    stop: int
    size: int
    most: int


@dataclass(frozen=True, slots=True)
class Directory:
    """One directory of a file: its whole numbers by tag, where each tag's values lie, its end, and the next one."""

    numbers: dict[int, tuple[int, ...]]
    places: dict[int, tuple[int, int]]
    stop: int
    following: int


class Layout:
    """The encoding of a file's directories: the byte order and the sizes of numbers."""

    def __init__(self, value: bytes) -> None:
        self._value = value
        self._order = "<" if value[:2] == b"II" else ">"
        big = value[2:4] in (b"+\0", b"\0+")
        self._offset, self._count, self._entry = ("Q", "Q", "HHQ8x") if big else ("I", "H", "HHI4x")
        self.head = 16 if big else 8
        self.first = self._number(self._offset, 8 if big else 4)
        self._room = len(value)
        """Number of values that may still be read, at first the size of the file. Many directories may share values."""

    def _number(self, kind: str, at: int) -> int:
        """Return a number of the file, or 0 if the file ends before."""
        complete = at + struct.calcsize("<" + kind) <= len(self._value)
        return int(struct.unpack_from(self._order + kind, self._value, at)[0]) if complete else 0

    def directory_end(self, at: int) -> int | None:
        """Return the end of the directory at this offset, wherever that is, or None if it would be too large."""
        size = struct.calcsize("<" + self._count)
        entries = self._number(self._count, at)
        return at + size + entries * struct.calcsize("<" + self._entry) if entries <= ENTRIES else None

    def begins_directory(self, at: int) -> bool:
        """Check whether the first entry of a directory at this offset has a tag and a type that there are."""
        start = at + struct.calcsize("<" + self._count)
        tag, kind = self._number("H", start), self._number("H", start + 2)
        return WIDTH - 2 <= tag < 1 << 15 and kind in SIZES

    def directory(self, at: int) -> Directory | None:
        """Return the directory at this offset, or None if it is too large or does not lie within the file."""
        entries, entry = self._number(self._count, at), struct.calcsize("<" + self._entry)
        start = at + struct.calcsize("<" + self._count)
        end = start + entries * entry
        if not 0 < entries <= ENTRIES or end > len(self._value):
            return None
        offset_size = struct.calcsize("<" + self._offset)
        result = Directory({}, {}, end + offset_size, self._number(self._offset, end))
        for place in range(start, end, entry):
            tag, kind, count = struct.unpack_from(self._order + self._entry, self._value, place)
            size = count * SIZES.get(kind, 0)
            begin = place + entry - offset_size
            if size > offset_size:
                begin = self._number(self._offset, begin)
            if begin + size > len(self._value):
                continue
            result.places.setdefault(tag, (begin, begin + size))
            if kind in NUMBERS and tag in READ and count <= self._room:
                self._room -= count
                numbers = struct.unpack_from(f"{self._order}{count}{NUMBERS[kind]}", self._value, begin)
                result.numbers.setdefault(tag, numbers)
        return result


def _directories(layout: Layout) -> Iterator[tuple[int, Directory | None]]:
    """Yield the offset of each page's directory and the directory; the last is None if it is not within the file."""
    at, seen = layout.first, set[int]()
    while at and at not in seen and len(seen) < PAGES:
        seen.add(at)
        directory = layout.directory(at)
        yield at, directory
        at = 0 if directory is None else directory.following


def pages(value: bytes) -> Iterator[Tags]:
    """Yield the tags of each page, up to one that does not lie within the file."""
    for _, directory in _directories(Layout(value)):
        if directory is not None:
            start, stop = directory.places.get(JPEG_TABLES, (0, 0))
            yield Tags(directory.numbers, value[start:stop])


def cut_directory(value: bytes) -> Finding | None:
    """Return a finding if the directory of a page after the first does not lie within the file, or None.

    What the last page points to as the next one may be anything, so where no directory begins it is only suspicious.
    """
    layout = Layout(value)
    for number, (at, directory) in enumerate(_directories(layout)):
        end = layout.directory_end(at) if directory is None and number else None
        if end is not None and end > len(value):
            text = f"the TIFF ends at byte {len(value)}, the directory of page {number} takes up to byte {end}"
            verdict: Verdict | None = None if number > 1 or layout.begins_directory(at) else "suspicious"
            return found("truncated", text, field="data", verdict=verdict, size=len(value))
    return None


def damage(value: bytes) -> Finding | None:
    """Return a finding of the first error in the data of the pages that a decoder should not pass over, or None."""
    unpacked, read = LIMIT, 4 * len(value)  # parts may overlap
    for number, tags in enumerate(pages(value)):
        unpack = _unpacking(tags)
        if unpack is None:
            continue
        seen: set[Part] = set()
        for part in parts(tags, len(value)):
            if part in seen:  # writers store equal tiles once
                continue
            if len(seen) < MOST_SEEN:
                seen.add(part)
            unpacked, read = unpacked - part.most, read - (part.stop - part.start)
            if min(unpacked, read) < 0:
                return None
            problem = unpack(stored_bytes(value, tags, part), part)
            if problem is not None:
                code, reason = problem
                page = f" of page {number}" if number else ""
                text = f"TIFF: {part.name}{page} at byte {part.start} {reason}"
                return found(code, text, field="data", offset=part.start)
    return None


def stored_bytes(value: bytes, tags: Tags, part: Part) -> bytes:
    """Return the bytes of a strip or tile, their bits in the usual order; as in libtiff, JPEG is not reversed."""
    data = value[part.start : part.stop]
    return data.translate(REVERSED) if tags.one(FILL_ORDER, 1) == 2 and tags.one(COMPRESSION, 1) != JPEG else data


def _unpacking(tags: Tags) -> Unpack | None:
    """Return the function that unpacks a strip or tile of a page, or None if that is left to the decoder."""
    compression = tags.one(COMPRESSION, 1)
    if compression != JPEG:
        return UNPACKING.get(compression)

    def unpack(data: bytes, part: Part) -> tuple[str, str] | None:
        reason = tiff_jpeg.jpeg_problem(tags.tables, data, part.most)
        return None if reason is None else ("corrupt-image", reason)

    return unpack


def parts(tags: Tags, length: int) -> Iterator[Part]:
    """Yield the strips or tiles of a page that lie within the file, if their sizes are known."""
    height, tiled = tags.one(HEIGHT, 0), bool(tags.all(TILE_OFFSETS))
    across = tags.one(TILE_WIDTH if tiled else WIDTH, 0)
    rows = tags.one(TILE_HEIGHT, 0) if tiled else min(tags.one(ROWS, height), height)
    size = _row_bytes(tags, across)
    if not rows or not across or size is None:
        return
    count = ceil(height / rows)
    offsets, counts = (TILE_OFFSETS, TILE_COUNTS) if tiled else (OFFSETS, COUNTS)
    for number, (start, stored) in enumerate(zip(tags.all(offsets), tags.all(counts), strict=False)):
        high = rows if tiled else min(rows, height - number % count * rows)
        if stored and start + stored <= length:
            yield Part(f"{'tile' if tiled else 'strip'} {number}", start, start + stored, size(high), size(rows))


def _row_bytes(tags: Tags, across: int) -> Callable[[int], int] | None:
    """Return a function from a number of rows of a strip or tile to their bytes, or None if that is not known."""
    bits, samples = set(tags.all(BITS) or (1,)), tags.one(SAMPLES, 1)
    if len(bits) > 1:
        return None
    deep, apart = bits.pop(), tags.one(PLANAR, 1) == 2
    if tags.one(PHOTOMETRIC, 1) != YCBCR or samples != 3:
        return lambda rows: rows * ceil(across * deep * (1 if apart else samples) / 8)
    wide, high = (tags.all(SUBSAMPLING) or (2, 2))[:2]
    if apart or not wide or not high:
        return None
    return lambda rows: ceil(ceil(across / wide) * ceil(rows / high) * (wide * high + 2) * deep / 8)


def _check_deflate(data: bytes, part: Part) -> tuple[str, str] | None:
    inflater = zlib.decompressobj()
    size = 0
    rest = data
    try:
        while rest and not inflater.eof and size <= part.most:
            size += len(inflater.decompress(rest, min(1 << 20, part.most + 1 - size)))
            rest = inflater.unconsumed_tail
    except zlib.error as error:
        if "incorrect data check" in str(error):
            return "checksum", "does not match its checksum"
        return "corrupt-image", f"does not inflate after {size} of {part.size} bytes: {error}"
    if inflater.eof or size > part.most:
        return _compare_size(size, part)
    return "corrupt-image", f"ends after {size} of {part.size} bytes, before its checksum"


def _check_lzw(data: bytes, part: Part) -> tuple[str, str] | None:
    if data[:1] == b"\0" and data[1:2] and data[1] & 1:
        return None  # the bit order from before TIFF 6.0
    walked = lzw.walk(data, lzw.TIFF, part.most)
    if walked.wrong is not None and walked.size < part.size:
        return "corrupt-image", (
            f"has the code {walked.wrong} after {walked.size} of {part.size} bytes, expected at most {walked.largest}"
        )
    return _compare_size(walked.size, part)


def _check_packbits(data: bytes, part: Part) -> tuple[str, str] | None:
    size = at = 0
    while at < len(data) and size < part.most:
        size += _RUNS[data[at]]
        at += _STEPS[data[at]]
    if at > len(data):
        return "corrupt-image", f"ends inside a run after {size} of {part.size} bytes"
    return _compare_size(size, part)


_RUNS = [*range(1, 129), 0, *range(128, 1, -1)]
"""The number of bytes that a run of PackBits makes, by its first byte."""
_STEPS = [*range(2, 130), 1, *[2] * 127]


def _compare_size(size: int, part: Part) -> tuple[str, str] | None:
    """Return a code and a reason if a part does not unpack to the size of its rows, or None."""
    if size in (part.size, part.most):
        return None
    amount = "more than its" if size > part.size else f"{size} of"
    return "corrupt-image", f"unpacks to {amount} {part.size} bytes"


Unpack = Callable[[bytes, Part], tuple[str, str] | None]
UNPACKING: dict[int, Unpack] = {
    LZW: _check_lzw,
    ADOBE_DEFLATE: _check_deflate,
    DEFLATE: _check_deflate,
    PACKBITS: _check_packbits,
}
"""The functions that unpack a strip or tile to see if it is whole, by the page's compression.

Each returns a code and the rest of a sentence, or None. Other compressions are left to the decoder.
"""
