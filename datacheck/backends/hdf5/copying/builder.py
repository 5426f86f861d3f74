"""Build an HDF5 file from another one: every object as it was, except for rows that are left out or filled."""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.copying.chunk_sink import ChunkSink
from datacheck.backends.hdf5.copying.digest import FilePlan, Streamer, creation, extent
from datacheck.backends.hdf5.copying.filters import restore_options
from datacheck.backends.hdf5.copying.objects import Link, Tree, holds_references, renamed_path
from datacheck.backends.hdf5.copying.row_selection import Piece
from datacheck.backends.hdf5.copying.values import attributes, batches, form, in_copy, translated, write
from datacheck.backends.hdf5.file import OpenFile
from datacheck.backends.hdf5.library.library_failures import reason_of
from datacheck.backends.hdf5.library.listing import address
from datacheck.backends.hdf5.tables import TABLE
from datacheck.backends.hdf5.trouble import TROUBLE
from datacheck.backends.hdf5.values.decoding_ahead import Threads
from datacheck.errors import RebuildFailed
from datacheck.files.disk import WriteBehind
from datacheck.files.regular import open_regular
from datacheck.model.escaping import escape
from datacheck.model.slips import of_machine

CACHE_BYTES = 32 << 20
"""Size in bytes of the library's cache for chunks of the copy, for each dataset."""
WRITTEN_BYTES = 64 << 20
"""Number of bytes of values after which the copy is flushed to disk while more is written: see `write_out`."""


@contextlib.contextmanager
def disk_errors(target: Path) -> Iterator[None]:
    """Turn the library's error for a full disk or a file-size limit back into an OSError.

    Any other error comes from the source and is raised as RebuildFailed.
    """
    try:
        yield
    except TROUBLE as exc:
        number = re.search(r"errno = ([0-9]+)", str(exc))
        if of_machine(exc) and "file read failed" in str(exc):
            raise RebuildFailed(str(target), f"the source cannot be read: {reason_of(exc)}") from exc
        if number is not None:
            raise OSError(int(number[1]), os.strerror(int(number[1])), str(target)) from exc
        free = os.statvfs(target.parent)
        if free.f_bavail * free.f_frsize < 1 << 16:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target)) from exc
        raise RebuildFailed(str(target), f"HDF5 cannot copy what is damaged in the source: {reason_of(exc)}") from exc


