"""Lay out HDF5 files: their shards, probes and findings. Each process walks each file once (`survey`)."""

from __future__ import annotations

import contextlib
import re
from collections import deque
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from datacheck.backends.hdf5.alike_files import AlikeFiles
from datacheck.backends.hdf5.file import library
from datacheck.backends.hdf5.folders.case_folders import findings_of_cases
from datacheck.backends.hdf5.folders.counts_beside import with_counts
from datacheck.backends.hdf5.folders.counts_of_sets import findings_of_sets, too_large, whole_sets
from datacheck.backends.hdf5.folders.file_families import FileShapes, findings_of_files
from datacheck.backends.hdf5.folders.file_lists import findings_of_lists
from datacheck.backends.hdf5.folders.file_types import FileTypes
from datacheck.backends.hdf5.folders.leading_files import findings_of_leading
from datacheck.backends.hdf5.folders.numbering import gaps
from datacheck.backends.hdf5.folders.own_samples import without_own_samples
from datacheck.backends.hdf5.folders.paired_files import findings_of_pairs
from datacheck.backends.hdf5.folders.record_lists import findings_of_record_lists
from datacheck.backends.hdf5.folders.stacks import stacked
from datacheck.backends.hdf5.kept import close_changed
from datacheck.backends.hdf5.known import Packing, recalled
from datacheck.backends.hdf5.library.alike_headers import AlikeHeaders
from datacheck.backends.hdf5.library.fork_guard import Together
from datacheck.backends.hdf5.probes import PROBES, probes, probes_of_records
from datacheck.backends.hdf5.references.leading_elsewhere import Leading
from datacheck.backends.hdf5.samples.attribute_values import AttributesOfFiles
from datacheck.backends.hdf5.samples.counts_in_attributes import Counted
from datacheck.backends.hdf5.samples.usual_differences import without_usual
from datacheck.backends.hdf5.shard_parts import EACH, RECORDS, parts, row_of
from datacheck.backends.hdf5.tables import Contents, Table, part, part_of_records, rows, shards
from datacheck.backends.hdf5.walking import Deadly, contents_of, troubled_groups, walked
from datacheck.backends.shared.searching import UNREAD, not_found
from datacheck.model.blocks import Layout, Position, Shard
from datacheck.model.escaping import escape, unescape
from datacheck.model.finding import Finding, errno_details, found
from datacheck.model.slips import of_machine

if TYPE_CHECKING:
    from datacheck.backends.hdf5.reader import Hdf5Reader

LOT_FILES, LOT_BYTES = 64, 32 << 20
"""Maximum number and total size in bytes of the files walked in one child process; their contents are all in memory."""
AT_ONCE = 2
"""Number of lots that are walked at a time, if most of their files are unlike those of earlier lots."""
_last_layout: list[tuple[Hdf5Reader, bytes]] = []
"""The reader that took a layout last in this process, and the packed contents of its files."""
_KEY = re.compile(r"(.*)\[([0-9]{1,18})\]")
"""The key of a row: its table, perhaps after a file, and its number."""


