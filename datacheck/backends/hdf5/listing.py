"""List the names of an object's links and attributes, from whichever of its indexes can be read.

Large numbers of links or attributes are stored in a fractal heap, with a B-tree by name, and a second B-tree by
creation order if that is tracked (HDF5 File Format Specification 3.0, IV.A.2.c and v). Each has its own checksums.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5 import name_heap
from datacheck.backends.hdf5.trouble import TROUBLE, require_of_data

MOST_TRIES = 64
"""Maximum number of tries to read an index, each of which resumes after the damage that stopped the previous one."""


@dataclass
class Listing:
    """The names of links or attributes, in creation order if that is tracked and readable.

    `troubles` has each damaged index and its error. `missing` is the number of names that neither index lists, if the
    total is known. `lost_names` has those of them that are known from elsewhere.
    """

    names: list[bytes] = field(default_factory=list)
    troubles: list[tuple[str, Exception]] = field(default_factory=list)
    missing: int = 0
    lost_names: list[bytes] = field(default_factory=list)
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

    made = _listed(h5, walk, tracked, total)
    if made.troubles:
        _look_up(made, group, *name_heap.names(h5, group, address(h5, group)))
    return made


def _look_up(made: Listing, group: Any, names: Iterable[bytes], whole: bool) -> None:
    """Look up each of these names in a group, and add those that are links.

    The listing of a damaged old-style group breaks off, but single names may still be found. `whole` says whether the
    names are all names of the group.
    """
    for name in sorted(set(names).difference(made.names)):
        try:
            there = group.links.exists(name)
        except TROUBLE as exc:
            require_of_data(exc)
            made.lost_names.append(name)
            continue
        if there:
            made.names.append(name)
    made.names.sort()
    made.missing = max(made.missing, len(made.lost_names))
    made.whole = made.whole or (whole and bool(made.names) and not made.missing)


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

    return _listed(h5, walk, tracked, total)


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


def _listed(h5: Any, walk: Walk, tracked: bool | None, total: int | None) -> Listing:
    """Read both indexes.

    If names are requested in sorted order, the library reads all of them through the index by name, or returns none.
    """
    by_name, why = _sorted(walk, h5.h5.INDEX_NAME, h5.h5.ITER_INC)
    if why is not None:
        by_name, _ = _as_stored(walk, h5.h5.INDEX_NAME, h5.h5.ITER_NATIVE, total)
    made = Listing(sorted(set(by_name)), [("by name", why)] if why is not None else [])
    if tracked or (tracked is None and why is not None):
        by_order, other = _as_stored(walk, h5.h5.INDEX_CRT_ORDER, h5.h5.ITER_NATIVE, total)
        if other is not None and tracked:
            made.troubles.append(("by the order of their making", other))
        in_order, worse = _sorted(walk, h5.h5.INDEX_CRT_ORDER, h5.h5.ITER_INC)
        if worse is None:
            made.names = in_order
        elif other is None and set(by_order) >= set(made.names):
            made.names, made.by_order = by_order, True
        else:
            made.names = sorted({*made.names, *by_order})
    if total is not None:
        made.missing = max(0, total - len(made.names)) if made.troubles else 0
        made.whole = not made.missing
    else:
        made.whole = why is None or made.by_order
    return made


def _sorted(walk: Walk, index: int, order: int) -> tuple[list[bytes], Exception | None]:
    names: list[bytes] = []
    try:
        walk(names.append, index, order, 0)
    except TROUBLE as exc:
        require_of_data(exc)
        return [], exc
    return names, None


def _as_stored(walk: Walk, index: int, order: int, total: int | None) -> tuple[list[bytes], Exception | None]:
    """Return the names in an index, resuming after each damaged part, and the first error or None."""
    names: list[bytes] = []
    why: Exception | None = None
    at = 0
    for _ in range(MOST_TRIES):
        before = len(names)
        try:
            walk(names.append, index, order, at)
        except TROUBLE as exc:
            require_of_data(exc)
            why = why or exc
            at += len(names) - before + 1
        else:
            break
        if total is None or at >= total:
            break
    return names, why


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
