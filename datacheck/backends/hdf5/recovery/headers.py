"""Read object headers without the library: the messages that are left, and the pieces that are lost.

HDF5 File Format Specification 3.0, IV.A.1 (object headers) and IV.A.2 (their messages).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from datacheck.backends.hdf5.recovery.raw import Raw
from datacheck.backends.hdf5.superblock import CONTINUATION, SYMBOL_TABLE

NIL, DATASPACE, LINK_INFO, DATATYPE, LINK, LAYOUT, GROUP_INFO, FILTERS = 0, 1, 2, 3, 6, 8, 10, 11
REFERENCE_COUNT = 0x16
LAST_KIND = 0x18
"""Highest message type that the format defines."""
PIECES = 4096
PIECE_BYTES = 1 << 20
"""Maximum number of pieces of a header, and maximum size of a piece in bytes; anything beyond counts as lost."""
RANKS, CLASSES, LAYOUTS = 32, 11, 3
"""Maximum number of dimensions of a dataset, and the highest classes of datatypes and of layouts."""
NOWHERE = (1 << 64) - 1
MOST_MESSAGES = 1 << 16
"""Bound on the number of messages of a header, which the format counts in 16 bits."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a header; `at` is the address where it begins with its own head, `piece` the number of its piece."""

    kind: int
    flags: int
    order: bytes
    held: bytes
    at: int
    piece: int


@dataclass(slots=True)
class Piece:
    """A piece of a header: its address, all of its bytes, and where in them its messages begin and end."""

    at: int
    held: bytes
    first: int
    last: int


@dataclass(slots=True)
class Header:
    """A header; `lost` are the continuations that lead to nothing, `links` is the number of hard links it claims."""

    address: int
    version: int
    flags: int
    links: int
    pieces: list[Piece] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    lost: list[Message] = field(default_factory=list)
    rewritten: bool = False
    """Whether a message was inserted that the file does not have there."""
    taken: Message | None = None
    """The continuation that the inserted message replaces, or None if the whole header was rebuilt."""

    @property
    def head(self) -> int:
        """Number of bytes of a message before its body."""
        return 8 if self.version == 1 else 6 if self.flags & 4 else 4

    def first(self, kind: int) -> Message | None:
        return next((it for it in self.messages if it.kind == kind), None)

    @property
    def is_group(self) -> bool:
        return any(it.kind in (SYMBOL_TABLE, LINK_INFO, LINK) for it in self.messages)

    @property
    def is_dataset(self) -> bool:
        return {DATASPACE, DATATYPE, LAYOUT} <= {it.kind for it in self.messages}

    @property
    def filters_known(self) -> bool:
        """Whether the filters of a dataset are known, or known to be none, whatever else of its header is lost.

        The library writes the filters before the layout. When it moves messages into a continuation, it puts the
        continuation in their place. So a continuation that comes after the layout does not hold the filters.
        """
        if not self.lost or self.first(FILTERS) is not None:
            return True
        layout = self.first(LAYOUT)
        return layout is not None and layout.piece == 0 and all(it.at > layout.at for it in self.lost)


def header(raw: Raw, address: int) -> Header | None:
    """Return the header that begins at an address, or None if there is none or its first piece is incomplete."""
    start = raw.read(address, 512)
    made = _old(raw, address, start) if start[:1] == b"\x01" else _new(raw, address, start)
    if made is None:
        return None
    _continue(raw, made)
    count = made.first(REFERENCE_COUNT)
    if made.version == 2 and count is not None and len(count.held) >= 5:
        made.links = int.from_bytes(count.held[1:5], "little")
    return made


def of_group(raw: Raw, address: int, made: Header | None, places: tuple[int, int]) -> Header | None:
    """Complete the header of an old-style group from the `places` of its tree and heap that the link to it gives.

    If the symbol table message was lost with a piece of the header, it is inserted in place of a lost continuation. If
    the whole header is lost, a new one is built. Return `made` as it is, which may be None, if it needs no completion,
    if neither the tree nor the heap is at these places, or if there is no room for the message.
    """
    there = [raw.read(at, 4) for at in places]
    if (b"TREE" not in there and b"HEAP" not in there) or (made is not None and (made.is_group or made.is_dataset)):
        return made
    body = struct.pack("<QQ", *places)
    if made is None and not raw.lacks(address, 40):
        head = struct.pack("<BBHIII", 1, 0, 1, 1, 24, 0) + struct.pack("<HHBxxx", SYMBOL_TABLE, 16, 0)
        message = Message(SYMBOL_TABLE, 0, b"", body, address + 16, 0)
        return Header(address, 1, 0, 1, [Piece(address, head + body, 16, 40)], [message], rewritten=True)
    gone = None if made is None else next((it for it in made.lost if len(it.held) >= 16), None)
    if made is None or gone is None:
        return made
    made.lost.remove(gone)
    made.taken = gone
    made.messages[made.messages.index(gone)] = Message(SYMBOL_TABLE, 0, gone.order, body, gone.at, gone.piece)
    made.rewritten = True
    return made


