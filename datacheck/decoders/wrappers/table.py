"""The wrappers by name, and functions that recognise and remove them."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from datacheck.decoders.npy_bytes import MAGIC as NPY
from datacheck.decoders.pictures.picture import sniff
from datacheck.decoders.wrappers import base64_text, blosc, frames, lz4_blocks, streams
from datacheck.decoders.wrappers.interface import LIMIT, Peeled, Value

MOST = 2
"""Maximum number of nested wrappers that are removed."""
VOTING = 1 << 24
"""Maximum number of bytes unpacked to recognise the content of a wrapper."""


class Wrapper(msgspec.Struct, frozen=True):
    """Functions that check whether a value `begins` like a wrapper, and that `peel` it within a limit of bytes."""

    begins: Callable[[Value], bool]
    peel: Callable[[Value, int], Peeled]


def has_known_magic(head: bytes) -> bool:
    """Check whether bytes begin like a picture, an array, an archive, a pickle, compressed data, sound or video."""
    if is_media(head):
        return True
    if head[:1] not in FIRST_BYTES:
        return False
    if sniff(head) is not None or head.startswith((NPY, b"PK\x03\x04")):
        return True
    pickled = head[:1] == b"\x80" and head[1:2] in (b"\2", b"\3", b"\4", b"\5")
    return pickled or any(WRAPPERS[name].begins(head) for name in ("gzip", "zstd", "lz4", "bz2", "xz"))


def is_media(head: bytes) -> bool:
    """Check whether bytes begin like a file of sound or video, read here or not."""
    if head[:4] in (b"RIFF", b"RF64"):
        return head[8:12] in (b"WAVE", b"AVI ")
    if head[4:8] == b"ftyp":
        return head[:2] == b"\0\0"
    return head[:4] in _MEDIA


_MEDIA = frozenset((b"fLaC", b"OggS", b"\x1a\x45\xdf\xa3", b"ID3\2", b"ID3\3", b"ID3\4"))
FIRST_BYTES = frozenset(bytes([it]) for it in b"\xff\x89GIMRB\x93P\x80\x1f\x28\x04\xfd\x5d")
"""The first bytes of all else that has a known magic, to rule out at once that most values have one."""


def begins_like_text_or_map(head: bytes) -> bool:
    """Check whether bytes begin like a JSON object or list, or like a msgpack map whose first key is a word."""
    if _JSON.match(head):
        return True
    mapped = 0x81 <= head[0] <= 0x8F if len(head) > 2 else False
    key = head[3:4] if head[1:2] in (b"\xc4", b"\xd9") else head[2:3] if head[1:2] and 0xA1 <= head[1] <= 0xBF else b""
    return mapped and (key.isalpha() or key == b"_")


_JSON = re.compile(rb"\s*(?:\{\s*[\"}]|\[\s*[\[{\"\d\]-])")


def _may_hold_payload(head: bytes) -> bool:
    return has_known_magic(head) or begins_like_text_or_map(head)


def _is_snappy(value: Value) -> bool:
    return frames.is_framed_snappy(value) or _may_hold_payload(frames.snappy_beginning(value))


def _is_lz4_block(value: Value) -> bool:
    return _may_hold_payload(lz4_blocks.lz4_block_beginning(value))


def _peel_snappy(value: Value, limit: int) -> Peeled:
    framed = frames.is_framed_snappy(value)
    return frames.peel_framed_snappy(value, limit) if framed else frames.peel_snappy_block(value, limit)


WRAPPERS: dict[str, Wrapper] = {
    "gzip": Wrapper(streams.is_gzip, streams.peel_gzip),
    "zstd": Wrapper(frames.is_zstd, frames.peel_zstd),
    "lz4": Wrapper(frames.is_lz4, frames.peel_lz4),
    "zlib": Wrapper(streams.is_zlib, streams.peel_zlib),
    "bz2": Wrapper(streams.is_bz2, streams.peel_bz2),
    "xz": Wrapper(streams.is_xz, streams.peel_xz),
    "blosc": Wrapper(blosc.is_blosc, blosc.peel_blosc),
    "blosc2": Wrapper(blosc.is_blosc2, blosc.peel_blosc2),
    "snappy": Wrapper(_is_snappy, _peel_snappy),
    "lz4-block": Wrapper(_is_lz4_block, lz4_blocks.peel_lz4_block),
    "base64": Wrapper(lambda value: has_known_magic(base64_text.base64_beginning(value)), base64_text.peel_base64),
}
"""The wrappers, in the order in which they are tried. Raw snappy, lz4 blocks and base64 have no magic of their own."""
WITHOUT_MAGIC = frozenset({"snappy", "lz4-block", "base64"})
"""Wrappers that a value has only if it can be unpacked: others, like protobuf messages, begin like them by chance."""


def peel_once(value: Value) -> tuple[str, Peeled] | None:
    """Return a value's outer wrapper and its content, up to VOTING bytes, or None if it has no wrapper."""
    for name, wrapper in WRAPPERS.items():
        if wrapper.begins(value):
            peeled = wrapper.peel(value, VOTING)
            undecided = peeled.finding is not None and peeled.finding.verdict == "unverifiable"
            guessed = name in WITHOUT_MAGIC and not frames.is_framed_snappy(value)
            if peeled.sound or undecided or (peeled.value and not guessed):
                return name, peeled
    return None


def has_weak_magic(name: str, value: Value) -> bool:
    """Check whether other values may begin like this wrapper by chance: zlib has two bytes, LZMA mostly zeros."""
    return name == "zlib" or (name == "xz" and streams.is_lzma_alone(bytes(value[:18])))


def is_guess(value: Value, name: str, peeled: Peeled) -> bool:
    """Check whether only a decoder that knows the content can confirm that a value has this wrapper.

    A weak magic may be there by chance, and a wrapper without a magic may hold a text or a map, which have none either.
    """
    if has_weak_magic(name, value):
        return not peeled.sound
    if name not in WITHOUT_MAGIC or frames.is_framed_snappy(value):
        return False
    return not has_known_magic(peeled.value[:64])


def begins(name: str, value: Value) -> bool:
    """Check whether a value begins like this wrapper."""
    return WRAPPERS[name].begins(value)


def is_broken(name: str, value: Value) -> bool:
    """Check whether a value begins like this wrapper but cannot be unpacked; False if `name` is not a wrapper."""
    return name in WRAPPERS and begins(name, value) and not WRAPPERS[name].peel(value, LIMIT).sound


def peel(names: tuple[str, ...], value: Value) -> Peeled:
    """Remove these wrappers, the outermost first.

    Stop at the first broken one and return its finding; else return the first finding, or None.
    """
    finding = None
    for name in names:
        peeled = WRAPPERS[name].peel(value, LIMIT)
        finding = finding or peeled.finding
        value = peeled.value
        if not peeled.sound:
            return Peeled(peeled.value, peeled.finding)
    return Peeled(bytes(value), finding)
