"""A window on the rows of one HDF5 dataset, read in large pieces, or in the smallest ones if that fails."""

from __future__ import annotations

import math
from contextlib import suppress
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.columns import Column
from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.library.bounds import DECODING, HEAP_SHARE, OBJECT_SHARE, Starved, at_most, unbounded
from datacheck.backends.hdf5.library.fork_guard import deadly_signal
from datacheck.backends.hdf5.library.library_failures import killed, reason_of
from datacheck.backends.hdf5.structure.misplaced import Misplaced
from datacheck.backends.hdf5.structure.superblock import Beyond
from datacheck.backends.hdf5.trouble import TROUBLE
from datacheck.backends.hdf5.values.chunk_parts import cells
from datacheck.backends.hdf5.values.chunk_sizes import COMPRESSING, KNOWN, other_size, short_size, value_bytes
from datacheck.backends.hdf5.values.chunks import Chunks
from datacheck.backends.hdf5.values.direct import Direct
from datacheck.backends.hdf5.values.hindrances import LARGEST
from datacheck.files.retrying import retried
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, errno_details, found
from datacheck.model.slips import errno_of, of_machine

WINDOW_BYTES = 256 << 20
"""Maximum number of bytes of a dataset in memory, unless one row is larger."""
OBJECT_BYTES = 16 << 20
"""Total size of variable-length values, in bytes, at which reading them stops."""
AHEAD, ALONE = 256, 16
"""Maximum number of variable-length rows tried in one child process, and number of rows tried singly if it died."""
CHECKED = frozenset({1, 3, 307})
"""Filters that keep a checksum of their data: deflate (Adler-32), fletcher32, bzip2 (CRC-32)."""
NO_FILL_VALUE = 0
"""H5D_FILL_VALUE_UNDEFINED."""
REMEMBERED = 64
"""Maximum number of chunks remembered as impossible to decode."""
NO_CONVERSION = "no appropriate function for conversion path"
"""What the library says of opaque values with a tag, since the type that h5py asks for has none."""