def _old(raw: Raw, address: int, start: bytes) -> Header | None:
    if len(start) < 24 or start[1]:
        return None
    count, links, length, nothing = struct.unpack_from("<HIII", start, 2)
    if not (count and links and 8 <= length <= PIECE_BYTES) or length % 8 or nothing:
        return None
    held = start[: 16 + length] if len(start) >= 16 + length else raw.read(address, 16 + length)
    if len(held) < 16 + length:
        return None
    made = Header(address, 1, 0, links)
    return made if _add(raw, made, Piece(address, held, 16, len(held))) else None


def _new(raw: Raw, address: int, start: bytes) -> Header | None:
    if len(start) < 16 or not start.startswith(b"OHDR\x02"):
        return None
    flags = start[5]
    width = 1 << (flags & 3)
    at = 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
    first = at + width
    size = first + int.from_bytes(start[at:first], "little") + 4
    if size > PIECE_BYTES:
        return None
    held = start[:size] if len(start) >= size else raw.read(address, size)
    if len(held) < size or not raw.matches(address, held[:-4], held[-4:]):
        return None
    made = Header(address, 2, flags, 1)
    return made if _add(raw, made, Piece(address, held, first, size - 4)) else None


def _continue(raw: Raw, made: Header) -> None:
    """Follow each continuation once; those that lead to nothing are added to `lost`."""
    seen: set[int] = set()
    done = 0
    while done < len(made.messages):
        message = made.messages[done]
        done += 1
        if message.kind != CONTINUATION:
            continue
        piece = None
        if len(message.held) >= 16:
            at, size = struct.unpack_from("<QQ", message.held)
            if at not in seen and len(seen) < PIECES and size <= PIECE_BYTES and not raw.lacks(at, size):
                seen.add(at)
                piece = _piece(raw, made, at, raw.read(at, size))
        if piece is None or not _add(raw, made, piece):
            made.lost.append(message)


def _piece(raw: Raw, made: Header, at: int, held: bytes) -> Piece | None:
    if made.version == 1:
        return Piece(at, held, 0, len(held)) if held.count(0) < len(held) else None
    if not held.startswith(b"OCHK") or not raw.matches(at, held[:-4], held[-4:]):
        return None
    return Piece(at, held, 4, len(held) - 4)


def _add(raw: Raw, made: Header, piece: Piece) -> bool:
    """Add all messages of a piece and return True; add none and return False if any of them is invalid."""
    found = list(_messages(raw, made, piece))
    if None in found or not found or len(made.messages) + len(found) > MOST_MESSAGES:
        return False
    made.pieces.append(piece)
    made.messages += [it for it in found if it is not None]
    return True


def _messages(raw: Raw, made: Header, piece: Piece) -> Iterator[Message | None]:
    """Yield the messages of a piece, and None if there is anything else in it."""
    at, number = piece.first, len(made.pieces)
    while at + made.head <= piece.last:
        if made.version == 1:
            kind, size, flags = struct.unpack_from("<HHB", piece.held, at)
            wrong = size % 8 or piece.held[at + 5 : at + 8] != bytes(3)
        else:
            kind, size, flags = struct.unpack_from("<BHB", piece.held, at)
            wrong = False
        body = at + made.head
        if wrong or kind > LAST_KIND or body + size > piece.last or not raw.looked(1):
            yield None
            return
        order = piece.held[at + 4 : body] if made.version == 2 else b""
        yield Message(kind, flags, order, piece.held[body : body + size], piece.at + at, number)
        at = body + size
    if made.version == 1 and at != piece.last:
        yield None


def plausible(raw: Raw, made: Header) -> bool:
    """Check whether each part of what looks like the header of a dataset or a group has valid contents.

    A header of version 1 has no signature, so arbitrary numbers may look like its beginning.
    """
    if made.is_dataset:
        return _is_dataset(raw, made)
    if not made.is_group:
        return False
    table = made.first(SYMBOL_TABLE)
    if table is None:
        return made.version == 2 or made.first(LINK_INFO) is not None
    if len(table.held) < 16:
        return False
    places = struct.unpack_from("<QQ", table.held)
    return all(raw.read(at, 4) in (sign, b"") for at, sign in zip(places, (b"TREE", b"HEAP"), strict=True))


def _is_dataset(raw: Raw, made: Header) -> bool:
    space, kind, layout = (made.first(it) for it in (DATASPACE, DATATYPE, LAYOUT))
    if space is None or kind is None or layout is None:
        return False
    shared = kind.flags & 2  # a shared message gives the address of the datatype instead
    if len(space.held) < 4 or len(kind.held) < 8 or len(layout.held) < 2:
        return False
    if space.held[0] not in (1, 2) or space.held[1] > RANKS:
        return False
    if not shared and (not 1 <= kind.held[0] >> 4 <= 5 or kind.held[0] & 15 > CLASSES):
        return False
    version = layout.held[0]
    held = layout.held[2] if version < 3 and len(layout.held) > 2 else layout.held[1]
    return 1 <= version <= 5 and held <= LAYOUTS
