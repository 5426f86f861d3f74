"""Digest everything that an HDF5 file holds: a source as its copy should be, and the copy as it is."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.copying.filters import stable_properties
from datacheck.backends.hdf5.copying.objects import Tree, numpy_type, type_description
from datacheck.backends.hdf5.copying.row_selection import Amended, Change, Piece, origins
from datacheck.backends.hdf5.copying.stored_chunks import AsStored, Stored
from datacheck.backends.hdf5.copying.values import (
    Fetch,
    Form,
    attributes,
    batches,
    encode_values,
    fill,
    form,
    in_copy,
    parts_of,
    read,
    read_rows,
)
from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.library.listing import text_of
from datacheck.backends.hdf5.tables import TABLE, Contents
from datacheck.backends.hdf5.trouble import TROUBLE, require_of_data
from datacheck.backends.hdf5.values.decoding_ahead import Threads
from datacheck.backends.hdf5.values.direct import Direct
from datacheck.digests.hashing import Hasher
from datacheck.model.replacing import replace

NOTHING: Mapping[bytes, Change] = {}


@dataclass(frozen=True)
class FilePlan:
    """What a copy does to one file: the changes to datasets by path, and the paths that must not be opened (`skip`)."""

    contents: Contents
    changes: Mapping[bytes, Change] = field(default_factory=dict)
    skip: frozenset[str] = frozenset()
    bare: bool = False
    """Leave out the datasets that do not change."""
    marks: Mapping[bytes, str] = field(default_factory=dict)
    """The table names that the copy stores with datasets, by the paths of these (see TABLE)."""
    anew: bool = False
    """Build the copy even if nothing changes, since the file is damaged."""
    amended: Mapping[tuple[bytes, bytes], Amended] = field(default_factory=dict)
    """The new values of attributes in the copy, by the path of their object and their name."""
    by_value: frozenset[bytes] = frozenset()
    """The datasets whose chunk index is damaged; they are compared by their values alone."""
    called: Mapping[bytes, bytes] = field(default_factory=dict)
    """The paths in the copy of groups that have other names there, by their paths in the source."""

    @property
    def as_it_is(self) -> bool:
        """Whether the copy has exactly the bytes of the file."""
        return not self.changes and not self.anew

    @cached_property
    def hidden(self) -> frozenset[bytes]:
        """The datasets whose rows move, which makes references to regions of them meaningless."""
        return frozenset(path for path, change in self.changes.items() if len(change.rows) < change.rows.total)

    @cached_property
    def datasets(self) -> dict[bytes, Dataset]:
        """The datasets that can be read, by their paths."""
        both = [dataset for table in self.contents.tables for dataset in table.datasets]
        return {dataset.path: dataset for dataset in (*both, *self.contents.single)}

    def filling(self, path: bytes) -> bool:
        change = self.changes.get(path)
        return change is not None and change.fill is not None


def hashing(prefix: bytes = b"") -> Hasher:
    """Return the hasher that digests the records of the other stores as well; it runs at the speed of memory."""
    return Hasher(prefix)


Put = Callable[[Piece, NDArray[Any]], None]
Store = Callable[[tuple[int, ...], int, bytes], None]
"""Takes a chunk as it is stored: its origin in the copy, the mask of the filters that were skipped, and its bytes."""
Past = Callable[[Dataset, Any], Direct | None]
"""Returns a reader of an open dataset that bypasses the library, or None if only the library can read it."""


class Streamer:
    """Reads the values of datasets piece by piece as the copy has them, and digests them.

    Chunks that the copy takes over as they are stored are digested as stored, without decoding (see `stored_chunks`).
    """

    def __init__(
        self, tree: Tree, plan: FilePlan, changes: Mapping[bytes, Change], past: Past, threads: Threads
    ) -> None:
        """`changes` are those of the plan to read a source, or empty to read a copy; `threads` decode chunks."""
        self._tree = tree
        self._plan = plan
        self._changes = changes
        self._past = past
        self._threads = threads
        self._datasets = plan.datasets
        self._hidden = plan.hidden

    def values(
        self, path: bytes, opened: Any, put: Put | None = None, store: Store | None = None
    ) -> Generator[float, None, bytes]:
        """Digest a dataset; pass each piece of values to `put` and each chunk that is copied as stored to `store`.

        Yield the share done; return the digest.
        """
        h5 = self._tree.h5
        account = hashing()
        created = opened.get_create_plist()
        known = path in self._datasets
        value_form = form(h5, opened, filling=self._plan.filling(path))
        layout = created.get_layout()
        chunks = created.get_chunk() if layout == h5.h5d.CHUNKED else None
        if opened.shape is None or value_form is None or not math.prod(opened.shape) or created.get_external_count():
            return account.digest()
        if not known and (layout == h5.h5d.VIRTUAL or not value_form.raw):
            return account.digest()
        if not value_form.raw:
            for piece, values in batches(h5, opened, value_form, self._changes.get(path)):
                self._fill(path, piece, values)
                account.update(encode_values(self._tree, values, self._hidden))
                if put is not None:
                    put(piece, values)
                yield piece[0][1] / max(1, self._height(path, opened)) if piece else 1.0
        elif known or chunks is None:
            if known or layout == h5.h5d.COMPACT or opened.get_offset() is not None:
                yield from self._stored(path, opened, value_form, chunks, put, store, account)
        else:
            _add_chunks(opened, chunks, account)
        return account.digest()

    def _height(self, path: bytes, opened: Any) -> int:
        """Return the length of a dataset's first axis in the copy; a scalar counts as one row."""
        change = self._changes.get(path)
        shape = change.shape(opened.shape) if change is not None and opened.shape else opened.shape
        return int(shape[0]) if shape else 1

    def _stored(
        self,
        path: bytes,
        opened: Any,
        value_form: Form,
        chunks: Any,
        put: Put | None,
        store: Store | None,
        account: Hasher,
    ) -> Iterator[float]:
        change = self._changes.get(path)
        shape = change.shape(opened.shape) if change is not None and opened.shape else opened.shape
        stored = Stored(opened, chunks) if chunks else None
        by_value = stored is None or path in self._plan.by_value
        as_stored = None if by_value else AsStored(chunks, self._plan.changes.get(path))
        fetch = self._fetcher(path, opened, value_form)
        for piece in parts_of(shape, value_form, chunks):
            for part, first in [(piece, None)] if as_stored is None else as_stored.split(piece):
                if stored is not None and first is not None:
                    at = part[0][0] if change is None else first
                    for origin in origins(part, chunks):
                        _add_chunk(opened, origin, (at, *origin[1:]), stored, account, store, strict=change is not None)
                    continue
                if stored is not None and stored.lacks(part, change):
                    account.update(b"absent")
                    continue
                try:
                    values = read_rows(fetch, value_form, change, part, chunks)
                except TROUBLE as exc:
                    require_of_data(exc)
                    if change is not None:
                        raise
                    account.update(b"unreadable" + repr(part).encode())
                    if stored is not None:
                        _add_chunks(opened, chunks, account, part)
                    continue
                self._fill(path, part, values)
                if change is not None and change.replaces:
                    values = change.replaced(part, values, self._datasets[path].dtype)
                account.update(values.data if values.flags.c_contiguous else values.tobytes())
                if put is not None:
                    put(part, values)
            yield piece[0][1] / max(1, shape[0]) if piece else 1.0

    def _fetcher(self, path: bytes, opened: Any, value_form: Form) -> Fetch:
        """Return a function that reads a piece of a dataset.

        It bypasses the library if that is possible and no values are filled. Its result is valid until the next piece.
        """
        h5 = self._tree.h5
        dataset, change = self._datasets.get(path), self._changes.get(path)
        others, past = tuple((0, extent) for extent in (opened.shape or ())[1:]), None
        if dataset is not None and opened.shape and (change is None or change.fill is None):
            past = self._past(replace(dataset, shape=opened.shape), h5.Dataset(opened))
        if past is not None:
            past.spread(self._threads)

        def fetch(piece: Piece) -> NDArray[Any]:
            if past is not None and piece[1:] == others:
                with contextlib.suppress(MemoryError):
                    values = past.read(*piece[0])
                    if values is not None:
                        return values.view(value_form.dtype)
            return read(h5, opened, value_form, piece)

        return fetch

    def _fill(self, path: bytes, piece: Piece, values: NDArray[Any]) -> None:
        change = self._changes.get(path)
        if change is not None and change.fill is not None and piece:
            dataset = self._datasets[path]
            fill(change, dataset, np.moveaxis(values, change.axis, 0), piece[change.axis], dataset.dtype)


