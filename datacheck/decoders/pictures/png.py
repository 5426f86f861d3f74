"""Check PNG's own safeguards: the checksum of every chunk, the order of the chunks, and the zlib stream of the pixels.

The format is that of the W3C's PNG specification, third edition. Decoders stop at the last pixel and so pass over most
of this; walking it needs only zlib.
"""

from __future__ import annotations

import zlib

from datacheck.decoders.pictures import png_chunks
from datacheck.decoders.pictures.picture import DEFLATE, LIMIT, Picture, too_large, trailing
from datacheck.decoders.pictures.png_parts import Chunks, Header
from datacheck.model.finding import Finding, found

SIGNATURE = b"\x89PNG\r\n\x1a\n"
END = b"\0\0\0\0IEND\xaeB`\x82"
DEPTHS = {0: {1, 2, 4, 8, 16}, 2: {8, 16}, 3: {1, 2, 4, 8}, 4: {8, 16}, 6: {8, 16}}
"""The bits per sample that each colour type allows."""
GREY, PALETTE, GREY_ALPHA = 0, 3, 4
CRITICAL = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})
STILL = CRITICAL | {b"tRNS"}
DRAWN = STILL | {b"acTL", b"fcTL", b"fdAT"}
"""The chunks that pixels come from. Only these are given to Pillow, which refuses sound pictures with large texts."""
PIECE = 1 << 20
KEPT = 1 << 26
"""Maximum size of inflated pixel data that is kept, in bytes, so that Pillow need not inflate it again.

Inflating is half the work of decoding.
"""


def read(value: bytes) -> tuple[Picture | None, list[Finding]]:
    """Return the picture and the findings about it.

    Pillow reduces colour pictures of 16 bits to 8, but not grey ones.
    """
    from datacheck.decoders.pictures import pillow

    chunks = Chunks()
    problem = _collect_chunks(value, chunks) or _order_finding(chunks)
    if problem is not None:
        return None, [problem]
    header, problem = _header(value, chunks)
    if header is None:
        return None, [problem] if problem else []
    pieces: list[bytes] = []
    spare, problem = _inflate(value, chunks, header, pieces)
    if problem is not None:
        return None, [problem]
    chunk_finding = png_chunks.worst_finding(value, chunks, header)
    if chunk_finding is not None and chunk_finding.verdict == "bad":
        return None, [chunk_finding]
    animated = bool(chunks.of_kind(b"acTL"))
    broken = png_chunks.broken_animation(value, chunks, header) if animated else None
    drawn = _reduced(value, chunks, pieces, STILL if broken else DRAWN)
    picture, findings = pillow.read(drawn, "PNG", frames=None if animated and not broken else 1)
    if picture is None:
        return None, findings
    if chunk_finding is not None:
        findings = [*findings, chunk_finding]
    if broken:
        text = f"PNG: its animation is broken: {broken}; its first picture is sound"
        findings = [*findings, found("corrupt-image", text, field="data", verdict="suspicious")]
    if spare:
        message = f"{spare} bytes after the end of the zlib stream of the pixels"
        findings = [*findings, found("trailing-data", message, field="data", size=spare)]
    kind = " animated" if animated else _kind(header)
    pixels = picture.pixels
    if header.colour == GREY_ALPHA and len(pixels) == 4:  # Pillow turns 16-bit grey with alpha into colours
        pixels = pixels[::3]
    return Picture(pixels, f"PNG{kind}"), [*findings, *trailing("PNG", value, chunks.end)]


def _reduced(value: bytes, chunks: Chunks, pieces: list[bytes], kinds: frozenset[bytes]) -> bytes:
    """Return the picture reduced to chunks of these kinds; pixel data that was kept is stored uncompressed."""
    places = [place for place in chunks.places if place[0] in kinds]
    parts = [value[at : stop + 4] for _, at, _, stop in places]
    if pieces:
        data = b"IDAT" + zlib.compress(b"".join(pieces), 0)
        stored = (len(data) - 4).to_bytes(4, "big") + data + zlib.crc32(data).to_bytes(4, "big")
        first = next(number for number, place in enumerate(places) if place[0] == b"IDAT")
        parts[first : first + len(chunks.of_kind(b"IDAT"))] = [stored]
    return SIGNATURE + b"".join(parts)


def _kind(header: Header) -> str:
    if header.colour == PALETTE:
        return " palette"
    return f" {header.depth}-bit" if header.depth in (1, 16) else ""


def _collect_chunks(value: bytes, chunks: Chunks) -> Finding | None:
    """Collect the chunks up to the first that is not whole; return the finding about that one, or None."""
    view = memoryview(value)
    at = len(SIGNATURE)
    while True:
        name = _chunk_name(value[at + 4 : at + 8])
        length = int.from_bytes(value[at : at + 4], "big")
        start, stop = at + 8, at + 8 + length
        if stop + 4 > len(value):
            if value.endswith(END):
                return _corrupt(f"the chunk {name} at byte {at} has {length} bytes, which leads past the end")
            inside = f"inside the chunk {name} at byte {at}" if start <= len(value) else "where a chunk should begin"
            return found(
                "truncated", f"the PNG ends at byte {len(value)}, {inside}, before IEND", field="data", size=len(value)
            )
        stored, computed = int.from_bytes(value[stop : stop + 4], "big"), zlib.crc32(view[at + 4 : stop])
        if stored != computed:
            return found(
                "checksum",
                f"PNG: the chunk {name} at byte {at} has the checksum {computed:#010x}, stored is {stored:#010x}",
                field="data",
                offset=at,
            )
        kind = value[at + 4 : at + 8]
        chunks.places.append((kind, at, start, stop))
        if kind == b"IEND":
            return None
        at = stop + 4


