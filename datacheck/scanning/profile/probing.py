"""Determine the profile of a store in a worker, probe by probe, skipping the records that kill the worker.

The result of each probe is sent back at once (`taking`), so that a death loses nothing of the other probes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from datacheck.backends.interface import Reader
from datacheck.model.blocks import Layout, Position, Shard
from datacheck.model.finding import Finding, found
from datacheck.model.profile import FamilyProfile, Profile
from datacheck.model.replacing import replace
from datacheck.reporting.tally import Tally
from datacheck.scanning.profile.taking import DECODING, Left, Probe, Taken, TakeProfile
from datacheck.scanning.tasks import TRIES, Task, from_outside
from datacheck.workers.interface import Death, Engine, Step

DEATHS = 8
"""Maximum number of deaths while taking a profile. After that, it is made from what the probes have returned so far."""
RAISED = 64
"""Maximum number of exceptions while taking a profile; they cost no time."""
MOST, CERTAIN = 0.5, 200
"""Share of all records, or number of records of a family, that must be sampled for ties to be certain.

With fewer sampled records, differences that few records have may be missed.
"""
FIRST = (Position(b""), Position(0))
"""The positions before all others, where a piece with an open start begins."""


def take_profile(pool: Engine[Task], layout: Layout, *, pixels: bool = False) -> Taken:
    """Return the profile, and what could not be used for it."""
    probes = [Probe((shard,)) for shard in layout.probes]
    order = _scattered(len(probes)) if layout.probes and probes_of_keys(layout.probes) else [*range(len(probes))]
    left: list[Left] = []
    deaths = raised = lost = 0
    last: Death | None = None
    kills: Counter[Any] = Counter()
    while probes:
        finish = deaths >= DEATHS or raised >= RAISED
        result: Any = None
        for _, result in pool.run([TakeProfile(tuple(probes), tuple(order), len(layout.probes), pixels, finish)]):
            if isinstance(result, Step):
                number, given = result.value
                if number == len(probes):
                    probes.append(Probe(**given))
                    order.append(number)
                else:
                    probes[number] = replace(probes[number], **given)
        if isinstance(result, Taken):
            taken = replace(result, left=tuple(left), unused=sum(not probe.done for probe in probes), last=last)
            return replace(taken, profile=Profile() if taken.empty else _mark_loose_ties(taken.profile, layout))
        assert isinstance(result, Death)
        if _may_live_again(probes, result, finish) and kills[result.note] < TRIES - 1:
            kills[result.note] += 1
            continue
        if result.trace and result.note is None:
            return Taken(Profile(), left=tuple(left), unused=len(probes), last=result)
        if result.trace or result.signal.startswith(("SIG", "signal", "exit", "an ")):
            deaths += 1
        else:
            raised += 1
        lost += result.note is None
        if finish or lost > 1:
            return Taken(Profile(), left=tuple(left), unused=len(probes), last=result)
        if last is None and not probes_of_keys(layout.probes):
            order = _scattered(len(probes))  # so that the probes read before the attempt is given up are spread evenly
        last = result
        if result.note is not None:
            _avoid(probes, left, result)
            order.append(order.pop(order.index(result.note[1])))  # the probe that may die again comes last
    return Taken(Profile())


def _may_live_again(probes: Sequence[Probe], death: Death, finish: bool) -> bool:
    """Return whether a worker was perhaps killed from outside, where its death would cost the profile something.

    The first deaths cost nothing: what follows them is read or decoded record by record.
    """
    if not from_outside(death):
        return False
    if finish or death.note is None:
        return True
    doing, number, *at = death.note
    return at[0] is not None if doing == DECODING else probes[number].careful


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


def _avoid(probes: list[Probe], left: list[Left], death: Death) -> None:
    """Change the probe that died so that it continues after what killed it.

    If that is not known, all probes continue record by record, since the time limit is meant for a single record.
    """
    doing, number, *at = death.note
    probe = probes[number]
    if doing == DECODING:
        row, key = at
        if row is None:
            probes[:] = [replace(it, apart=True) for it in probes]
        else:
            probes[number] = replace(probe, skip=probe.skip | {row}, apart=True)
            left.append(Left(number, probe.pieces[0], death, key=key))
        return
    if not probe.careful:
        probes[:] = [replace(it, careful=True) for it in probes]
        return
    which, place, seen = at
    shard = probe.pieces[which]
    left.append(Left(number, shard, death, place=place, seen=seen))
    behind: list[Shard] = []
    if place is None:
        before = []
    else:
        before = [] if place == shard.start or (shard.start is None and place in FIRST) else [shard.before(place)]
        behind = [shard.since(Position(place.key, place.nth + 1))] if seen else []
    probes[number] = replace(probe, pieces=(*probe.pieces[:which], *before, *behind, *probe.pieces[which + 1 :]))


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
        records = f"records of {family!r}" if family else "records whose keys belong to no family"
        doing = f"what the {records} should hold is undecided, because no sample of them could be used: one"
        yield tally_of(taken.last, doing, False, probe=None, family=family or "")
    if taken.empty:
        doing = "what the store should hold is undecided, because no sample of it could be used: the last"
        yield tally_of(taken.last, doing, False, probe=None)