class Window:
    """The rows `start` to `stop` of a dataset, as `values`; `lost` has a finding for each that could not be read.

    The values are valid until the window moves on.
    """

    def __init__(
        self,
        dataset: Dataset,
        handle: Any,
        rows: int,
        *,
        single: bool = False,
        direct: Direct | None = None,
        end: int | None = None,
        lost_from: tuple[int, int] | None = None,
        size: int | None = None,
    ) -> None:
        """Read about `rows` rows at a time, or one if `single`; bypass the library if `direct` can read them.

        `size` is the size of the file, which bounds the memory that reading may take. `end` is where a damaged file
        ends. `lost_from` is the first row beyond that end, and the offset of the row.
        """
        self.dataset = dataset
        self.start = self.stop = 0
        self.values: NDArray[Any] = np.empty(0)
        self.lost: dict[int, Finding] = {}
        self._handle = handle
        self._single = single
        self._direct = None if single else direct
        self._end = end
        self._lost_from = lost_from
        self._size = size
        self._deadly: Finding | None = None
        self._undecodable: dict[tuple[int, ...], Finding] = {}
        self._survived, self._ahead, self._alone = 0, 2, 1
        self._sized: tuple[tuple[int, ...], str | None] | None = None
        self._step = _step(dataset, 1 if single else rows, single=single)
        self.aligned = dataset.chunks is not None and not single and not dataset.dtype.hasobject

    def cover(self, row: int, stop: int) -> int:
        """Move the window to `row` and the rows that are read along with it; return its end, at most `stop`.

        If the dataset has chunks, the window ends at the end of a chunk or at `stop`.
        """
        if not self.start <= row < self.stop:
            end = row - row % self._step + self._step if self.aligned else row + self._step
            self._read(row, min(end, stop))
        return min(self.stop, stop)

    def _read(self, start: int, stop: int) -> None:
        self._read_rows(start, stop)
        self._lose_misplaced()

    def _read_rows(self, start: int, stop: int) -> None:
        self.start, self.stop, self.lost = start, stop, {}
        self.values = np.empty(0)  # free the former values before new ones are read
        if self._lost_from is not None and stop > self._lost_from[0]:
            if start >= self._lost_from[0]:
                self.values = np.zeros((stop - start, *self.dataset.shape[1:]), self.dataset.dtype)
                self.lost = dict.fromkeys(range(start, stop), self._beyond_end)
                return
            self.stop = stop = self._lost_from[0]
        fails = bool(self._undecodable) and any(it in self._undecodable for it, _ in cells(self.dataset, start, stop))
        if self._direct is not None and not fails and self._read_past_the_library(self._direct, start, stop):
            return
        if self._single and self.dataset.dtype.hasobject and self._kills(start, stop):
            return
        try:
            if self.dataset.dtype.hasobject:
                self.stop = self._read_objects(start, stop)
            elif fails:
                self._read_what_can_be(start, stop)
            else:
                self.values = self._fetch(slice(start, stop), stop - start)
        except (*TROUBLE, MemoryError):
            self._read_what_can_be(start, stop)
        self._lose_hidden_chunks()
        self._lose_other_sizes()

    def _fetch(self, where: Any, rows: int) -> NDArray[Any]:
        """Read this many rows with the library, which may take no more memory than sound rows could need."""
        bound = self._bound(rows)
        values: NDArray[Any]
        with unbounded() if bound is None else at_most(bound):
            values = retried(lambda: self._handle[where])
        if len(values) != rows:  # h5py returns only the rows that exist
            raise OSError(
                f"{len(values):,} of {rows:,} rows {'is' if len(values) == 1 else 'are'} there; the dataset was "
                "longer when it was opened first"
            )
        return values

    def _bound(self, rows: int) -> int | None:
        """Return the most bytes that sound rows may take, or None if unknown: unknown filters may need any memory."""
        dataset = self.dataset
        if self._size is None or not KNOWN.issuperset(dataset.filters):
            return None
        values = rows * dataset.row_bytes
        chunks = DECODING * dataset.chunk_bytes + min(dataset.band_bytes, LARGEST) if dataset.filters else 0
        if dataset.dtype.hasobject:
            return OBJECT_SHARE * values + HEAP_SHARE * self._size + chunks
        return values + chunks if dataset.filters else None

    def _read_past_the_library(self, direct: Direct, start: int, stop: int) -> bool:
        try:
            values = direct.read(start, stop)
        except MemoryError:
            return False
        if values is not None:
            self.values = values
        return values is not None

    def _kills(self, start: int, stop: int) -> bool:
        """Check whether reading these variable-length values kills the reader, or reading earlier ones has done so.

        A damaged global heap keeps the library in a loop for each of the very many values in it. If these values are
        skipped, the values of other datasets in the row are kept, and the other rows cost no time.
        """
        title, path = self.dataset.title, escape(self.dataset.path)
        cause = self._deadly
        if cause is None:
            if stop <= self._survived or self._survive_ahead(start, stop):
                return False
            signal = deadly_signal(lambda: self._fetch(slice(start, stop), stop - start))
            if signal is None:
                return False
            cause = killed(signal, f"row {start} of {path}", field=title, dataset=path)
            self._deadly = found(
                "unreadable",
                f"not read, since row {start} of {path} killed its reader",
                field=title,
                verdict="unverifiable",
                dataset=path,
            )
        self.values = np.zeros((stop - start, *self.dataset.shape[1:]), self.dataset.dtype)
        self.lost = dict.fromkeys(range(start, stop), cause)
        return True

    def _survive_ahead(self, start: int, stop: int) -> bool:
        """Check whether a child process survives reading these rows and some after them.

        A child for each row would take longer. The number of rows doubles with each success, up to AHEAD. After a
        death, each of the next ALONE rows gets a child of its own.
        """
        if self._alone:
            self._alone -= 1
            return False
        last = self.dataset.rows if self._lost_from is None else self._lost_from[0]
        end = max(stop, min(start + self._ahead, last))

        def read() -> None:
            for row in range(start, end):
                with suppress(Exception):  # the rows are read again, and errors are reported then
                    self._fetch(slice(row, row + 1), 1)

        if deadly_signal(read) is not None:
            self._ahead, self._alone = 2, ALONE
            return False
        self._survived = end
        self._ahead = min(2 * self._ahead, AHEAD)
        return True

    def _read_objects(self, start: int, stop: int) -> int:
        """Read variable-length values, a few rows first since their size is unknown; return the row after the last."""
        pieces = []
        total, row, rows = 0, start, 1
        while row < stop and total < OBJECT_BYTES:
            end = min(row + rows, stop)
            pieces.append(self._fetch(slice(row, end), end - row))
            row = end
            total += weight(pieces[-1])
            rows = max(1, min(row - start, OBJECT_BYTES * (row - start) // max(1, 4 * total)))
        self.values = np.concatenate(pieces)
        return row

    def _read_what_can_be(self, start: int, stop: int) -> None:
        """Read piece by piece; the rows of a piece that fails are lost, and hold zeros."""
        dataset = self.dataset
        self.values = np.zeros((stop - start, *dataset.shape[1:]), dataset.dtype)
        self.stop = stop
        if len(self._undecodable) > REMEMBERED:
            self._undecodable.clear()
        causes: dict[tuple[int, ...], Finding] = {}
        todo = list(cells(dataset, start, stop))[::-1]
        while todo:
            origin, cell = todo.pop()
            first, last = cell[0].start, cell[0].stop
            if origin in self._undecodable:
                self._lose(first, last, self._undecodable[origin])
                continue
            try:
                self.values[(slice(first - start, last - start), *cell[1:])] = self._fetch(cell, last - first)
            except (*TROUBLE, MemoryError) as exc:
                # a filter fails for all rows of a chunk; rows of a virtual dataset come from many chunks elsewhere
                by_filter = "filter" in str(exc)
                of_objects = dataset.dtype.hasobject and not by_filter
                if last - first > 1 and (dataset.chunks is None or of_objects):
                    middle = (first + last) // 2
                    todo.append((origin, (slice(middle, last), *cell[1:])))
                    todo.append((origin, (slice(first, middle), *cell[1:])))
                    continue
                if origin not in causes:
                    causes[origin] = self._finding_of(exc, origin)
                if dataset.filters and not dataset.dtype.hasobject and (by_filter or isinstance(exc, MemoryError)):
                    self._undecodable[origin] = causes[origin]  # a large chunk takes seconds for each row of it
                self._lose(first, last, causes[origin])
        self.values[[row - start for row in self.lost]] = np.zeros((), dataset.dtype.base)

    @cached_property
    def _beyond_end(self) -> Finding:
        """The finding for rows beyond the end of the file."""
        assert self._lost_from is not None
        row, offset = self._lost_from
        path = escape(self.dataset.path)
        return found(
            "truncated-store",
            f"{path} is lost from row {row} on (at offset {offset}), since the file ends at {self._end}",
            field=self.dataset.title,
            dataset=path,
            row=row,
            offset=offset,
            size=self._end,
        )

    @cached_property
    def _chunks(self) -> Chunks | None:
        chunks = self.dataset.chunks
        return None if chunks is None else Chunks(self._handle.id, self.dataset.stored(chunks), self.dataset.doubted)

    def _lose_hidden_chunks(self) -> None:
        """Mark rows as lost for which the library returned fill values because it does not find a stored chunk."""
        dataset = self.dataset
        if dataset.chunks is None or dataset.dtype.hasobject:
            return
        filling = self._filling()
        for origin, (rows, *others) in cells(dataset, self.start, self.stop):
            values = self.values[(slice(rows.start - self.start, rows.stop - self.start), *others)]
            if not _are_all(values, filling) or self._chunks is None or not self._chunks.hides(dataset.stored(origin)):
                continue
            path = escape(dataset.path)
            message = f"the chunk at {list(origin)} of {path} is not found, since the index of its chunks is damaged"
            lost = found("damaged-store", message, field=dataset.title, dataset=path, chunk=list(origin))
            self._lose(rows.start, rows.stop, lost)

    def _filling(self) -> bytes:
        """Return the bytes of a value that is not stored: zeros, if the dataset says that it has no fill value."""
        created = self._handle.id.get_create_plist()
        if created.fill_value_defined() == NO_FILL_VALUE:
            return bytes(self.dataset.dtype.itemsize)
        return np.asarray(self._handle.fillvalue).tobytes()

    def _lose_other_sizes(self) -> None:
        """Mark rows as lost whose chunks inflate to more or fewer bytes than their values have."""
        dataset = self.dataset
        if dataset.chunks is None or COMPRESSING.isdisjoint(dataset.filters):
            return
        opened = self._handle.id
        each = value_bytes(opened, self._handle.file.id)
        size = None if each is None else each * math.prod(dataset.chunks)
        for origin, (rows, *_) in cells(dataset, self.start, self.stop):
            if self._sized is None or self._sized[0] != origin:
                short = short_size(dataset, origin, size)
                self._sized = origin, other_size(opened, dataset.stored(origin), dataset.filters, size, short)
            problem = self._sized[1]
            if problem is not None:
                offset, stored_size = (self._chunks and self._chunks.find(dataset.stored(origin))) or (None, None)
                lost = Misplaced(rows.start, rows.stop, origin, offset, stored_size, problem)
                self._lose(rows.start, rows.stop, lost.finding(dataset.path, dataset.title))

    def _lose_misplaced(self) -> None:
        """Mark rows as lost whose values cannot lie where the file says."""
        for it in self.dataset.misplaced:
            start, stop = max(it.start, self.start), min(it.stop, self.stop)
            if start < stop:
                self._lose(start, stop, it.finding(self.dataset.path, self.dataset.title))

    def _lose(self, start: int, stop: int, finding: Finding) -> None:
        for row in range(start, stop):
            self.lost.setdefault(row, finding)

    def _finding_of(self, exc: Exception, origin: tuple[int, ...]) -> Finding:
        dataset = self.dataset
        path, text = escape(dataset.path), reason_of(exc)
        details: dict[str, Any] = {"dataset": path}
        where = path
        stored = None
        if self._chunks is not None:
            origin = dataset.stored(origin)
            details["chunk"] = list(origin)
            where = f"the chunk at {list(origin)} of {path}"
            stored = self._chunks.find(origin)
        if stored is not None:
            offset, size = stored
            details |= {"offset": offset, "stored": size}
            where += f" ({size} bytes at offset {offset})"
            if self._end is not None and offset + size > self._end:
                text = f"lost, since the file ends at {self._end}"
                return found("truncated-store", f"{where} is {text}", field=dataset.title, **details)
        if isinstance(exc, Beyond):
            return found("truncated-store", f"{where}: {text}", field=dataset.title, **details)
        if isinstance(exc, MemoryError):
            if self._bound(1) is not None and not isinstance(exc, Starved):
                text = f"needs more memory than what a file of {self._size} bytes holds could take"
                return found("too-large", f"{where} {text}", field=dataset.title, **details)
            text = f"{where} needs more memory than there is"
            return found("too-large", text, field=dataset.title, verdict="unverifiable", **details)
        if of_machine(exc):
            text = f"{where}: {text}"
            details |= errno_details(errno_of(exc))
            return found("unreadable", text, field=dataset.title, verdict="unverifiable", **details)
        if NO_CONVERSION in text and dataset.dtype.kind == "V" and dataset.dtype.names is None:
            text = f"{where} is of an opaque type with a tag, which h5py does not read"
            return found("unsupported", text, field=dataset.title, **details)
        checked = "filter" in text and not CHECKED.isdisjoint(dataset.filters)
        return found("checksum" if checked else "unreadable", f"{where}: {text}", field=dataset.title, **details)


def _step(dataset: Dataset, rows: int, *, single: bool) -> int:
    """Return how many rows to read at once: whole chunks, unless all chunks of a row would be too much memory."""
    most = max(1, WINDOW_BYTES // max(1, dataset.row_bytes))
    if dataset.chunks is None or single:
        return min(rows, most)
    return min(dataset.chunks[0] * max(1, rows // dataset.chunks[0]), most)


def _are_all(values: NDArray[Any], filling: bytes) -> bool:
    """Check whether all values are the fill value. They are compared row by row, to save memory."""
    if not filling or not values.size or values[:1].tobytes()[: len(filling)] != filling:
        return False
    row = filling * (values[0].nbytes // len(filling))
    return all(it.tobytes() == row for it in values)


def weight(values: NDArray[Any]) -> int:
    """Return the approximate size in bytes of values that have variable length, or members of variable length."""
    if values.dtype.names is not None:
        return sum(weight(values[name]) for name in values.dtype.names)
    if values.dtype.kind != "O":
        return values.nbytes
    return sum(
        value.nbytes if isinstance(value, np.ndarray) else len(value) if isinstance(value, bytes | str) else 64
        for value in values.reshape(-1)
    )


def column(values: NDArray[Any], wanted: Column) -> NDArray[Any]:
    """Return the values of a column, in the byte order of this machine."""
    for member in wanted.members:
        values = values[member]
    if wanted.at:
        row: tuple[Any, ...] = wanted.at
        values = values[(slice(None), *row)]
    return values if values.dtype.isnative else values.astype(values.dtype.newbyteorder("="))
