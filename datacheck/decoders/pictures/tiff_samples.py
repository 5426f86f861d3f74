"""Read the samples of TIFF files that Pillow does not decode: many bands, floats of other sizes, stacks of ImageJ.

Multispectral pictures and volumes are written like this, by GDAL, tifffile and ImageJ. Each strip or tile is unpacked
by itself, and the predictors of TIFF 6.0 and of Adobe's TIFF Technical Note 3 are undone here. Compressions of pixels,
not of bytes, are named.
"""

from __future__ import annotations

import re
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from datacheck.decoders.pictures import pillow, tiff
from datacheck.decoders.pictures.picture import LIMIT, Picture
from datacheck.decoders.pictures.tiff import Tags
from datacheck.model.finding import Finding, found

Bytes = bytes | memoryview
SAMPLE_KINDS = {1: "u", 2: "i", 3: "f", 6: "c"}
"""The kind of dtype by the value of the tag SampleFormat."""
BITS = {"u": (8, 16, 32, 64), "i": (8, 16, 32, 64), "f": (16, 32, 64), "c": (64, 128)}
HORIZONTAL, FLOATING = 2, 3
"""The values of the tag Predictor, beside 1 for none."""
PLAIN = 1
OF_PILLOW = 4
"""Maximum number of samples of a pixel that Pillow decodes."""
COLOURS = (2, 5)
"""The values of the tag PhotometricInterpretation for RGB and CMYK."""
UNUSUAL = frozenset({"int8", "uint64", "int64", "float16", "float64", "complex64", "complex128"})
BY_LIBTIFF = frozenset({tiff.PACKBITS, tiff.LZW, 34925, 50000})
"""Compressions of bytes that libtiff unpacks; the last two are LZMA and Zstandard."""
UNREAD = {
    34887: "LERC", 34712: "JPEG 2000", 33003: "JPEG 2000", 33005: "JPEG 2000", 34933: "PNG", 34934: "JPEG XR",
    22610: "JPEG XR", 50002: "JPEG XL", 52546: "JPEG XL", 34661: "JBIG", 34892: "lossy JPEG of DNG",
    65000: "EER", 65001: "EER", 65002: "EER", 32909: "PixarLog", 34926: "Zstandard", 34927: "WebP",
}  # fmt: skip
"""Compressions that Pillow has no name for: GDAL, tifffile, electron microscopes and scanners of slides write them."""
COMPRESSIONS = {tiff.JPEG: "JPEG", 50001: "WebP", **UNREAD}
OVERLAPPING = 4
"""Maximum ratio of the bytes in different strips or tiles to those of the file; those that are unpacked may overlap."""
HEAD = 1 << 16
"""Number of bytes of a file that are searched for its description."""
_SHAPED = re.compile(rb'\{"shape": \[([0-9]{1,9}(?:, ?[0-9]{1,9}){1,7})\][^{}]*"truncated": true')
"""Matches the description of a file in which tifffile left out the directories of all pages but the first."""
_IMAGES = re.compile(rb"\nimages=([0-9]{1,9})\n")
"""Matches the number of pictures in the description of a file by ImageJ."""


def is_beyond_pillow(data: bytes) -> bool:
    """Check whether Pillow would refuse a TIFF for its bands or compression, or decode one of several pictures only.

    Colours with further bands of 8 bits, in any compression, are left to it.
    """
    pages = tiff.pages(data)
    first = next(pages, None)
    if first is None:
        return False
    if first.one(tiff.COMPRESSION, PLAIN) in UNREAD:
        return True
    colours = first.one(tiff.PHOTOMETRIC, 1) in COLOURS and set(first.all(tiff.BITS)) == {8}
    samples = first.one(tiff.SAMPLES, 1)
    of_first = first.one(tiff.PLANAR, 1) == 2 and first.one(tiff.PHOTOMETRIC, 1) not in COLOURS  # all that it decodes
    many = samples > (1 if of_first else OF_PILLOW) and not colours
    return many or (_images(data, first) > 1 and next(pages, None) is None)