def _order_finding(chunks: Chunks) -> Finding | None:
    """Return a finding if a critical chunk is missing, repeated, out of order or unknown, or None."""
    kinds = [kind for kind, *_ in chunks.places]
    unknown = next((kind for kind in kinds if not kind[0] & 0x20 and kind not in CRITICAL), None)
    if unknown is not None:
        message = (
            f"a PNG with the chunk {_chunk_name(unknown)}, "
            "without which it cannot be decoded, and which no decoder knows"
        )
        return found("unknown-payload", message, field="data")
    if kinds[0] != b"IHDR" or kinds.count(b"IHDR") > 1:
        return _corrupt("the header IHDR is not the first chunk, or there are two")
    if b"IDAT" not in kinds:
        return found("truncated", "PNG: no chunk IDAT: there are headers but no pixel data", field="data")
    first, count = kinds.index(b"IDAT"), kinds.count(b"IDAT")
    if any(kind != b"IDAT" for kind in kinds[first : first + count]):
        return _corrupt("the chunks IDAT do not follow one another")
    if kinds.count(b"PLTE") > 1 or b"PLTE" in kinds[first:]:
        return _corrupt("the palette PLTE comes twice, or after the pixel data")
    return None


def _header(value: bytes, chunks: Chunks) -> tuple[Header | None, Finding | None]:
    start, stop = chunks.of_kind(b"IHDR")[0]
    if stop - start != 13:
        return None, _corrupt(f"the header has {stop - start} bytes, expected 13")
    depth, colour, compression, filters, interlace = value[start + 8 : stop]
    header = Header(
        int.from_bytes(value[start : start + 4], "big"),
        int.from_bytes(value[start + 4 : start + 8], "big"),
        depth,
        colour,
        bool(interlace),
    )
    if depth not in DEPTHS.get(colour, ()) or compression or filters or interlace > 1:
        return None, _corrupt(
            f"colour type {colour}, {depth} bits, compression {compression}, filter {filters}, interlace {interlace}"
        )
    if not header.width or not header.height:
        return None, _corrupt(f"declares {header.width} x {header.height} pixels")
    if header.size > LIMIT:
        stored = sum(end - begin for begin, end in chunks.of_kind(b"IDAT"))
        least = sum(rows * width for rows, width in header.rows()) / DEFLATE
        return None, too_large("PNG", header.width, header.height, header.size, stored, least)
    if colour == PALETTE and not chunks.of_kind(b"PLTE"):
        return None, _corrupt("no chunk PLTE, but the pixels are indices into a palette")
    return header, None


def _inflate(value: bytes, chunks: Chunks, header: Header, pieces: list[bytes]) -> tuple[int, Finding | None]:
    """Inflate all pixel data in pieces, and check its size and filter types.

    Return the number of bytes after the stream, and a finding or None. The pieces are kept if they are not too large.
    """
    expected = sum(height * width for height, width in header.rows())
    view = memoryview(value)
    inflater = zlib.decompressobj()
    filters = _Filters(header)
    total = spare = 0
    for start, stop in chunks.of_kind(b"IDAT"):
        if inflater.eof:
            spare += stop - start
            continue
        rest: bytes | memoryview = view[start:stop]
        while not inflater.eof:
            try:
                piece = inflater.decompress(rest, min(PIECE, expected - total + 1))
            except zlib.error as error:
                code = "checksum" if "incorrect data check" in str(error) else "corrupt-image"
                message = f"PNG: the pixel data does not inflate after {total} of {expected} bytes: {error}"
                return 0, found(code, message, field="data")
            rest = inflater.unconsumed_tail
            total += len(piece)
            if total > expected:
                return 0, _corrupt(f"the pixel data inflates to more than the {expected} bytes of its pixels")
            if expected <= KEPT:
                pieces.append(piece)
            problem = filters.feed(piece)
            if problem is not None:
                return 0, problem
            if not piece and not rest:
                break
        spare = len(inflater.unused_data)
    if total < expected or not inflater.eof:
        return 0, found(
            "truncated",
            f"PNG: the pixel data ends after {total} of {expected} bytes"
            + ("" if total < expected else ", before its checksum"),
            field="data",
            found=total,
            expected=expected,
        )
    return spare, None


class _Filters:
    """A check of the filter type at the start of every row, in inflated data that comes in pieces."""

    def __init__(self, header: Header) -> None:
        self._passes = list(header.rows())
        self._done = 0
        """Number of bytes of the current pass that have been seen."""

    def feed(self, piece: bytes) -> Finding | None:
        while piece and self._passes:
            height, width = self._passes[0]
            part = piece[: height * width - self._done]
            types = part[-self._done % width :: width]
            if types and max(types) > 4:
                return _corrupt(f"filter type {max(types)} at the start of a row, expected 0 to 4")
            self._done += len(part)
            piece = piece[len(part) :]
            if self._done == height * width:
                self._passes.pop(0)
                self._done = 0
        return None


def _chunk_name(kind: bytes) -> str:
    return kind.decode("ascii") if kind.isalpha() else repr(kind)[1:]


def _corrupt(reason: str) -> Finding:
    return found("corrupt-image", f"PNG: {reason}", field="data")
