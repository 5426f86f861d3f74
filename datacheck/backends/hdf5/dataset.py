"""A dataset of an HDF5 file, and which datasets hold labels by their names."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.columns import Column, columns, places
from datacheck.backends.hdf5.declared import Declared
from datacheck.backends.hdf5.names import LABELS
from datacheck.backends.hdf5.structure.misplaced import Misplaced
from datacheck.backends.interface import StoreOptions
from datacheck.model.escaping import plain
from datacheck.model.finding import Finding
from datacheck.model.replacing import replace

UNJUDGED = frozenset({"char", "empty"})
"""MATLAB classes of datasets whose numbers are texts, or the extents of empty arrays."""
Of = TypeVar("Of")


class Dataset(msgspec.Struct, frozen=True, dict=True):
    """A dataset of an HDF5 file.

    `readable` is False if a finding says why it cannot be read. `placed` is the offset of its values in a sound file,
    or None unless they are contiguous and stored as NumPy holds them.
    """

    path: bytes
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    chunks: tuple[int, ...] | None = None
    filters: tuple[int, ...] = ()
    scale: bool = False
    readable: bool = True
    table: str = ""
    """The table that it belongs to, if a rebuild made that table as long as another one (see TABLE)."""
    unwritten: tuple[tuple[int, int], ...] = ()
    """Half-open ranges of rows that were never written; empty if there are very many."""
    misplaced: tuple[Misplaced, ...] = ()
    """Rows whose values cannot lie where the file says."""
    doubted: tuple[tuple[int, int], ...] = ()
    """Half-open ranges of chunks, numbered row by row, that the index of chunks may have lost, if it is damaged."""
    spoiled: tuple[Finding, ...] = ()
    """Findings about its attributes, or a scalar that it lacks, if the dataset is a record."""
    called: tuple[str, ...] = ()
    """Names of the columns, if their own names are not distinct in the table."""
    unclear: bool = False
    """Whether it is unknown if the dataset is a record of its own or a column."""
    declared: Declared | None = None
    """What its attributes declare about its values, or None."""
    placed: int | None = None
    matlab: str = ""
    """The name of its type in MATLAB, if MATLAB wrote it: double, char, cell."""
    across: bool = False
    """Whether its samples run along its last axis; `shape` and `chunks` are then given as if it were the first one."""

    @cached_property
    def name(self) -> bytes:
        return self.path.rpartition(b"/")[2]

    @cached_property
    def title(self) -> str:
        """The name as printed in reports."""
        return plain(self.name.decode("utf-8", "surrogateescape"))

    @property
    def rows(self) -> int:
        return self.shape[0] if self.shape else 1

    @cached_property
    def row_bytes(self) -> int:
        return math.prod(self.shape[1:]) * self.dtype.itemsize

    def stored(self, items: tuple[Of, ...]) -> tuple[Of, ...]:
        """Return a tuple with an item for each axis, in the order of the axes in the file."""
        return (*items[1:], items[0]) if self.across else items

    @cached_property
    def holds(self) -> frozenset[str]:
        """The kinds of values that its columns hold."""
        return frozenset(column.holds for column in self.columns)

    @property
    def is_integer_vector(self) -> bool:
        """Whether it has one axis and integers only, as row numbers, lengths and tokens have."""
        return len(self.shape) == 1 and self.dtype.kind in "iu"

    @property
    def height(self) -> Height:
        """The number of rows and the name of the table, which all datasets of one table have in common."""
        return self.rows, self.table

    @property
    def bytes(self) -> int:
        return self.rows * self.row_bytes

    @cached_property
    def chunk_bytes(self) -> int:
        """Size of a decoded chunk in bytes, or 0 if the dataset has no chunks."""
        return math.prod(self.chunks) * self.dtype.itemsize if self.chunks else 0

    @cached_property
    def band_bytes(self) -> int:
        """Decoded size in bytes of all chunks that hold a part of one row, or 0 if the dataset has no chunks."""
        if not self.chunks:
            return 0
        counts = (math.ceil(extent / size) for extent, size in zip(self.shape[1:], self.chunks[1:], strict=True))
        return self.chunk_bytes * math.prod(counts)

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        if self.matlab in UNJUDGED:
            return ()
        result = tuple(columns(self.title, self.dtype, flat=len(self.shape) <= 1))
        result = result or tuple(places(self.title, self.dtype, self.shape[1:]))
        if not self.called:
            return result
        return tuple(replace(column, name=name) for column, name in zip(result, self.called, strict=True))


Height = tuple[int, str]
Values = Callable[[Dataset], "NDArray[Any] | None"]
"""Returns the values of a small dataset, or None if they are not available."""


def printed(path: bytes) -> str:
    """Return a path as it is written in messages and options."""
    return plain(path.decode("utf-8", "surrogateescape"))


def label_names(group: bytes, datasets: Sequence[Dataset], options: StoreOptions) -> frozenset[bytes]:
    """Return the names of a group's datasets that hold labels: the one that the caller named, or else the usual names.

    The usual names may be spelled with capitals. Dimension scales are axes, and so is a `y` beside a one-dimensional
    `x`, as in netCDF.
    """
    names = {dataset.name for dataset in datasets}
    if options.label_field is not None:
        asked = options.label_field.encode("utf-8", "surrogateescape")
        above, _, name = asked.rpartition(b"/")
        if name in names and _path_ends_with(group, above, exact=asked.startswith(b"/")):
            return frozenset({name})
    flat = {dataset.name for dataset in datasets if len(dataset.shape) == 1}
    axes = {dataset.name for dataset in datasets if dataset.scale}
    for x, y in ((b"x", b"y"), (b"X", b"Y")):
        axes |= {y} if {x, y} <= flat else set()
    return frozenset(it for it in names - axes if it.lower() in LABELS)


def _path_ends_with(group: bytes, parts: bytes, *, exact: bool) -> bool:
    """Check whether a group's path ends with these parts or, if `exact`, consists of them."""
    own, parts = group.strip(b"/"), parts.strip(b"/")
    return own == parts if exact else not parts or b"/%b/" % own == b"/%b/" % parts or own.endswith(b"/" + parts)
