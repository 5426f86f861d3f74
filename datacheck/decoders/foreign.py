"""Recognise known payloads that no decoder here reads, by their first bytes.

Such payloads are not broken; datacheck just cannot judge them. The magic bytes are those of the formats' own
specifications. If they are short, more of the value has to match, so that random bytes are not taken for a known
format.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from functools import cache

from datacheck.decoders.cbor import is_cbor
from datacheck.decoders.interface import Value
from datacheck.decoders.wrappers.blosc import is_blosc, is_blosc2
from datacheck.decoders.wrappers.streams import is_lzma_alone
from datacheck.decoders.wrappers.table import is_broken

HEAD = 384
INFLATED = 1 << 10
"""Maximum number of bytes that are unpacked to verify that a payload is compressed."""
PICTURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (0, b"\xff\x0a", "JPEG XL"),
    (4, b"ftypavif", "AVIF"),
    (4, b"ftypavis", "AVIF"),
    (4, b"ftyphei", "HEIF"),
    (4, b"ftypmif1", "HEIF"),
    (0, b"v/1\x01", "OpenEXR"),
    (0, b"II\xbc\x01", "JPEG XR"),
    (0, b"qoif", "QOI"),
    (0, b"Lerc2 ", "LERC"),
    (0, b"#?RADIANCE\n", "Radiance HDR"),
    (0, b"8BPS\0\x01", "Photoshop"),
    (0, b"DDS \x7c\0\0\0", "DDS texture"),
    (0, b"\xabKTX ", "KTX texture"),
    (0, b"P4", "PBM"),
    (0, b"P5", "PGM"),
    (0, b"P6", "PPM"),
    (0, b"Pf", "PFM"),
    (0, b"PF", "PFM"),
    (128, b"DICM", "DICOM"),
    (344, b"n+1\0", "NIfTI"),
    (4, b"n+2\0\r\n\x1a\n", "NIfTI"),
)
MARKS: tuple[tuple[int, bytes, str], ...] = (
    *PICTURES,
    (4, b"ftyp", "MPEG-4 video or sound"),
    (8, b"AVI ", "AVI video"),
    (0, b"\x1a\x45\xdf\xa3", "Matroska or WebM video"),
    (0, b"FLV\x01", "Flash video"),
    (0, b"\0\0\x01\xba", "MPEG video"),
    (0, b"\0\0\x01\xb3", "MPEG video"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "Windows Media"),
    (8, b"WAVE", "WAV sound"),
    (0, b"OggS\0", "Ogg sound or video"),
    (0, b"fLaC\0", "FLAC sound"),
    (0, b"ID3", "MP3 sound"),
    (0, b"FORM", "AIFF sound"),
    (0, b"NIST_1A\n", "NIST SPHERE sound"),
    (0, b"riff.\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0", "Wave64 sound"),
    (0, b".snd\0\0\0", "AU sound"),
    (0, b"caff\0\x01\0\0", "CAF sound"),
    (0, b"\x01\xda\x00\x01\x00", "SGI picture"),
    (0, b"\x01\xda\x01\x01\x00", "SGI picture"),
    (0, b"\x01\xda\x00\x02\x00", "SGI picture"),
    (0, b"\x01\xda\x01\x02\x00", "SGI picture"),
    (0, b"%PDF-", "PDF document"),
    (0, b"PK\x03\x04", "zip archive"),
    (0, b"7z\xbc\xaf\x27\x1c", "7-zip archive"),
    (0, b"Rar!\x1a\x07", "RAR archive"),
    (257, b"ustar", "tar archive"),
    (0, b"\x28\xb5\x2f\xfd", "Zstandard"),
    (0, b"\x04\x22\x4d\x18", "LZ4 frame"),
    (0, b"\xfd7zXZ\0", "xz"),
    (4, b"1AY&SY", "bzip2"),
    (0, b"\xff\x06\0\0sNaPpY", "snappy frames"),
    (0, b"\x93NUMPY", "NumPy array"),
    (0, b"\x89HDF\r\n\x1a\n", "HDF5 file"),
    (2, b"b2frame\0", "Blosc2 frame"),
    (0, b"CDF\x01", "netCDF file"),
    (0, b"CDF\x02", "netCDF file"),
    (0, b"MATLAB 5.0 MAT-file", "MATLAB file"),
    (0, b"Obj\x01", "Avro file"),
    (0, b"ORC\x0a", "ORC file"),
    (0, b"SQLite format 3\0", "SQLite database"),
    (0, b"PAR1", "Parquet file"),
    (0, b"FEA1\0\0\0\0", "Feather file (version 1)"),
    (0, b"bplist00", "property list"),
    (0, b"\xd9\xd9\xf7", "CBOR"),
    (0, b"ARROW1\0\0", "Arrow file"),
    (0, b"glTF", "glTF model"),
    (0, b"ply\n", "PLY points or mesh"),
    (0, b"ply\r\n", "PLY points or mesh"),
    (0, b"# .PCD v", "PCD points"),
    (0, b"LASF", "LAS points"),
    (0, b"PIEH", "optical flow (.flo)"),
    (0, b"wOF2", "font"),
    (0, b"\x7fELF", "program"),
)
"""Offset, the bytes there, and the name of the format. The first row that matches wins."""


def known_format(value: Value, usual: str = "") -> str | None:
    """Return the name of the known format that a value has, or None if it has none.

    A value that begins like the wrapper `usual` but cannot be unpacked is a broken one of those: the result is None.

    >>> known_format(b"%PDF-1.7 and so on"), known_format(bytes(100))
    ('PDF document', None)
    """
    if is_broken(usual, value):
        return None
    head = bytes(value[:HEAD])
    for offset, mark, name in _marks_of(head[:1]):
        if head.startswith(mark, offset) and _fits(head, mark):
            return name
    return next((name for matches, name in _CHECKED if matches(value, head)), None)


@cache
def _marks_of(first: bytes) -> tuple[tuple[int, bytes, str], ...]:
    """Return the rows of MARKS that may match a value with this first byte, in order."""
    return tuple(row for row in MARKS if row[0] or row[1][:1] == first)


_NETPBM = re.compile(rb"(?:\s|#[^\n]*\n)+[1-9][0-9]{0,5}(?:\s|#[^\n]*\n)+[1-9][0-9]{0,5}\s")
"""What follows the two letters of a Netpbm header: width and height, with comments between them."""
_FITS: dict[bytes, Callable[[bytes], bool]] = {
    b"n+1\0": lambda head: head[:4] in (b"\x5c\x01\0\0", b"\0\0\x01\x5c"),
    b"PIEH": lambda head: len(head) >= 12 and head[6:8] == b"\0\0" == head[10:12],
    b"LASF": lambda head: len(head) > 25 and head[24] == 1 and head[25] < 5,
}


def _fits(head: bytes, mark: bytes) -> bool:
    """Check whether the other required bytes are there too, for marks that are ambiguous or not at the beginning."""
    if mark in (b"AVI ", b"WAVE"):
        return head[:4] in (b"RIFF", b"RF64")
    if mark == b"FORM":
        return head[8:12] in (b"AIFF", b"AIFC")
    if mark.startswith(b"ftyp"):
        return head[:2] == b"\0\0" and head[3] >= 8
    if mark == b"1AY&SY":
        return head[:3] == b"BZh"
    if mark == b"\xff\x0a":
        return len(head) > 2 and head[2] not in (0, 0xFF)
    if mark[:1] == b"P" and len(mark) == 2:
        return _NETPBM.match(head, 2) is not None
    if mark in (b"n+1\0", b"PIEH", b"LASF"):
        return _FITS[mark](head)
    if mark == b"ID3":
        return len(head) > 10 and head[3] in (2, 3, 4) and max(head[6:10]) < 0x80
    return True


def _pickle(value: Value, head: bytes) -> bool:
    return len(head) > 2 and head[0] == 0x80 and 2 <= head[1] <= 5 and value[len(value) - 1] == ord(".")


def _zlib(value: Value, head: bytes) -> bool:
    return head[:1] == b"\x78" and int.from_bytes(head[:2], "big") % 31 == 0 and _inflates(value, zlib.MAX_WBITS)


def _gzip(value: Value, head: bytes) -> bool:
    return head[:3] == b"\x1f\x8b\x08" and _inflates(value, 16 + zlib.MAX_WBITS)


def _inflates(value: Value, bits: int) -> bool:
    try:
        return bool(zlib.decompressobj(bits).decompress(bytes(value[: 4 * INFLATED]), INFLATED))
    except zlib.error:
        return False


def _safetensors(value: Value, head: bytes) -> bool:
    return head[8:10] == b'{"' and 2 <= int.from_bytes(head[:8], "little") <= len(value) - 8


def _arrow(value: Value, head: bytes) -> bool:
    """Check for a stream of Arrow messages, which begin with a mark and the size of their metadata, a multiple of 8."""
    size = int.from_bytes(head[4:8], "little")
    return head[:4] == b"\xff\xff\xff\xff" and 0 < size <= len(value) - 8 and size % 8 == 0


def _mp3(value: Value, head: bytes) -> bool:
    """Check for four consecutive frames of MPEG audio layer III, or fewer up to the end; each gives its own length.

    A tag of 128 bytes may follow the last frame (ID3v1).
    """
    at = 0
    for count in range(4):
        size = mp3_frame(bytes(value[at : at + 4]))
        if not size:
            return count > 0 and (at == len(value) or (len(value) - at == 128 and bytes(value[at : at + 3]) == b"TAG"))
        at += size
    return True


def mp3_frame(head: bytes) -> int:
    """Return the length of the MPEG frame that begins with these four bytes, or 0 if none does."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2 or head[1] & 0x18 == 8:
        return 0
    first = head[1] & 0x18 == 0x18  # version 1, else 2 or 2.5
    rate, index = head[2] >> 4, head[2] >> 2 & 3
    if rate in (0, 15) or index == 3:
        return 0
    kilobits = (_RATES_1 if first else _RATES_2)[rate - 1]
    hertz = (44100, 48000, 32000)[index] // (1 if first else 2 if head[1] & 0x10 else 4)
    return (144 if first else 72) * kilobits * 1000 // hertz + (head[2] >> 1 & 1)


