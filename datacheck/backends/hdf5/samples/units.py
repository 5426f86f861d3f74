"""Decide whether numbered groups and datasets within samples are parts of them or samples of their own.

Examples are /subject_3/trial_7 and /p225/031. The cameras of an episode are parts of it: each episode has the same
ones, with a row for each of its steps. The trials of a subject are samples of their own: their number varies between
subjects, and a missing one means nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property

import msgspec

from datacheck.backends.hdf5.names import DIGITS
from datacheck.backends.hdf5.paths import nearest

FEW = 8
"""Maximum number of units that may be parts of one sample, whatever their lengths are."""
MOST = 2 / 3
Shape = tuple[int, ...]
Members = Mapping[bytes, Shape]


class Kind(msgspec.Struct, frozen=True, dict=True):
    """The units of one kind (`trial_#`): for each sample, its units with the shapes of their datasets."""

    name: bytes
    of: Sequence[Mapping[bytes, Members]]

    @cached_property
    def having(self) -> list[Mapping[bytes, Members]]:
        return [it for it in self.of if it]

    @property
    def several(self) -> bool:
        """Whether most of the samples that have such units have more than one."""
        return sum(len(it) > 1 for it in self.having) >= MOST * len(self.having)

    @cached_property
    def many(self) -> bool:
        """Whether most of the samples that have such units have more than FEW, too many for parts of one sample."""
        return sum(len(it) > FEW for it in self.having) >= MOST * len(self.having)

    @cached_property
    def tied(self) -> bool:
        """Whether the units of a sample have equally many rows, while the number differs between samples."""
        return self._agreeing >= MOST and self._lengths > 1

    @cached_property
    def own(self) -> bool:
        """Whether the units are samples of their own."""
        if len(self.having) < 2:
            return False
        usual = max(Counter(map(frozenset, self.having)).values())
        if usual < MOST * len(self.having):
            return True
        return not self.tied and self.many and (self._agreeing < MOST or (self._lengths == 1 and self._groups))

    @property
    def _groups(self) -> bool:
        """Whether all units are groups. Groups of one size are trials or steps, but datasets may be columns."""
        return all(name for units in self.having for members in units.values() for name in members)

    @cached_property
    def apart(self) -> bool:
        """Whether the numbers of rows of the units in a sample differ without a rule, as the visits of a patient do."""
        sizes: dict[bytes, set[tuple[tuple[bytes, int], ...]]] = defaultdict(set)
        for units in self.having:
            for unit, members in units.items():
                sizes[unit].add(tuple((name, shape[0]) for name, shape in sorted(members.items()) if shape))
        return self._agreeing < MOST and any(len(it) > 1 for it in sizes.values())

    def may_go_without(self, member: bytes, at: int) -> bool:
        """Check whether a member belongs to a unit that sample number `at` may lack although others have it.

        Either its number is higher than those of all units of the sample, which may just have fewer of them; or the
        units were recorded independently of each other.
        """
        present = self.of[at]
        unit = nearest(member, self._numbers)
        if not unit or self.tied or not present:
            return False
        return (unit not in present and self.apart) or self._numbers[unit] > max(self._numbers[it] for it in present)

    @cached_property
    def _numbers(self) -> dict[bytes, int]:
        return {unit: int(DIGITS.findall(unit)[-1][:18]) for units in self.of for unit in units}

    @cached_property
    def _rows(self) -> list[list[set[int]]]:
        """The different numbers of rows of each dataset of the units, for each sample with several units."""
        result = []
        for units in self.having:
            rows: dict[bytes, set[int]] = defaultdict(set)
            for members in units.values() if len(units) > 1 else ():
                for name, shape in members.items():
                    if shape:
                        rows[name].add(shape[0])
            result += [list(rows.values())] if rows else []
        return result

    @property
    def _agreeing(self) -> float:
        return sum(all(len(it) == 1 for it in rows) for rows in self._rows) / max(1, len(self._rows))

    @property
    def _lengths(self) -> int:
        return len({tuple(map(frozenset, rows)) for rows in self._rows})


def kinds(samples: Sequence[Members]) -> list[Kind]:
    """Return the kinds of numbered units in samples, outermost first; some of them are samples of their own."""
    result: list[Kind] = []
    left = [dict(it) for it in samples]
    depth = 0
    while True:
        by_kind: dict[bytes, list[dict[bytes, dict[bytes, Shape]]]] = {}
        deeper = False
        for at, members in enumerate(left):
            for name, shape in members.items():
                start = _end_of_part(name, depth)
                if start is None:
                    continue
                deeper |= start < len(name)
                unit, rest = name[:start], name[start + 1 :]
                above, slash, last = unit.rpartition(b"/")
                if DIGITS.search(last):
                    kind = above + slash + DIGITS.sub(b"#", last)
                    units = by_kind.setdefault(kind, [{} for _ in left])
                    units[at].setdefault(unit, {})[rest] = shape
        of_level = [it for it in (Kind(name, units) for name, units in sorted(by_kind.items())) if it.several]
        result += of_level
        own = {unit for kind in of_level if kind.own for units in kind.of for unit in units}
        left = [
            {it: shape for it, shape in members.items() if _start_of_part(it, depth) not in own} for members in left
        ]
        depth += 1
        if not deeper:
            return result


def _end_of_part(name: bytes, depth: int) -> int | None:
    """Return where the part of a path that is `depth` groups deep ends, or None if the path is not that deep."""
    at = -1
    for _ in range(depth + 1):
        if at == len(name):
            return None
        at = name.find(b"/", at + 1)
        at = len(name) if at < 0 else at
    return at


def _start_of_part(name: bytes, depth: int) -> bytes:
    end = _end_of_part(name, depth)
    return name if end is None else name[:end]