def layout(reader: Hdf5Reader, *, guarded: bool = True) -> Layout:
    """Walk every file and return the layout, with the findings for whole files.

    If the walk of a single file is not `guarded`, a damaged one may end this process.
    """
    findings = list(reader.faults)
    all_shards: list[Shard] = []
    tables: list[tuple[str, Table]] = []
    looked_at: list[Shard] = []
    single = 0
    size, more = 0, False
    shapes, types, attributes = FileShapes(), FileTypes(), AttributesOfFiles()
    of_file: dict[int, tuple[Table, ...]] = {}
    larger: dict[int, Sequence[Counted]] = {}
    leading: dict[int, Sequence[Leading]] = {}
    alone: list[Sequence[tuple[bytes, tuple[int, ...]]]] = []
    packing = Packing()
    keeps: dict[str, None] = {}
    for number, contents in _contents_of_files(reader, guarded=guarded):
        if reader.names and contents.shapes and _is_complete(contents):
            shapes.add(number, contents.shapes, without_own_samples(contents, unescape(reader.names[number])))
            types.add(number, contents)
            attributes.add(number, contents)
        alone = [] if reader.names else [contents.shapes]
        file_findings = [*contents.findings, *_no_records_findings(contents), *with_counts(reader, number, contents)[1]]
        if reader.options.heeded:
            file_findings += findings_of_record_lists(reader.files[number], contents)
        findings += (in_file(reader, number, finding) for finding in file_findings)
        leading |= {number: contents.leading} if contents.leading else {}
        larger |= {number: it} if reader.names and (it := too_large(contents.means)) else {}
        all_shards += shards(number, contents)
        more |= bool(contents.unjudged)
        keeps |= dict.fromkeys(contents.keeps)
        if _is_complete(contents) and len(contents.tables) == 1:
            of_file[number] = contents.tables
        tables += ((part(number, contents, table), table) for table in contents.tables)
        if contents.records:
            single += len(contents.records)
            looked_at += probes_of_records(part_of_records(number, contents), len(contents.records))
        with contextlib.suppress(OSError):
            status = reader.files[number].stat()
            size += status.st_size
            packing.add(number, status.st_size, status.st_mtime_ns, contents)
    findings = findings_of_sets(findings, reader.names, whole_sets(reader.names, larger))
    findings = without_usual(findings, [*alone, *(it.items() for it in shapes.by_file.values())])
    findings += findings_of_files(reader.names, shapes, tuple(findings))
    findings += findings_of_leading(reader.names, leading, shapes.by_file) if reader.names else ()
    findings += findings_of_lists(reader)
    findings += [*findings_of_cases(reader.names, shapes), *types.findings(reader.names)]
    findings += [*attributes.findings(reader.names, shapes), *findings_of_pairs(reader.names, of_file)]
    if reader.path.is_dir():
        findings += gaps([*reader.names, *(it.file for it in reader.faults if it.file)])
    count = sum(table.rows for _, table in tables) + single
    known = packing.pickled()
    _last_layout[:] = [(reader, known)]
    looked_at = [*probes(tables), *looked_at[:PROBES]]
    unlike = stacked([*map(unescape, reader.names)], shapes.by_file)
    various = tuple(sorted({it for _, table in tables for it in table.fields_at(unlike)})) if unlike else ()
    only_tables = not single and not any(table.each for _, table in tables)
    return Layout(all_shards, looked_at, count, size, findings, more, known, tuple(keeps), various, only_tables)


def _contents_of_files(reader: Hdf5Reader, *, guarded: bool) -> Iterator[tuple[int, Contents]]:
    """Yield the number and contents of each file. Small files are walked in lots, which cost one fork each.

    If the child dies, the files of its lot are walked one by one.
    """
    close_changed()
    kinds = AlikeFiles()
    for lot in _begun_lots(reader, kinds):
        together = None if lot.walks is None else lot.walks.results()
        known = lot.known | dict(zip(lot.unknown, together or (), strict=False))
        for number, contents in known.items():
            if contents is None or (number in lot.unknown and troubled_groups(contents) is not None):
                contents = contents_at(reader, number, guarded=guarded or len(reader.files) > 1)
            if number in lot.unknown and len(reader.files) > 1:
                kinds.learn(reader.files[number], lot.sizes[number], contents)
            yield number, contents


class _Lot:
    """A lot of files, of which those that are not `known` are being walked in a child process if there are several."""

    def __init__(self, reader: Hdf5Reader, sizes: dict[int, int], kinds: AlikeFiles) -> None:
        self.sizes = sizes
        self.known = {number: kinds.contents(reader.files[number], size) for number, size in sizes.items()}
        self.unknown = [number for number, contents in self.known.items() if contents is None]
        self.walks: Together[Contents] | None = None
        if len(self.unknown) > 1:
            library()
            alike = AlikeHeaders()
            walks = [partial(walked, reader.files[it], sizes[it], reader.options, alike=alike) for it in self.unknown]
            self.walks = Together(walks)


def _begun_lots(reader: Hdf5Reader, kinds: AlikeFiles) -> Iterator[_Lot]:
    """Yield the lots in order, while the files of the next ones are being walked.

    The lot after the first is not begun ahead: most of its files may be like those of the first, and need no walk.
    """
    begun: deque[_Lot] = deque()
    try:
        for number, sizes in enumerate(_lots(reader)):
            begun.append(lot := _Lot(reader, sizes, kinds))
            ahead = number > 0 and 2 * len(lot.unknown) > len(sizes)
            while len(begun) >= (AT_ONCE if ahead else 1):
                yield begun.popleft()
        while begun:
            yield begun.popleft()
    finally:
        for lot in begun:
            if lot.walks is not None:
                lot.walks.kill()


