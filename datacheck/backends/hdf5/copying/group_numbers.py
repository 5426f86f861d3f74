"""Close up the numbers of groups that a loader counts when some are dropped: episode_0, episode_1 and so on.

Minari opens as many groups as an attribute says, by their numbers from 0 on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from datacheck.backends.hdf5.copying import dataset_numbers
from datacheck.backends.hdf5.folders.numbering import NUMBERED
from datacheck.backends.hdf5.meaning import ID, Meaning
from datacheck.backends.hdf5.tables import Contents
from datacheck.model.escaping import escape

COUNTING = frozenset({b"total_episodes"})
"""Attributes that count groups which the loader opens by number."""


def counted_groups(above: bytes, means: Meaning, *, every: bool = False) -> tuple[bytes, list[bytes]]:
    """Return the name of the attribute that counts the groups of one parent, and their paths in order of their numbers.

    The groups must be numbered from 0 without a gap. Both are empty if they are not or if nothing counts them. With
    `every`, groups that nothing counts are returned too, numbered from 0 or 1, with an empty name.
    """
    paths = {it for it in means.samples if it.rpartition(b"/")[0] == above}
    counts = (it for it in means.counts if it.name in COUNTING)
    here = (it for it in counts if it.path == (above or b"/") or paths.issuperset(it.samples))
    count = next((it for it in here if not paths.isdisjoint(it.samples)), None)
    if count is not None:
        paths.intersection_update(count.samples)
    elif not every:
        return b"", []
    found = {path: NUMBERED.fullmatch(path.rpartition(b"/")[2]) for path in paths}
    by_number = {int(it[2]): path for path, it in found.items() if it is not None}
    alike = {(it[1], it[3]) for it in found.values() if it is not None}
    firsts = (0,) if count is not None else (0, 1)
    if len(by_number) < len(found) or len(alike) != 1 or min(by_number) not in firsts:
        return b"", []
    if max(by_number) - min(by_number) >= len(by_number):
        return b"", []
    return b"" if count is None else count.name, [by_number[it] for it in sorted(by_number)]


def new_names(
    contents: Contents, dropped: Collection[bytes], above: bytes, *, renumber: bool | None = None
) -> dict[bytes, bytes]:
    """Return the new paths of the groups of one parent that are renumbered in a copy without those `dropped`.

    There are none if something leads to the groups by their names, or if `renumber` is False. If `renumber` is True,
    groups that nothing counts are renumbered too.
    """
    means = contents.means or Meaning()
    _, groups = counted_groups(above, means, every=renumber is True)
    if renumber is False or contents.by_path or any(it.above == above for it in means.names):
        return {}
    found = [NUMBERED.fullmatch(it.rpartition(b"/")[2]) for it in groups]
    numbers = [it[2] for it in found if it is not None]
    width = max((len(it) for it in numbers if it.startswith(b"0")), default=1)
    if not groups or numbers != [b"%0*d" % (width, int(it)) for it in numbers]:
        return {}
    base = int(numbers[0])
    left = [(path, it) for path, it in zip(groups, found, strict=True) if path not in dropped and it is not None]
    new_paths = {path: b"%s/%s%0*d%s" % (above, it[1], width, base + at, it[3]) for at, (path, it) in enumerate(left)}
    return {old: new for old, new in new_paths.items() if old != new}


def own_numbers(contents: Contents, called: Mapping[bytes, bytes]) -> dict[tuple[bytes, bytes], int]:
    """Return the new values of the attributes that hold the number of a group, for the groups that are renamed."""
    numbered = frozenset() if contents.means is None else contents.means.numbered
    found = {old: NUMBERED.fullmatch(new.rpartition(b"/")[2]) for old, new in called.items() if old in numbered}
    return {(old, ID): int(it[2]) for old, it in found.items() if it is not None}


def losses(above: bytes, contents: Contents, dropped: Collection[bytes], renumber: bool | None) -> Iterator[str]:
    """Yield a sentence if a loader opens groups by number, some of them go, and the others keep their numbers."""
    name, groups = counted_groups(above, contents.means or Meaning())
    left = [number for number, path in enumerate(groups) if path not in dropped]
    if left and left[-1] >= len(left) and not new_names(contents, dropped, above, renumber=renumber):
        yield (
            f"{escape(groups[left[-1]])} would be looked for under another number, since {escape(name)} "
            "counts the groups from 0 without a gap"
        )


def notes(contents: Contents, dropped: Collection[bytes], label: str | None, renumber: bool | None) -> Iterator[str]:
    """Yield a sentence for each parent of groups whose numbers have no gap in the source and get one in the copy.

    If the file follows a known convention, or a dataset lists the names of the groups, loaders use the names; such
    groups are only mentioned if `renumber` is True.
    """
    means = contents.means or Meaning()
    homes = {it.rpartition(b"/")[0] for it in dropped}
    if renumber is not True:
        homes = set() if contents.keeps else homes - {it.above for it in means.names}
    for above in sorted(homes):
        count, groups = counted_groups(above, means, every=True)
        left = [it for it in groups if it not in dropped]
        if count or not left or new_names(contents, dropped, above, renumber=renumber):
            continue
        numbers = {path: int(it[2]) for path in groups if (it := NUMBERED.fullmatch(path.rpartition(b"/")[2]))}
        holes = [number for path, number in numbers.items() if path in dropped and number < numbers[left[-1]]]
        if not holes:
            continue
        text = dataset_numbers.gap_clause(escape(above), numbers.values(), holes, label)
        can_renumber = new_names(contents, dropped, above, renumber=True)
        if renumber is True:
            yield f"{text}: --renumber does not close them up, since something leads to them by their names"
        else:
            more = "; --renumber closes them up" if can_renumber and renumber is None else ""
            yield f"{text}: {dataset_numbers.COUNTING_UP}{more}"