def _add_chunk(
    opened: Any,
    origin: tuple[int, ...],
    at: tuple[int, ...],
    stored: Stored,
    account: Hasher,
    store: Store | None,
    *,
    strict: bool,
) -> None:
    """Digest the chunk at `origin` of the copy as it is stored in this file, at `at`, and pass it to `store`.

    With `strict`, raise the library's error if the chunk cannot be read.
    """
    if not stored.has(at):
        account.update(b"absent")
        return
    try:
        mask, chunk = opened.read_direct_chunk(at)
    except TROUBLE as exc:
        require_of_data(exc)
        if strict:
            raise
        account.update(b"unreadable" + repr(origin).encode())
        return
    account.update(b"stored" + repr((origin, mask, len(chunk))).encode())
    account.update(chunk)
    if store is not None:
        store(origin, mask, chunk)


def chunk_origins(opened: Any) -> list[tuple[int, ...]]:
    """Return the origins of the stored chunks, as far as the chunk index can be read."""
    found: list[tuple[int, ...]] = []
    try:
        opened.chunk_iter(lambda chunk: found.append(chunk.chunk_offset))
    except TROUBLE as exc:
        require_of_data(exc)
        return found
    return found


def _add_chunks(opened: Any, chunks: tuple[int, ...], account: Any, piece: Piece | None = None) -> None:
    """Digest chunks as they are stored, since their values cannot be read."""
    for origin in sorted(chunk_origins(opened)):
        if piece is not None and not all(low <= at < high for at, (low, high) in zip(origin, piece, strict=True)):
            continue
        try:
            mask, stored = opened.read_direct_chunk(origin)
        except TROUBLE as exc:
            require_of_data(exc)
            continue
        account.update(repr((origin, mask, len(stored))).encode())
        account.update(stored)


