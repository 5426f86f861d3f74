"""Copy HDF5 files without the dropped rows and with the filled values; everything else stays as it was.

A file that does not change is copied byte for byte. Any other file is rebuilt (`builder`), so that no dropped data is
left in it. Its digest (`digest`) is computed in separate passes over the source and over the copy.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.copy_plan import Copied, Copying, Gone, Plan, Verifying
from datacheck.backends.hdf5.copying import dataset_numbers
from datacheck.backends.hdf5.copying.builder import Builder, uncopyable
from datacheck.backends.hdf5.copying.companions import Lost, not_copied
from datacheck.backends.hdf5.copying.copy_losses import losses_of_file
from datacheck.backends.hdf5.copying.corrected_numbers import read_numbers
from datacheck.backends.hdf5.copying.digest import NOTHING, FilePlan, Streamer, hashing, structure_digest
from datacheck.backends.hdf5.copying.group_numbers import new_names, own_numbers
from datacheck.backends.hdf5.copying.objects import OF_ATTRIBUTES, Tree
from datacheck.backends.hdf5.copying.parts import Part, changes_of
from datacheck.backends.hdf5.copying.quarantine_files import write_quarantine
from datacheck.backends.hdf5.copying.renumbering import moves, renamed
from datacheck.backends.hdf5.copying.row_selection import NONE, Change, Kept
from datacheck.backends.hdf5.copying.stored_chunks import unlisted
from datacheck.backends.hdf5.copying.updates import Samples, all_dropped, amend, indexes, samples_of_file
from datacheck.backends.hdf5.copying.whole_files import (
    Marks,
    copy_bytes,
    copy_others,
    digest_bytes,
    digest_of_others,
    sync,
)
from datacheck.backends.hdf5.file import library, opened
from datacheck.backends.hdf5.folders.counts_beside import amended, with_counts
from datacheck.backends.hdf5.folders.counts_of_sets import WholeSet, sets_of, with_sets
from datacheck.backends.hdf5.folders.file_lists import COUNTS as BESIDE
from datacheck.backends.hdf5.library.library_failures import reason_of
from datacheck.backends.hdf5.reader import Hdf5Reader
from datacheck.backends.hdf5.shard_parts import EACH
from datacheck.backends.hdf5.tables import Contents, table_marks
from datacheck.backends.hdf5.trouble import TROUBLE
from datacheck.backends.hdf5.values.decoding_ahead import Threads
from datacheck.backends.interface import Reader
from datacheck.errors import RebuildFailed
from datacheck.files.disk import let_go
from datacheck.files.modes import restrict_permissions
from datacheck.files.past_cache import PIECE_BYTES
from datacheck.files.regular import open_regular
from datacheck.model.escaping import escape, unescape
from datacheck.model.replacing import replace

STEPS = 16
"""Number of pieces of a copy that are read between calls of `let_go`, so that its pages do not fill the memory."""

RENUMBER = "--renumber"
NOT_NUMBERED = f"{RENUMBER} changes nothing here: no names of what is left have a gap that can be closed up"


@dataclass(frozen=True)
class Hdf5Copier:
    """The worker's part of `LazyCopier`: copies an HDF5 file, a folder of them, or the files that a text list names.

    The files of a list go into a folder, together with a list of the same name that names the files beside it. If two
    files have the same name, the second gets its number as a prefix. A symbolic link in a folder that leads to an HDF5
    file is replaced by the file in the copy. Any other link is kept if it leads to something in the folder, and is left
    out if not.

    `lost` holds the files and escaped paths that a scan found damaged. The path is empty if the file is damaged as a
    whole; the file is None if the source is a single file. A damaged file is rebuilt from everything else in it, since
    its bytes are not sound. If there is nothing else in it, a file of a folder or a list is left out.
    """

    lost: Lost = frozenset()
    to: str = "hdf5"

    def objections(self, reader: Reader, *, changed: bool = True) -> list[str]:
        """Return a sentence for each thing in the source that a copy could not keep."""
        assert isinstance(reader, Hdf5Reader)
        sentences = list(not_copied(reader)) if reader.path.is_dir() else []
        for number, file in enumerate(reader.files if changed else ()):
            label = f"{reader.names[number]}: " if reader.names else ""
            lost = self._damaged_paths(reader, number)
            try:
                contents = reader.contents(number)
                with opened(file, contents.recovery) as handle:
                    skip = _deadly(contents.findings) | lost
                    sentences += (label + it for it in losses_of_file(library(), handle.id, contents, skip, lost))
            except TROUBLE:
                if not lost:
                    sentences.append(f"{label}the file cannot be opened, and is copied byte for byte as it is")
        return sentences

    def _damaged_paths(self, reader: Hdf5Reader, number: int) -> frozenset[str]:
        """Return the escaped paths in a file that are known to be damaged."""
        label = reader.names[number] if reader.names else None
        return frozenset(path for file, path in self.lost if file == label)

    def gone(self, reader: Reader, indexes: bytes, marked: Samples, *, drop_rows: bool, renumber: bool | None) -> Gone:
        """Return everything that is dropped along with the records at these indexes and the marked samples."""
        assert isinstance(reader, Hdf5Reader)
        dropped = all_dropped(reader, indexes, marked, drop_rows=drop_rows, renumber=renumber)
        whole_files = {file for file, path in dropped.samples if not path}
        files = tuple(moves(reader, whole_files, renumber))
        noted = files or dropped.numbered or any(RENUMBER in it for it in dropped.notes)
        notes = (*dropped.notes, NOT_NUMBERED) if renumber is True and dropped.indexes and not noted else dropped.notes
        return replace(dropped, moves=files, notes=notes)

    def copy(self, reader: Reader, plan: Plan) -> Copying:
        """Write the copy and the quarantine, which is a file, or a folder with one file for each that loses rows.

        A single file that loses no rows has no quarantine.

        Raises OSError if the disk is full or refuses to write, and RebuildFailed if damage prevents copying a file.
        """
        assert isinstance(reader, Hdf5Reader)
        kept = dropped = altered = quarantined_rows = done = 0
        account = hashing()
        single = not reader.names
        if not single:
            names, lost = self._target_names(reader, plan), self._not_copied_beside(plan)
            account.update(copy_others(reader, plan.target, names, lost, self._amended_beside(reader, plan)))
            if plan.quarantine is not None:
                plan.quarantine.mkdir()
        for part in self._parts(reader, plan):
            target = plan.target if single else plan.target / part.name
            if not part.whole:
                digest = yield from _progress(_copy_file(part, target, plan.threads), part, done)
                account.update(os.fsencode(f"{part.name}\0{digest}\0"))
            done += part.records
            dropped += len(part.drops)
            kept += part.records - len(part.drops)
            changes = {id(it.filled): it for it in part.plan.changes.values()}.values()
            altered += sum(int(it.filled.any() if it.whole else it.filled.sum()) for it in changes)
            if plan.quarantine is not None and len(part.drops):
                beside = plan.quarantine if single else plan.quarantine / part.was
                beside.parent.mkdir(parents=True, exist_ok=True)
                quarantined_rows += write_quarantine(part, beside, plan.drops.deadly, reader)
            yield done
        for path in (plan.target, plan.quarantine):
            if path is not None and path.exists():
                sync(path)
        return Copied(kept, dropped, altered, quarantined_rows, account.hexdigest())

    def _parts(self, reader: Hdf5Reader, plan: Plan) -> Iterator[Part]:
        """Yield each file with the changes to make to it."""
        drops = plan.drops.indexes()
        fills = plan.fills.indexes() if plan.fills is not None and plan.fill is not None else NONE
        first = 0
        names = copied_names(reader)
        new_file_names = renamed(names, plan.moves)
        sets = sets_of(reader)
        gone_of_sets = self._gone_of_sets(reader, plan, drops, sets)
        for number, file in enumerate(reader.files):
            contents, _ = with_counts(reader, number, reader.contents(number))
            contents = with_sets(contents, number, sets, gone_of_sets)
            start = first
            if self._holds_nothing(reader, number):
                continue
            label = reader.names[number] if reader.names else None
            samples, is_whole = samples_of_file(plan.samples, label)
            edits = changes_of(contents, first, drops, fills, plan.fill)
            changes, first = edits.changes, first + edits.records
            records = drops[slice(*np.searchsorted(drops, [start, first]))]
            lost = self._damaged_paths(reader, number)
            omitted = frozenset(map(escape, samples))
            beside = dataset_numbers.scalars_of(contents, frozenset(map(unescape, edits.left_out)))
            skip = _deadly(contents.findings) | lost | edits.left_out | omitted | frozenset(map(escape, beside))
            dropped = samples | frozenset(map(unescape, edits.left_out))
            numbers = amend(file, contents, dropped, changes, read_numbers(file, contents) if changes else {})
            skip |= indexes(contents, changes)
            called = _new_paths(contents, plan, label, samples, dropped)
            numbers |= own_numbers(contents, called)
            anew = bool(lost or edits.left_out or samples or numbers) or contents.damaged
            by_value: frozenset[bytes] = frozenset()
            if changes or anew:
                try:
                    with opened(file, contents.recovery) as handle:
                        skip |= _hold_virtual_values(Tree(library(), handle.id, skip), contents, changes)
                        by_value = unlisted(library(), handle.id, contents, skip)
                except TROUBLE as exc:
                    if reader.names:
                        continue  # the other files of the folder can still be copied
                    raise RebuildFailed(
                        str(plan.target), f"nothing of the source can be read: {reason_of(exc)}"
                    ) from exc
            marks = table_marks(contents, edits.heights)
            planned = FilePlan(contents, changes, skip, marks=marks, anew=anew, amended=numbers, by_value=by_value)
            planned = replace(planned, called=called)
            yield Part(file, new_file_names[number], names[number], number, start, planned, records, omitted, is_whole)

    def _gone_of_sets(
        self, reader: Hdf5Reader, plan: Plan, drops: NDArray[np.int64], sets: Sequence[WholeSet]
    ) -> dict[int, frozenset[bytes]]:
        """Return the samples that a copy does not have, of each file with counts of whole sets, by its number."""
        gone: dict[int, frozenset[bytes]] = {}
        first = 0
        for number in range(len(reader.files)) if sets else ():
            edits = changes_of(reader.contents(number), first, drops, NONE, None)
            samples, is_whole = samples_of_file(plan.samples, reader.names[number])
            of_sets = {path for it in sets if number in it.by_file for path in it.by_file[number].samples}
            gone[number] = frozenset(of_sets) if is_whole else samples | frozenset(map(unescape, edits.left_out))
            first += edits.records
        return gone

    def _amended_beside(self, reader: Hdf5Reader, plan: Plan) -> dict[Path, bytes]:
        """Return the new contents, by path, of the files of a folder that count the samples and rows of HDF5 files."""
        if not (reader.path.is_dir() and any(reader.path.rglob(os.fsdecode(BESIDE)))):
            return {}
        parts = (it for it in self._parts(reader, plan) if not it.whole)
        return {name: it for part in parts for name, it in amended(reader.path, part.plan.amended).items()}

    def _holds_nothing(self, reader: Hdf5Reader, number: int) -> bool:
        """Check whether a file of a folder or a list is damaged as a whole and holds nothing that can be copied."""
        if not reader.names or "" not in self._damaged_paths(reader, number):
            return False
        contents = reader.contents(number)
        return not (contents.tables or contents.single)

    def _target_names(self, reader: Hdf5Reader, plan: Plan) -> list[str]:
        """Return the names that the copied files have in the target folder."""
        dropped = {file for file, path in plan.samples if not path}
        numbers = enumerate(copied_names(reader))
        return [it for at, it in numbers if reader.names[at] not in dropped and not self._holds_nothing(reader, at)]

    def _not_copied_beside(self, plan: Plan) -> Lost:
        """Return what is not copied of the things beside a folder's HDF5 files: damaged ones and dropped folders."""
        return self.lost | {it for it in plan.samples if not it[1]}

    def verify(self, reader: Reader, plan: Plan, share: int = 0, shares: int = 1) -> Verifying:
        """Re-open the copy and read all of it."""
        assert isinstance(reader, Hdf5Reader)
        account = hashing()
        single = not reader.names
        if not single:
            account.update(digest_of_others(reader, plan.target, self._not_copied_beside(plan)))
        records = done = 0
        for part in self._parts(reader, plan):
            target = plan.target if single else plan.target / part.name
            if part.whole:
                done += part.records
                continue
            part_records, digest = yield from _verify_file(part, target, done, plan.threads)
            account.update(os.fsencode(f"{part.name}\0{digest}\0"))
            records += part_records
            done += part.records
            yield done
        return records, account.hexdigest()


