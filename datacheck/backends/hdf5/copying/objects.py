"""Walk the links and objects of an HDF5 file in order, each object once, and describe its types and references.

The library comes as an argument, since only `datacheck.backends.hdf5.file` imports it. Links and references out of the
file are not followed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from datacheck.backends.hdf5.copying.row_selection import Amended
from datacheck.backends.hdf5.library.listing import address, links
from datacheck.backends.hdf5.trouble import TROUBLE, require_of_data
from datacheck.model.escaping import escape

OF_ATTRIBUTES = "\n"
"""Suffix of an escaped path, which itself has no newline, that stands for the attributes of that object."""


@dataclass(frozen=True)
class Link:
    """A link in the group at path `above`.

    A hard link leads to the object at path `leads`; `first` marks the first link to that object.
    """

    above: bytes
    name: bytes
    kind: int
    cset: int
    value: tuple[bytes, ...] = ()
    leads: bytes = b""
    first: bool = False

    @property
    def path(self) -> bytes:
        return below(self.above, self.name)


def below(above: bytes, name: bytes) -> bytes:
    return above.rstrip(b"/") + b"/" + name


def renamed_path(path: bytes, called: Mapping[bytes, bytes]) -> bytes:
    """Return the path of an object in a file whose groups are renamed; `called` has their new paths by the old ones.

    >>> renamed_path(b"/a_2/x", {b"/a_2": b"/a_1"})
    b'/a_1/x'
    """
    above = path if called else b""
    while above.strip(b"/"):
        if above in called:
            return called[above] + path[len(above) :]
        above = above.rpartition(b"/")[0]
    return path


class Tree:
    """The objects of an open file by path, without those that must not be opened (`skip`, escaped paths)."""

    def __init__(
        self,
        h5: Any,
        file: Any,
        skip: frozenset[str] = frozenset(),
        amended: Mapping[tuple[bytes, bytes], Amended] | None = None,
        called: Mapping[bytes, bytes] | None = None,
    ) -> None:
        """`amended` are the new values of attributes, by the path of their object and their name.

        For a copy, `called` has the paths of renamed groups by their paths in the source; the tree uses the latter.
        """
        self.h5 = h5
        self.file = file
        self.paths: dict[int, bytes] = {}
        self.addresses: dict[bytes, int] = {}
        self.lost: list[str] = []
        self.amended = amended or {}
        self._skip = skip
        self._unwanted: set[int] = set()
        self._called = called or {}
        self._source_paths = {new: old for old, new in self._called.items()}
        self._renamed = {it.rpartition(b"/")[0] or b"/" for it in self._called}

    def links(self) -> Iterator[Link]:
        """Yield every link, those of a group in creation order if the file has it.

        The path of an object with several links is the one that comes first if names are sorted, as in a survey.
        """
        root = self.h5.h5g.open(self.file, b"/")
        self.paths[address(self.h5, root)] = b"/"
        for _ in self._walk(by_name=True):
            pass
        self.lost.clear()
        yield from self._walk()

    def _walk(self, *, by_name: bool = False) -> Iterator[Link]:
        """Yield every link; an object that has no path yet gets that of its first link."""
        visited: set[int] = set()
        todo = [b"/"]
        while todo:
            above = todo.pop()
            group = self.h5.h5g.open(self.file, renamed_path(above, self._called))
            groups = []
            for name, own_name in self._both_names(group, above, by_name=by_name):
                path = below(above, name)
                if escape(path) in self._skip:
                    self.lost.append(escape(path))
                    with contextlib.suppress(*TROUBLE):
                        self._unwanted.add(group.links.get_info(own_name).u)
                    continue
                try:
                    link, is_group = self._link(group, above, name, own_name, visited)
                except TROUBLE as exc:
                    require_of_data(exc)
                    self.lost.append(escape(path))
                    continue
                yield link
                if is_group:
                    groups.append(path)
            todo += reversed(groups)

    def _names(self, group: Any, path: bytes) -> list[bytes]:
        """Return the names of a group's links. Raises the error if the links of the root cannot be listed at all."""
        listing = links(self.h5, group)
        if listing.lost is not None:
            if path == b"/" and not listing.names:
                raise listing.lost
            self.lost.append(escape(path))
        return listing.names

    def _both_names(self, group: Any, path: bytes, *, by_name: bool) -> list[tuple[bytes, bytes]]:
        """Return the names of a group's links in the source and in this file, in the order of the source."""
        names = self._names(group, path)
        if path not in self._renamed:
            return [(it, it) for it in (sorted(names) if by_name else names)]
        source_names = {it: self._source_paths.get(below(path, it), it).rpartition(b"/")[2] for it in names}
        pairs = [(source_names[it], it) for it in names]
        ordered = group.get_create_plist().get_link_creation_order()
        return sorted(pairs) if by_name or not ordered else pairs

    def _link(self, group: Any, above: bytes, name: bytes, own_name: bytes, visited: set[int]) -> tuple[Link, bool]:
        info = group.links.get_info(own_name)
        if info.type in (self.h5.h5l.TYPE_SOFT, self.h5.h5l.TYPE_EXTERNAL):
            value = group.links.get_val(own_name)
            if not value:
                raise ValueError("a soft link to nothing")
            if info.type == self.h5.h5l.TYPE_SOFT and self._is_skipped(above, value):
                raise ValueError("a soft link to what must not be opened")
            return Link(above, name, info.type, info.cset, value if isinstance(value, tuple) else (value,)), False
        if info.type != self.h5.h5l.TYPE_HARD:
            raise ValueError(f"a link of the unknown type {info.type}")
        if info.u in self._unwanted:
            raise ValueError("another link to what must not be opened")
        if info.u in visited or self.paths.get(info.u) == b"/":
            return Link(above, name, info.type, info.cset, leads=self.paths[info.u]), False
        opened = self.h5.h5o.open(group, own_name)
        if isinstance(opened, self.h5.h5d.DatasetID):
            opened.get_type(), opened.get_space(), opened.get_create_plist()  # damage may show only here
        visited.add(info.u)
        path = self.paths.setdefault(info.u, below(above, name))
        self.addresses[path] = info.u  # an opened dataset has no address if its chunk index is damaged
        is_group = isinstance(opened, self.h5.h5g.GroupID)
        return Link(above, name, info.type, info.cset, leads=path, first=True), is_group

    def without_attributes(self, path: bytes) -> bool:
        """Return whether the attributes of an object must not be read."""
        return escape(path) + OF_ATTRIBUTES in self._skip

    def _is_skipped(self, above: bytes, value: bytes) -> bool:
        """Return whether a soft link in a group leads to a skipped object, or into one."""
        path = value if value.startswith(b"/") else below(above, value)
        while path.strip(b"/") and self._skip:
            if escape(path) in self._skip:
                return True
            path = path.rpartition(b"/")[0]
        return False

    def open(self, path: bytes) -> Any:
        return self.h5.h5o.open(self.file, renamed_path(path, self._called))

    def comment(self, path: bytes) -> bytes:
        """Return the comment of an object; h5py's newer call for this returns stray memory if there is none."""
        root = self.h5.h5g.open(self.file, b"/")
        text: bytes = root.get_comment(renamed_path(path, self._called).lstrip(b"/") or b".")
        return text

    def type_path(self, kind: Any) -> bytes | None:
        """Return the path of a committed type (empty if no link leads to it), or None for any other type."""
        return self.paths.get(address(self.h5, kind), b"") if kind.committed() else None

    def target(self, reference: Any) -> tuple[bytes, Any] | None:
        """Return the path and the region that a reference points to, or None if its target is not kept."""
        if not reference:
            return None
        try:
            addr = address(self.h5, self.h5.h5r.dereference(reference, self.file))
            path = self.paths.get(addr)
            if path is None:
                return None
            region = isinstance(reference, self.h5.h5r.RegionReference)
            return path, self.h5.h5r.get_region(reference, self.file) if region else None
        except TROUBLE as exc:
            require_of_data(exc)
            return None


