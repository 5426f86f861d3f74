"""List the names of an object's links and attributes, from whichever of its indexes can be read.

Large numbers of links or attributes are stored in a fractal heap, with a B-tree by name, and a second B-tree by
creation order if that is tracked (HDF5 File Format Specification 3.0, IV.A.2.c and v). Each has its own checksums.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.structure import name_heap
from datacheck.backends.hdf5.trouble import TROUBLE, require_of_data

MOST_TRIES = 64
"""Maximum number of tries to read an index, each of which resumes after the damage that stopped the previous one."""


class Listing(msgspec.Struct):
    """The names of links or attributes, in creation order if that is tracked and readable.

    `troubles` has each damaged index and its error. `missing` is the number of names that neither index lists, if the
    total is known. `lost_names` has those of them that are known from elsewhere.
    """

    names: list[bytes] = msgspec.field(default_factory=list)
    troubles: list[tuple[str, Exception]] = msgspec.field(default_factory=list)
    missing: int = 0
    lost_names: list[bytes] = msgspec.field(default_factory=list)
    by_order: bool = False
    """Whether the names come from the index by creation order, in its order, since the other index is damaged."""
    whole: bool = True
    """Whether all names are listed: an index was read to its end, or there are as many names as there should be."""

    @property
    def lost(self) -> Exception | None:
        """The error because of which names are or may be missing, or None if all are listed."""
        return None if self.whole else self.troubles[0][1]


def address(h5: Any, opened: Any) -> int:
    """Return the address of an open object in its file, without reading all of its indexes as `h5o.get_info` would."""
    low, high = h5.h5g.get_objinfo(opened).objno
    return int(low | high << 64)


def links(h5: Any, group: Any) -> Listing:
    """List the links of an open group."""
    tracked = total = None
    with contextlib.suppress(*TROUBLE):
        tracked = bool(group.get_create_plist().get_link_creation_order())
        total = group.get_num_objs()

    def walk(add: Callable[[bytes], None], index: int, order: int, start: int) -> None:
        group.links.iterate(add, idx_type=index, order=order, idx=start)

    listing = _read_indexes(h5, walk, tracked, total)
    if listing.troubles:
        _look_up(listing, group, *name_heap.names(h5, group, address(h5, group)))
    return listing


def _look_up(listing: Listing, group: Any, names: Iterable[bytes], complete: bool) -> None:
    """Look up each of these names in a group, and add those that are links.

    The listing of a damaged old-style group breaks off, but single names may still be found. `complete` says whether
    the names are all names of the group.
    """
    for name in sorted(set(names).difference(listing.names)):
        try:
            exists = group.links.exists(name)
        except TROUBLE as exc:
            require_of_data(exc)
            listing.lost_names.append(name)
            continue
        if exists:
            listing.names.append(name)
    listing.names.sort()
    listing.missing = max(listing.missing, len(listing.lost_names))
    listing.whole = listing.whole or (complete and bool(listing.names) and not listing.missing)


def attributes(h5: Any, opened: Any) -> Listing:
    """List the attributes of an open object."""
    tracked = total = None
    with contextlib.suppress(*TROUBLE):
        total = h5.h5a.get_num_attrs(opened)
    if total == 0:
        return Listing()
    with contextlib.suppress(*TROUBLE):
        # a committed type does not say whether it tracks the order
        tracked = not isinstance(opened, h5.h5t.TypeID) and bool(opened.get_create_plist().get_attr_creation_order())

    def walk(add: Callable[[bytes], None], index: int, order: int, start: int) -> None:
        h5.h5a.iterate(opened, add, start, index_type=index, order=order)

    return _read_indexes(h5, walk, tracked, total)


def open_attribute(h5: Any, opened: Any, name: bytes, listing: Listing) -> Any:
    """Open an attribute by name or, if that index is damaged, by its position in the index by creation order."""
    try:
        return h5.h5a.open(opened, name)
    except TROUBLE:
        if not listing.by_order:
            raise
        at = listing.names.index(name)
        return h5.h5a.open(opened, index=at, index_type=h5.h5.INDEX_CRT_ORDER, order=h5.h5.ITER_NATIVE)


Walk = Callable[[Callable[[bytes], None], int, int, int], None]


def _read_indexes(h5: Any, walk: Walk, tracked: bool | None, total: int | None) -> Listing:
    """Read both indexes.

    If names are requested in sorted order, the library reads all of them through the index by name, or returns none.
    """
    by_name, name_error = _sorted_names(walk, h5.h5.INDEX_NAME, h5.h5.ITER_INC)
    if name_error is not None:
        by_name, _ = _stored_names(walk, h5.h5.INDEX_NAME, h5.h5.ITER_NATIVE, total)
    listing = Listing(sorted(set(by_name)), [("by name", name_error)] if name_error is not None else [])
    if tracked or (tracked is None and name_error is not None):
        by_order, order_error = _stored_names(walk, h5.h5.INDEX_CRT_ORDER, h5.h5.ITER_NATIVE, total)
        if order_error is not None and tracked:
            listing.troubles.append(("by the order of their making", order_error))
        in_order, sorted_error = _sorted_names(walk, h5.h5.INDEX_CRT_ORDER, h5.h5.ITER_INC)
        if sorted_error is None:
            listing.names = in_order
        elif order_error is None and set(by_order) >= set(listing.names):
            listing.names, listing.by_order = by_order, True
        else:
            listing.names = sorted({*listing.names, *by_order})
    if total is not None:
        listing.missing = max(0, total - len(listing.names)) if listing.troubles else 0
        listing.whole = not listing.missing
    else:
        listing.whole = name_error is None or listing.by_order
    return listing


def _sorted_names(walk: Walk, index: int, order: int) -> tuple[list[bytes], Exception | None]:
    names: list[bytes] = []
    try:
        walk(names.append, index, order, 0)
    except TROUBLE as exc:
        require_of_data(exc)
        return [], exc
    return names, None


def _stored_names(walk: Walk, index: int, order: int, total: int | None) -> tuple[list[bytes], Exception | None]:
    """Return the names in an index, resuming after each damaged part, and the first error or None."""
    names: list[bytes] = []
    error: Exception | None = None
    at = 0
    for _ in range(MOST_TRIES):
        before = len(names)
        try:
            walk(names.append, index, order, at)
        except TROUBLE as exc:
            require_of_data(exc)
            error = error or exc
            at += len(names) - before + 1
        else:
            break
        if total is None or at >= total:
            break
    return names, error


def text_of(h5: Any, opened: Any, name: bytes) -> str:
    """Return the text of an object's attribute; empty if there is no scalar string of fixed length with that name."""
    try:
        attribute = h5.h5a.open(opened, name)
        kind = attribute.get_type()
        if kind.get_class() != h5.h5t.STRING or kind.is_variable_str() or attribute.shape:
            return ""
        value = np.empty((), np.dtype((np.bytes_, kind.get_size())))
        attribute.read(value, kind)
    except (*TROUBLE, MemoryError):
        return ""
    return bytes(value.item()).decode("ascii", "replace")


def read_attribute(h5: Any, opened: Any) -> NDArray[Any] | None:
    """Read an open attribute's value, including its conversions, so that damage in it raises an exception.

    Types that cannot be held in memory are skipped. Return the values if they are floating-point or complex numbers,
    else None.
    """
    space = opened.get_space()
    if space.get_simple_extent_type() == h5.h5s.NULL or not space.get_simple_extent_npoints():
        return None
    kind = opened.get_type()
    try:
        dtype = opened.dtype
    except TROUBLE:
        dtype = None
    if dtype is not None and dtype.hasobject:
        opened.read(np.empty(opened.shape, dtype))
    elif dtype is not None or not (kind.detect_class(h5.h5t.VLEN) or kind.detect_class(h5.h5t.REFERENCE)):
        value = np.empty(opened.shape, np.dtype((np.void, kind.get_size())))
        opened.read(value, kind)
        if dtype is not None and dtype.kind in "fc" and dtype.itemsize == kind.get_size():
            return np.frombuffer(value.tobytes(), dtype)
    return None