def _new_paths(
    contents: Contents, plan: Plan, label: str | None, samples: Collection[bytes], dropped: Collection[bytes]
) -> dict[bytes, bytes]:
    """Return the paths in the copy of the groups and datasets of a file that get other numbers, by their own paths.

    `samples` are the dropped groups, `dropped` these and the dropped datasets that are one record each.
    """
    renumbered = {it for name, it in plan.numbered if name == label}
    called: dict[bytes, bytes] = {}
    for above in (unescape(it) for it in renumbered if not it.startswith(EACH)):
        called |= new_names(contents, samples, above, renumber=True)
    if any(it.startswith(EACH) for it in renumbered):
        called |= dataset_numbers.new_names(contents, dropped)
    return called


def _hold_virtual_values(tree: Tree, contents: Contents, changes: dict[bytes, Change]) -> frozenset[str]:
    """Make virtual datasets hold their values themselves, since their sources may change.

    This adds to `changes`. Return the escaped paths of the datasets that cannot be copied.
    """
    h5 = tree.h5
    known = {it.path: it for table in contents.tables for it in table.datasets}
    known |= {it.path: it for it in contents.single}
    lost = set()
    for link in tree.links():
        path = link.leads
        handle = tree.open(path) if link.first and path not in changes else None
        if not isinstance(handle, h5.h5d.DatasetID):
            continue
        dataset = known.get(path)
        if uncopyable(h5, handle):
            lost.add(escape(path))
        elif dataset is not None and dataset.shape and handle.get_create_plist().get_layout() == h5.h5d.VIRTUAL:
            changes[path] = Change(Kept(dataset.rows), across=dataset.across)
    return frozenset(lost)


