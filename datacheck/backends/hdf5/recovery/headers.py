"""Read object headers without the library: the messages that are left, and the pieces that are lost.

HDF5 File Format Specification 3.0, IV.A.1 (object headers) and IV.A.2 (their messages).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import msgspec

from datacheck.backends.hdf5.recovery.raw import Raw
from datacheck.backends.hdf5.structure.superblock import CONTINUATION, SYMBOL_TABLE

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


class Message(msgspec.Struct, frozen=True):
    """A message of a header; `at` is the address where it begins with its own head, `piece` the number of its piece."""

    kind: int
    flags: int
    order: bytes
    held: bytes
    at: int
    piece: int


class Piece(msgspec.Struct):
    """A piece of a header: its address, all of its bytes, and where in them its messages begin and end."""

    at: int
    held: bytes
    first: int
    last: int


class Header(msgspec.Struct):
    """A header; `lost` are the continuations that lead to nothing, `links` is the number of hard links it claims."""

    address: int
    version: int
    flags: int
    links: int
    pieces: list[Piece] = msgspec.field(default_factory=list)
    messages: list[Message] = msgspec.field(default_factory=list)
    lost: list[Message] = msgspec.field(default_factory=list)
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
    object_header = _old_header(raw, address, start) if start[:1] == b"\x01" else _new_header(raw, address, start)
    if object_header is None:
        return None
    _follow_continuations(raw, object_header)
    count = object_header.first(REFERENCE_COUNT)
    if object_header.version == 2 and count is not None and len(count.held) >= 5:
        object_header.links = int.from_bytes(count.held[1:5], "little")
    return object_header


def completed_header(raw: Raw, address: int, object_header: Header | None, places: tuple[int, int]) -> Header | None:
    """Complete the header of an old-style group from the `places` of its tree and heap that the link to it gives.

    If the symbol table message was lost with a piece of the header, it is inserted in place of a lost continuation. If
    the whole header is lost, a new one is built. Return `object_header` as it is, which may be None, if it needs no
    completion, if neither the tree nor the heap is at these places, or if there is no room for the message.
    """
    signatures = [raw.read(at, 4) for at in places]
    if (b"TREE" not in signatures and b"HEAP" not in signatures) or (
        object_header is not None and (object_header.is_group or object_header.is_dataset)
    ):
        return object_header
    body = struct.pack("<QQ", *places)
    if object_header is None and not raw.lacks(address, 40):
        head = struct.pack("<BBHIII", 1, 0, 1, 1, 24, 0) + struct.pack("<HHBxxx", SYMBOL_TABLE, 16, 0)
        message = Message(SYMBOL_TABLE, 0, b"", body, address + 16, 0)
        return Header(address, 1, 0, 1, [Piece(address, head + body, 16, 40)], [message], rewritten=True)
    lost_message = (
        None if object_header is None else next((it for it in object_header.lost if len(it.held) >= 16), None)
    )
    if object_header is None or lost_message is None:
        return object_header
    object_header.lost.remove(lost_message)
    object_header.taken = lost_message
    object_header.messages[object_header.messages.index(lost_message)] = Message(
        SYMBOL_TABLE, 0, lost_message.order, body, lost_message.at, lost_message.piece
    )
    object_header.rewritten = True
    return object_header


def _old_header(raw: Raw, address: int, start: bytes) -> Header | None:
    if len(start) < 24 or start[1]:
        return None
    count, links, length, nothing = struct.unpack_from("<HIII", start, 2)
    if not (count and links and 8 <= length <= PIECE_BYTES) or length % 8 or nothing:
        return None
    octets = start[: 16 + length] if len(start) >= 16 + length else raw.read(address, 16 + length)
    if len(octets) < 16 + length:
        return None
    object_header = Header(address, 1, 0, links)
    return object_header if _add_messages(raw, object_header, Piece(address, octets, 16, len(octets))) else None


def _new_header(raw: Raw, address: int, start: bytes) -> Header | None:
    if len(start) < 16 or not start.startswith(b"OHDR\x02"):
        return None
    flags = start[5]
    width = 1 << (flags & 3)
    at = 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
    first = at + width
    size = first + int.from_bytes(start[at:first], "little") + 4
    if size > PIECE_BYTES:
        return None
    octets = start[:size] if len(start) >= size else raw.read(address, size)
    if len(octets) < size or not raw.matches(address, octets[:-4], octets[-4:]):
        return None
    object_header = Header(address, 2, flags, 1)
    return object_header if _add_messages(raw, object_header, Piece(address, octets, first, size - 4)) else None


def _follow_continuations(raw: Raw, object_header: Header) -> None:
    """Follow each continuation once; those that lead to nothing are added to `lost`."""
    visited: set[int] = set()
    done = 0
    while done < len(object_header.messages):
        message = object_header.messages[done]
        done += 1
        if message.kind != CONTINUATION:
            continue
        piece = None
        if len(message.held) >= 16:
            at, size = struct.unpack_from("<QQ", message.held)
            if at not in visited and len(visited) < PIECES and size <= PIECE_BYTES and not raw.lacks(at, size):
                visited.add(at)
                piece = _piece_at(raw, object_header, at, raw.read(at, size))
        if piece is None or not _add_messages(raw, object_header, piece):
            object_header.lost.append(message)


def _piece_at(raw: Raw, object_header: Header, at: int, octets: bytes) -> Piece | None:
    if object_header.version == 1:
        return Piece(at, octets, 0, len(octets)) if octets.count(0) < len(octets) else None
    if not octets.startswith(b"OCHK") or not raw.matches(at, octets[:-4], octets[-4:]):
        return None
    return Piece(at, octets, 4, len(octets) - 4)


def _add_messages(raw: Raw, object_header: Header, piece: Piece) -> bool:
    """Add all messages of a piece and return True; add none and return False if any of them is invalid."""
    found = list(_messages(raw, object_header, piece))
    if None in found or not found or len(object_header.messages) + len(found) > MOST_MESSAGES:
        return False
    object_header.pieces.append(piece)
    object_header.messages += [it for it in found if it is not None]
    return True


def _messages(raw: Raw, object_header: Header, piece: Piece) -> Iterator[Message | None]:
    """Yield the messages of a piece, and None if there is anything else in it."""
    at, number = piece.first, len(object_header.pieces)
    while at + object_header.head <= piece.last:
        if object_header.version == 1:
            kind, size, flags = struct.unpack_from("<HHB", piece.held, at)
            wrong = size % 8 or piece.held[at + 5 : at + 8] != bytes(3)
        else:
            kind, size, flags = struct.unpack_from("<BHB", piece.held, at)
            wrong = False
        body = at + object_header.head
        if wrong or kind > LAST_KIND or body + size > piece.last or not raw.looked(1):
            yield None
            return
        order = piece.held[at + 4 : body] if object_header.version == 2 else b""
        yield Message(kind, flags, order, piece.held[body : body + size], piece.at + at, number)
        at = body + size
    if object_header.version == 1 and at != piece.last:
        yield None


def is_plausible(raw: Raw, object_header: Header) -> bool:
    """Check whether each part of what looks like the header of a dataset or a group has valid contents.

    A header of version 1 has no signature, so arbitrary numbers may look like its beginning.
    """
    if object_header.is_dataset:
        return _is_dataset(raw, object_header)
    if not object_header.is_group:
        return False
    table = object_header.first(SYMBOL_TABLE)
    if table is None:
        return object_header.version == 2 or object_header.first(LINK_INFO) is not None
    if len(table.held) < 16:
        return False
    places = struct.unpack_from("<QQ", table.held)
    return all(raw.read(at, 4) in (sign, b"") for at, sign in zip(places, (b"TREE", b"HEAP"), strict=True))


def _is_dataset(raw: Raw, object_header: Header) -> bool:
    space, kind, layout = (object_header.first(it) for it in (DATASPACE, DATATYPE, LAYOUT))
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
    layout_class = layout.held[2] if version < 3 and len(layout.held) > 2 else layout.held[1]
    return 1 <= version <= 5 and layout_class <= LAYOUTS
