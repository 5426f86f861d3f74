"""The reader of HDF5 files. They are opened read-only by h5py, without locks, foreign plugins or links to other files.

A file is walked once in each process (`survey`). Its contents are divided into tables and shards (`tables`), and a
shard is read through a window on each dataset (`window`). Reading needs NumPy and h5py, but recognising files does not,
so the modules that import these are imported where they are used.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datacheck.backends.folder import SearchedKind, search
from datacheck.backends.hdf5.file_list import sources
from datacheck.backends.hdf5.in_folders import IN_FOLDERS
from datacheck.backends.hdf5.shard_parts import EACH, parts
from datacheck.backends.interface import DEFAULTS, StoreOptions
from datacheck.model.blocks import AnyBlock, Layout, Note, Position, Shard, ignore
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding
from datacheck.model.replacing import replace

if TYPE_CHECKING:
    from datacheck.backends.hdf5.tables import Contents
    from datacheck.backends.hdf5.walking import Deadly


@dataclass(frozen=True)
class Hdf5Reader:
    """An HDF5 file, the files below a folder, or the files that a text list names.

    `names` are the names of the files in the latter two cases. `faults` are findings about what is not among the files.
    """

    path: Path
    files: tuple[Path, ...]
    names: tuple[str, ...] = ()
    faults: tuple[Finding, ...] = ()
    options: StoreOptions = DEFAULTS
    backend: str = "hdf5"
    kept: bool = field(default=False, repr=False, compare=False)
    """Whether files stay open after they were read. Only in workers, which end together with their reader."""
    known: bytes = field(default=b"", repr=False, compare=False)
    """What earlier walks of the files found, encoded (see the module `known`)."""
    in_folders = IN_FOLDERS

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "kept": True}

    @classmethod
    def recognise(cls, path: Path, options: StoreOptions = DEFAULTS) -> Hdf5Reader | None:
        """Return a reader if there is HDF5 at or below `path`, by the files' signatures; suffixes do not matter."""
        if path.is_dir():
            readers = search(path, [SearchedKind("HDF5", "HDF5", lambda: cls, cls.in_folders)], options).readers
            return next((it for it in readers if isinstance(it, cls)), None)
        source = sources(path)
        return None if source is None else cls(path, source.files, source.names, source.findings, options)

    @classmethod
    def gather(
        cls, folder: Path, files: Sequence[tuple[bytes, Path]], faults: Sequence[Finding], options: StoreOptions
    ) -> Hdf5Reader:
        """Return the reader of files below a folder, each named by its path in the folder."""
        return cls(folder, tuple(it for _, it in files), tuple(escape(it) for it, _ in files), tuple(faults), options)

    def reads(self) -> Iterator[Path]:
        """Yield the files that the source consists of."""
        yield from self.files

    def heeds(self) -> Iterator[Path]:
        """Yield the path of each text that is compared with the files of a folder."""
        from datacheck.backends.hdf5.folders.file_lists import compared_texts

        return compared_texts(self)

    def layout(self) -> Layout:
        """Walk every file and return the shards, with findings about the files as a whole."""
        from datacheck.backends.hdf5.layout import layout

        return layout(self)

    def layout_at_risk(self) -> Layout:
        """Return what `layout` returns. If this process dies of it, `layout` survives the same."""
        from datacheck.backends.hdf5.layout import layout

        return layout(self, guarded=False)

    def knowing(self, known: bytes) -> Hdf5Reader:
        """Return a copy of the reader that knows what the walks of a layout found."""
        return replace(self, known=known)

    def blocks(self, shard: Shard, *, limit: int | None = None, note: Note = ignore) -> Iterator[AnyBlock]:
        """Yield the rows of the shard, about 2 MiB at a time; for unjudged datasets, only their findings.

        Datasets that are records themselves come one by one, with their paths as keys.
        """
        from datacheck.backends.hdf5.blocks import blocks

        return blocks(self, shard, limit=limit, note=note)

    def file_of(self, shard: Shard) -> tuple[int, str]:
        """Return the number of the file that a shard belongs to, and the table name that its blocks have."""
        number, table, _ = parts(shard)
        return number, table.removeprefix(EACH) or ("" if table else "/")

    def part_names(self) -> tuple[Iterator[str], bool]:
        """Return the paths of the datasets and of their members, and whether the list is complete."""
        from datacheck.backends.hdf5.layout import part_names

        return part_names(self)

    def find(self, key: str) -> Shard | None:
        """Return the single row named "/table[row]", or "file:/table[row]" in a particular file, or None."""
        from datacheck.backends.hdf5.layout import find

        return find(self, key)

    def name(self, shard: Shard, place: Position, finding: Finding) -> Finding:
        """Return the finding with the row's name added; rows of datasets that are only read have no names."""
        from datacheck.backends.hdf5.layout import name

        return name(self, shard, place, finding)

    def contents(self, number: int, deadly: Deadly | None = None) -> Contents:
        """Return the contents of file `number`, walked around the deadly steps if they are known."""
        from datacheck.backends.hdf5.layout import contents_at

        return contents_at(self, number, deadly)
