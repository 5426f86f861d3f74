"""Compare where the values of a file lie: they may not share bytes with other values or with headers.

The library reads a chunk from the address that the chunk index gives, and as many bytes of it as the values take. The
index is wrong about a chunk if another chunk, another dataset or a header occupies the same bytes, or if the stored
size differs from the size of the values although no filter has changed it.
"""

from __future__ import annotations

import contextlib
import math
import os
import struct
from array import array
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.recovery.headers import LAYOUT, header
from datacheck.backends.hdf5.recovery.raw import Raw
from datacheck.backends.hdf5.structure.chunk_tree import NOWHERE as NO_ADDRESS
from datacheck.backends.hdf5.structure.chunk_tree import ChunkTree, address_of_tree, chunk_tree
from datacheck.backends.hdf5.structure.group_tree import Trouble, group_trouble
from datacheck.backends.hdf5.structure.misplaced import Misplaced
from datacheck.backends.hdf5.structure.superblock import SYMBOL_TABLE, header_bytes
from datacheck.backends.hdf5.trouble import TROUBLE
from datacheck.backends.hdf5.values.chunk_sizes import DEFLATE, FLETCHER32, SHUFFLE, value_bytes
from datacheck.backends.hdf5.values.direct import direct
from datacheck.files.retrying import pread
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found

CHUNKS = 4_000_000
"""Maximum number of chunks of a file whose places are compared. Each takes 20 bytes of memory."""
TAKEN = 1 << 16
"""Number of chunks that are listed as Python objects before they are converted to arrays."""
NAMED = 10_000
"""Maximum number of misplaced parts reported per dataset; beyond it, all rows from the first to the last are lost."""
NARROWED = 1000
"""Number of contiguous datasets that lose only the rows that share bytes; further ones lose all rows."""
CHECKED = frozenset({DEFLATE, FLETCHER32})
DECODED = 1000
"""Maximum number of chunks that are found to fail their checksum among those that share bytes. Beyond it, all chunks
that share bytes are reported."""
SUPERBLOCK = {0: 96, 1: 100}
"""Length in bytes of superblocks of these versions, including the entry of the root group; others have 48 bytes."""
HEADER_BYTES = 512
"""Number of bytes of a header that are read at once."""
_MESSAGE = struct.Struct("<HH")
FANOUT = 64
"""Number of links that a node of a chunk index has, unless the superblock says otherwise."""
FANOUT_OF_GROUPS = 16
"""Half the number of links that a node of a group's index has, unless the superblock says otherwise."""
NOWHERE = np.uint64(NO_ADDRESS)
"""The undefined address; a chunk that has it takes no part in the comparison either (see `Chunks.hides`)."""


class _Stored(msgspec.Struct):
    """The stored pieces of a dataset: the offset, size and filter mask of each, and what is wrong with them."""

    dataset: Dataset
    offsets: NDArray[Any]
    sizes: NDArray[Any]
    masks: NDArray[Any]
    values: int | None
    """Size in bytes of the values of a piece before any filter, or None if it is not known."""
    wrong: dict[int, str] = msgspec.field(default_factory=dict)