def has_unusual_samples(data: bytes) -> bool:
    """Check whether the samples are of a kind that Pillow may not know, such as several that are not 8-bit integers."""
    first = next(tiff.pages(data), None)
    dtype = None if first is None else _dtype(first)
    if first is None or dtype is None:
        return False
    samples = first.one(tiff.SAMPLES, 1)
    return samples > OF_PILLOW or dtype.name in UNUSUAL or (samples > 1 and dtype.name != "uint8")


def read(data: bytes) -> tuple[Picture | None, list[Finding]]:
    """Return the samples of all pages that are like the first one, (pages x samples, height, width), and findings."""
    pages = list(tiff.pages(data))
    first = pages[0]
    dtype = _dtype(first)
    if dtype is None:
        return None, [_unknown(f"of {first.one(tiff.SAMPLES, 1)} samples of unequal or unusual sizes")]
    alike = [it for it in pages if _spec(it) == _spec(first)]
    size = _shape(first)
    if not prod(size):
        return None, [found("corrupt-image", f"TIFF: declares {size[2]} x {size[1]} pixels", field="data")]
    images = _images(data, first) if len(pages) == 1 else 1
    unpacked = sum(part.most for page in alike for part in tiff.parts(page, len(data)))  # tiles may be larger
    declared = prod(size) * max(len(alike), images) * dtype.itemsize
    total = max(unpacked, declared if images == 1 else min(declared, len(data)))
    if total > LIMIT:
        message = f"the TIFF has {total} bytes of samples; at most {LIMIT} are read"
        return None, [found("too-large", message, field="data", verdict="unverifiable", found=total, expected=LIMIT)]
    lost = next(filter(None, map(_lost_parts, [data] * len(alike), alike)), None) if images == 1 else None
    if lost is not None:
        return None, [found("truncated", f"the TIFF ends at byte {len(data)}, {lost}", field="data", size=len(data))]
    compression = first.one(tiff.COMPRESSION, PLAIN)
    if compression not in (PLAIN, tiff.DEFLATE, tiff.ADOBE_DEFLATE, *BY_LIBTIFF):
        packed = COMPRESSIONS.get(compression, f"compression {compression}")
        return None, [_unknown(f"of {size[0]} samples, {dtype.name}, in {packed}")]
    if images > 1:  # and not compressed
        return _stack(data, first, dtype, images)
    arrays = []
    for number, page in enumerate(alike):
        array = _page(data, page, dtype)
        if isinstance(array, Finding):
            return None, [array]
        if isinstance(array, str):
            where = f" of page {number}" if number else ""
            text = f"the TIFF ends at byte {len(data)}, {array}{where}"
            return None, [found("truncated", text, field="data", size=len(data))]
        arrays.append(array)
    if dtype.kind == "c":
        arrays = [part for it in arrays for part in (it.real, it.imag)]
    form = f"TIFF {dtype.name}" + (" of several pages" if len(alike) > 1 else "")
    return Picture(np.concatenate(arrays), form), _unwritten(alike)


def _unknown(what: str) -> Finding:
    return found("unknown-payload", f"a TIFF {what}, which datacheck does not decode", field="data")


def _dtype(page: Tags) -> np.dtype[Any] | None:
    """Return the native dtype of the samples, or None if they are not all of one that NumPy has."""
    bits, kinds = set(page.all(tiff.BITS) or (1,)), set(page.all(tiff.SAMPLE_FORMAT) or (1,))
    kind = SAMPLE_KINDS.get(next(iter(kinds)), "")
    if len(bits) > 1 or len(kinds) > 1 or next(iter(bits)) not in BITS.get(kind, ()):
        return None
    return np.dtype(f"{kind}{next(iter(bits)) // 8}")