class Builder:
    """Builds one file. All objects are created in a group without a name and then linked to their places."""

    def __init__(self, h5: Any, source: OpenFile, target: Path, plan: FilePlan, threads: int = 1) -> None:
        """`threads` is the number of threads that decode chunks, and of those that compress them."""
        self._h5 = h5
        self._threads = threads
        self._chunks: ChunkSink | None = None
        self._behind = WriteBehind(target)
        self._pending = 0
        self._file_of_source = source.path
        self._source = source.id
        self._past = source.past
        self._target = target
        self._plan = plan
        self._tree = Tree(h5, source.id, plan.skip, plan.amended)
        self._names_by_address: dict[int, bytes] = {}
        self._names: dict[bytes, bytes] = {b"/": b""}
        self._written: set[bytes] = set()
        """Datasets whose values must be written; all others were copied with their values."""
        self._described: list[bytes] = []
        """Objects whose attributes must be written, in order of creation."""
        self._datasets: list[bytes] = []

    def build(self) -> Generator[tuple[bytes, float], None, dict[bytes, bytes]]:
        """Write the file; yield datasets with the share done of each, return the digests of their values by path."""
        h5 = self._h5
        self._file, self._staging = self._created()
        digests: dict[bytes, bytes] = {}
        try:
            with disk_errors(self._target):
                self._described.append(b"/")
                for link in self._tree.links():
                    self._link(link)
            with Threads(self._threads) as decoding:
                streamer = Streamer(self._tree, self._plan, self._plan.changes, self._past, decoding)
                for path in self._datasets:
                    digests[path] = yield from self._copy_values(path, streamer)
            with disk_errors(self._target):
                for path in self._described:
                    self._describe(path)
                h5.h5f.flush(self._file, h5.h5f.SCOPE_GLOBAL)
        finally:
            with contextlib.closing(self._behind), disk_errors(self._target):
                self._staging.close()
                self._file.close()
        self._behind.end()
        self._copy_userblock()
        return digests

    def _copy_values(self, path: bytes, streamer: Streamer) -> Generator[tuple[bytes, float], None, bytes]:
        """Write the values of a dataset unless they were copied with it; return their digest."""
        opened = self._h5.h5d.open(self._source, path)
        sinks = self._sinks(path, opened) if path in self._written else ()
        streaming = streamer.values(path, opened, *sinks)
        while True:
            with disk_errors(self._target):
                share, digest = _next_share(streaming)
                if digest is not None and self._chunks is not None:
                    self._chunks.finish()
            if digest is not None:
                self._chunks = None
                return digest
            if self._pending >= WRITTEN_BYTES:
                self._pending = 0
                self._behind.begin()
            yield path, share

    def _created(self) -> tuple[Any, Any]:
        h5 = self._h5
        created = self._source.get_create_plist()
        version = created.get_version()[0]
        root = h5.h5g.open(self._source, b"/").get_create_plist()
        created.set_link_creation_order(root.get_link_creation_order())
        created.set_attr_creation_order(root.get_attr_creation_order())
        access = h5.h5p.create(h5.h5p.FILE_ACCESS)
        oldest = {0: h5.h5f.LIBVER_EARLIEST, 1: h5.h5f.LIBVER_EARLIEST, 2: h5.h5f.LIBVER_V18}
        access.set_libver_bounds(oldest.get(version, h5.h5f.LIBVER_V110), h5.h5f.LIBVER_LATEST)
        access.set_fclose_degree(h5.h5f.CLOSE_STRONG)
        access.set_cache(0, 10007, CACHE_BYTES, 0.75)
        with disk_errors(self._target):
            file = h5.h5f.create(os.fsencode(self._target), h5.h5f.ACC_EXCL, created, access)
            return file, h5.h5g.create(file, None)

    def _copy_userblock(self) -> None:
        size = self._source.get_create_plist().get_userblock()
        if not size:
            return
        with open_regular(self._file_of_source) as source, self._target.open("r+b") as target:
            while size > 0:
                piece = source.read(min(size, 1 << 20))
                target.write(piece)
                size -= len(piece)
                if not piece:
                    break

    def _link(self, link: Link) -> None:
        h5 = self._h5
        if link.first:
            self._create_object(link.leads)
        group = h5.h5g.open(self._file, renamed_path(link.above, self._plan.called))
        name = self._plan.called.get(link.path, link.name).rpartition(b"/")[2]
        naming = h5.h5p.create(h5.h5p.LINK_CREATE)
        naming.set_char_encoding(link.cset)
        if link.kind == h5.h5l.TYPE_SOFT:
            group.links.create_soft(name, link.value[0], lcpl=naming)
        elif link.kind == h5.h5l.TYPE_EXTERNAL:
            group.links.create_external(name, *link.value, lcpl=naming)
        elif link.leads == b"/":
            group.links.create_hard(name, self._file, b"/", lcpl=naming)
        elif link.leads in self._names:
            group.links.create_hard(name, self._staging, self._names[link.leads], lcpl=naming)

    def _create_object(self, path: bytes) -> None:
        h5 = self._h5
        opened = self._tree.open(path)
        if isinstance(opened, h5.h5t.TypeID):
            self._names[path] = self._committed_name(opened)
            self._described.append(path)
            return
        if isinstance(opened, h5.h5g.GroupID):
            name = self._name_of(self._tree.addresses[path])
            h5.h5g.create(self._staging, name, None, self._group_creation(opened))
            self._described.append(path)
        elif self._plan.bare and path not in self._plan.changes:
            return
        else:
            name = self._name_of(self._tree.addresses[path])
            self._datasets.append(path)
            self._create_dataset(path, opened, name)
        self._names[path] = name

    def _group_creation(self, group: Any) -> Any:
        """Return creation properties for the copy of a group; its own include where its links lie in the source."""
        stored = group.get_create_plist()
        properties = self._h5.h5p.create(self._h5.h5p.GROUP_CREATE)
        properties.set_link_creation_order(stored.get_link_creation_order())
        properties.set_attr_creation_order(stored.get_attr_creation_order())
        properties.set_attr_phase_change(*stored.get_attr_phase_change())
        return properties

    def _name_of(self, addr: int) -> bytes:
        return self._names_by_address.setdefault(addr, b"%d" % len(self._names_by_address))

    def _committed_name(self, kind: Any) -> bytes:
        """Return the name of the copy of a committed type, which may be needed before its link is reached."""
        addr = address(self._h5, kind)
        if addr not in self._names_by_address:
            self._copy_whole(kind, self._name_of(addr), attributes=False)
        return self._names_by_address[addr]

    def _copied_type(self, kind: Any) -> Any:
        if kind.committed():
            return self._h5.h5t.open(self._staging, self._committed_name(kind))
        return in_copy(self._h5, kind)

    def _copy_whole(self, opened: Any, name: bytes, *, attributes: bool) -> None:
        """Copy an object as it is stored, including its chunks."""
        how = self._h5.h5p.create(self._h5.h5p.OBJECT_COPY)
        how.set_copy_object(0 if attributes else self._h5.h5o.COPY_WITHOUT_ATTR_FLAG)
        self._h5.h5o.copy(opened, b".", self._staging, name, how)

    def _create_dataset(self, path: bytes, opened: Any, name: bytes) -> None:
        h5 = self._h5
        change = self._plan.changes.get(path)
        kind = opened.get_type()
        created = creation(h5, opened, change)
        virtual = created.get_layout() == h5.h5d.VIRTUAL
        outside = virtual or created.get_external_count()
        if change is None and not outside and not kind.committed() and not holds_references(h5, kind):
            special = self._is_special(path, opened)
            self._copy_whole(opened, name, attributes=not special)
            if special:
                self._described.append(path)
            return
        space = extent(h5, opened, created, change)
        restore_options(created)
        try:
            h5.h5d.create(self._staging, name, self._copied_type(kind), space, created)
        except TROUBLE as exc:
            raise _uncreatable(exc, self._target, path, created) from exc
        self._described.append(path)
        if not outside:
            self._written.add(path)

    def _is_special(self, path: bytes, opened: Any) -> bool:
        """Return whether an object has attributes that depend on other objects of the file, or are damaged."""
        return any(
            it is None or it.kind.committed() or holds_references(self._h5, it.kind)
            for _, it in attributes(self._tree, path, opened)
        )

    def _sinks(self, path: bytes, opened: Any) -> tuple[Any, ...]:
        """Return the function that takes the values of a dataset and, if it is chunked, the one that takes its chunks.

        The result is empty if no memory can hold the values.
        """
        h5 = self._h5
        copy = h5.h5d.open(self._staging, self._names[path])
        value_form = form(h5, opened, filling=self._plan.filling(path))
        created = opened.get_create_plist()
        change = self._plan.changes.get(path)
        chunked = created.get_layout() == h5.h5d.CHUNKED and value_form is not None and value_form.raw
        if value_form is None:
            return ()
        if chunked:
            self._chunks = ChunkSink(h5, opened, copy, value_form, created.get_chunk(), change, self._threads)
            return self._counting(self._chunks.put), self._counting(self._chunks.store)

        def put(piece: Piece, values: NDArray[Any]) -> None:
            write(h5, copy, value_form, translated(self._tree, values, self._copied_reference), piece)

        return (self._counting(put),)

    def _counting(self, sink: Callable[..., None]) -> Callable[..., None]:
        """Return a function that calls `sink` with its arguments and counts the bytes of the last one."""

        def take(*given: Any) -> None:
            sink(*given)
            values = given[-1]
            self._pending += values.nbytes if isinstance(values, np.ndarray) else len(values)

        return take

    def _copied_reference(self, reference: Any) -> Any:
        """Return the reference of the copy for a reference of the source; empty if its target is not in the copy."""
        h5 = self._h5
        points = self._tree.target(reference)
        is_region = isinstance(reference, h5.h5r.RegionReference)
        nothing = h5.h5r.RegionReference() if is_region else h5.h5r.Reference()
        if points is None or points[0] not in self._names:
            return nothing
        path, region = points
        place, name = (self._file, b"/") if path == b"/" else (self._staging, self._names[path])
        if region is None:
            return h5.h5r.create(place, name, h5.h5r.OBJECT)
        if path in self._plan.hidden:
            return nothing
        return h5.h5r.create(place, name, h5.h5r.DATASET_REGION, region)

    def _describe(self, path: bytes) -> None:
        """Write the attributes and the comment of an object."""
        h5 = self._h5
        source = self._tree.open(path)
        place, name = (self._file, b"/") if path == b"/" else (self._staging, self._names[path])
        copy = h5.h5o.open(place, name)
        comment = self._tree.comment(path)
        if comment:
            group = h5.h5g.open(self._file, b"/")
            group.set_comment(b".", comment) if path == b"/" else self._staging.set_comment(name, comment)
        for name, attribute in attributes(self._tree, path, source):
            if attribute is None or (name == TABLE and path in self._plan.marks):
                continue
            created = h5.h5a.create(copy, name, self._copied_type(attribute.kind), attribute.space)
            if attribute.values is not None:
                write(h5, created, attribute.held, translated(self._tree, attribute.values, self._copied_reference))
        if path in self._plan.marks:
            text = np.array(self._plan.marks[path].encode())
            kind = h5.h5t.py_create(text.dtype, logical=True)
            h5.h5a.create(copy, TABLE, kind, h5.h5s.create(h5.h5s.SCALAR)).write(text, kind)


