"""Determine the profile of a store in a worker, probe by probe, skipping the records that kill the worker.

The result of each probe is sent back at once (`taking`), so that a death loses nothing of the other probes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from datacheck.backends.interface import Reader
from datacheck.model.blocks import FIRST, Layout, Position, Shard
from datacheck.model.finding import Finding, found
from datacheck.model.profile import FamilyProfile, Profile
from datacheck.model.replacing import replace
from datacheck.reporting.tally import Tally
from datacheck.scanning.profile.taking import DECODING, Left, Probe, SumProbes, Taken, TakeProfile
from datacheck.scanning.tasks import TRIES, Task, from_outside
from datacheck.workers.interface import Death, Engine, Step

DEATHS = 8
"""Maximum number of deaths while taking a profile. After that, it is made from what the probes have returned so far."""
RAISED = 64
"""Maximum number of exceptions while taking a profile; they cost no time."""
LEAST_SHARE = 8
"""Minimum number of probes that make a task of their own worthwhile."""
MOST, CERTAIN = 0.5, 200
"""Share of all records, or number of records of a family, that must be sampled for ties to be certain.

With fewer sampled records, differences that few records have may be missed.
"""


def take_profile(pool: Engine[Task], layout: Layout, *, pixels: bool = False) -> Taken:
    """Return the profile, and what could not be used for it."""
    attempts = _Attempts(layout)
    attempts.share(pool, layout, pixels=pixels)
    while attempts.probes:
        result = attempts.run(pool, pixels=pixels)
        if isinstance(result, Taken):
            unused = sum(not probe.done for probe in attempts.probes)
            taken = replace(result, left=tuple(attempts.left), unused=unused, last=attempts.last)
            profile = Profile() if taken.empty else _mark_loose_ties(taken.profile, layout)
            return replace(taken, profile=_without_shapes(profile, layout.various))
        if not attempts.go_on_after(result):
            return Taken(Profile(), left=tuple(attempts.left), unused=len(attempts.probes), last=result)
    return Taken(Profile())


class _Attempts:
    """Attempts to take a profile: how far each probe was read, and what has failed.

    `order` are the numbers of the probes in the order in which they are read, and `left` is what is left out.
    """

    def __init__(self, layout: Layout) -> None:
        self.probes = [Probe((shard,)) for shard in layout.probes]
        self.left: list[Left] = []
        self.last: Death | None = None
        self._given = len(layout.probes)
        self._by_key = probes_of_keys(layout.probes)
        self._order = _scattered(self._given) if self._given and self._by_key else [*range(self._given)]
        self._deaths = self._raised = self._lost = 0
        self._kills: Counter[Any] = Counter()

    @property
    def _finish(self) -> bool:
        """Whether the next attempt only makes the profile of what the probes have returned so far."""
        return self._deaths >= DEATHS or self._raised >= RAISED

    def run(self, pool: Engine[Task], *, pixels: bool) -> Taken | Death:
        """Read on from where the last attempt ended."""
        task = TakeProfile(tuple(self.probes), tuple(self._order), self._given, pixels, self._finish)
        result: Any = None
        for _, result in pool.run([task]):
            if isinstance(result, Step):
                self._take(*result.value)
        assert isinstance(result, (Taken, Death))
        return result

    def share(self, pool: Engine[Task], layout: Layout, *, pixels: bool) -> None:
        """Let several workers sum up the rows at probes of tables, unless one of them dies.

        Then nothing is kept of it, since what a profile lacks after deaths depends on their order.
        """
        shares = min(pool.count, len(layout.shards), self._given // LEAST_SHARE) if layout.tables else 1
        if shares < 2:
            return
        size = -(-self._given // shares)
        runs = [self._order[at : at + size] for at in range(0, self._given, size)]
        unread = list(self.probes)
        died = False
        for _, result in pool.run([SumProbes(tuple(unread), tuple(numbers), pixels) for numbers in runs]):
            if isinstance(result, Step):
                self._take(*result.value)
            died = died or isinstance(result, Death)
        if died:
            self.probes = unread

    def _take(self, number: int, given: dict[str, Any]) -> None:
        """Keep what a task has found out about a probe."""
        if number == len(self.probes):
            self.probes.append(Probe(**given))
            self._order.append(number)
        else:
            self.probes[number] = replace(self.probes[number], **given)

    def go_on_after(self, death: Death) -> bool:
        """Leave out what an attempt died of, and return whether another attempt is worthwhile."""
        if self._may_live_again(death) and self._kills[death.note] < TRIES - 1:
            self._kills[death.note] += 1
            return True
        was_last = self._finish or (bool(death.trace) and death.note is None)
        if death.raised and not death.trace:
            self._raised += 1
        else:
            self._deaths += 1
        self._lost += death.note is None
        if was_last or self._lost > 1:
            return False
        if self.last is None and not self._by_key:
            self._order = _scattered(len(self.probes))  # so that the probes read before giving up are spread evenly
        self.last = death
        if death.note is not None:
            self._avoid(death)
            number = death.note[1]
            self._order.append(self._order.pop(self._order.index(number)))  # the probe that may die again comes last
        return True

    def _may_live_again(self, death: Death) -> bool:
        """Return whether a worker was perhaps killed from outside, where its death would cost the profile something.

        The first deaths cost nothing: what follows them is read or decoded record by record.
        """
        if not from_outside(death):
            return False
        if self._finish or death.note is None:
            return True
        doing, number, *at = death.note
        return at[0] is not None if doing == DECODING else self.probes[number].careful

    def _avoid(self, death: Death) -> None:
        """Change the probe that died so that it continues after what killed it.

        If that is not known, all probes continue record by record, since the time limit is meant for a single record.
        """
        doing, number, *at = death.note
        probe = self.probes[number]
        if doing == DECODING:
            row, key = at
            if row is None:
                self.probes = [replace(it, apart=True) for it in self.probes]
            else:
                self.probes[number] = replace(probe, skip=probe.skip | {row}, apart=True)
                self.left.append(Left(number, probe.pieces[0], death, key=key))
            return
        if not probe.careful:
            self.probes = [replace(it, careful=True) for it in self.probes]
            return
        which, place, seen = at
        shard = probe.pieces[which]
        self.left.append(Left(number, shard, death, place=place, seen=seen))
        before = [] if place is None or shard.begins_at(place) else [shard.before(place)]
        behind = [shard.since(Position(place.key, place.nth + 1))] if place is not None and seen else []
        pieces = (*probe.pieces[:which], *before, *behind, *probe.pieces[which + 1 :])
        self.probes[number] = replace(probe, pieces=pieces)


def _mark_loose_ties(profile: Profile, layout: Layout) -> Profile:
    """Return the profile with all ties marked as loose that too few records of a large store show."""
    families = [*profile.families.values(), *([] if profile.rest is None else [profile.rest])]
    if layout.records is not None and sum(it.sampled for it in families) >= MOST * layout.records:
        return profile

    def marked(family: FamilyProfile) -> FamilyProfile:
        if family.sampled >= CERTAIN or not family.tied:
            return family
        return replace(family, loose=tuple(it for group in family.tied for it in group))

    rest = None if profile.rest is None else marked(profile.rest)
    return replace(profile, families={name: marked(it) for name, it in profile.families.items()}, rest=rest)


def _without_shapes(profile: Profile, various: Sequence[tuple[str, str]]) -> Profile:
    """Return the profile without the shape of the fields that have several by design, each named with its table."""
    changed = dict(profile.families)
    for table, field in various:
        family = changed.get(table)
        if family is not None and field in family.fields:
            fields = {**family.fields, field: replace(family.fields[field], shape=None)}
            changed[table] = replace(family, fields=fields)
    return replace(profile, families=changed) if various else profile


def _probe_text(left: Left, layout: Layout) -> str:
    return f"probe {left.probe + 1} of {len(layout.probes)}" if left.probe < len(layout.probes) else "a probe"


def probes_of_keys(probes: Sequence[Shard]) -> bool:
    """Return whether probes are of keys and values.

    Probes of tables may share chunks, and so are read in their order.
    """
    return all(isinstance(it.start.key, bytes) for it in probes if it.start is not None)


def _scattered(count: int) -> list[int]:
    """Return the numbers below `count` in an order of which every prefix is spread over the whole range.

    >>> _scattered(8)
    [0, 4, 2, 6, 1, 5, 3, 7]
    """
    width = max(1, (count - 1).bit_length())
    return sorted(range(count), key=lambda number: int(f"{number:0{width}b}"[::-1], 2))


def undecided(
    taken: Taken, layout: Layout, reader: Reader, finding_of: Callable[[Death, str], Finding]
) -> Iterator[Tally]:
    """Yield findings about a profile that could not be determined completely.

    `finding_of` makes the finding for a death. None of them is bad: a bad record gets a finding of its own. A family
    without any usable sample is judged without knowing what it should hold, so the scan is not complete.
    """

    def tally_of(death: Death, doing: str, complete: bool, **details: Any) -> Tally:
        finding = finding_of(death, doing)
        details = {**finding.details, **details}
        tally = Tally(complete=complete)
        tally.count([msgspec.structs.replace(finding, verdict="unverifiable", details=details)])
        return tally

    for left in taken.left:
        key, what = left.key, f"what lies at {_probe_text(left, layout)}"
        if left.place is not None and (left.seen or left.place not in FIRST):
            at = reader.name(left.shard, left.place, found("crash", "")).key
            key, what = (at, what) if left.seen else (None, f"on {'behind' if left.place.nth else 'from'} {at}")
        what = key or what
        doing = "decoding" if left.key else "reading"
        yield tally_of(left.death, f"left out of the profile: {doing} {what}", True, probe=left.probe, key=key)
    if taken.last is None:
        return
    if taken.unused:
        count = f"{taken.unused} of {len(layout.probes)} probes"
        yield tally_of(taken.last, f"{count} are not in the profile, since too many failed: the last", True, probe=None)
    for family in taken.undecided:
        others = " whose keys belong to no family" if taken.profile.families else ""
        records = f"records of {family!r}" if family else f"records{others}"
        doing = f"what the {records} should hold is undecided, because no sample of them could be used: one"
        yield tally_of(taken.last, doing, False, probe=None, family=family or "")
    if taken.empty:
        doing = "what the store should hold is undecided, because no sample of it could be used: the last"
        yield tally_of(taken.last, doing, False, probe=None)
