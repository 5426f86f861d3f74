"""Recognise and unpack zlib, gzip, bz2 and xz, which the standard library decompresses piecewise and verifies.

Sources: RFC 1950, RFC 1952, the bzip2 format, the .xz file format 1.2.
"""

from __future__ import annotations

import bz2
import lzma
import re
import zlib
from collections.abc import Callable
from typing import Any

from datacheck.decoders.wrappers.interface import Peeled, Value, broken, too_large, trailing_data, truncated
from datacheck.model.finding import Finding

MEMBERS = 256
"""Maximum number of concatenated gzip members, or bz2 or xz streams, in a value that are unpacked."""
XZ_MEMORY = 1 << 28
"""Memory limit for unpacking xz, in bytes; its dictionary has to fit."""
BZ2 = re.compile(rb"BZh[1-9](?:1AY&SY|\x17\x72\x45\x38\x50\x90)", re.DOTALL)
"""The beginnings of a bz2 stream and of an empty one; matching four letters alone would claim too much text."""
ZLIB = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
GZIP_RESERVED = 0xE0


def is_zlib(value: Value) -> bool:
    """Check whether a value begins like zlib data with the largest window, the one in common use, at any level.

    Headers of smaller windows would also match the first bytes of protobuf messages.
    """
    return bytes(value[:2]) in ZLIB


def is_gzip(value: Value) -> bool:
    return bytes(value[:3]) == b"\x1f\x8b\x08" and not (len(value) > 3 and value[3] & GZIP_RESERVED)


def is_bz2(value: Value) -> bool:
    return BZ2.match(bytes(value[:10])) is not None


def is_xz(value: Value) -> bool:
    """Check whether a value begins like xz data, or like data in the older format of LZMA ("alone")."""
    return bytes(value[:6]) == b"\xfd7zXZ\0" or is_lzma_alone(bytes(value[:18]))


def is_lzma_alone(head: bytes) -> bool:
    """Check for the usual properties, a dictionary of a power of two, and a size that is unknown or plausible."""
    if len(head) < 18 or head[:3] != b"\x5d\0\0" or head[13]:
        return False
    dictionary, size = int.from_bytes(head[1:5], "little"), int.from_bytes(head[5:13], "little")
    return dictionary & (dictionary - 1) == 0 < dictionary and (size == (1 << 64) - 1 or 0 < size < 1 << 40)


def peel_zlib(value: Value, limit: int) -> Peeled:
    """Unpack one zlib stream; its Adler-32 is verified."""
    return _peel_stream("zlib", value, limit, zlib.decompressobj, None)


def peel_gzip(value: Value, limit: int) -> Peeled:
    """Unpack gzip members; their CRC-32 and their lengths are verified."""
    return _peel_stream("gzip", value, limit, lambda: zlib.decompressobj(31), is_gzip)


def peel_bz2(value: Value, limit: int) -> Peeled:
    """Unpack bz2 streams; their CRC-32 is verified."""
    return _peel_stream("bz2", value, limit, bz2.BZ2Decompressor, is_bz2)


def peel_xz(value: Value, limit: int) -> Peeled:
    """Unpack xz streams; their integrity checks are verified, which the older format does not have."""
    return _peel_stream("xz", value, limit, lambda: lzma.LZMADecompressor(lzma.FORMAT_AUTO, memlimit=XZ_MEMORY), is_xz)


def _peel_stream(
    name: str, value: Value, limit: int, make: Callable[[], Any], again: Callable[[Value], bool] | None
) -> Peeled:
    """Unpack a stream, and the following ones for which `again` is true."""
    parts: list[bytes] = []
    remaining, rest = limit, value
    for _ in range(MEMBERS):
        part, finding, end = _unpack_stream(name, rest, remaining, make())
        parts.append(part)
        if finding is not None:
            return Peeled(b"".join(parts), finding)
        remaining -= len(part)
        rest = rest[end:]
        if not len(rest) or again is None or not again(rest):
            break
    content = parts[0] if len(parts) == 1 else b"".join(parts)
    return Peeled(content, trailing_data(name, len(value) - len(rest), value))


def _unpack_stream(name: str, value: Value, limit: int, unpacker: Any) -> tuple[bytes, Finding | None, int]:
    """Return the unpacked content of one stream, the finding about it or None, and the offset behind it."""
    try:
        part: bytes = unpacker.decompress(value, limit + 1)
    except lzma.LZMAError as error:
        if "emory usage limit" in str(error):
            return b"", too_large(name, limit), 0
        return b"", broken(name, str(error)), 0
    except (zlib.error, OSError, EOFError, ValueError) as error:
        reason = str(error).partition(": ")[2] or str(error)
        code = "checksum" if "check" in reason and "header" not in reason else "undecodable"
        return _unpack_beginning(value, limit, unpacker), broken(name, reason, code), 0
    if len(part) > limit:
        return part[:limit], too_large(name, limit), 0
    if not unpacker.eof:
        return part, truncated(name, len(value)), 0
    return part, None, len(value) - len(unpacker.unused_data)


def _unpack_beginning(value: Value, limit: int, unpacker: Any) -> bytes:
    """Return the first unpacked bytes of a broken zlib or gzip stream, so that its content can still be recognised."""
    if not isinstance(unpacker, type(zlib.decompressobj())):
        return b""
    fresh = zlib.decompressobj(47)  # 32 + 15: zlib or gzip, by the header
    content = b""
    for start in range(0, min(len(value), LOOK), PIECE):
        try:
            content += fresh.decompress(value[start : start + PIECE], limit)
        except zlib.error:
            break
    return content


LOOK, PIECE = 1 << 12, 1 << 6