def _deadly(findings: Sequence[Any]) -> frozenset[str]:
    """Return the paths of objects that must not be opened, and of attributes (path + OF_ATTRIBUTES) likewise."""
    details = [it.details for it in findings if it.code in ("crash", "timeout")]
    paths = {it["path"] for it in details if "path" in it}
    return frozenset(paths | {it["attributes_of"] + OF_ATTRIBUTES for it in details if "attributes_of" in it})


def copied_names(reader: Hdf5Reader) -> list[str]:
    """Return the file names of the copies in the target folder; a name that a list repeats gets a number as prefix."""
    if reader.path.is_dir():
        return [str(file.relative_to(reader.path)) for file in reader.files]
    if not reader.names:
        return [file.name for file in reader.files]
    taken = {reader.path.name}
    names = []
    for number, file in enumerate(reader.files):
        name = file.name if file.name not in taken else f"{number}-{file.name}"
        taken.add(name)
        names.append(name)
    return names


def _progress(marks: Marks, part: Part, done: int) -> Generator[int, None, str]:
    """Yield the number of records done, computed from the shares of the datasets that are done; return the digest."""
    shares = {b"": float(part.records)} if part.plan.as_it_is else part.shares()
    so_far: dict[bytes, float] = {}
    total = 0.0
    while True:
        try:
            path, share = next(marks)
        except StopIteration as stop:
            digest: str = stop.value
            return digest
        if path in shares:
            total += shares[path] * (share - so_far.get(path, 0.0))
            so_far[path] = share
        yield done + min(part.records, int(total))