def _lots(reader: Hdf5Reader) -> Iterator[dict[int, int]]:
    """Yield lots of files to be walked together, in order, as the sizes by file number."""
    lot: dict[int, int] = {}
    for number, file in enumerate(reader.files):
        try:
            size = file.stat().st_size
        except OSError:  # the file is gone, which `contents_at` reports
            size = LOT_BYTES
        if lot and (len(lot) == LOT_FILES or sum(lot.values()) + size > LOT_BYTES):
            yield lot
            lot = {}
        lot[number] = size
    yield lot


def contents_at(reader: Hdf5Reader, number: int, deadly: Deadly | None = None, *, guarded: bool = True) -> Contents:
    """Return the contents of file `number`. A walk avoids the deadly steps, if they are known; see `contents_of`."""
    file = reader.files[number]
    try:
        status = file.stat()
    except OSError as exc:
        message = f"the file cannot be opened: {exc.strerror}"
        if of_machine(exc):
            return Contents(
                findings=(found("unreadable", message, verdict="unverifiable", **errno_details(exc.errno)),)
            )
        return Contents(findings=(found("unreadable", message),))
    known = reader.known or next((packed for owner, packed in _last_layout if owner is reader), b"")
    contents = recalled(known, number, status.st_size, status.st_mtime_ns)
    if contents is not None and deadly in (None, contents.deadly):
        return contents
    return contents_of(file, status.st_size, status.st_mtime_ns, reader.options, deadly, guarded=guarded)


def part_names(reader: Hdf5Reader) -> tuple[Iterator[str], bool]:
    """Return the paths of the datasets and their members, and whether the list is complete."""
    walked = [contents_at(reader, number) for number in range(len(reader.files))]
    complete = not reader.faults and not any(it.code in UNREAD for contents in walked for it in contents.findings)
    return (name for contents in walked for name in contents.names()), complete


def find(reader: Hdf5Reader, key: str) -> Shard | None:
    """Return a shard of the one row with this key: "/table[row]", or "file:/table[row]" for a certain file.

    The key of a record that is a dataset is its path. Return None if there is no such row. Raises PartUnread if the row
    may be in a part that could not be read.
    """
    match = _KEY.fullmatch(key)
    if match is None:
        return _find_record(reader, key)
    for number in range(len(reader.files)):
        contents = contents_at(reader, number)
        for table in contents.tables:
            names = {table.name} | {f"{name}:{table.name}" for name in reader.names[number : number + 1]}
            row = int(match[2])
            if match[1] in names and row < table.rows:
                return rows(part(number, contents, table), row, row + 1)
    everything = (it for number in range(len(reader.files)) for it in contents_at(reader, number).findings)
    not_found(it for it in [*reader.faults, *everything] if it.code in UNREAD)
    return None


def _find_record(reader: Hdf5Reader, key: str) -> Shard | None:
    for number in range(len(reader.files)):
        contents = contents_at(reader, number)
        places = [(part_of_records(number, contents), contents.records)]
        places += ((part(number, contents, table), table.judged) for table in contents.tables if table.each)
        for part_shard, datasets in places:
            for at, dataset in enumerate(datasets):
                path = escape(dataset.path)
                if key == path or key in {f"{name}:{path}" for name in reader.names[number : number + 1]}:
                    return rows(part_shard, at, at + 1)
    return None


def name(reader: Hdf5Reader, shard: Shard, place: Position, finding: Finding) -> Finding:
    """Return the finding with the key of its row. Datasets that are only read have no keys."""
    number, table, deadly = parts(shard)
    key = f"{table}[{row_of(place)}]" if table else None
    if table.startswith(EACH) and table != RECORDS:
        key = contents_at(reader, number, deadly).named[table].key(row_of(place))
    if table == RECORDS:
        key = escape(contents_at(reader, number, deadly).records[row_of(place)].path)
    return msgspec.structs.replace(in_file(reader, number, finding), key=key)


def label_of(reader: Hdf5Reader, number: int) -> str | None:
    return reader.names[number] if reader.names else None


def in_file(reader: Hdf5Reader, number: int, finding: Finding) -> Finding:
    label = label_of(reader, number)
    return finding if label is None else msgspec.structs.replace(finding, file=label)


def _no_records_findings(contents: Contents) -> Iterator[Finding]:
    """Yield the finding for a file that holds no values, if no other finding explains it."""
    explained = any(it.verdict != "suspicious" and it.code != "row-count" for it in contents.findings)
    if not (contents.tables or contents.single or explained):
        yield found("no-records", "the file holds no dataset with a value in it: there is nothing to train on")


def _is_complete(contents: Contents) -> bool:
    return not any(it.code in UNREAD for it in contents.findings)
