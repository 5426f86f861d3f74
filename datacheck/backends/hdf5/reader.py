"""HDF5 files, read by h5py: opened read-only, without a lock, without plugins from outside, following nothing outside.

A file is walked once in each process (`survey`); what it holds makes tables and shards (`tables`); a shard
is read through a window on each dataset (`window`).
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from datacheck.backends.folder import SearchedKind, search
from datacheck.backends.hdf5.alike_files import AlikeFiles
from datacheck.backends.hdf5.alike_headers import AlikeHeaders
from datacheck.backends.hdf5.attribute_values import AttributesOfFiles
from datacheck.backends.hdf5.case_folders import findings_of_cases
from datacheck.backends.hdf5.columns import Column
from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.file import OpenFile, library, refused
from datacheck.backends.hdf5.file_list import sources
from datacheck.backends.hdf5.file_types import FileTypes
from datacheck.backends.hdf5.fork_guard import survived_together
from datacheck.backends.hdf5.in_folders import IN_FOLDERS
from datacheck.backends.hdf5.kept import OpenTable, close_changed, kept
from datacheck.backends.hdf5.known import Packing, recalled
from datacheck.backends.hdf5.numbering import gaps
from datacheck.backends.hdf5.paired_files import findings_of_pairs
from datacheck.backends.hdf5.plain import PlainFile, is_plain, plain
from datacheck.backends.hdf5.probes import PROBES, probes, probes_of_records
from datacheck.backends.hdf5.reading import window_on, wrong
from datacheck.backends.hdf5.records import misplaced, read_each, read_records, unread
from datacheck.backends.hdf5.samples import FileShapes, findings_of_files
from datacheck.backends.hdf5.sparse_rows import Told, told_of
from datacheck.backends.hdf5.tables import EACH, RECORDS, Contents, Table, part, part_of_records, parts, rows, shards
from datacheck.backends.hdf5.trouble import TROUBLE
from datacheck.backends.hdf5.unwritten import within
from datacheck.backends.hdf5.walking import Deadly, contents_of, troubled, walked
from datacheck.backends.hdf5.window import Window, column
from datacheck.backends.interface import DEFAULTS, StoreOptions
from datacheck.backends.shared.searching import UNREAD, not_found
from datacheck.model.blocks import AnyBlock, Layout, Note, Position, RowBlock, Shard, ignore
from datacheck.model.cells import NUMBERS, Cells
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, errno_details, found
from datacheck.model.replacing import replace
from datacheck.model.slips import of_machine

BLOCK_BYTES = 4 << 20
"""The values of a block stay in the processor's cache for who looks at them next."""
LOT_FILES, LOT_BYTES = 64, 32 << 20
"""So many files, of so many bytes, are walked in one child process: what they hold is in memory at once."""


