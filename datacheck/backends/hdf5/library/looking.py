"""Read small datasets and attributes while a file is walked, skipping those that would kill the reader."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.library.fork_guard import StepCounter
from datacheck.backends.hdf5.library.listing import address, attributes
from datacheck.backends.hdf5.trouble import TROUBLE, require_of_data

LARGEST = 64 << 20
"""Largest dataset that is read as a whole to interpret it, in bytes."""
MOST = 1 << 30
"""Largest dataset that is read in pieces to compare its values with the rows of another, in bytes."""
PIECE_BYTES = 8 << 20
"""Number of bytes that are read at once of a dataset that is only iterated over."""
TEXTS = 100_000
"""Maximum number of texts, or compound items, in an attribute that is read."""
REFERENCES = 100_000
"""Maximum number of references in a dataset whose references are followed."""
FEW = 64
"""Maximum number of numbers or flags in an attribute that is read, unless the caller says otherwise."""


class Looking(msgspec.Struct, frozen=True):
    """Reads small contents of an open file that describe the rest of it.

    Nothing is reported for what cannot be read, since the scan reports it by itself.
    """

    h5: Any
    file: Any
    trail: StepCounter
    looked: set[bytes] = msgspec.field(default_factory=set)
    """The paths of the datasets whose values were read."""
    listed: Mapping[bytes, tuple[bytes, ...]] = msgspec.field(default_factory=dict)
    """The names of the attributes of objects by path, where a walk has listed all of them."""

    def names(self, path: bytes) -> tuple[bytes, ...]:
        """Return the names of the attributes of an object, or () if they cannot be read."""
        listed = self.listed.get(path or b"/")
        if listed is not None:
            return listed
        if self.trail.step() is not None:
            return ()
        with contextlib.suppress(*TROUBLE):
            return tuple(attributes(self.h5, self.h5.h5o.open(self.file, path or b"/")).names)
        return ()

    def number(self, path: bytes, name: bytes) -> int | None:
        """Return the whole number in an attribute of an object, or None if there is not exactly one."""
        numbers = self.numbers(path, name)
        return numbers[0] if len(numbers) == 1 else None

    def numbers(self, path: bytes, name: bytes, most: int = FEW) -> tuple[int, ...]:
        """Return the whole numbers in an attribute of an object, or () if there are none or more than `most`."""
        values = self._values(path, name, lambda shape, dtype: math.prod(shape) <= most and dtype.kind in "iuf")
        if values is None or not all(float(it).is_integer() for it in values):
            return ()
        return tuple(map(int, values))

    def flags(self, path: bytes, name: bytes) -> tuple[bool, ...]:
        """Return the flags in an attribute of an object, or () if there are none or more than FEW."""
        values = self._values(path, name, lambda shape, dtype: dtype.kind == "b" and math.prod(shape) <= FEW)
        return () if values is None else tuple(map(bool, values))

    def text(self, path: bytes, name: bytes) -> str:
        """Return the text in an attribute of an object, or an empty string if there is none."""
        return next(iter(self.texts(path, name, scalar=True)), "")

    def texts(self, path: bytes, name: bytes, *, scalar: bool = False, flat: bool = False) -> tuple[str, ...]:
        """Return the texts in an attribute of an object, or () if there are none.

        With `scalar`, only a single text is returned; with `flat`, only those of an attribute with one axis.
        """

        def fits(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bool:
            other = (scalar and shape) or (flat and len(shape) != 1)
            return not other and math.prod(shape) <= TEXTS and dtype.kind in "OS"

        values = self._values(path, name, fits)
        texts = [] if values is None else values.tolist()
        return tuple(it.decode("utf-8", "surrogateescape") if isinstance(it, bytes) else str(it) for it in texts)

    def rows(self, path: bytes, name: bytes) -> NDArray[Any] | None:
        """Return the flattened items of a small compound attribute of an object, or None if there is none."""
        return self._values(path, name, lambda shape, dtype: dtype.names is not None and math.prod(shape) <= TEXTS)

    def _values(
        self, path: bytes, name: bytes, fits: Callable[[tuple[int, ...], np.dtype[Any]], bool]
    ) -> NDArray[Any] | None:
        """Return the flattened values of an attribute of an object.

        None if there is no such attribute, if it has no values of a shape and type that `fits`, or if it cannot be
        read.
        """
        listed = self.listed.get(path or b"/")
        if (listed is not None and name not in listed) or self.trail.step() is not None:
            return None
        with contextlib.suppress(*TROUBLE):
            opened = self.h5.h5o.open(self.file, path or b"/")
            if not self.h5.h5a.exists(opened, name):
                return None
            attribute = self.h5.h5a.open(opened, name)
            if attribute.shape is None or not fits(attribute.shape, attribute.dtype):
                return None
            values = np.empty(attribute.shape, attribute.dtype)
            attribute.read(values)
            return values.reshape(-1)
        return None

    def head(self, dataset: Dataset, count: int) -> bytes:
        """Return the first bytes of a flat dataset of bytes, or b"" if they cannot be read."""
        self.looked.add(dataset.path)
        if self.trail.step() is not None:
            return b""
        with contextlib.suppress(*TROUBLE, MemoryError):
            opened = self.h5.h5d.open(self.file, dataset.path)
            values = np.empty(min(count, dataset.rows), dataset.dtype)
            space = opened.get_space()
            space.select_hyperslab((0,), values.shape)
            opened.read(self.h5.h5s.create_simple(values.shape), space, values)
            return values.tobytes()
        return b""

    def references(self, dataset: Dataset) -> list[bytes]:
        """Return the paths that the references in a small dataset lead to; the path is empty if one leads nowhere."""
        values = self.values(dataset)
        paths = []
        for it in () if values is None else values.reshape(-1, order="F"):
            path = None
            with contextlib.suppress(*TROUBLE):
                path = self.h5.h5r.get_name(it, self.file)
            paths.append(path or b"")
        return paths

    def dangling_references(self, dataset: Dataset, addresses: Collection[int]) -> list[int]:
        """Return the positions of the references in a small dataset that lead to no object at one of these addresses.

        References that were never set are left out: they lead to nothing by design. Addresses are compared because what
        is left of a deleted object can still be opened.
        """
        if dataset.rows > REFERENCES:
            return []
        values = self.values(dataset)
        positions: list[int] = []
        for at, it in enumerate(() if values is None else values.reshape(-1)):
            if not it or self.trail.step() is not None:
                continue
            found = False
            try:
                found = address(self.h5, self.h5.h5r.dereference(it, self.file)) in addresses
            except TROUBLE as exc:
                require_of_data(exc)
            positions += [] if found else [at]
        return positions

    def pieces(self, dataset: Dataset) -> Iterator[NDArray[Any]]:
        """Yield the values of a flat dataset of numbers, of any length, in pieces, until one cannot be read."""
        self.looked.add(dataset.path)
        rows = _piece_rows(dataset)
        if not dataset.readable or len(dataset.shape) != 1 or not self.fits(dataset):
            return
        with contextlib.suppress(*TROUBLE, MemoryError):
            opened = self.h5.h5d.open(self.file, dataset.path)
            space = opened.get_space()
            for start in range(0, dataset.rows, rows):
                if self.trail.step() is not None:
                    return
                values = np.empty(min(rows, dataset.rows - start), dataset.dtype)
                space.select_hyperslab((start,), values.shape)
                opened.read(self.h5.h5s.create_simple(values.shape), space, values)
                yield values

    def bands(self, dataset: Dataset) -> Iterator[NDArray[Any]]:
        """Yield the values of a dataset with two axes in pieces along the longer one, until one cannot be read.

        Nothing is yielded if the dataset is larger than MOST, or a piece would be larger than LARGEST.
        """
        self.looked.add(dataset.path)
        if not dataset.readable or len(dataset.shape) != 2 or dataset.bytes > MOST:
            return
        axis = int(dataset.shape[1] > dataset.shape[0])
        line = dataset.shape[1 - axis] * dataset.dtype.itemsize
        size = max(PIECE_BYTES // max(1, line), dataset.chunks[axis] if dataset.chunks else 1)
        if size * line > LARGEST:
            return
        with contextlib.suppress(*TROUBLE, MemoryError):
            opened = self.h5.h5d.open(self.file, dataset.path)
            space = opened.get_space()
            for start in range(0, dataset.shape[axis], size):
                if self.trail.step() is not None:
                    return
                shape = list(dataset.shape)
                shape[axis] = min(size, shape[axis] - start)
                values = np.empty(shape, dataset.dtype)
                space.select_hyperslab((0, start) if axis else (start, 0), values.shape)
                opened.read(self.h5.h5s.create_simple(values.shape), space, values)
                yield values

    def fits(self, dataset: Dataset) -> bool:
        """Check whether pieces of a dataset, which are at least as large as its chunks, are small enough to be read."""
        return _piece_rows(dataset) * dataset.row_bytes <= LARGEST

    def scalar(self, dataset: Dataset) -> int | None:
        """Return the whole number in a dataset without axes, or None if it holds none or cannot be read."""
        if not dataset.readable or dataset.shape != () or dataset.dtype.kind not in "iu":
            return None
        self.looked.add(dataset.path)
        if self.trail.step() is None:
            with contextlib.suppress(*TROUBLE, MemoryError):
                value = np.empty((), dataset.dtype)
                self.h5.h5d.open(self.file, dataset.path).read(self.h5.h5s.ALL, self.h5.h5s.ALL, value)
                return int(value)
        return None

    def values(self, dataset: Dataset) -> NDArray[Any] | None:
        """Return the values of a small dataset, or None if it is larger than LARGEST or cannot be read."""
        self.looked.add(dataset.path)
        if not dataset.readable or dataset.bytes > LARGEST or not dataset.shape or self.trail.step() is not None:
            return None
        with contextlib.suppress(*TROUBLE, MemoryError):
            values = np.empty(dataset.shape, dataset.dtype)
            self.h5.h5d.open(self.file, dataset.path).read(self.h5.h5s.ALL, self.h5.h5s.ALL, values)
            return values
        return None

    def dataset_texts(self, dataset: Dataset) -> list[str]:
        """Return the texts in a dataset, or in the members of a compound one; none where there are none."""
        self.looked.add(dataset.path)
        if self.trail.step() is not None or not dataset.readable:
            return []
        with contextlib.suppress(*TROUBLE, MemoryError):
            values = np.empty(dataset.shape, dataset.dtype)
            self.h5.h5d.open(self.file, dataset.path).read(self.h5.h5s.ALL, self.h5.h5s.ALL, values)
            parts = [values[name] for name in values.dtype.names] if values.dtype.names else [values]
            texts = [it for part in parts if part.dtype.kind in "OS" for it in part.reshape(-1).tolist()]
            return [
                it.decode("utf-8", "replace") if isinstance(it, bytes) else it
                for it in texts
                if isinstance(it, bytes | str)
            ]
        return []

    def values_of_rows(self, dataset: Dataset, rows: Sequence[int]) -> NDArray[Any] | None:
        """Return the values of these rows of a dataset, or None if one of them cannot be read."""
        first = (0,) * (len(dataset.shape) - 1)
        return self.values_of_parts(dataset, [(row, *first) for row in rows], (1, *dataset.shape[1:]))

    def values_of_parts(
        self, dataset: Dataset, starts: Sequence[tuple[int, ...]], shape: tuple[int, ...]
    ) -> NDArray[Any] | None:
        """Return the values of parts of rows, each of a shape that begins with 1, or None if one cannot be read."""
        self.looked.add(dataset.path)
        if not dataset.readable or self.trail.step() is not None:
            return None
        with contextlib.suppress(*TROUBLE, MemoryError):
            values = np.empty((len(starts), *shape[1:]), dataset.dtype)
            opened = self.h5.h5d.open(self.file, dataset.path)
            space, one = opened.get_space(), self.h5.h5s.create_simple(shape)
            for at, start in enumerate(starts):
                space.select_hyperslab(start, shape)
                opened.read(one, space, values[at : at + 1])
            return values
        return None


def _piece_rows(dataset: Dataset) -> int:
    return max(PIECE_BYTES // max(1, dataset.row_bytes), dataset.chunks[0] if dataset.chunks else 1)
