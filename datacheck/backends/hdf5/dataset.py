"""A dataset of an HDF5 file, and what its name tells."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass, fields
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.columns import Column, columns, places
from datacheck.backends.hdf5.declared import Declared
from datacheck.backends.hdf5.misplaced import Misplaced
from datacheck.backends.hdf5.names import LABELS
from datacheck.backends.interface import StoreOptions
from datacheck.model.escaping import plain
from datacheck.model.finding import Finding
from datacheck.model.replacing import replace

UNJUDGED = frozenset({"char", "empty"})
"""What MATLAB has of numbers that are none: texts, and the extents of what is empty."""
Of = TypeVar("Of")


@dataclass(frozen=True)
class Dataset:
    """A dataset. `readable` is false where a finding says why; values in NumPy's form are `placed` in a sound file."""

    path: bytes
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    chunks: tuple[int, ...] | None = None
    filters: tuple[int, ...] = ()
    scale: bool = False
    readable: bool = True
    table: str = ""
    """The table it is of, where a rebuild has made it as long as another one (see TABLE)."""
    unwritten: tuple[tuple[int, int], ...] = ()
    """Half-open ranges of rows that were never written, unless these are very many."""
    misplaced: tuple[Misplaced, ...] = ()
    """Rows whose values cannot lie where the file says."""
    doubted: tuple[tuple[int, int], ...] = ()
    """Half-open ranges of chunks that the index may have lost, numbered row by row, where it is damaged."""
    spoiled: tuple[Finding, ...] = ()
    """What is wrong with its attributes, if the dataset is a record."""
    called: tuple[str, ...] = ()
    """Names of the columns, where those by themselves are not distinct in the table."""
    unclear: bool = False
    """Whether it may be a record as well as a column."""
    declared: Declared | None = None
    """What its attributes say of its values."""
    placed: int | None = None
    matlab: str = ""
    """What MATLAB calls its type, where that has written it: double, char, cell."""
    across: bool = False
    """Whether its samples run along its last axis: `shape` and `chunks` are then as if that were the first one."""

    def __getstate__(self) -> dict[str, Any]:
        """Pickle without cached properties and without fields that have their default, which the class provides."""
        held = self.__dict__
        return {it: held[it] for it in FIELDS if it in held and (it not in USUAL or held[it] != USUAL[it])}

    @property
    def name(self) -> bytes:
        return self.path.rpartition(b"/")[2]

    @cached_property
    def title(self) -> str:
        """The name as reports have it."""
        return plain(self.name.decode("utf-8", "surrogateescape"))

    @property
    def rows(self) -> int:
        return self.shape[0] if self.shape else 1

    @cached_property
    def row_bytes(self) -> int:
        return math.prod(self.shape[1:]) * self.dtype.itemsize

    def stored(self, of: tuple[Of, ...]) -> tuple[Of, ...]:
        """Return what is said of each axis in the order in which the file has these."""
        return (*of[1:], of[0]) if self.across else of

    @property
    def holds(self) -> frozenset[str]:
        """What its columns hold."""
        return frozenset(column.holds for column in self.columns)

    @property
    def height(self) -> Height:
        """What the datasets of one table have in common."""
        return self.rows, self.table

    @property
    def bytes(self) -> int:
        return self.rows * self.row_bytes

    @cached_property
    def chunk_bytes(self) -> int:
        """Bytes of a chunk when decoded, 0 where there are none."""
        return math.prod(self.chunks) * self.dtype.itemsize if self.chunks else 0

    @cached_property
    def band_bytes(self) -> int:
        """Bytes of all chunks that hold a part of one row, when decoded."""
        if not self.chunks:
            return 0
        beside = (math.ceil(extent / size) for extent, size in zip(self.shape[1:], self.chunks[1:], strict=True))
        return self.chunk_bytes * math.prod(beside)

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        if self.matlab in UNJUDGED:
            return ()
        made = tuple(columns(self.title, self.dtype, flat=len(self.shape) <= 1))
        made = made or tuple(places(self.title, self.dtype, self.shape[1:]))
        if not self.called:
            return made
        return tuple(replace(column, name=name) for column, name in zip(made, self.called, strict=True))


FIELDS = tuple(it.name for it in fields(Dataset))
USUAL = {it.name: it.default for it in fields(Dataset) if it.default is not MISSING}
"""The defaults of its fields."""
Height = tuple[int, str]
Values = Callable[[Dataset], "NDArray[Any] | None"]
"""Returns what a small dataset holds, None where that cannot be had."""


def printed(path: bytes) -> str:
    """Return a path as messages and options have it."""
    return plain(path.decode("utf-8", "surrogateescape"))


def label_names(group: bytes, datasets: Sequence[Dataset], options: StoreOptions) -> frozenset[bytes]:
    """Return the names of the group's datasets that hold labels: the one the caller named, or else those by habit.

    They may be spelled with capitals. Dimension scales and a `y` beside a one-dimensional `x` are axes, as in netCDF.
    """
    names = {dataset.name for dataset in datasets}
    if options.label_field is not None:
        asked = options.label_field.encode("utf-8", "surrogateescape")
        above, _, name = asked.rpartition(b"/")
        if name in names and _ends(group, above, whole=asked.startswith(b"/")):
            return frozenset({name})
    flat = {dataset.name for dataset in datasets if len(dataset.shape) == 1}
    axes = {dataset.name for dataset in datasets if dataset.scale}
    for x, y in ((b"x", b"y"), (b"X", b"Y")):
        axes |= {y} if {x, y} <= flat else set()
    return frozenset(it for it in names - axes if it.lower() in LABELS)


def _ends(group: bytes, parts: bytes, *, whole: bool) -> bool:
    """Say whether the last parts of a group's path are these, or (`whole`) all of them."""
    own, parts = group.strip(b"/"), parts.strip(b"/")
    return own == parts if whole else not parts or b"/%b/" % own == b"/%b/" % parts or own.endswith(b"/" + parts)