_RATES_1 = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_RATES_2 = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)


def _bson(value: Value, head: bytes) -> bool:
    """Check for a BSON document (bsonspec.org): its size, elements with a type and a name, and a zero at the end."""
    if len(value) < 8 or int.from_bytes(head[:4], "little") != len(value) or value[len(value) - 1]:
        return False
    name = head[5:].partition(b"\0")
    return (1 <= head[4] <= 0x13 or head[4] in (0x7F, 0xFF)) and bool(name[1]) and name[0].isascii()


def _tfrecord(value: Value, head: bytes) -> bool:
    """Check for records of a TFRecord file: a 64-bit size, whose masked CRC-32C follows."""
    if len(value) < 16 or int.from_bytes(head[:8], "little") > len(value) - 16:
        return False
    crc = _crc32c(head[:8])
    masked = ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
    return masked == int.from_bytes(head[8:12], "little")


def _crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def _mpeg_ts(value: Value, head: bytes) -> bool:
    return len(value) >= 3 * 188 and all(value[at] == 0x47 for at in range(0, 3 * 188, 188))


def _h264(value: Value, head: bytes) -> bool:
    """Check for H.264 or HEVC that begins with its parameter sets (Annex B of both)."""
    if head[:4] != b"\0\0\0\1" or len(head) < 8:
        return False
    return head[4] & 0x9F == 7 or head[4:6] in (b"\x40\x01", b"\x42\x01")


