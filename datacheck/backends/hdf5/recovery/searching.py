"""Find the parts of a damaged file's structure by their signatures, wherever they lie and whatever links to them.

Object headers of version 1 have no signature. Bytes that could begin one are accepted if every part of the header is
valid (see `is_plausible`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from datacheck.backends.hdf5.recovery.headers import header, is_plausible
from datacheck.backends.hdf5.recovery.raw import Raw

PIECE_BYTES = 8 << 20
OVERLAP = 32
"""Number of bytes by which consecutive reads overlap; no match of MARKS, with its lookahead, is longer."""
MARKS = re.compile(
    rb"OHDR\x02|SNOD\x01\x00|FHDB\x00|HEAP\x00\x00\x00\x00"
    rb"|\x01\x00(?=..(?!\x00\x00)..\x00\x00(?!\x00\x00\x00)...\x00\x00\x00\x00\x00)",
    re.DOTALL,
)
"""Signatures of parts. The last alternative matches the beginning of a version 1 header: the number of messages, the
number of links, a length, and four zero bytes."""
MOST_HEADERS = 1 << 16
MOST_TRIES = 1 << 18
MOST_PARTS = 1 << 15
"""Maximum numbers of headers, of places where a header might be, and of other parts, at which the search stops."""


@dataclass
class Found:
    """The addresses of the headers and other parts that were found, in ascending order.

    `blocks` are the blocks of link heaps, by the address of the heap. `whole` is false if the search was cut short.
    """

    headers: dict[int, None] = field(default_factory=dict)
    nodes: list[int] = field(default_factory=list)
    blocks: dict[int, list[int]] = field(default_factory=dict)
    heaps: list[int] = field(default_factory=list)
    whole: bool = True


def search(raw: Raw) -> Found:
    """Search the file for all parts of its structure."""
    result = Found()
    tries = parts = total = 0
    end = 0
    for at, sign in _signatures(raw):
        if sign[:1] in b"\x01O":
            if at < end:
                continue  # inside a header that was already found
            tries += 1
            it = header(raw, at)
            size = 0 if it is None else sum(len(piece.held) for piece in it.pieces)
            if it is not None and is_plausible(raw, it):
                end = at + len(it.pieces[0].held)
                if total + size > raw.size:  # headers share pieces, and the library would read these for each header
                    result.whole = False
                    continue
                total += size
                result.headers[at] = None
        else:
            parts += 1
            if not raw.keep(100):
                break
            if sign == b"FHDB\0":
                result.blocks.setdefault(int.from_bytes(raw.read(at + 5, 8), "little"), []).append(at)
            else:
                (result.nodes if sign.startswith(b"SNOD") else result.heaps).append(at)
        if len(result.headers) >= MOST_HEADERS or tries >= MOST_TRIES or parts >= MOST_PARTS or raw.exhausted:
            result.whole = False
            break
    return result


def _signatures(raw: Raw) -> Iterator[tuple[int, bytes]]:
    at, end = 0, raw.size - raw.base
    while at < end:
        octets = raw.read(at, PIECE_BYTES + OVERLAP)
        if not octets:
            return
        for match in MARKS.finditer(octets):
            if match.start() < PIECE_BYTES:
                yield at + match.start(), match[0]
        at += PIECE_BYTES