class Places:
    """Collects where the objects of an open file lie, and finds the values that cannot lie there.

    If the file is not `whole`, only the consistency of each index is checked. `descriptor` is the file's.
    """

    def __init__(self, h5: Any, file: Any, descriptor: int, *, whole: bool) -> None:
        self._h5 = h5
        self._file = file
        created = file.get_create_plist()
        self._base = int(created.get_userblock())
        self._descriptor = descriptor
        self._whole = whole
        long = SUPERBLOCK.get(created.get_version()[0], 48) if created.get_sizes() == (8, 8) else 48
        self._headers = array("Q", (self._base, long))
        self._stored: list[_Stored] = []
        self._whole_ones: list[Dataset] = []
        """The contiguous datasets; `_spans` holds the offset and the size in bytes of each."""
        self._spans = array("Q")
        self._chunks = 0
        self._fanout, self._group_links = self._links_of_nodes()
        self._size = os.fstat(self._descriptor).st_size
        self._last_header: tuple[int, bytes] = (-1, b"")
        """The address and the first bytes of the header that was read last."""
        self._odd: dict[bytes, tuple[Misplaced, ...]] = {}

    def header(self, address: int) -> None:
        """Add the header of an object by its address, as links give it."""
        with contextlib.suppress(OSError):  # a disk error shows up again when more is read
            at = self._base + address
            self._last_header = address, pread(self._descriptor, HEADER_BYTES, at)
            self._headers.extend((at, header_bytes(self._last_header[1]) or 0))

    def begins(self, address: int) -> bytes:
        """Return the first bytes of the header that was added last, or no bytes for any other header."""
        return self._last_header[1] if self._last_header[0] == address else b""

    def index(self, created: Any, dataset: Dataset, address: int) -> ChunkTree | None:
        """Return the damaged chunk index of a dataset, by the address of its header, or None if nothing is wrong.

        Only indexes without checksums are checked; damage to the others shows when they are read.
        """
        if not (dataset.bytes and dataset.chunks) or created.get_layout() != self._h5.h5d.CHUNKED:
            return None
        layout = self._message(address, LAYOUT)
        root = None if layout is None else address_of_tree(layout)
        if root is None:
            return None
        tree = chunk_tree(self._read, root, dataset.shape, dataset.chunks, self._fanout)
        for at, size in tree.nodes:
            self._headers.extend((self._base + at, size))
        if tree.misplaced:
            why = "has a place in the index of the chunks that contradicts those of others"
            self._odd[dataset.path] = tuple(
                Misplaced(it.origin[0], it.origin[0] + dataset.chunks[0], it.origin, it.offset, it.size, why)
                for it in tree.misplaced[:NAMED]
            )
        return tree if tree.trouble or tree.doubted else None

    def links(self, address: int) -> Trouble | None:
        """Return what is wrong with an old-style group's link index, by the address of its header, or None."""
        table = self._message(address, SYMBOL_TABLE)
        if table is None or len(table) < 16:
            return None
        tree, heap = (int.from_bytes(table[at : at + 8], "little") for at in (0, 8))
        return group_trouble(self._read, tree, heap, 2 * self._group_links)

    def _message(self, address: int, kind: int) -> bytes | None:
        """Return the body of the first message of a kind in an object's header, or None if there is none."""
        at, octets = self._last_header
        if at == address and octets[:2] == b"\x01\0":  # most headers have the message in their first piece
            end = min(len(octets), 16 + int.from_bytes(octets[8:12], "little"))
            at = 16
            while at + 8 <= end:
                message_kind, size = _MESSAGE.unpack_from(octets, at)
                if message_kind == kind and at + 8 + size <= end:
                    return octets[at + 8 : at + 8 + size]
                at += 8 + size
        object_header = header(Raw(self._descriptor, self._base, self._size), address)
        message = None if object_header is None else object_header.first(kind)
        return None if message is None else message.held

    def _read(self, at: int, size: int) -> bytes:
        return pread(self._descriptor, size, self._base + at) if 0 <= at < self._size else b""

    def _links_of_nodes(self) -> tuple[int | None, int]:
        """Return the number of links per node of a chunk index, and half that number for a group's index.

        The former is None if only an extension of the superblock may give it.
        """
        block = pread(self._descriptor, 48, self._base)
        if len(block) < 48 or block[8] > 1:
            known = int.from_bytes(block[20:28], "little") == NO_ADDRESS
            return FANOUT if known else None, FANOUT_OF_GROUPS
        chunks = 2 * int.from_bytes(block[24:26], "little") if block[8] else 0
        return chunks or FANOUT, int.from_bytes(block[18:20], "little") or FANOUT_OF_GROUPS

    def add(self, opened: Any, created: Any, dataset: Dataset) -> None:
        """Add a dataset, as far as its chunk index can be read; damage there shows when the dataset is read."""
        layout = created.get_layout()
        if not self._whole or not dataset.bytes or created.get_external_count():
            return
        if layout == self._h5.h5d.CONTIGUOUS:
            offset, size = opened.get_offset(), opened.get_storage_size()
            if offset is not None and size:
                self._whole_ones.append(dataset)
                self._spans.extend((offset, size))
        elif layout == self._h5.h5d.CHUNKED and dataset.chunks and self._chunks < CHUNKS:
            pieces = _pieces(opened, CHUNKS - self._chunks)
            self._chunks += len(pieces[0])
            each = value_bytes(opened, self._file)
            values = None if each is None else each * math.prod(dataset.chunks)
            self._stored.append(_Stored(dataset, *pieces, values=values))

    def add_placed(self, dataset: Dataset) -> None:
        """Add a dataset whose `placed` already gives the place of its values."""
        if self._whole and dataset.placed is not None:
            self._whole_ones.append(dataset)
            self._spans.extend((dataset.placed, dataset.bytes))

    def misplaced(self) -> dict[bytes, tuple[Misplaced, ...]]:
        """Return the values of each dataset that cannot be what was written there, by the dataset's path."""
        for stored in self._stored:
            _find_sizes(stored)
        bytes_of = self._find_shared() if self._whole else {}
        wrong = {it.dataset.path: tuple(self._misplaced_rows(it, bytes_of)) for it in self._stored if it.wrong}
        return wrong | {path: odd + wrong.get(path, ()) for path, odd in self._odd.items()}

    def _find_shared(self) -> dict[bytes, list[tuple[int, int]]]:
        """Mark the pieces that share bytes with anything else; return the shared byte ranges of contiguous datasets."""
        headers, spans = (np.array(it, np.uint64).reshape(-1, 2) for it in (self._headers, self._spans))
        starts = np.concatenate([headers[:, 0], spans[:, 0], *(it.offsets for it in self._stored)])
        sizes = np.concatenate([headers[:, 1], spans[:, 1], *(it.sizes for it in self._stored)])
        numbers = _overlapping(starts, sizes, np.arange(len(starts)))
        if not len(numbers):
            return {}
        no_filter = np.zeros(1, np.uint32)
        each = zip(self._whole_ones, spans, strict=True)
        self._stored[:0] = [_Stored(it, span[:1], span[1:], no_filter, int(span[1])) for it, span in each]
        failing = self._failing_checksums(numbers - len(headers))
        if failing:
            alone = np.array(failing) + len(headers)
            numbers = np.union1d(alone, _overlapping(starts, sizes, np.setdiff1d(numbers, alone)))
        begins, ends = starts[numbers], starts[numbers] + sizes[numbers]
        first = len(headers)
        narrowed: dict[bytes, list[tuple[int, int]]] = {}
        for stored in self._stored:
            own = (numbers >= first) & (numbers < first + len(stored.offsets))
            for at in (numbers[own] - first).tolist():
                stored.wrong.setdefault(at, "shares bytes of the file with another chunk, another dataset or a header")
            if stored.dataset.chunks is None and own.any() and len(narrowed) < NARROWED:
                low, high = begins[own][0], ends[own][0]
                others = ~own & (begins < high) & (ends > low)
                parts = np.maximum(begins[others], low) - low, np.minimum(ends[others], high) - low
                narrowed[stored.dataset.path] = list(zip(*(it.tolist() for it in parts), strict=True))
            first += len(stored.offsets)
        return narrowed

    def _failing_checksums(self, numbers: NDArray[Any]) -> list[int]:
        """Return which of these pieces fail their checksum; overlapping them does not count against other pieces."""
        failing: list[int] = []
        first = 0
        for stored in self._stored:
            own = numbers[(numbers >= first) & (numbers < first + len(stored.offsets))] - first
            if len(own) and stored.dataset.chunks is not None and CHECKED & set(stored.dataset.filters):
                opened = self._h5.h5d.open(self._file, stored.dataset.path)
                reading = direct(self._h5, stored.dataset, opened, self._descriptor, 0)
                origins = self._origins(stored) if reading is not None else []
                for at in own[: max(0, DECODED - len(failing))].tolist():
                    origin = origins[at] if at < len(origins) else None
                    if reading is not None and origin is not None and not reading.decodes(origin):
                        failing.append(first + at)
            first += len(stored.offsets)
        return failing

    def _origins(self, stored: _Stored) -> list[tuple[int, ...] | None]:
        origins: list[tuple[int, ...] | None] = []
        opened = self._h5.h5d.open(self._file, stored.dataset.path)
        with contextlib.suppress(*TROUBLE):
            opened.chunk_iter(lambda chunk: origins.append(chunk.chunk_offset) if len(origins) < CHUNKS else True)
        return origins

    def _misplaced_rows(self, stored: _Stored, narrowed: dict[bytes, list[tuple[int, int]]]) -> Iterator[Misplaced]:
        dataset = stored.dataset
        if dataset.chunks is None or not dataset.shape:
            parts = narrowed.get(dataset.path, [(0, dataset.bytes)])
            if len(parts) > NAMED:
                parts = [(min(low for low, _ in parts), max(high for _, high in parts))]
            for low, high in sorted(parts):
                start, stop = low // dataset.row_bytes, -(-high // dataset.row_bytes)
                yield Misplaced(start, stop, None, int(stored.offsets[0]), int(stored.sizes[0]), stored.wrong[0])
            return
        origins = self._origins(stored)
        long = dataset.chunks[0]
        wrong = [(at, origin) for at, origin in enumerate(origins) if at in stored.wrong and origin is not None]
        if len(wrong) > NAMED:
            rows = [origin[0] for _, origin in wrong]
            problem = f"of {len(wrong):,} chunks {stored.wrong[wrong[0][0]]}"
            yield Misplaced(min(rows), max(rows) + long, None, None, None, problem)
            return
        for at, origin in wrong:
            pieces = int(stored.offsets[at]), int(stored.sizes[at])
            yield Misplaced(origin[0], origin[0] + long, origin, *pieces, why=stored.wrong[at])