def _copy_file(part: Part, target: Path, threads: int) -> Marks:
    if part.plan.as_it_is:
        return (yield from copy_bytes(part.file, target))
    with opened(part.file, part.plan.contents.recovery) as source:
        builder = Builder(library(), source, target, part.plan, threads)
        digests = yield from builder.build()
        restrict_permissions(target, part.file.stat().st_mode)
        sync(target)
        tree = Tree(library(), source.id, part.plan.skip, part.plan.amended)
        return _digest(tree, part.plan, digests, part.file, planned=True)


def _digest(tree: Tree, plan: FilePlan, digests: dict[bytes, bytes], file: Path, *, planned: bool) -> str:
    for _ in tree.links():
        pass  # the tree has to see all links before it knows what references point to
    created = tree.file.get_create_plist()
    account = hashing(structure_digest(tree, plan, digests, planned=planned).encode())
    account.update(repr((created.get_userblock(), created.get_sizes(), created.get_version()[0])).encode())
    with open_regular(file) as raw:
        left = created.get_userblock()
        while left > 0 and (piece := raw.read(min(left, PIECE_BYTES))):
            account.update(piece)
            left -= len(piece)
    return account.hexdigest()


def _verify_file(part: Part, target: Path, done: int, threads: int) -> Generator[int, None, tuple[int, str]]:
    if part.plan.as_it_is:
        digest = yield from _progress(digest_bytes(target), part, done)
        return part.records, digest
    with opened(target) as copy, Threads(threads) as decoding:
        digest = yield from _progress(_digest_copy(part, copy, target, decoding), part, done)
        records = 0
        for table, _ in part.tables:
            if table.each:
                records += sum(_path_in_copy(part, copy, it.path) is not None for it in table.judged)
                continue
            places = [
                (place, it.across) for it in table.datasets if (place := _path_in_copy(part, copy, it.path)) is not None
            ]
            shapes = [(library().h5d.open(copy.id, place).shape, across) for place, across in places]
            records += min((shape[-1 if across else 0] for shape, across in shapes), default=0)
        records += sum(_path_in_copy(part, copy, it.path) is not None for it in part.plan.contents.records)
        return records, digest


def _path_in_copy(part: Part, copy: Any, path: bytes) -> bytes | None:
    """Return the path in an open copy of a dataset of the source, or None if the copy does not have it."""
    place = part.place(path)
    return place if place is not None and place in copy.file else None


def _digest_copy(part: Part, copy: Any, target: Path, threads: Threads) -> Marks:
    h5 = library()
    tree = Tree(h5, copy.id, called=part.plan.called)
    paths = [link.leads for link in tree.links() if link.first]
    streamer = Streamer(tree, part.plan, NOTHING, copy.past, threads)
    digests, steps = {}, 0
    for path in paths:
        handle = tree.open(path)
        if not isinstance(handle, h5.h5d.DatasetID):
            continue
        values = streamer.values(path, handle)
        while True:
            try:
                yield path, next(values)
                steps += 1
                if steps % STEPS == 0:
                    let_go(target)
            except StopIteration as stop:
                digests[path] = stop.value
                break
    return _digest(tree, part.plan, digests, target, planned=False)
