"""Open an HDF5 file by h5py: read-only, without a lock or plugins from outside, and a damaged one nevertheless."""

from __future__ import annotations

import contextlib
import math
import os
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from datacheck.backends.hdf5.chunk_parts import cells
from datacheck.backends.hdf5.chunk_sizes import DEFLATE, other_size, value_bytes
from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.direct import CHUNK_BYTES, Direct, direct
from datacheck.backends.hdf5.last_axis import LastAxis
from datacheck.backends.hdf5.library_failures import failed, reason_of
from datacheck.backends.hdf5.mended import Mended
from datacheck.backends.hdf5.misplaced import Misplaced
from datacheck.backends.hdf5.superblock import superblock
from datacheck.backends.hdf5.trouble import TROUBLE
from datacheck.files.regular import NotRegular
from datacheck.model.finding import Finding, found

if TYPE_CHECKING:
    from datacheck.backends.hdf5.recovery.recover import Recovery

UNBUFFERED = "datacheck-unbuffered"
"""The usual driver, without a buffer for contiguous data: after a read that failed, HDF5 takes what that left in the
buffer, zeros at best, for what is in the file, and hands it out as values (H5Dcontig.c sets its place beforehand)."""


@cache
def library() -> Any:
    """Return h5py, imported here alone, so that who reads no HDF5 does not wait for it.

    The HDF5 library would load any shared library it finds in the folders of HDF5_PLUGIN_PATH as soon as a file asks
    for a filter, so its search is off, and its list of folders empty in case it was loaded before. hdf5plugin
    registers its filters itself. Other variables name a driver or a connector to load (without which nothing can be
    opened), or where parts of a file lie: none of them is obeyed. That for locks overrules what a caller says.
    """
    for name in [name for name in os.environ if name.startswith("HDF5_")]:
        del os.environ[name]
    os.environ["HDF5_PLUGIN_PRELOAD"] = "::"
    os.environ["HDF5_USE_FILE_LOCKING"] = "FALSE"
    import h5py

    with contextlib.suppress(ImportError):
        import hdf5plugin  # noqa: F401
    h5py.register_driver(UNBUFFERED, _set_unbuffered)
    for at in reversed(range(h5py.h5pl.size())):
        h5py.h5pl.remove(at)
    return h5py


class OpenFile:
    """An open file; `size` is its real length, `block` its superblock as far as it can be read here."""

    def __init__(self, path: Path, recovered: Recovery | None = None) -> None:
        """Open a file; with what is damaged mended where the library would refuse it. Raises what h5py raises."""
        self.path = path
        self.size = path.stat().st_size
        self.block = superblock(path)
        self.mended = None
        if self.block is not None and (recovered is not None or self.block.damaged(self.size)):
            self.mended = Mended(path, self.block, recovered)
        try:
            self.file = _unhealthy(self.mended) if self.mended is not None else _healthy(path)
        except BaseException:
            self._let_go()
            raise

    def __enter__(self) -> OpenFile:
        return self

    def __exit__(self, *exc: object) -> None:
        self.file.close()
        self._let_go()

    def _let_go(self) -> None:
        if self.mended is not None:
            self.mended.close()

    @property
    def id(self) -> Any:
        return self.file.id

    @property
    def cut(self) -> bool:
        """Say whether there may be less in the file than it says."""
        return self.mended is not None

    @property
    def truncated(self) -> bool:
        """Say whether the file ends before it says."""
        return self.block is not None and self.size < self.block.end

    @property
    def end(self) -> int:
        """Where the data of a sound file ends, 0 where it is not sound."""
        return 0 if self.block is None or self.cut or self.truncated else min(self.size, self.block.end)

    @cached_property
    def descriptor(self) -> int:
        number: int = self.file.id.get_vfd_handle() if self.mended is None else self.mended.descriptor
        return number

    @property
    def findings(self) -> list[Finding]:
        """What is wrong with the file as a whole."""
        return [] if self.block is None else list(self.block.findings(self.size))

    def dataset(self, dataset: Dataset, cache: int | None = None, slots: int | None = None) -> Any:
        """Open a dataset, with a `cache` of so many bytes in so many `slots` for its decoded chunks."""
        h5 = library()
        access = None
        if cache is not None:
            access = h5.h5p.create(h5.h5p.DATASET_ACCESS)
            access.set_chunk_cache(slots, cache, 0.75)
        handle = h5.Dataset(h5.h5d.open(self.file.id, dataset.path, access))
        return LastAxis(handle) if dataset.across else handle

    def read_whole(self, dataset: Dataset, into: NDArray[Any]) -> Finding | None:
        """Read all of a small dataset into an array of its shape and type: of very many each costs but two calls.

        Return what is wrong where the library reads it all the same: the size of a chunk.
        """
        h5 = library()
        opened = h5.h5d.open(self.file.id, dataset.path)
        if dataset.chunks is not None and DEFLATE in dataset.filters:
            past = self.past(dataset, h5.Dataset(opened))
            values = None if past is None else past.read(0, dataset.rows)
            if values is not None:
                into[...] = values
                return None
        opened.read(h5.h5s.ALL, h5.h5s.ALL, into)
        if dataset.chunks is not None and DEFLATE in dataset.filters:
            each = value_bytes(opened, self.file.id)
            size = None if each is None else each * math.prod(dataset.chunks)
            for origin, (rows, *_) in cells(dataset, 0, dataset.rows):
                said = other_size(opened, origin, dataset.filters, size)
                if said is not None:
                    lost = Misplaced(rows.start, rows.stop, origin, None, None, said)
                    return lost.finding(dataset.path, dataset.title)
        return None

    def past(self, dataset: Dataset, handle: Any, largest: int = CHUNK_BYTES) -> Direct | None:
        """Return how to read a dataset past the library, None if that is not to be done; of chunks up to `largest`."""
        if dataset.across:
            return None
        end = self.size
        if self.block is not None:
            end = max(end, self.block.end) if self.cut else min(end, self.block.end)
        try:
            return direct(library(), dataset, handle.id, self.descriptor, end, largest)
        except TROUBLE:  # what is wrong with it shows when the library reads it
            return None

    def first_lost(self, dataset: Dataset, handle: Any) -> tuple[int, int] | None:
        """Return the first row of a contiguous dataset beyond the end of a file that was cut, and the row's offset."""
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


def opened(path: Path, recovered: Recovery | None = None) -> OpenFile:
    """Open a file to be read, without a lock; as it was `recovered`, if that is how it can be read."""
    return OpenFile(path, recovered)


def _healthy(path: Path) -> Any:
    try:
        return library().File(library().h5f.open(os.fsencode(path), library().h5f.ACC_RDONLY, _without_lock()))
    except OSError as exc:
        if "locking flag" not in str(exc):
            raise
        # This process has the file open already, with a lock: the library then shares that and takes no other.
        return library().File(path, "r", driver=UNBUFFERED)


@cache
def _without_lock() -> Any:
    """Return how files are opened, made once: that takes as long as opening a small one."""
    access = library().h5p.create(library().h5p.FILE_ACCESS)
    access.set_fclose_degree(library().h5f.CLOSE_STRONG)
    access.set_file_locking(False, False)
    _set_unbuffered(access)
    return access


def _unhealthy(mended: Mended) -> Any:
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
    """Return why a file could not be opened. Raises what is a mistake of our own."""
    said = reason_of(exc)
    if isinstance(exc, PermissionError):
        return found("unsupported", f"the file may not be read: {said}")
    if isinstance(exc, NotRegular):
        return found("unsupported", f"the file was replaced while it was read: {exc.strerror}")
    return failed(exc, "HDF5 cannot open the file")
