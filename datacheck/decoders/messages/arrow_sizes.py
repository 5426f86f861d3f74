"""Find how much the compressed buffers of an Arrow message unpack to, before anything unpacks them.

Source: the flatbuffers of Message.fbs: a message has a header, for a batch of records with its buffers; each compressed
buffer begins with its unpacked size, -1 if it is stored as it is.
"""

from __future__ import annotations

import struct

DICTIONARY, BATCH = 2, 3
HEADER, BUFFERS, COMPRESSION, DATA = 2, 2, 3, 1
"""Numbers of fields: of a message its header, of a batch its buffers and compression, of a dictionary its batch."""


def unpacked_size(message: bytes, kind: int, body: memoryview) -> int:
    """Return the total size in bytes that the compressed buffers of a message declare; 0 if none is compressed."""
    if kind not in (DICTIONARY, BATCH):
        return 0
    try:
        batch = _table(message, _root(message), HEADER)
        if batch is not None and kind == DICTIONARY:
            batch = _table(message, batch, DATA)
        if batch is None or _place(message, batch, COMPRESSION) is None:
            return 0
        buffers = _table(message, batch, BUFFERS)
        return 0 if buffers is None else _total(message, buffers, body)
    except struct.error:  # broken: pyarrow will say so
        return 0


def _total(message: bytes, buffers: int, body: memoryview) -> int:
    total = 0
    (count,) = struct.unpack_from("<I", message, buffers)
    for at in range(buffers + 4, min(buffers + 4 + 16 * count, len(message) - 15), 16):
        offset, length = struct.unpack_from("<qq", message, at)
        if length >= 8 and 0 <= offset <= len(body) - 8:
            (size,) = struct.unpack_from("<q", body, offset)
            total += max(0, size)
    return total


def _root(message: bytes) -> int:
    root: int = struct.unpack_from("<I", message)[0]
    return root


def _place(message: bytes, table: int, number: int) -> int | None:
    """Return the offset of a field of a table, or None if the table does not have it."""
    entries = table - struct.unpack_from("<i", message, table)[0]
    if entries < 0 or struct.unpack_from("<H", message, entries)[0] < 6 + 2 * number:
        return None
    offset = struct.unpack_from("<H", message, entries + 4 + 2 * number)[0]
    return table + offset if offset else None


def _table(message: bytes, table: int, number: int) -> int | None:
    """Return the offset of the table or vector that a field leads to, or None if the table does not have it."""
    place = _place(message, table, number)
    return None if place is None else place + int(struct.unpack_from("<I", message, place)[0])