def _uncreatable(exc: Exception, target: Path, path: bytes, created: Any) -> Exception:
    """Return the exception for a dataset that cannot be created, which names the filters if it has any."""
    if "errno = " in str(exc) or not created.get_nfilters():
        return exc
    filters = ", ".join(str(created.get_filter(at)[0]) for at in range(created.get_nfilters()))
    message = f"{escape(path)} cannot be created anew with its filters ({filters}) as installed here: {reason_of(exc)}"
    return RebuildFailed(str(target), message)


def _next_share(streaming: Generator[float, None, bytes]) -> tuple[float, bytes | None]:
    try:
        return next(streaming), None
    except StopIteration as stop:
        return 1.0, stop.value


def uncopyable(h5: Any, opened: Any) -> bool:
    """Return whether an unchanged dataset can be copied neither as it is stored nor by its values.

    Values of variable length lie outside the chunks, and a dataset with a committed type must be created anew.
    """
    created, value_form = opened.get_create_plist(), form(h5, opened)
    if created.get_external_count() or created.get_layout() == h5.h5d.VIRTUAL or opened.shape is None:
        return False
    raw = value_form is not None and value_form.raw
    missing = any(not h5.h5z.filter_avail(created.get_filter(at)[0]) for at in range(created.get_nfilters()))
    if missing:
        return not raw or opened.get_type().committed()
    if raw or value_form is None:
        return False
    try:
        for _ in batches(h5, opened, value_form, None):
            pass
    except (*TROUBLE, MemoryError):
        return True
    return False