def _overlapping(starts: NDArray[Any], sizes: NDArray[Any], numbers: NDArray[Any]) -> NDArray[Any]:
    """Return the numbers of those of these pieces that share bytes with another of them."""
    valid = (starts[numbers] < 1 << 63) & (sizes[numbers] > 0) & (sizes[numbers] < 1 << 63)
    order = numbers[valid]
    order = order[np.argsort(starts[order], kind="stable")]
    begins, ends = starts[order], starts[order] + sizes[order]
    shared = np.zeros(len(order), bool)
    if len(order) > 1:
        shared[1:] |= begins[1:] < np.maximum.accumulate(ends)[:-1]
        shared[:-1] |= ends[:-1] > begins[1:]
    overlapping: NDArray[Any] = order[shared]
    return overlapping


def _pieces(opened: Any, most: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return the offset, size and filter mask of each chunk, and stop listing soon after `most` chunks."""
    listed: list[Any] = []
    parts: list[tuple[NDArray[Any], ...]] = [tuple(np.zeros(0, kind) for kind in _KINDS)]

    def take() -> None:
        columns = list(zip(*listed, strict=True)) or [()] * 4
        offsets = [NOWHERE if it is None else it for it in columns[2]] if None in columns[2] else columns[2]
        parts.append(tuple(map(np.array, (offsets, columns[3], columns[1]), _KINDS)))
        listed.clear()

    def add(chunk: Any) -> bool | None:
        listed.append(chunk)
        if len(listed) == TAKEN:
            take()
        return True if (len(parts) - 1) * TAKEN >= most else None

    with contextlib.suppress(*TROUBLE):
        opened.chunk_iter(listed.append if opened.get_num_chunks() <= TAKEN else add)
    take()
    offsets, sizes, masks = (np.concatenate(column) for column in zip(*parts, strict=True))
    return offsets, sizes, masks


_KINDS = (np.uint64, np.uint64, np.uint32)


def _find_sizes(stored: _Stored) -> None:
    """Mark pieces whose stored size is wrong, if no filter changed it, or only fletcher32, which adds four bytes."""
    dataset = stored.dataset
    if dataset.chunks is None or stored.values is None:
        return
    values = np.uint64(stored.values)
    added, fixed = np.zeros(len(stored.sizes), np.uint64), np.ones(len(stored.sizes), bool)
    for at, number in enumerate(dataset.filters):
        ran = stored.masks >> np.uint32(at) & np.uint32(1) == 0
        if number == FLETCHER32:
            added[ran] += np.uint64(4)
        elif number != SHUFFLE:
            fixed &= ~ran
    odd = fixed & (stored.sizes != values + added)
    if any(extent % size for extent, size in zip(dataset.shape, dataset.chunks, strict=True)):
        odd &= ~((added > 0) & (stored.sizes == values))  # filters may be set to skip partial chunks at the edge
    for at in np.flatnonzero(odd).tolist():
        stored.wrong.setdefault(at, f"is stored in {stored.sizes[at]} bytes, but its values take {stored.values}")


def trouble_of_index(dataset: Dataset, at: int, problem: str) -> Finding:
    """Return the finding for a dataset whose chunk index is damaged at an offset."""
    escaped = escape(dataset.path)
    message = f"the index of the chunks of {escaped} is damaged at offset {at}: {problem}"
    return found("damaged-store", message, field=dataset.title, object=escaped, offset=at)
