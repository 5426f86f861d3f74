"""Open HDF5 files with h5py: read-only, without a lock, without external plugins, and even if they are damaged."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.library.bounds import DECODING, HEAP_SHARE, OBJECT_SHARE, at_most, unbounded
from datacheck.backends.hdf5.library.known_filters import BUILT_IN
from datacheck.backends.hdf5.library.library_failures import failed
from datacheck.backends.hdf5.library.mended import Mended
from datacheck.backends.hdf5.samples.last_axis import LastAxis
from datacheck.backends.hdf5.structure.misplaced import Misplaced
from datacheck.backends.hdf5.structure.superblock import superblock
from datacheck.backends.hdf5.trouble import TROUBLE
from datacheck.backends.hdf5.values.chunk_parts import cells
from datacheck.backends.hdf5.values.chunk_sizes import COMPRESSING, KNOWN, other_size, short_size, value_bytes
from datacheck.backends.hdf5.values.direct import CHUNK_BYTES, Direct, direct
from datacheck.errors import DENIED
from datacheck.files.regular import NotRegular
from datacheck.model.finding import Finding, found

if TYPE_CHECKING:
    from datacheck.backends.hdf5.recovery.recover import Recovery

UNBUFFERED = "datacheck-unbuffered"
"""Name of the usual driver without the sieve buffer for contiguous data. After a failed read, HDF5 takes what is left
in that buffer (zeros at best) for file content and returns it as values, since H5Dcontig.c sets the buffer's place
before it reads."""


@cache
def library() -> Any:
    """Import h5py and return it. Nothing else imports it, so that other backends do not pay for the import.

    As soon as a file asks for a filter, the HDF5 library would load any shared library that it finds in the folders of
    HDF5_PLUGIN_PATH. So the search is switched off, and the list of folders is emptied in case the library was loaded
    before. Other HDF5_ variables name a driver or a connector to load (without which nothing can be opened), or where
    parts of a file are stored; all of them are removed. HDF5_USE_FILE_LOCKING would override what a caller asks for, so
    it is set to FALSE.
    """
    for name in [name for name in os.environ if name.startswith("HDF5_")]:
        del os.environ[name]
    os.environ["HDF5_PLUGIN_PRELOAD"] = "::"
    os.environ["HDF5_USE_FILE_LOCKING"] = "FALSE"
    _settle_processor()
    import h5py

    h5py.register_driver(UNBUFFERED, _set_unbuffered)
    for at in reversed(range(h5py.h5pl.size())):
        h5py.h5pl.remove(at)
    return h5py


def _settle_processor() -> None:
    """Keep `platform` from running `uname -p`, which takes 5 ms.

    h5py asks `platform.uname()` for the machine. Looking at one item of it determines all, and the name of the
    processor is known to that program alone. Nobody needs that name.
    """
    import platform

    with contextlib.suppress(AttributeError, TypeError):  # another version of Python may hold the name differently
        vars(platform.uname()).setdefault("processor", "")


@cache
def provide_filters() -> None:
    """Import hdf5plugin, which registers its filters with the library. It takes 10 ms, and few files need it."""
    library()
    with contextlib.suppress(ImportError):
        import hdf5plugin  # noqa: F401


def filters_missing() -> bool:
    """Check whether the filters of hdf5plugin have not been imported yet."""
    return not provide_filters.cache_info().currsize


def may_need_filters(filters: Sequence[int], *, stored_here: bool) -> bool:
    """Check whether reading a dataset may need filters beyond those of h5py.

    What is not `stored_here` may be stored in other files, with any filters.
    """
    return not stored_here or not BUILT_IN.issuperset(filters)


class OpenFile:
    """An open file. `size` is its real length, and `block` is its superblock, or None if that cannot be parsed here."""

    def __init__(self, path: Path, recovered: Recovery | None = None, *, filters: bool = True) -> None:
        """Open a file, with damage mended if the library would refuse it. Raises what h5py raises.

        Without `filters`, the filters of hdf5plugin are only there once `dataset` or `read_whole` needs them.
        """
        if filters:
            provide_filters()
        self.path = path
        self.size = path.stat().st_size
        self.block = superblock(path)
        self.mended = None
        if self.block is not None and (recovered is not None or self.block.damaged(self.size)):
            self.mended = Mended(path, self.block, recovered)
        try:
            self.file = _open_mended(self.mended) if self.mended is not None else _open_healthy(path)
        except BaseException:
            self._close_mended()
            raise

    def __enter__(self) -> OpenFile:
        return self

    def __exit__(self, *exc: object) -> None:
        self.file.close()
        self._close_mended()

    def _close_mended(self) -> None:
        if self.mended is not None:
            self.mended.close()

    @property
    def id(self) -> Any:
        return self.file.id

    @property
    def cut(self) -> bool:
        """Whether the file may hold less than it declares."""
        return self.mended is not None

    @property
    def truncated(self) -> bool:
        """Whether the file is shorter than its superblock declares."""
        return self.block is not None and self.size < self.block.end

    @property
    def end(self) -> int:
        """Offset at which the data of a sound file ends; 0 if the file is not sound."""
        return 0 if self.block is None or self.cut or self.truncated else min(self.size, self.block.end)

    @cached_property
    def descriptor(self) -> int:
        number: int = self.file.id.get_vfd_handle() if self.mended is None else self.mended.descriptor
        return number

    @property
    def findings(self) -> list[Finding]:
        """The findings for the file as a whole."""
        return [] if self.block is None else list(self.block.findings(self.size))

    def dataset(self, dataset: Dataset, cache: int | None = None, slots: int | None = None) -> Any:
        """Open a dataset, with a cache of `cache` bytes and `slots` hash slots for its decoded chunks."""
        h5 = library()
        _provide_filters_of(dataset)
        access = None
        if cache is not None:
            access = h5.h5p.create(h5.h5p.DATASET_ACCESS)
            access.set_chunk_cache(slots, cache, 0.75)
        handle = h5.Dataset(self._opened(dataset, access))
        return LastAxis(handle) if dataset.across else handle

    def _opened(self, dataset: Dataset, access: Any = None) -> Any:
        """Open a dataset by its path; the links of a group that it leads through may need filters, too."""
        h5 = library()
        if filters_missing():
            with contextlib.suppress(*TROUBLE):
                return h5.h5d.open(self.file.id, dataset.path, access)
            provide_filters()
        return h5.h5d.open(self.file.id, dataset.path, access)

    def value(self, dataset: Dataset) -> Any:
        """Return the whole value of a dataset. It may take no more memory than a sound one could need.

        Before the library looks for a value of variable length, it allocates as many bytes as the reference to it
        claims, and a crafted chunk may inflate to any size. Filters that are not known may need any memory.
        """
        bounded = dataset.dtype.hasobject or (bool(dataset.filters) and KNOWN.issuperset(dataset.filters))
        bound = dataset.bytes + DECODING * dataset.chunk_bytes if dataset.filters else 0
        if dataset.dtype.hasobject:
            bound += OBJECT_SHARE * dataset.bytes + HEAP_SHARE * self.size
        with at_most(bound) if bounded else unbounded():
            return self.dataset(dataset)[()]

    @unbounded()
    def read_whole(self, dataset: Dataset, into: NDArray[Any]) -> Finding | None:
        """Read a whole small dataset into an array of its shape and type, in two calls, since a file may have many.

        Return a finding if a chunk has the wrong size, which the library reads without an error, or None.
        """
        h5 = library()
        _provide_filters_of(dataset)
        opened = self._opened(dataset)
        if dataset.chunks is not None and not COMPRESSING.isdisjoint(dataset.filters):
            past = self.past(dataset, h5.Dataset(opened))
            values = None if past is None else past.read(0, dataset.rows)
            if values is not None:
                into[...] = values
                return None
        opened.read(h5.h5s.ALL, h5.h5s.ALL, into)
        if dataset.chunks is not None and not COMPRESSING.isdisjoint(dataset.filters):
            value_size = value_bytes(opened, self.file.id)
            size = None if value_size is None else value_size * math.prod(dataset.chunks)
            for origin, (rows, *_) in cells(dataset, 0, dataset.rows):
                wrong = other_size(opened, origin, dataset.filters, size, short_size(dataset, origin, size))
                if wrong is not None:
                    lost = Misplaced(rows.start, rows.stop, origin, None, None, wrong)
                    return lost.finding(dataset.path, dataset.title)
        return None

    def past(self, dataset: Dataset, handle: Any, largest: int = CHUNK_BYTES) -> Direct | None:
        """Return a direct reader of a dataset with chunks up to `largest` bytes, or None if only the library can."""
        if dataset.across:
            return None
        end = self.size
        if self.block is not None:
            end = max(end, self.block.end) if self.cut else min(end, self.block.end)
        try:
            return direct(library(), dataset, handle.id, self.descriptor, end, largest)
        except TROUBLE:  # the library reports the error when it reads the dataset
            return None

    def first_lost(self, dataset: Dataset, handle: Any) -> tuple[int, int] | None:
        """Return the first row of a contiguous dataset that lies beyond the file's end, and its offset.

        Return None if the file is not `cut`, the dataset is not contiguous, or all of it is there.
        """
        if not self.cut or dataset.across:
            return None
        created = handle.id.get_create_plist()
        if created.get_layout() != library().h5d.CONTIGUOUS or created.get_external_count():
            return None
        offset = handle.id.get_offset()
        if offset is None or not dataset.row_bytes or offset + dataset.bytes <= self.size:
            return None
        row = max(0, self.size - offset) // dataset.row_bytes
        return row, offset + row * dataset.row_bytes


def _provide_filters_of(dataset: Dataset) -> None:
    if may_need_filters(dataset.filters, stored_here=dataset.chunks is not None or dataset.placed is not None):
        provide_filters()


def opened(path: Path, recovered: Recovery | None = None, *, filters: bool = True) -> OpenFile:
    """Open a file for reading, without a lock; `recovered` describes how to present a damaged one to the library.

    The filters of hdf5plugin are loaded at once with `filters`, otherwise when a dataset needs them.
    """
    return OpenFile(path, recovered, filters=filters)


def _open_healthy(path: Path) -> Any:
    try:
        return library().File(library().h5f.open(os.fsencode(path), library().h5f.ACC_RDONLY, _without_lock()))
    except OSError as exc:
        if "locking flag" not in str(exc):
            raise
        # This process already has the file open with a lock. The library then shares that lock and takes no other.
        return library().File(path, "r", driver=UNBUFFERED)


@cache
def _without_lock() -> Any:
    """Return the file access properties, cached since building them takes as long as opening a small file."""
    access = library().h5p.create(library().h5p.FILE_ACCESS)
    access.set_fclose_degree(library().h5f.CLOSE_STRONG)
    access.set_file_locking(False, False)
    _set_unbuffered(access)
    return access


def _open_mended(mended: Mended) -> Any:
    h5 = library()
    access = h5.h5p.create(h5.h5p.FILE_ACCESS)
    access.set_fclose_degree(h5.h5f.CLOSE_STRONG)
    access.set_fileobj_driver(h5.h5fd.fileobj_driver, mended)
    access.set_sieve_buf_size(0)
    return h5.File(h5.h5f.open(repr(mended).encode(), h5.h5f.ACC_RDONLY, access))


def _set_unbuffered(access: Any, **options: Any) -> None:
    access.set_fapl_sec2(**options)
    access.set_sieve_buf_size(0)


def refused(exc: Exception) -> Finding:
    """Return a finding for why a file could not be opened. Raise the exception again if it is a bug in datacheck."""
    if isinstance(exc, PermissionError):
        return found("unsupported", f"the file {DENIED}")
    if isinstance(exc, NotRegular):
        return found("unsupported", f"the file was replaced while it was read: {exc.strerror}")
    return failed(exc, "HDF5 cannot open the file")
