"""zlib, gzip, bz2 and xz: streams that the standard library unpacks piece by piece, and checks.

Sources: RFC 1950, RFC 1952, the bzip2 format, the .xz file format 1.2.
"""

from __future__ import annotations

import bz2
import lzma
import re
import zlib
from collections.abc import Callable
from typing import Any

from datacheck.decoders.wrappers.interface import Peeled, Value, behind, broken, too_large, truncated
from datacheck.model.finding import Finding

MEMBERS = 256
"""gzip, bz2 and xz files may be joined, so many times here."""
XZ_MEMORY = 1 << 28
"""xz may need a dictionary of so many bytes."""
BZ2 = re.compile(rb"BZh[1-9](?:1AY&SY|\x17\x72\x45\x38\x50\x90)", re.DOTALL)
"""How bz2 begins, and how an empty one does; four letters alone would claim too much text."""
ZLIB = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
GZIP_RESERVED = 0xE0


def is_zlib(value: Value) -> bool:
    """Say whether a value begins as zlib does with its largest window, which everybody uses, and any level.

    Smaller windows would claim the first bytes of protobuf messages too.
    """
    return bytes(value[:2]) in ZLIB


def is_gzip(value: Value) -> bool:
    return bytes(value[:3]) == b"\x1f\x8b\x08" and not (len(value) > 3 and value[3] & GZIP_RESERVED)


def is_bz2(value: Value) -> bool:
    return BZ2.match(bytes(value[:10])) is not None


def is_xz(value: Value) -> bool:
    return bytes(value[:6]) == b"\xfd7zXZ\0"


def peel_zlib(value: Value, limit: int) -> Peeled:
    """Unpack one zlib stream; its Adler-32 is checked."""
    return _peeled("zlib", value, limit, zlib.decompressobj, None)


def peel_gzip(value: Value, limit: int) -> Peeled:
    """Unpack gzip members; their CRC-32 and their lengths are checked."""
    return _peeled("gzip", value, limit, lambda: zlib.decompressobj(31), is_gzip)


def peel_bz2(value: Value, limit: int) -> Peeled:
    """Unpack bz2 streams; their CRC-32 is checked."""
    return _peeled("bz2", value, limit, bz2.BZ2Decompressor, is_bz2)


def peel_xz(value: Value, limit: int) -> Peeled:
    """Unpack xz streams; their checks are checked."""
    return _peeled("xz", value, limit, lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY), is_xz)


def _peeled(
    name: str, value: Value, limit: int, make: Callable[[], Any], again: Callable[[Value], bool] | None
) -> Peeled:
    """Unpack a stream, and those that follow it if they begin like `again`."""
    made: list[bytes] = []
    room, rest = limit, value
    for _ in range(MEMBERS):
        part, finding, end = _member(name, rest, room, make())
        made.append(part)
        if finding is not None:
            return Peeled(b"".join(made), finding)
        room -= len(part)
        rest = rest[end:]
        if not len(rest) or again is None or not again(rest):
            break
    whole = made[0] if len(made) == 1 else b"".join(made)
    return Peeled(whole, behind(name, len(value) - len(rest), value))


def _member(name: str, value: Value, room: int, unpacker: Any) -> tuple[bytes, Finding | None, int]:
    """Return what one stream unpacks to, what is wrong with it, and the offset behind it."""
    try:
        part: bytes = unpacker.decompress(value, room + 1)
    except lzma.LZMAError as error:
        if "emory usage limit" in str(error):
            return b"", too_large(name, room), 0
        return b"", broken(name, str(error)), 0
    except (zlib.error, OSError, EOFError, ValueError) as error:
        why = str(error).partition(": ")[2] or str(error)
        code = "checksum" if "check" in why and "header" not in why else "undecodable"
        return _as_far_as(value, room, unpacker), broken(name, why, code), 0
    if len(part) > room:
        return part[:room], too_large(name, room), 0
    if not unpacker.eof:
        return part, truncated(name, len(value)), 0
    return part, None, len(value) - len(unpacker.unused_data)


def _as_far_as(value: Value, room: int, unpacker: Any) -> bytes:
    """Return the beginning of what a broken zlib stream unpacks to, so that it can be told what it was."""
    if not isinstance(unpacker, type(zlib.decompressobj())):
        return b""
    fresh = zlib.decompressobj(47)  # zlib or gzip, as the header says
    made = b""
    for start in range(0, min(len(value), LOOK), PIECE):
        try:
            made += fresh.decompress(value[start : start + PIECE], room)
        except zlib.error:
            break
    return made


LOOK, PIECE = 1 << 12, 1 << 6
