"""Datasets that are a sample each and called by number: those that go, and new numbers for those that are left.

Nothing says whether a loader counts up or goes by the names, so numbers are closed up only if that is asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from datacheck.backends.hdf5.each import part_families
from datacheck.backends.hdf5.numbering import NUMBERED
from datacheck.backends.hdf5.tables import Contents, Table
from datacheck.model.escaping import escape
from datacheck.model.finding import named

COUNTING_UP = "a loader that counts up will not find it, one that goes by the names does not notice"


@dataclass(frozen=True)
class Numbered:
    """A table of datasets that are a sample each, numbered from 0 or 1 without a gap; `paths` has them by number."""

    table: Table
    paths: Mapping[int, bytes]
    gone: frozenset[int]
    spelled: bool
    """Whether all numbers are spelled alike, with zeros before them up to one width or with none."""

    @property
    def left(self) -> list[int]:
        return sorted(self.paths.keys() - self.gone)

    @property
    def holes(self) -> list[int]:
        """The numbers that are missing before the last one that is left."""
        return sorted(it for it in self.gone if it < self.left[-1])

    def new_names(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield the paths of the datasets that get another number, and those that they get."""
        names = [(path, path.rpartition(b"/")) for _, path in sorted(self.paths.items())]
        found = [match for _, (_, _, name) in names if (match := NUMBERED.fullmatch(name)) is not None]
        width = max((len(it[2]) for it in found if it[2].startswith(b"0")), default=1)
        before, after, base = found[0][1], found[0][3], min(self.paths)
        for at, number in enumerate(self.left, base):
            if number != at:
                path = self.paths[number]
                yield path, b"%s/%s%0*d%s" % (path.rpartition(b"/")[0], before, width, at, after)


def single_datasets(contents: Contents, rows: Mapping[str, Collection[int]]) -> Iterator[bytes]:
    """Yield the paths of the datasets that go, of those that are a record each."""
    for table in contents.tables:
        for row in rows.get(table.name, ()) if table.each else ():
            yield table.judged[row].path


def numbered(contents: Contents, gone: Collection[bytes]) -> Iterator[Numbered]:
    """Yield the datasets that are numbered without a gap and get one in a copy without those that are gone."""
    for table in contents.tables:
        own = {it.path for it in table.judged} if table.each else set()
        if own.isdisjoint(gone):
            continue
        found = {path: NUMBERED.fullmatch(path.rpartition(b"/")[2]) for path in own}
        matched = {path: it for path, it in found.items() if it is not None}
        paths = {int(it[2]): path for path, it in matched.items()}
        if len(matched) < len(own) or len(paths) < len(own) or len({(it[1], it[3]) for it in matched.values()}) > 1:
            continue
        lost = frozenset(number for number, path in paths.items() if path in gone)
        if min(paths) > 1 or max(paths) - min(paths) >= len(paths) or len(lost) == len(paths):
            continue
        width = max((len(it[2]) for it in matched.values() if it[2].startswith(b"0")), default=1)
        alike = all(it[2] == b"%0*d" % (width, int(it[2])) for it in matched.values())
        made = Numbered(table, paths, lost, alike)
        if made.holes:
            yield made


def new_names(contents: Contents, gone: Collection[bytes]) -> dict[bytes, bytes]:
    """Return the datasets that can get new numbers in a copy without those that are gone, and their paths there."""
    every = list(numbered(contents, gone))
    return {old: new for it in every if not _hindrance(it, every, contents) for old, new in it.new_names()}


def notes(contents: Contents, gone: Collection[bytes], label: str | None, renumber: bool | None) -> Iterator[str]:
    """Yield a sentence for each group with numbers of datasets that have no gap in the source and get one."""
    every = list(numbered(contents, gone))
    for it in every:
        said = opened(it.table.group, it.paths.keys(), it.holes, label)
        why = _hindrance(it, every, contents)
        if renumber is True and why:
            yield f"{said}: --renumber does not close them up, since {why}"
        elif renumber is not True:
            yield f"{said}: {COUNTING_UP}" + ("; --renumber closes them up" if renumber is None and not why else "")


def opened(group: str, numbers: Collection[int], holes: Sequence[int], label: str | None) -> str:
    """Return how numbers in a group had no gap and have some in a copy."""
    missing = f"{holes[0]}" + (f" and {len(holes) - 1:,} more" if len(holes) > 1 else "")
    of = named(group or "/", label)
    return f"the numbers in {of}, from {min(numbers)} to {max(numbers)} without a gap, now lack {missing}"


def _hindrance(its: Numbered, every: Sequence[Numbered], contents: Contents) -> str:
    """Return why datasets cannot get new numbers, empty if they can: what else leads to them, or has these numbers."""
    group = its.table.judged[0].path.rpartition(b"/")[0]
    tied = _tied(its.table, contents)
    if not its.spelled:
        return "they are spelled in several ways"
    if contents.by_path:
        return "links lead to objects by their names"
    for it in () if contents.means is None else contents.means.names:
        if it.above == group:
            return f"{escape(it.path)} names them"
    by_table = {it.table.name: it for it in every}
    known = {it.path for table in tied for it in table.judged}
    for table in tied:
        other = by_table.get(table.name)
        if other is None or other.left != its.left or not other.spelled:
            return f"those like {escape(table.judged[0].path)} would keep theirs"
    beside = (below(it, group) for it in contents.paths if it.startswith(group + b"/") and it not in known)
    for name in sorted(beside):
        found = NUMBERED.fullmatch(name)
        if found is not None and int(found[2]) in its.paths:
            return f"{escape(group + b'/' + name)} would keep its own"
    return ""


def below(path: bytes, group: bytes) -> bytes:
    """Return the name of what a path leads through directly below a group."""
    return path[len(group) + 1 :].partition(b"/")[0]


def _tied(table: Table, contents: Contents) -> list[Table]:
    """Return the tables of datasets in the same group, and those that hold other parts of the same samples."""
    single = [it for it in contents.tables if it.each]
    names = {it.name for it in single if it.group == table.group}
    for _, of_table in part_families(single):
        names |= of_table.keys() if table.name in of_table else set()
    return [it for it in single if it.name in names]
