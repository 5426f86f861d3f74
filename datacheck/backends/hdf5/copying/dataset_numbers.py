"""Renumber datasets that are one sample each and are named by number, when some of them are dropped.

Nothing in the file tells whether a loader counts up or uses the names, so gaps are closed up only on request.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from datacheck.backends.hdf5.folders.numbering import NUMBERED
from datacheck.backends.hdf5.samples.each import part_families
from datacheck.backends.hdf5.tables import Contents, Table
from datacheck.model.escaping import escape
from datacheck.model.finding import full_name

MOST, NEARLY_ALL = 2 / 3, 0.9
"""Minimum share of the datasets that have a scalar beside them, and of the scalars that are beside one of them."""
COUNTING_UP = "a loader that counts up will not find it, one that goes by the names does not notice"


@dataclass(frozen=True)
class Numbered:
    """A table of datasets that are one sample each, numbered from 0 or 1 without a gap; `paths` are their paths."""

    table: Table
    paths: Mapping[int, bytes]
    dropped: frozenset[int]
    same_width: bool
    """Whether all numbers are spelled alike: padded with zeros to one width, or not padded."""

    @property
    def left(self) -> list[int]:
        return sorted(self.paths.keys() - self.dropped)

    @property
    def holes(self) -> list[int]:
        """The dropped numbers below the last one that is left."""
        last = self.left[-1]
        return sorted(it for it in self.dropped if it < last)

    def new_names(self, paths: Mapping[int, bytes] | None = None) -> Iterator[tuple[bytes, bytes]]:
        """Yield the old and the new path of each object that gets another number.

        `paths` are the objects to rename, by number; if it is None, these are the datasets themselves.
        """
        paths = self.paths if paths is None else paths
        found = [
            match for path in paths.values() if (match := NUMBERED.fullmatch(path.rpartition(b"/")[2])) is not None
        ]
        width = max((len(it[2]) for it in found if it[2].startswith(b"0")), default=1)
        before, after, base = found[0][1], found[0][3], min(self.paths)
        for at, number in enumerate(self.left, base):
            if number != at and number in paths:
                path = paths[number]
                yield path, b"%s/%s%0*d%s" % (path.rpartition(b"/")[0], before, width, at, after)


def single_datasets(contents: Contents, rows: Mapping[str, Collection[int]]) -> Iterator[bytes]:
    """Yield the paths of the dropped datasets among those that are one record each."""
    for table in contents.tables:
        for row in rows.get(table.name, ()) if table.each else ():
            yield table.judged[row].path


def scalars_beside(contents: Contents, table: Table) -> Iterator[dict[int, bytes]]:
    """Yield the paths of scalars, by number, if most datasets of a table have one beside them: label_7 of image_7."""
    group = table.judged[0].path.rpartition(b"/")[0]
    numbers = [_number(it.path) for it in table.judged]
    families: dict[tuple[bytes, bytes], dict[int, bytes]] = defaultdict(dict)
    records = {it.path for it in contents.records}
    for path, shape in contents.shapes if None not in numbers else ():
        match = NUMBERED.fullmatch(path.rpartition(b"/")[2])
        if not shape and match is not None and path.rpartition(b"/")[0] == group and path not in records:
            families[match[1], match[3]][int(match[2])] = path
    for scalars in families.values():
        both = len(scalars.keys() & set(numbers))
        if both >= MOST * len(numbers) and both >= NEARLY_ALL * len(scalars):
            yield scalars


def scalars_of(contents: Contents, dropped: Collection[bytes]) -> Iterator[bytes]:
    """Yield the paths of the scalars that are dropped along with datasets that are one record each."""
    for table in contents.tables:
        own = {it.path for it in table.judged}.intersection(dropped) if table.each else set()
        for scalars in scalars_beside(contents, table) if own else ():
            yield from (scalars[number] for it in own if (number := _number(it)) in scalars)


def _number(path: bytes) -> int | None:
    match = NUMBERED.fullmatch(path.rpartition(b"/")[2])
    return None if match is None else int(match[2])


def numbered(contents: Contents, dropped: Collection[bytes]) -> Iterator[Numbered]:
    """Yield the datasets whose numbers have no gap, but get one in a copy that drops those in `dropped`."""
    for table in contents.tables:
        own = {it.path for it in table.judged} if table.each else set()
        if own.isdisjoint(dropped):
            continue
        found = {path: NUMBERED.fullmatch(path.rpartition(b"/")[2]) for path in own}
        matched = {path: it for path, it in found.items() if it is not None}
        paths = {int(it[2]): path for path, it in matched.items()}
        if len(matched) < len(own) or len(paths) < len(own) or len({(it[1], it[3]) for it in matched.values()}) > 1:
            continue
        lost = frozenset(number for number, path in paths.items() if path in dropped)
        if min(paths) > 1 or max(paths) - min(paths) >= len(paths) or len(lost) == len(paths):
            continue
        width = max((len(it[2]) for it in matched.values() if it[2].startswith(b"0")), default=1)
        alike = all(it[2] == b"%0*d" % (width, int(it[2])) for it in matched.values())
        series = Numbered(table, paths, lost, alike)
        if series.holes:
            yield series


def new_names(contents: Contents, dropped: Collection[bytes]) -> dict[bytes, bytes]:
    """Return the new path of each dataset, and scalar beside it, renumbered in a copy without those `dropped`."""
    all_numbered = list(numbered(contents, dropped))
    names: dict[bytes, bytes] = {}
    for it in all_numbered:
        if not _hindrance(it, all_numbered, contents):
            names.update(it.new_names())
            for scalars in scalars_beside(contents, it.table):
                names.update(it.new_names(scalars))
    return names


def notes(contents: Contents, dropped: Collection[bytes], label: str | None, renumber: bool | None) -> Iterator[str]:
    """Yield a sentence for each group whose dataset numbers have no gap in the source but get one in the copy."""
    all_numbered = list(numbered(contents, dropped))
    for it in all_numbered:
        text = gap_clause(it.table.group, it.paths.keys(), it.holes, label)
        why = _hindrance(it, all_numbered, contents)
        if renumber is True and why:
            yield f"{text}: --renumber does not close them up, since {why}"
        elif renumber is not True:
            yield f"{text}: {COUNTING_UP}" + ("; --renumber closes them up" if renumber is None and not why else "")


def gap_clause(group: str, numbers: Collection[int], holes: Sequence[int], label: str | None) -> str:
    """Return a clause that says which numbers in a group are missing in the copy and that the source has no gap."""
    missing = f"{holes[0]}" + (f" and {len(holes) - 1:,} more" if len(holes) > 1 else "")
    place = full_name(group or "/", label)
    return f"the numbers in {place}, from {min(numbers)} to {max(numbers)} without a gap, now lack {missing}"


def _hindrance(series: Numbered, all_numbered: Sequence[Numbered], contents: Contents) -> str:
    """Return why datasets cannot be renumbered, or an empty string if they can.

    They cannot if their numbers are spelled in several ways, if something else leads to them by their names, or if
    something else has the same numbers and would keep them.
    """
    group = series.table.judged[0].path.rpartition(b"/")[0]
    tied = _tied_tables(series.table, contents)
    if not series.same_width:
        return "they are spelled in several ways"
    if contents.by_path:
        return "links lead to objects by their names"
    for it in () if contents.means is None else contents.means.names:
        if it.above == group:
            return f"{it.title} names them"
    by_table = {it.table.name: it for it in all_numbered}
    known = {it.path for table in tied for it in table.judged}
    known |= {path for table in tied for scalars in scalars_beside(contents, table) for path in scalars.values()}
    for table in tied:
        other = by_table.get(table.name)
        if other is None or other.left != series.left or not other.same_width:
            return f"those like {escape(table.judged[0].path)} would keep theirs"
    beside = (below(it, group) for it in contents.paths if it.startswith(group + b"/") and it not in known)
    for name in sorted(beside):
        found = NUMBERED.fullmatch(name)
        if found is not None and int(found[2]) in series.paths:
            return f"{escape(group + b'/' + name)} would keep its own"
    return ""


def below(path: bytes, group: bytes) -> bytes:
    """Return the first component of a path below a group."""
    return path[len(group) + 1 :].partition(b"/")[0]


def _tied_tables(table: Table, contents: Contents) -> list[Table]:
    """Return the tables of datasets in the same group, and those that hold other parts of the same samples."""
    single = [it for it in contents.tables if it.each]
    names = {it.name for it in single if it.group == table.group}
    for _, by_table in part_families(single):
        names |= by_table.keys() if table.name in by_table else set()
    return [it for it in single if it.name in names]