def _stored(data: bytes, dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return a dtype in the byte order of the file."""
    return dtype.newbyteorder("<" if data[:2] == b"II" else ">")


def _shape(page: Tags) -> tuple[int, int, int]:
    return page.one(tiff.SAMPLES, 1), page.one(tiff.HEIGHT, 0), page.one(tiff.WIDTH, 0)


def _spec(page: Tags) -> tuple[Any, ...]:
    """Return what pages have to have in common to be one stack."""
    return _shape(page), _dtype(page), page.one(tiff.COMPRESSION, PLAIN), page.one(tiff.PLANAR, 1)


def _images(data: bytes, page: Tags) -> int:
    """Return the number of pictures that one page stands for, if its description says that more lie behind each other.

    ImageJ and tifffile write such files, if the data are not compressed.
    """
    if not page.all(tiff.OFFSETS) or page.one(tiff.COMPRESSION, PLAIN) != PLAIN:
        return 1
    start = data.find(b"ImageJ=", 0, HEAD)
    match = _IMAGES.search(data, start, HEAD) if start >= 0 else None
    if match is not None:
        return int(match[1])
    match = _SHAPED.search(data, 0, HEAD)
    count, one = prod(map(int, match[1].split(b","))) if match is not None else 0, prod(_shape(page))
    return count // one if one and not count % one else 1


def _stack(data: bytes, page: Tags, dtype: np.dtype[Any], images: int) -> tuple[Picture | None, list[Finding]]:
    samples, height, width = _shape(page)
    start, count = page.all(tiff.OFFSETS)[0], images * samples * height * width
    end = start + count * dtype.itemsize
    findings: list[Finding] = []
    if end > len(data):
        text = f"the TIFF ends at byte {len(data)}, its {images} pictures take up to byte {end}"
        lost = found("truncated", text, field="data", size=len(data))
        one = count // images * dtype.itemsize
        if len(data) - start < one or len(data) - start >= 2 * one:
            return None, [lost]
        # the description may be of the file from which this picture was taken
        findings, images, count = [msgspec.structs.replace(lost, verdict="suspicious")], 1, count // images
    values = np.frombuffer(data, _stored(data, dtype), count, start).astype(dtype, copy=False)
    if dtype.kind == "c":
        values = values.view(f"f{dtype.itemsize // 2}")
        return Picture(values.reshape(images, -1, 2 * width), f"TIFF {dtype.name} of several pages"), findings
    if samples > 1:
        values = values.reshape(images, height, width, samples).transpose(0, 3, 1, 2)
    return Picture(values.reshape(images * samples, height, width), f"TIFF {dtype.name} of several pages"), findings


def _page(data: bytes, page: Tags, dtype: np.dtype[Any]) -> NDArray[Any] | str | Finding:
    """Return the samples of a page (samples, height, width), what is missing, or why they cannot be unpacked.

    Strips and tiles that were never written, see `_unwritten`, are zeros.
    """
    samples, height, width = _shape(page)
    tiled, apart = bool(page.all(tiff.TILE_OFFSETS)), page.one(tiff.PLANAR, 1) == 2
    across = page.one(tiff.TILE_WIDTH, 0) if tiled else width
    rows = page.one(tiff.TILE_HEIGHT, 0) if tiled else min(page.one(tiff.ROWS, height), height)
    if not (across and rows and height and width):
        return "the sizes of its strips are not there"
    depth = 1 if apart else samples
    down, along = -(-height // rows), -(-width // across)
    wanted = down * along * (samples if apart else 1)
    places, parts = _places(page)[:wanted], list(tiff.parts(page, len(data)))
    written = [number for number, place in enumerate(places) if any(place)]
    missing = wanted - len(places) + max(0, len(written) - len(parts))
    if missing:
        return f"{missing} of {wanted} {'tiles' if tiled else 'strips'} are not whole"
    result = np.zeros((samples, height, width), dtype)
    contents = _unpacked(data, page, parts[: len(written)])
    if isinstance(contents, Finding):
        return contents
    for number, part, raw in zip(written, parts, contents, strict=False):
        plane, place = divmod(number, down * along)
        top, left = place // along * rows, place % along * across
        if len(raw) < part.size:
            return f"{part.name} has {len(raw)} of {part.size} bytes"
        high = part.size // (across * depth * dtype.itemsize)
        block = _samples(raw[: part.size], page, _stored(data, dtype), (high, across, depth))
        block = block[: height - top, : width - left].transpose(2, 0, 1)
        bands = slice(plane, plane + 1) if apart else slice(None)
        result[bands, top : top + block.shape[1], left : left + block.shape[2]] = block
    return result


def _lost_parts(data: bytes, page: Tags) -> str | None:
    """Return how many strips or tiles of a page do not lie within the file, or None if all do."""
    lost = [start + size > len(data) for start, size in _places(page)]
    tiled = bool(page.all(tiff.TILE_OFFSETS))
    return f"{sum(lost)} of {len(lost)} {'tiles' if tiled else 'strips'} are not whole" if any(lost) else None


def _unwritten(pages: Sequence[Tags]) -> list[Finding]:
    """Return a finding if strips or tiles have neither an offset nor a size, as GDAL leaves out those without data."""
    places = [place for page in pages for place in _places(page)]
    count = sum(not any(it) for it in places)
    if not count:
        return []
    text = f"{count} of {len(places)} strips or tiles were never written: they are empty, or writing stopped"
    return [found("truncated", text, field="data", verdict="suspicious", count=count)]


def _places(page: Tags) -> list[tuple[int, int]]:
    """Return the offset and the size of each strip or tile."""
    tiled = bool(page.all(tiff.TILE_OFFSETS))
    offsets, sizes = (tiff.TILE_OFFSETS, tiff.TILE_COUNTS) if tiled else (tiff.OFFSETS, tiff.COUNTS)
    return [*zip(page.all(offsets), page.all(sizes), strict=False)]


def _unpacked(data: bytes, page: Tags, parts: Sequence[tiff.Part]) -> Iterator[Bytes] | list[Bytes] | Finding:
    """Return the bytes of strips or tiles, or a finding if libtiff cannot unpack them.

    Those that do not inflate are found elsewhere, and give none here.
    """
    compression = page.one(tiff.COMPRESSION, PLAIN)
    stored = sum(stop - start for start, stop in {(it.start, it.stop) for it in parts})
    if stored > OVERLAPPING * len(data):
        text = f"the strips or tiles of the TIFF take {stored} of its {len(data)} bytes; they are not unpacked"
        return found("too-large", text, field="data", verdict="unverifiable", found=stored)
    if compression not in BY_LIBTIFF:
        return (_inflated(tiff.stored_bytes(data, page, it), page, it) for it in parts)
    contents: list[Bytes] = [b""] * len(parts)
    by_size: dict[int, list[int]] = defaultdict(list)
    for at, part in enumerate(parts):
        by_size[part.size].append(at)
    for size, places in by_size.items():
        rows = pillow.unpacked([tiff.stored_bytes(data, page, parts[at]) for at in places], size, compression)
        if isinstance(rows, Finding):
            return rows
        for at, row in zip(places, rows, strict=True):
            contents[at] = row.data
    return contents


def _inflated(stored: bytes, page: Tags, part: tiff.Part) -> bytes:
    if page.one(tiff.COMPRESSION, PLAIN) == PLAIN:
        return stored
    try:
        return zlib.decompressobj().decompress(stored, part.most)
    except zlib.error:
        return b""


def _samples(raw: Bytes, page: Tags, stored: np.dtype[Any], shape: Sequence[int]) -> NDArray[Any]:
    """Return the samples of a strip or tile (rows, columns, samples) without their predictor."""
    high, across, depth = shape
    dtype = stored.newbyteorder("=")
    predictor = page.one(tiff.PREDICTOR, 1)
    if predictor == FLOATING and dtype.kind == "f":
        steps = np.frombuffer(raw, np.uint8).reshape(high, -1, depth)
        octets = np.cumsum(steps, axis=1, dtype=np.uint8).reshape(high, dtype.itemsize, across * depth)
        whole = np.ascontiguousarray(octets.transpose(0, 2, 1)).view(dtype.newbyteorder(">"))
        return whole.astype(dtype).reshape(high, across, depth)
    values = np.frombuffer(raw, stored).astype(dtype, copy=False).reshape(high, across, depth)
    if predictor == HORIZONTAL and dtype.kind in "ui":
        values = np.cumsum(values, axis=1, dtype=dtype)
    return values
