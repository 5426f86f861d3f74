"""Identify samples of several sets that are numbered separately: train-image-000000003, val-label-000000003.

A number alone does not identify a sample: the sets use the same numbers for records that do not belong together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import msgspec

from datacheck.conventions.interface import StoreView
from datacheck.conventions.keys.groups import ENOUGH, NEARLY, common, union
from datacheck.conventions.keys.numbered_keys import Pattern
from datacheck.conventions.keys.runs import Runs
from datacheck.conventions.keys.stems import HELD, IN_SAMPLE, MOST, StemGroups, Stems
from datacheck.model.sample_sets import PARTED, SETS

BETWEEN = b" "
"""Separator between the name of the set and the number in the name of a sample."""


class SetMember(msgspec.Struct, frozen=True):
    """The records of one part of the samples of one set."""

    pattern: Pattern
    of_set: bytes
    part: bytes


class SetStems(Stems, frozen=True):
    """The parts of the samples of several sets; the stem of a key is the name of its set and its number."""

    members: tuple[SetMember, ...] = ()

    def __str__(self) -> str:
        return ", ".join(str(it.pattern) for it in self.members)

    @property
    def patterns(self) -> tuple[Pattern, ...]:
        return tuple(it.pattern for it in self.members)

    def split(self, key: bytes) -> tuple[bytes, bytes] | None:
        """Return the stem of a key and the part that it belongs to, or None if it belongs to no part."""
        for it in self.members:
            number = it.pattern.number(key)
            if number is not None:
                return it.of_set + BETWEEN + b"%d" % number, it.part
        return None

    def keys(self, stem: bytes) -> list[bytes]:
        """Return the keys of all parts that the set of a sample has."""
        of_set, _, number = stem.rpartition(BETWEEN)
        return [it.pattern.key(int(number)) for it in self.members if it.of_set == of_set]

    def key(self, stem: bytes, ending: bytes) -> bytes:
        """Return the key of a part of a sample."""
        of_set, _, number = stem.rpartition(BETWEEN)
        member = next(it for it in self.members if (it.of_set, it.part) == (of_set, ending))
        return member.pattern.key(int(number))

    def groups(self, numbers: Mapping[Pattern, Runs]) -> StemGroups | None:
        """Return the samples by the numbers of each pattern, or None if a part has no numbers or too few are whole."""
        unpaired: dict[bytes, tuple[bytes, ...]] = {}
        samples = 0
        for of_set in sorted({it.of_set for it in self.members}):
            members = [it for it in self.members if it.of_set == of_set]
            if any(it.pattern not in numbers for it in members):
                return None
            every = union(numbers[it.pattern] for it in members)
            odd = every - common(numbers[it.pattern] for it in members)
            samples += len(every)
            if len(odd) + len(unpaired) > HELD:
                return None
            for number in odd:
                missing = tuple(it.part for it in members if number not in numbers[it.pattern])
                unpaired[of_set + BETWEEN + b"%d" % number] = missing
        whole = samples - len(unpaired)
        if whole < max(ENOUGH, NEARLY * samples):
            return None
        return StemGroups(self, samples, unpaired)


def set_stems(store: StoreView) -> SetStems | None:
    """Return the parts of samples of several sets, or None unless the keys of nearly all records name a set."""
    members = [member for it in store.patterns if (member := _member(it)) is not None]
    parts = defaultdict(set)
    for it in members:
        parts[it.of_set].add(it.part)
    every = frozenset().union(*parts.values())
    if len(parts) < 2 or not 1 < len(every) <= MOST or all(set_parts != every for set_parts in parts.values()):
        return None  # the samples of a test set may have no labels, but at least one set must have all parts
    if len(members) > sum(map(len, parts.values())):  # the keys of one part have two forms
        return None
    sampled = sum(store.patterns[it.pattern] for it in members)
    if sampled < IN_SAMPLE * len(store.keys):
        return None
    return SetStems(tuple(sorted(every)), members=tuple(sorted(members, key=lambda it: it.pattern)))


def _member(pattern: Pattern) -> SetMember | None:
    """Return the set and the part that the keys of a pattern name, or None if they name no set or no part."""
    pieces = [PARTED.split(it) for it in (pattern.before, pattern.after)]
    places = [
        (side, at) for side, side_pieces in enumerate(pieces) for at, it in enumerate(side_pieces) if it.lower() in SETS
    ]
    if len(places) != 1:
        return None
    side, at = places[0]
    of_set, pieces[side][at] = pieces[side][at], b"*"
    names = [it for side_pieces in pieces for it in side_pieces if it != b"*" and not PARTED.fullmatch(it) and it]
    part = b"#".join(b"".join(side_pieces) for side_pieces in pieces)
    return SetMember(pattern, of_set, part) if names else None