def holds_references(h5: Any, kind: Any) -> bool:
    """Return whether values of a type are or hold references."""
    return bool(kind.detect_class(h5.h5t.REFERENCE))


def numpy_type(opened: Any) -> Any:
    """Return the NumPy type of a dataset or attribute, or None if there is no equivalent."""
    try:
        return opened.dtype
    except TROUBLE:
        return None


def type_description(h5: Any, kind: Any) -> tuple[Any, ...]:
    """Return a full description of a type, independent of the format version in which it is stored."""
    t = h5.h5t
    is_a = kind.get_class()
    description: tuple[Any, ...] = (is_a, kind.get_size())
    if is_a == t.COMPOUND:
        members = range(kind.get_nmembers())
        return (
            *description,
            *(
                (kind.get_member_name(at), kind.get_member_offset(at), type_description(h5, kind.get_member_type(at)))
                for at in members
            ),
        )
    if is_a == t.ENUM:
        members = range(kind.get_nmembers())
        return (
            *description,
            type_description(h5, kind.get_super()),
            *((kind.get_member_name(at), kind.get_member_value(at)) for at in members),
        )
    if is_a == t.ARRAY:
        return (*description, kind.get_array_dims(), type_description(h5, kind.get_super()))
    if is_a == t.VLEN:
        return (*description, type_description(h5, kind.get_super()))
    if is_a == t.STRING:
        return (*description, kind.is_variable_str(), kind.get_cset(), kind.get_strpad())
    if is_a == t.OPAQUE:
        return (*description, kind.get_tag())
    properties = ("order", "precision", "offset", "pad", "sign", "fields", "ebias", "norm", "inpad")
    return (*description, *(getattr(kind, f"get_{it}")() for it in properties if hasattr(kind, f"get_{it}")))