@dataclass(frozen=True)
class Hdf5Reader:
    """An HDF5 file, those below a folder, or those that a text list names; `names` are the files' in the latter two.

    `faults` are findings about what is not among the files.
    """

    path: Path
    files: tuple[Path, ...]
    names: tuple[str, ...] = ()
    faults: tuple[Finding, ...] = ()
    options: StoreOptions = DEFAULTS
    backend: str = "hdf5"
    kept: bool = field(default=False, repr=False, compare=False)
    """Whether files stay open after they were read: in workers, which get a reader and end with it."""
    known: bytes = field(default=b"", repr=False, compare=False)
    """What walks of the files have found (see `known`)."""
    in_folders = IN_FOLDERS

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "kept": True}

    @classmethod
    def recognise(cls, path: Path, options: StoreOptions = DEFAULTS) -> Hdf5Reader | None:
        """Return a reader if HDF5 lies at `path`, or below it, by the files' signatures; the suffixes mean nothing."""
        if path.is_dir():
            readers = search(path, [SearchedKind("HDF5", "HDF5", lambda: cls, cls.in_folders)], options).readers
            return next((it for it in readers if isinstance(it, cls)), None)
        there = sources(path)
        return None if there is None else cls(path, there.files, there.names, there.findings, options)

    @classmethod
    def gather(
        cls, folder: Path, files: Sequence[tuple[bytes, Path]], faults: Sequence[Finding], options: StoreOptions
    ) -> Hdf5Reader:
        """Return the reader of files below a folder, each called by its name there."""
        return cls(folder, tuple(it for _, it in files), tuple(escape(it) for it, _ in files), tuple(faults), options)

    def reads(self) -> Iterator[Path]:
        """Yield the files that the source consists of."""
        yield from self.files

    def layout(self) -> Layout:
        """Walk every file and return its shards; what is wrong with the files as a whole is in the findings."""
        findings = list(self.faults)
        made: list[Shard] = []
        tables: list[tuple[str, Table]] = []
        looked_at: list[Shard] = []
        single = 0
        size, more = 0, False
        shapes, types, attributes = FileShapes(), FileTypes(), AttributesOfFiles()
        of_file: dict[int, tuple[Table, ...]] = {}
        packing = Packing()
        keeps: dict[str, None] = {}
        for number, contents in self._surveyed():
            if self.names and contents.shapes and _whole(contents):
                shapes.add(number, contents.shapes)
                types.add(number, contents)
                attributes.add(number, contents)
            findings += (self._in_file(number, finding) for finding in [*contents.findings, *_nothing(contents)])
            made += shards(number, contents)
            more |= bool(contents.unjudged)
            keeps |= dict.fromkeys(contents.keeps)
            if _whole(contents) and len(contents.tables) == 1:
                of_file[number] = contents.tables
            tables += ((part(number, contents, table), table) for table in contents.tables)
            if contents.records:
                single += len(contents.records)
                looked_at += probes_of_records(part_of_records(number, contents), len(contents.records))
            with contextlib.suppress(OSError):
                status = self.files[number].stat()
                size += status.st_size
                packing.add(number, status.st_size, status.st_mtime_ns, contents)
        findings += findings_of_files(self.names, shapes, tuple(findings))
        findings += [*findings_of_cases(self.names, shapes), *types.findings(self.names)]
        findings += [*attributes.findings(self.names, shapes), *findings_of_pairs(self.names, of_file)]
        if self.path.is_dir():
            findings += gaps([*self.names, *(it.file for it in self.faults if it.file)])
        count = sum(table.rows for _, table in tables) + single
        known = packing.done()
        _told[:] = [(self, known)]
        looked_at = [*probes(tables), *looked_at[:PROBES]]
        return Layout(made, looked_at, count, size, findings, more, known, tuple(keeps))

    def knowing(self, known: bytes) -> Hdf5Reader:
        """Return the reader with what the walks of a layout have found."""
        return replace(self, known=known)

    def _surveyed(self) -> Iterator[tuple[int, Contents]]:
        """Yield the number of each file and what it holds: small ones are walked together, which costs one fork.

        Where that dies, the files of the lot are walked one by one.
        """
        close_changed()
        kinds = AlikeFiles()
        for lot in self._lots():
            known = {number: kinds.contents(self.files[number], size) for number, size in lot.items()}
            unknown = [number for number, contents in known.items() if contents is None]
            together: list[Contents] = []
            if len(unknown) > 1:
                library()
                alike = AlikeHeaders()
                walks = [partial(walked, self.files[it], lot[it], self.options, alike=alike) for it in unknown]
                together = survived_together(walks) or []
            known |= dict(zip(unknown, together, strict=False))
            for number, contents in known.items():
                if contents is None or (number in unknown and troubled(contents) is not None):
                    contents = self.contents(number)
                if number in unknown and len(self.files) > 1:
                    kinds.learn(self.files[number], lot[number], contents)
                yield number, contents

    def _lots(self) -> Iterator[dict[int, int]]:
        """Yield the files in order, as many in a lot as may be walked together, with the size of each."""
        lot: dict[int, int] = {}
        for number, file in enumerate(self.files):
            try:
                size = file.stat().st_size
            except OSError:  # it is gone, of which `contents` tells
                size = LOT_BYTES
            if lot and (len(lot) == LOT_FILES or sum(lot.values()) + size > LOT_BYTES):
                yield lot
                lot = {}
            lot[number] = size
        yield lot

    def blocks(self, shard: Shard, *, limit: int | None = None, note: Note = ignore) -> Iterator[AnyBlock]:
        """Yield the rows of the shard, about 2 MiB at a time; of unjudged datasets only what is wrong with them.

        Where datasets are the records, they come one by one, with their paths as keys.
        """
        number, name, deadly = parts(shard)
        contents = self.contents(number, deadly)
        table = contents.named.get(name)
        with ExitStack() as stack:
            try:
                file = stack.enter_context(self._opened(number, contents, table if limit != 1 else None))
            except TROUBLE as exc:  # the layout could open it: it is gone or was replaced since
                yield self._empty(number, refused(exc))
                return
            if table is not None and table.each:
                start, stop = _bounds(shard)
                referred = contents.means.referred if contents.means is not None else None
                yield from read_each(
                    file.file, table, start, stop, self._label(number), note, single=limit == 1, referred=referred
                )
            elif table is not None:
                of_table = file.table(name, table.datasets)
                told = told_of(file.file.file, table, contents.means)
                yield from self._rows(of_table, number, table, shard, limit, note, told)
            elif name == RECORDS:
                start, stop = _bounds(shard)
                yield from read_records(file.file, contents, start, stop, self._label(number), note)
            elif not name:
                yield from self._unjudged(file.file, number, contents, shard, note)

    def file_of(self, shard: Shard) -> tuple[int, str]:
        """Return the number of the file that a shard is of, and the name that the blocks of its table have."""
        number, table, _ = parts(shard)
        return number, table.removeprefix(EACH) or ("" if table else "/")

    def _opened(self, number: int, contents: Contents, table: Table | None) -> AbstractContextManager[Any]:
        """Return what opens a file, to read one of its tables or anything else."""
        if table is not None and is_plain(contents, table):
            return plain(self.files[number], keep=self.kept)
        return kept(self.files[number], contents.recovery, keep=self.kept)

    def part_names(self) -> tuple[Iterator[str], bool]:
        """Return the paths of the datasets and of their members, and whether these are all that there are."""
        walked = [self.contents(number) for number in range(len(self.files))]
        whole = not self.faults and not any(it.code in UNREAD for contents in walked for it in contents.findings)
        return (name for contents in walked for name in contents.names()), whole

    def find(self, key: str) -> Shard | None:
        """Return the one row called "/table[row]", or in a certain file "file:/table[row]"."""
        match = _KEY.fullmatch(key)
        if match is None:
            return self._find_record(key)
        for number in range(len(self.files)):
            contents = self.contents(number)
            for table in contents.tables:
                names = {table.name} | {f"{name}:{table.name}" for name in self.names[number : number + 1]}
                row = int(match[2])
                if match[1] in names and row < table.rows:
                    return rows(part(number, contents, table), row, row + 1)
        everything = (it for number in range(len(self.files)) for it in self.contents(number).findings)
        not_found(it for it in [*self.faults, *everything] if it.code in UNREAD)
        return None

    def _find_record(self, key: str) -> Shard | None:
        for number in range(len(self.files)):
            contents = self.contents(number)
            places = [(part_of_records(number, contents), contents.records)]
            places += ((part(number, contents, table), table.judged) for table in contents.tables if table.each)
            for of, datasets in places:
                for at, dataset in enumerate(datasets):
                    path = escape(dataset.path)
                    if key == path or key in {f"{name}:{path}" for name in self.names[number : number + 1]}:
                        return rows(of, at, at + 1)
        return None

    def name(self, shard: Shard, place: Position, finding: Finding) -> Finding:
        """Return the finding with the row's name; datasets that are only read have no rows with names."""
        number, table, deadly = parts(shard)
        key = f"{table}[{_row(place)}]" if table else None
        if table.startswith(EACH) and table != RECORDS:
            key = self.contents(number, deadly).named[table].key(_row(place))
        if table == RECORDS:
            key = escape(self.contents(number, deadly).records[_row(place)].path)
        return msgspec.structs.replace(self._in_file(number, finding), key=key)

    def _rows(
        self,
        file: OpenTable | PlainFile,
        number: int,
        table: Table,
        shard: Shard,
        limit: int | None,
        note: Note,
        told: Told,
    ) -> Iterator[RowBlock]:
        at = 0 if shard.start is None else _row(shard.start)
        stop = table.rows if shard.stop is None else min(table.rows, _row(shard.stop))
        most = max(1, BLOCK_BYTES // table.row_bytes)
        if limit is not None:
            most = min(most, limit)
        windows = [window_on(file, it, most, single=limit == 1) for it in table.datasets]
        judged = frozenset(it.path for it in table.judged)
        columns = [
            (window, window.dataset.columns if window.dataset.path in judged else ())
            for window in sorted(windows, key=lambda window: window.dataset.path)
        ]
        windows.sort(key=lambda window: not window.aligned)
        while at < stop:
            note(Position(at), True)
            end = min(at + most, stop)
            for window in windows:
                whole = stop if window.aligned else end
                end = min(end, window.cover(at, whole))
            yield self._block(number, table, columns, at, end, told)
            at = end

    def _block(self, number: int, table: Table, windows: _Windows, start: int, stop: int, told: Told) -> RowBlock:
        columns: dict[str, NDArray[Any]] = {}
        cells: dict[str, Cells] = {}
        unread: dict[str, list[int]] = {}
        unwritten: dict[str, Sequence[int]] = {}
        missing: dict[str, NDArray[Any]] = {}
        findings: list[tuple[int | None, Finding]] = []
        for window, judged in windows:
            lost = [at for at in range(start, stop) if at in window.lost] if window.lost else []
            findings += ((at - start, window.lost[at]) for at in lost)
            if not judged:
                continue
            values = window.values[start - window.start : stop - window.start]
            never = within(window.dataset.unwritten, start, stop)
            for it in judged:
                if it.holds == NUMBERS:
                    columns[it.name] = column(values, it)
                    if window.dataset.declared is not None:
                        columns[it.name], mask = window.dataset.declared.meant(columns[it.name])
                        missing |= {} if mask is None else {it.name: mask}
                    label = it.name in table.labels
                    nowhere = told.leading_nowhere(window.dataset, it.name, columns[it.name], start, label=label)
                    findings += (said for said in nowhere if said[0] not in never)
                else:
                    cells[it.name] = Cells(it.holds, column(values, it))
                if never:
                    unwritten[it.name] = never
                if lost:
                    unread[it.name] = [at - start for at in lost]
        at = range(start, stop)
        return RowBlock(
            table.name, at, columns, table.labels, unread, self._label(number), findings,
            group=table.group, cells=cells, unwritten=unwritten, place_of=told.places, missing=missing,
        )  # fmt: skip

    def _unjudged(
        self, file: OpenFile, number: int, contents: Contents, shard: Shard, note: Note
    ) -> Iterator[RowBlock]:
        start, stop = _bounds(shard)
        for at, dataset in enumerate(contents.unjudged[start:stop], start):
            note(Position(at), True)
            if not dataset.shape and NUMBERS in dataset.holds:
                yield self._scalar(file, number, dataset)
                continue
            for finding in wrong(file, dataset, BLOCK_BYTES):
                yield self._empty(number, finding)

    def _scalar(self, file: OpenFile, number: int, dataset: Dataset) -> RowBlock:
        """Return a block of no rows with the numbers of a scalar dataset, or with why they cannot be read."""
        if dataset.misplaced:
            return self._empty(number, misplaced(dataset))
        try:
            value = np.asarray(file.dataset(dataset)[()], dataset.dtype)
        except (*TROUBLE, MemoryError) as exc:
            return self._empty(number, unread(dataset, exc))
        path = escape(dataset.path)
        numbers = (it for it in dataset.columns if it.holds == NUMBERS)
        scalars = [(path, it.name, column(value[np.newaxis], it)) for it in numbers]
        return RowBlock("/", (), {}, file=self._label(number), scalars=scalars)

    def _empty(self, number: int, finding: Finding) -> RowBlock:
        return RowBlock("/", (), {}, file=self._label(number), findings=[(None, finding)])

    def contents(self, number: int, deadly: Deadly | None = None) -> Contents:
        """Return what file `number` holds, walked around the deadly steps where they are known."""
        file = self.files[number]
        try:
            status = file.stat()
        except OSError as exc:
            said = f"the file cannot be opened: {exc.strerror}"
            if of_machine(exc):
                return Contents(
                    findings=(found("unreadable", said, verdict="unverifiable", **errno_details(exc.errno)),)
                )
            return Contents(findings=(found("unreadable", said),))
        known = self.known or next((held for whose, held in _told if whose is self), b"")
        there = recalled(known, number, status.st_size, status.st_mtime_ns)
        if there is not None and deadly in (None, there.deadly):
            return there
        return contents_of(file, status.st_size, status.st_mtime_ns, self.options, deadly)

    def _label(self, number: int) -> str | None:
        return self.names[number] if self.names else None

    def _in_file(self, number: int, finding: Finding) -> Finding:
        label = self._label(number)
        return finding if label is None else msgspec.structs.replace(finding, file=label)


_told: list[tuple[Hdf5Reader, bytes]] = []
"""The reader that took a layout last in this process, and what the walks of its files found."""
_Windows = Sequence[tuple[Window, tuple[Column, ...]]]
"""The windows on the datasets of a table in the order of their paths, and the columns of each that are judged."""
_KEY = re.compile(r"(.*)\[([0-9]{1,18})\]")


def _nothing(contents: Contents) -> Iterator[Finding]:
    """Yield the finding of a file that holds no value, where nothing else says why."""
    said = any(it.verdict != "suspicious" and it.code != "row-count" for it in contents.findings)
    if not (contents.tables or contents.single or said):
        yield found("no-records", "the file holds no dataset with a value in it: there is nothing to train on")


def _whole(contents: Contents) -> bool:
    return not any(it.code in UNREAD for it in contents.findings)


def _bounds(shard: Shard) -> tuple[int, int | None]:
    return 0 if shard.start is None else _row(shard.start), None if shard.stop is None else _row(shard.stop)


def _row(place: Position) -> int:
    assert isinstance(place.key, int)
    return place.key + place.nth
