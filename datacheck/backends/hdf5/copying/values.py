"""Read and write values of HDF5 datasets and attributes bit for bit, and spell them for a digest."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.copying.objects import Tree, numpy_type
from datacheck.backends.hdf5.copying.row_selection import PIECE_BYTES, Change, Kept, Piece, pieces
from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.library.listing import attributes as listing_of
from datacheck.backends.hdf5.library.listing import open_attribute
from datacheck.backends.hdf5.trouble import TROUBLE, require_of_data
from datacheck.backends.hdf5.values.window import weight
from datacheck.model.filling import require_finite

Translate = Callable[[Any], Any]
Fetch = Callable[[Piece], NDArray[Any]]
"""Reads a piece of a dataset."""
ROWS_OF_OBJECTS = 4096


@dataclass(frozen=True)
class Form:
    """How values are held in memory: as they are stored, or as objects if the file has pointers to them."""

    dtype: np.dtype[Any]
    memory: Any
    """The HDF5 type in memory, or None if h5py converts the values."""

    @property
    def raw(self) -> bool:
        return self.memory is not None

    def empty(self, shape: Sequence[int]) -> NDArray[Any]:
        return np.empty(tuple(shape), self.dtype)


def form(h5: Any, opened: Any, *, filling: bool = False) -> Form | None:
    """Return how the values of a dataset or attribute are held, or None if they cannot be held in memory.

    Stored bytes are kept as they are, which preserves padding and the payloads of NaN. Values to be filled must be
    numbers to NumPy, so a float of a size that NumPy does not have is converted.
    """
    kind = opened.get_type()
    dtype = numpy_type(opened)
    if dtype is None:
        if kind.detect_class(h5.h5t.VLEN) or kind.detect_class(h5.h5t.REFERENCE):
            return None
    elif dtype.hasobject or (filling and dtype.itemsize != kind.get_size()):
        return Form(dtype, None)
    return Form(np.dtype((np.void, kind.get_size())), kind)


def in_copy(h5: Any, kind: Any) -> Any:
    """Return the type that values of this type have in a copy.

    In lists of varying length, h5py has fixed texts that are padded with zeros. If they had to end with one, the last
    letter would be cut off: all of it in MATLAB's names of the fields of a struct, which are lists of single letters.
    """
    if kind.get_class() != h5.h5t.VLEN or kind.committed():
        return kind
    text = kind.get_super()
    if text.get_class() != h5.h5t.STRING or text.is_variable_str() or text.get_strpad() != h5.h5t.STR_NULLTERM:
        return kind
    padded = text.copy()
    padded.set_strpad(h5.h5t.STR_NULLPAD)
    return h5.h5t.vlen_create(padded)


def read(h5: Any, opened: Any, value_form: Form, piece: Piece | None = None) -> NDArray[Any]:
    """Return a piece of a dataset, in the shape of the piece, or a whole dataset or attribute."""
    shape = opened.shape if piece is None else tuple(high - low for low, high in piece)
    values = value_form.empty(shape)
    if not math.prod(shape):
        return values
    if isinstance(opened, h5.h5a.AttrID):
        opened.read(values, value_form.memory)
    elif not piece:
        opened.read(h5.h5s.ALL, h5.h5s.ALL, values, value_form.memory)
    else:
        opened.read(*_spaces(h5, opened, piece), values, value_form.memory)
    return values


def write(h5: Any, opened: Any, value_form: Form, values: NDArray[Any], piece: Piece = ()) -> None:
    """Write values that `read` has returned, to a piece of a dataset or to a whole dataset or attribute."""
    if not values.size:
        return
    if isinstance(opened, h5.h5a.AttrID):
        opened.write(values, value_form.memory)
    elif not piece:
        opened.write(h5.h5s.ALL, h5.h5s.ALL, values, value_form.memory)
    else:
        opened.write(*_spaces(h5, opened, piece), values, value_form.memory)


def _spaces(h5: Any, opened: Any, piece: Piece) -> tuple[Any, Any]:
    counts = tuple(high - low for low, high in piece)
    space = opened.get_space()
    space.select_hyperslab(tuple(low for low, _ in piece), counts)
    return h5.h5s.create_simple(counts), space


@dataclass(frozen=True)
class Attribute:
    """The HDF5 type and dataspace of an attribute, and its values, or None if the dataspace is null."""

    kind: Any
    space: Any
    held: Form
    values: NDArray[Any] | None


def attributes(tree: Tree, path: bytes, opened: Any) -> Iterator[tuple[bytes, Attribute | None]]:
    """Yield the attributes of the open object at a path, in creation order if the file has it.

    None stands for an attribute that cannot be read or held in memory. With an empty name, it stands for a list of
    attributes that is damaged or must not be read.
    """
    h5 = tree.h5
    if tree.without_attributes(path):
        yield b"", None
        return
    listing = listing_of(h5, opened)
    if listing.troubles:
        yield b"", None
    for name in listing.names:
        try:
            attribute = open_attribute(h5, opened, name, listing)
            kind, space, value_form = attribute.get_type(), attribute.get_space(), form(h5, attribute)
            null = space.get_simple_extent_type() == h5.h5s.NULL
            if value_form is None:
                yield name, None
                continue
            values = None if null else read(h5, attribute, value_form)
            amended = tree.amended.get((path, name))
            if isinstance(amended, Kept) and values is not None:
                values = np.delete(values, amended.drops)
                space = h5.h5s.create_simple(values.shape)
            elif amended is not None and values is not None and attribute.dtype.kind in "iuf":
                number = np.full(values.shape, amended, attribute.dtype)
                values = number.view(values.dtype) if value_form.raw else number
        except (*TROUBLE, MemoryError) as exc:
            require_of_data(exc)
            yield name, None
            continue
        yield name, Attribute(kind, space, value_form, values)


def parts_of(shape: Sequence[int], value_form: Form, chunks: Sequence[int] | None) -> Iterator[Piece]:
    """Yield the pieces in which a dataset with values of fixed length is copied."""
    yield from pieces(shape, value_form.dtype.itemsize, chunks)


def read_rows(
    fetch: Fetch, value_form: Form, change: Change | None, piece: Piece, chunks: Sequence[int] | None
) -> NDArray[Any]:
    """Return a piece of the copy; `fetch` reads the source, without the rows that are left out.

    In a chunk with rows that are kept, rows between these are read as well, which saves many small reads.
    """
    if change is None or not piece:
        return fetch(piece)
    if change.across:
        return _read_across(fetch, value_form, change, piece, chunks)
    rows, others = piece[0], piece[1:]
    runs = change.rows.runs(*rows)
    spans = list(_joined_spans(runs, chunks[0] if chunks and value_form.raw else 0))
    if len(spans) == 1 and len(spans[0]) == 1:
        return fetch((spans[0][0], *others))
    values = value_form.empty([high - low for low, high in piece])
    at = 0
    for span in spans:
        low, high = span[0][0], span[-1][1]
        fetched = fetch(((low, high), *others))
        for begin, end in span:
            values[at : at + end - begin] = fetched[begin - low : end - low]
            at += end - begin
    return values


def _read_across(
    fetch: Fetch, value_form: Form, change: Change, piece: Piece, chunks: Sequence[int] | None
) -> NDArray[Any]:
    """Return a piece of the copy whose rows lie along the last axis; rows near each other are read together.

    Rows between them are read as well only if they are in chunks with a row to be kept, or if there are no chunks.
    """
    others, at = piece[:-1], 0
    values = value_form.empty([high - low for low, high in piece])
    most = max(1, 2 * PIECE_BYTES // max(1, value_form.dtype.itemsize * math.prod(high - low for low, high in others)))
    depth = chunks[-1] if chunks and value_form.raw else most
    todo = [*_joined_spans(change.rows.runs(*piece[-1]), depth, most)][::-1]
    while todo:
        span = todo.pop()
        first = span[0][0]
        try:
            fetched = fetch((*others, (first, span[-1][1])))
        except TROUBLE as exc:
            require_of_data(exc)
            if len(span) == 1:
                raise
            todo += [[run] for run in reversed(span)]
            continue
        for low, high in span:
            values[..., at : at + high - low] = fetched[..., low - first : high - first]
            at += high - low
    return values


def _joined_spans(runs: list[tuple[int, int]], depth: int, most: int | None = None) -> Iterator[list[tuple[int, int]]]:
    """Yield spans of runs; between two runs of a span lie only rows of a chunk that both have rows in.

    A span covers at most `most` rows, including those between its runs.
    """
    span: list[tuple[int, int]] = []
    for run in runs:
        near = depth and (not span or (span[-1][1] - 1) // depth == run[0] // depth)
        if span and (not near or (most is not None and run[1] - span[0][0] > most)):
            yield span
            span = []
        span.append(run)
    if span:
        yield span


def batches(h5: Any, opened: Any, value_form: Form, change: Change | None) -> Iterator[tuple[Piece, NDArray[Any]]]:
    """Yield the values of a dataset that vary in length: a few rows first, since the size of a row is unknown."""
    shape = opened.shape
    if not shape:
        yield (), read(h5, opened, value_form)
        return
    axis = len(shape) - 1 if change is not None and change.across else 0
    rows = shape[axis] if change is None else len(change.rows)
    others = [(0, extent) for extent in shape]
    at, step = 0, 1
    while at < rows and math.prod((*shape[:axis], *shape[axis + 1 :])):
        stop = min(at + step, rows)
        piece = (*others[:axis], (at, stop), *others[axis + 1 :])
        values = read_rows(partial(read, h5, opened, value_form), value_form, change, piece, None)
        yield piece, values
        fitting = PIECE_BYTES * (stop - at) // max(1, weight(values))
        step = max(1, min(2 * step, fitting, ROWS_OF_OBJECTS))
        at = stop


def fill(change: Change, dataset: Dataset, values: NDArray[Any], rows: tuple[int, int], dtype: np.dtype[Any]) -> None:
    """Set the NaN and infinite elements of floating-point columns to the fill value, in the rows to be filled."""
    at = 0
    for low, high in change.rows.runs(*rows):
        for row in change.to_fill(low, high).tolist():
            place = at + row - low
            numbers = values[place : place + 1]
            if numbers.dtype != dtype:
                numbers = numbers.view(dtype)
            if _fill_one(change, dataset, numbers):
                change.mark(row)
        at += high - low


def _fill_one(change: Change, dataset: Dataset, numbers: NDArray[Any]) -> bool:
    altered = False
    for column in dataset.columns:
        part = numbers
        for member in column.members:
            part = part[member]
        if part.dtype.kind != "f":
            continue
        declared = dataset.declared is not None and dataset.declared.nan
        wrong = np.isinf(part) if declared else ~np.isfinite(part)
        if wrong.any():
            assert change.fill is not None
            require_finite(change.fill, part.dtype)
            part[wrong] = change.fill
            altered = True
    return altered


def encode_values(tree: Tree, values: NDArray[Any], hidden: frozenset[bytes]) -> bytes:
    """Return bytes that are equal for two arrays of one type only if their values are equal.

    A reference is spelled by the path that it points to; one to a region of a `hidden` dataset counts as empty.
    """
    if not values.dtype.hasobject:
        return values.tobytes()
    if values.dtype.names is not None:
        return b"".join(encode_values(tree, values[name], hidden) for name in values.dtype.names)
    parts = []
    for value in values.reshape(-1):
        if isinstance(value, np.ndarray):
            parts.append(b"a%d:" % value.size + encode_values(tree, value, hidden))
        elif isinstance(value, bytes | str):
            text = value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")
            parts.append(b"s%d:" % len(text) + text)
        elif isinstance(value, tree.h5.h5r.Reference):
            parts.append(_encode_reference(tree, value, hidden))
        else:
            parts.append(f"o{value!r}".encode())
    return b"".join(parts)


def _encode_reference(tree: Tree, reference: Any, hidden: frozenset[bytes]) -> bytes:
    points = tree.target(reference)
    if points is None or (points[1] is not None and points[0] in hidden):
        return b"r0:"
    path, region = points
    prefix: bytes = b"r%d:" % len(path) + path
    if region is None:
        return prefix
    kind = region.get_select_type()
    if kind == tree.h5.h5s.SEL_POINTS:
        return prefix + b"p" + bytes(region.get_select_elem_pointlist().tobytes())
    if kind == tree.h5.h5s.SEL_HYPERSLABS:
        return prefix + b"h" + bytes(region.get_select_hyper_blocklist().tobytes())
    return prefix + b"k%d" % kind


def translated(tree: Tree, values: NDArray[Any], translate: Translate) -> NDArray[Any]:
    """Return a copy of the values in which every reference is replaced by the result of `translate`.

    Values without objects are returned themselves.
    """
    if not values.dtype.hasobject:
        return values
    result = values.copy()
    if result.dtype.names is not None:
        for name in result.dtype.names:
            result[name] = translated(tree, values[name], translate)
        return result
    flat, source = result.reshape(-1), values.reshape(-1)
    for at, value in enumerate(source):
        if isinstance(value, np.ndarray):
            flat[at] = translated(tree, value, translate)
        elif isinstance(value, tree.h5.h5r.Reference):
            flat[at] = translate(value)
    return result
