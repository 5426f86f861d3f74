"""Compute the digests of the records of a block: their part of the store, their keys, and a digest of each value.

A value of a key-value store is digested as it is stored. A row of an HDF5 table is digested as its little-endian
columns in the order of their names; in a column whose values vary in length, the length precedes each value. The seed
is the 64-bit XXH3 of the layout, so that a row of another dtype has another digest.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from datacheck.digests.hashing import SIZE, digest, digests, short_digest
from datacheck.model.blocks import AnyBlock, Block, RowBlock
from datacheck.model.escaping import escape, plain

ROW_BYTES = 8
"""Bytes of a row number as a key: most significant byte first, so that keys sort as the numbers do."""
JOINED_BYTES = 1 << 16
"""Largest row, in bytes, whose columns are joined into one array before they are digested."""


class Part(msgspec.Struct, frozen=True, order=True, array_like=True):
    """A part of a store within which keys are unique: a database, a file, a table.

    `rows` means that keys are row numbers. The texts are as in findings, and empty if there is no such part.
    """

    file: str = ""
    database: str = ""
    table: str = ""
    rows: bool = False


class Digests(msgspec.Struct, frozen=True):
    """The keys of neighbouring records of a part and the digests of their values.

    `keys` are concatenated; `lengths` are their lengths, as little-endian uint32, or one number if all are equal.
    """

    part: Part
    count: int
    keys: bytes
    lengths: bytes | int
    digests: bytes

    def each_key(self) -> list[bytes]:
        """Return the keys one by one."""
        return split(self.keys, self.lengths, self.count)

    def each_digest(self) -> list[bytes]:
        """Return the digests one by one."""
        return split(self.digests, SIZE, self.count)


def split(joined: bytes, lengths: bytes | int, count: int) -> list[bytes]:
    """Return the pieces of concatenated bytes."""
    if isinstance(lengths, int):
        return [joined[at : at + lengths] for at in range(0, count * lengths, lengths)] if lengths else [b""] * count
    stops = np.cumsum(np.frombuffer(lengths, "<u4"), dtype=np.int64).tolist()
    return [joined[start:stop] for start, stop in zip([0, *stops], stops, strict=False)]


def joined_keys(keys: list[bytes]) -> tuple[bytes, bytes | int]:
    """Return concatenated keys, and their lengths."""
    lengths = list(map(len, keys))
    alike = not lengths or lengths.count(lengths[0]) == len(lengths)
    return b"".join(keys), (lengths or [0])[0] if alike else np.array(lengths, "<u4").tobytes()


def part_of(block: AnyBlock) -> Part:
    """Return the part of the store that a block belongs to."""
    if isinstance(block, Block):
        return Part(block.file or "", block.database or "")
    return Part(block.file or "", "", block.table, rows=not block.called)


def keys_of(block: AnyBlock) -> list[bytes]:
    """Return the keys of the records of a block in the form that checksum files use."""
    if isinstance(block, Block):
        return list(map(bytes, block.keys))
    if block.called:
        return [name.encode() for name in block.called]
    return split(np.asarray(block.rows, ">u8").tobytes(), ROW_BYTES, len(block))


def name_of(part: Part, key: bytes) -> str:
    """Return the name in reports of the record with a key made by `keys_of`."""
    if part.rows:
        return plain(f"{part.table}[{int.from_bytes(key)}]")
    return plain(key.decode("utf-8", "replace")) if part.table else escape(key)


def digests_of(block: AnyBlock) -> bytes:
    """Return the concatenated digests of the records of a block."""
    return digests(block.values) if isinstance(block, Block) else _digests_of_rows(block)


def digests_with_keys(block: AnyBlock) -> Digests:
    """Return the keys of the records of a block with their digests."""
    keys, lengths = joined_keys(keys_of(block))
    return Digests(part_of(block), len(block), keys, lengths, digests_of(block))


def not_read(block: AnyBlock) -> frozenset[int]:
    """Return the positions of the records whose values are not available as they were stored; findings say why."""
    rows = {row for row, finding in block.findings if row is not None and finding.verdict != "suspicious"}
    if isinstance(block, RowBlock):
        rows.update(row for lost in block.unread.values() for row in lost)
    return frozenset(rows)


def _digests_of_rows(block: RowBlock) -> bytes:
    numbers = {name: _little_endian(column) for name, column in block.columns.items()}
    names = sorted([*numbers, *block.cells])
    seed = short_digest(msgspec.msgpack.encode([[it, *_layout(block, numbers, it)] for it in names]))
    count = len(block)
    if not block.cells and sum(it.nbytes for it in numbers.values()) <= JOINED_BYTES * count:
        side_by_side = np.concatenate([_row_bytes(numbers[name], count) for name in names], axis=1) if names else None
        return b"".join(digest(row, seed) for row in _each_row(side_by_side, count))
    return b"".join(digest(b"".join(_pieces_of_row(block, numbers, names, row)), seed) for row in range(count))


def _layout(block: RowBlock, numbers: dict[str, NDArray[Any]], name: str) -> tuple[Any, ...]:
    return (numbers[name].dtype.str, numbers[name].shape[1:]) if name in numbers else (block.cells[name].holds,)


def _little_endian(column: NDArray[Any]) -> NDArray[Any]:
    """Return values in little-endian byte order."""
    swapped = column.dtype.newbyteorder("<")
    return np.ascontiguousarray(column if swapped == column.dtype else column.astype(swapped))


def _row_bytes(column: NDArray[Any], count: int) -> NDArray[np.uint8]:
    """Return the bytes of each row of a column, as the rows of an array."""
    flat = np.frombuffer(column.tobytes() if column.dtype.hasobject else column.reshape(-1).view(np.uint8), np.uint8)
    return flat.reshape(count, flat.size // max(1, count))


def _each_row(side_by_side: NDArray[np.uint8] | None, count: int) -> Iterator[Any]:
    return iter(side_by_side) if side_by_side is not None else iter([b""] * count)


def _pieces_of_row(block: RowBlock, numbers: dict[str, NDArray[Any]], names: list[str], row: int) -> Iterator[Any]:
    for name in names:
        if name in numbers:
            yield numbers[name][row : row + 1].reshape(-1).view(np.uint8).data
            continue
        cell = _bytes_of(block.cells[name].values[row])
        yield len(cell).to_bytes(8, "little")
        yield cell


def _bytes_of(cell: Any) -> bytes | memoryview:
    if isinstance(cell, str):
        return cell.encode("utf-8", "surrogateescape")
    if isinstance(cell, bytes | bytearray | memoryview):
        return memoryview(cell).cast("B") if isinstance(cell, memoryview) else bytes(cell)
    array = np.asarray(cell)
    return _little_endian(array.reshape(1, -1)).tobytes()