def _adts(value: Value, head: bytes) -> bool:
    """Check for three consecutive frames of AAC, each of which gives its own length (ISO/IEC 13818-7)."""
    at = 0
    for _ in range(3):
        start = bytes(value[at : at + 7])
        if len(start) < 7 or start[0] != 0xFF or start[1] & 0xF6 != 0xF0:
            return False
        at += (start[3] & 3) << 11 | start[4] << 3 | start[5] >> 5
    return at <= len(value)


def _icon(value: Value, head: bytes) -> bool:
    """Check for a Windows icon, whose first entry lies within the file."""
    if len(head) < 22 or head[:2] != b"\0\0" or head[2:4] not in (b"\1\0", b"\2\0") or not head[4]:
        return False
    size, start = int.from_bytes(head[14:18], "little"), int.from_bytes(head[18:22], "little")
    return head[9] == 0 and start == 6 + 16 * int.from_bytes(head[4:6], "little") and 0 < size <= len(value) - start


def _svg(value: Value, head: bytes) -> bool:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    return start.startswith(b"<svg") or (start.startswith(b"<?xml") and b"<svg" in head)


_CHECKED: tuple[tuple[Callable[[Value, bytes], bool], str], ...] = (
    (_pickle, "pickle"),
    (_zlib, "zlib"),
    (_gzip, "gzip"),
    (_safetensors, "safetensors"),
    (_arrow, "Arrow messages"),
    (lambda value, head: is_blosc(value), "Blosc"),
    (lambda value, head: is_blosc2(value), "Blosc2"),
    (_mp3, "MP3 sound"),
    (_adts, "AAC sound"),
    (_bson, "BSON"),
    (_tfrecord, "TFRecord"),
    (lambda value, head: is_lzma_alone(head[:18]), "LZMA"),
    (_mpeg_ts, "MPEG transport stream"),
    (_h264, "H.264 or HEVC video"),
    (_icon, "Windows icon"),
    (_svg, "SVG drawing"),
    (lambda value, head: is_cbor(value), "CBOR"),
)