def structure_digest(tree: Tree, plan: FilePlan, digests: Mapping[bytes, bytes], *, planned: bool) -> str:
    """Return the digest of every link, object, type, shape, property and attribute, and of the values.

    `digests` has the digests of the values by dataset path. With `planned`, the file is a source and is described as
    its copy should be.
    """
    account = hashing()

    def add(*parts: Any) -> None:
        account.update(repr(parts).encode())

    _add_object(tree, plan, b"/", digests, add, planned=planned)
    for link in tree.links():
        add(link.path, link.kind, link.cset, link.value, link.leads)
        if link.first:
            _add_object(tree, plan, link.leads, digests, add, planned=planned)
    return account.hexdigest()


def _add_object(
    tree: Tree, plan: FilePlan, path: bytes, digests: Mapping[bytes, bytes], add: Callable[..., None], *, planned: bool
) -> None:
    h5 = tree.h5
    opened = tree.open(path)
    add(type(opened).__name__, tree.comment(path))
    if isinstance(opened, h5.h5d.DatasetID):
        kind = opened.get_type()
        created = creation(h5, opened, plan.changes.get(path) if planned else None)
        space = extent(h5, opened, created, plan.changes.get(path) if planned else None)
        add(tree.type_path(kind), type_description(h5, in_copy(h5, kind)), space.get_simple_extent_type(), dims(space))
        add(*properties(h5, created, numpy_type(opened)), digests.get(path))
    elif isinstance(opened, h5.h5g.GroupID):
        group = opened.get_create_plist()
        add(group.get_link_creation_order(), group.get_attr_creation_order())
    else:
        add(type_description(h5, opened))
    hidden = plan.hidden
    if path in plan.marks:
        add(TABLE, plan.marks[path] if planned else text_of(h5, opened, TABLE))
    for name, attribute in attributes(tree, path, opened):
        if attribute is None or (name == TABLE and path in plan.marks):
            continue
        kind, space = attribute.kind, attribute.space
        add(
            name,
            tree.type_path(kind),
            type_description(h5, in_copy(h5, kind)),
            space.get_simple_extent_type(),
            dims(space),
        )
        if attribute.values is not None:
            add(encode_values(tree, attribute.values, hidden))


def dims(space: Any) -> tuple[Any, ...]:
    return (space.get_simple_extent_dims(), space.get_simple_extent_dims(True)) if space.is_simple() else ()


def creation(h5: Any, opened: Any, change: Change | None) -> Any:
    """Return the creation properties of a dataset's copy; a virtual dataset that changes holds its values itself."""
    created = opened.get_create_plist()
    if change is None or created.get_layout() != h5.h5d.VIRTUAL:
        return created
    plain = h5.h5p.create(h5.h5p.DATASET_CREATE)
    plain.set_attr_creation_order(created.get_attr_creation_order())
    return plain


def extent(h5: Any, opened: Any, created: Any, change: Change | None) -> Any:
    """Return the dataspace of a dataset's copy: the rows that are kept, and the source's maximum extents if chunked."""
    space = opened.get_space()
    if change is None:
        return space
    shape = change.shape(opened.shape)
    growing = created.get_layout() == h5.h5d.CHUNKED
    return h5.h5s.create_simple(shape, space.get_simple_extent_dims(True) if growing else shape)


def properties(h5: Any, created: Any, dtype: np.dtype[Any] | None) -> Iterator[Any]:
    """Yield everything that a dataset was created with."""
    layout = created.get_layout()
    yield layout
    yield created.get_chunk() if layout == h5.h5d.CHUNKED else None
    for at in range(created.get_nfilters()):
        yield stable_properties(*created.get_filter(at))
    yield created.get_fill_time(), created.get_alloc_time(), created.get_attr_creation_order()
    yield [created.get_external(at) for at in range(created.get_external_count())]
    if layout == h5.h5d.VIRTUAL:
        for at in range(created.get_virtual_count()):
            yield created.get_virtual_filename(at), created.get_virtual_dsetname(at)
            for space in (created.get_virtual_vspace(at), created.get_virtual_srcspace(at)):
                yield dims(space), space.get_select_type(), space.get_select_npoints()
    defined = created.fill_value_defined()
    yield defined
    if defined == h5.h5d.FILL_VALUE_USER_DEFINED and dtype is not None and not dtype.hasobject:
        value = np.zeros((), dtype.base)
        try:
            created.get_fill_value(value)
        except TROUBLE:
            return
        yield value.tobytes()
