"""Run one scan: layout, profile, a check for each shard, the sums."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from datacheck.backends.interface import Reader
from datacheck.conventions import NONE
from datacheck.conventions.interface import Known
from datacheck.engines import start_engine
from datacheck.model.blocks import Layout, Shard
from datacheck.model.finding import Finding, found
from datacheck.model.profile import Profile
from datacheck.model.replacing import replace
from datacheck.model.settings import Settings
from datacheck.reporting.report import Report
from datacheck.reporting.tally import Tally
from datacheck.scanning import keeping
from datacheck.scanning.changed import STRUCTURAL, in_doubt, settle
from datacheck.scanning.fingerprint import fingerprint_if_any
from datacheck.scanning.like import Like, like_of
from datacheck.scanning.line import in_order
from datacheck.scanning.listed_sizes import compare_sizes
from datacheck.scanning.names import Names
from datacheck.scanning.odd_lengths import told
from datacheck.scanning.pairing import Pairing
from datacheck.scanning.probing import take_profile, undecided
from datacheck.scanning.retry import finding_of_death
from datacheck.scanning.samples import take_samples
from datacheck.scanning.sampling import wanted
from datacheck.scanning.taking import Taken
from datacheck.scanning.tasks import Check, Conclude, Count, Job, TakeLayout, Task, together
from datacheck.workers.interface import Death, Engine, MakeEngine

if TYPE_CHECKING:
    from datacheck.checks.validators import Validator
    from datacheck.scanning.judge import View


STATS_BYTES = 4 << 20
"""Stores up to this size get all statistics, asked for or not: there they cost nothing that anybody notices."""
OPENING = "opening the store"

Progress = Callable[[int, int | None, int], None]
"""Called as the scan goes on: records scanned, records in all (None: not known), bad ones so far."""


def unwatched(done: int, total: int | None, bad: int) -> None:
    """Progress for callers who do not watch."""


def unamended(tally: Tally) -> Tally:
    """Leave a tally as it is."""
    return tally


def unheard(findings: Collection[Finding]) -> None:
    """Listen to no findings while the scan runs: the report has them all."""


def run(
    report: Report,
    reader: Reader,
    *,
    validators: Sequence[Validator] = (),
    view: View | None = None,
    amend: Callable[[Tally], Tally] = unamended,
    progress: Progress = unwatched,
    listen: Callable[[Collection[Finding]], None] = unheard,
    pool: Engine[Task] | None = None,
    engine: MakeEngine | None = None,
    names: Names | None = None,
    pairing: Pairing | None = None,
) -> None:
    """Scan what `reader` reads, as `report.settings` say, into `report`; `listen` hears the findings in source order.

    `view` has its say in the workers, `amend` on every tally before it is added.
    `pool` is one made for the same reader and settings, to be used and left running; without it `engine` makes one.
    `names` are those that the options give, which are looked for in several sources; by default in this one.
    `pairing` is with the stores that are to hold the same keys.
    A KeyboardInterrupt goes through, and leaves the report incomplete with what was found until then.
    """
    started = time.monotonic()
    report.begin()
    like = like_of(report.settings, report.source.path)
    report.like = None if like is None else like.path
    job = Job(reader, report.settings, tuple(validators), like if view is None else view)

    def add(tally: Tally) -> None:
        listen(report.add(amend(tally)))
        progress(report.tally.records, report.source.records, report.bad)

    try:
        with nullcontext(pool) if pool else start_engine(job, report.settings.workers, engine) as workers:
            its_names = Names(report.settings) if names is None else names
            probes = _scan(workers, reader, report, add, amend, its_names, like)
            if pairing is not None:
                _compare(workers, pairing, report, add)
            if report.shows_records:
                take_samples(workers, report, probes)
    except BaseException as exc:
        report.tally.complete = False
        report.interrupted = isinstance(exc, KeyboardInterrupt)
        raise
    finally:
        report.seconds = round(time.monotonic() - started, 3)  # as documents have it
        report.source = msgspec.structs.replace(report.source, records=report.tally.records)


class _Doubtful(msgspec.Struct):
    """What is to be looked at again if the source changed: checks that found something bad, and the whole store."""

    checks: dict[int, Check] = msgspec.field(default_factory=dict)
    whole: bool = False

    def take(self, check: Check, tally: Tally) -> Tally:
        """Take note of a check that found something, and return its tally."""
        if tally.verdicts["bad"] or tally.verdicts["suspicious"] or not STRUCTURAL.isdisjoint(tally.codes):
            self.checks[id(check)] = check
        return tally


def _scan(
    pool: Engine[Task],
    reader: Reader,
    report: Report,
    add: Callable[[Tally], None],
    amend: Callable[[Tally], Tally],
    names: Names,
    like: Like | None,
) -> Sequence[Shard]:
    """Scan a source, and look again at what was found if it changed meanwhile; return its probes."""
    before = fingerprint_if_any(reader)
    doubtful = _Doubtful()
    probes = _scan_once(pool, reader, report, add, doubtful, names, like)
    report.source = msgspec.structs.replace(report.source, fingerprint=before)
    changed = settle(report, reader, before, lambda: _look_again(pool, reader, report, doubtful, amend))
    if changed is not None:
        add(_tally_of(changed))
    return probes


def _look_again(
    pool: Engine[Task], reader: Reader, report: Report, doubtful: _Doubtful, amend: Callable[[Tally], Tally]
) -> Iterator[Finding]:
    """Yield what is found now, of the source as it is, wherever something was found before."""
    now = only(pool, TakeLayout())
    if isinstance(now, Death):
        yield finding_of_death(now, OPENING, of_record=False)
        return
    yield from amend(_tally_of(*now.findings)).findings
    if doubtful.whole:
        checks = [Check(shard, report.judged_by or report.profile) for shard in now.shards]
    else:
        of_part = {shard.part: shard for shard in now.shards}
        checks = [
            msgspec.structs.replace(it, shard=it.shard.within(of_part.get(it.shard.part)))
            for it in doubtful.checks.values()
        ]
    account: Counter[str] = Counter()
    for _, tally in in_order(pool, reader, iter(checks)):
        account += tally.account
        yield from amend(tally).findings
    if doubtful.whole:
        yield from _concluded(pool, account)


def _scan_once(
    pool: Engine[Task],
    reader: Reader,
    report: Report,
    add: Callable[[Tally], None],
    doubtful: _Doubtful,
    names: Names,
    like: Like | None,
) -> Sequence[Shard]:
    layout: Layout | Death = only(pool, TakeLayout())
    if isinstance(layout, Death):
        names.skip()
        add(_given_up(layout, OPENING))
        return ()
    report.source = msgspec.structs.replace(report.source, records=layout.records, bytes=layout.size)
    not_read: set[tuple[Any, str]] = set()
    report.expected = layout.records
    pool.grow(len(layout.shards))  # the others load what they need while the first takes the profile
    taken = take_profile(pool, layout, pixels=_all_statistics(layout, report.settings))
    report.profile = taken.profile
    names.look(report, taken, pool)
    for finding in names.heeded(layout.findings):
        add(_tally_of(finding).without(not_read))
    for tally in undecided(taken, layout, reader, finding_of_death):
        add(tally)
    report.source = msgspec.structs.replace(report.source, decoder=decoders_of(report.profile))
    _recognise(pool, layout, taken, report, add)
    _hold(report, like, taken, add)
    for check, tally in in_order(pool, reader, _checks(pool, layout, report, add), together(layout)):
        add(doubtful.take(check, tally.without(not_read)))
    if report.tally.account and report.complete:
        for finding in _concluded(pool, report.tally.account):
            doubtful.whole |= report.settings.sample is None and in_doubt(finding)
            add(_tally_of(finding))
    for family, count in sorted(report.tally.unknown.items()):
        add(_unknown(family, count))
    if report.complete and report.settings.sample is None:
        _conclude(pool, layout, report, add)
    for finding in report.conclude():
        add(_tally_of(finding))
    names.conclude(report)
    for finding in _nothing(layout, report):
        add(_tally_of(finding))
    return layout.probes


def _nothing(layout: Layout, report: Report) -> Iterator[Finding]:
    """Yield the finding of a source without a record, unless something else says why there is none to be had."""
    if report.tally.records or not report.complete or report.bad or report.unverifiable:
        return
    if layout.more:
        said = "no record was judged: what it holds are values that are no records"
        yield found("no-records", said, verdict="unverifiable")
    else:
        yield found("no-records", "it holds no record: there is nothing to train on")


def _concluded(pool: Engine[Task], account: Mapping[str, int]) -> list[Finding]:
    """Return what the sums over all blocks say of the store as a whole."""
    concluded = only(pool, Conclude(dict(account)))
    if isinstance(concluded, list):
        return concluded
    return [finding_of_death(concluded, "looking at the whole", of_record=False)]


def only(pool: Engine[Task], task: Task) -> Any:
    """Run one task and return its result or Death."""
    ((_, result),) = pool.run([task])
    return result


def _recognise(pool: Engine[Task], layout: Layout, taken: Taken, report: Report, add: Callable[[Tally], None]) -> None:
    """Find out which conventions the store keeps; without them a scan is none of all that it should look at."""
    found_out = keeping.recognise(pool, layout, taken)
    if isinstance(found_out, Death):
        add(_given_up(found_out, "finding out what the store keeps of its records"))
        return
    report.keeps = found_out
    left = keeping.not_looked_at(layout, found_out)
    if left and report.settings.conventions != (NONE,):
        said = f"what {left:,} of its databases keep of their records was not looked for; --convention none takes it so"
        add(_tally_of(found("unsupported", said, count=left)))
    report.profile = told(report.profile, found_out)


def _hold(report: Report, like: Like | None, taken: Taken, add: Callable[[Tally], None]) -> None:
    """Hold the records to what another source is like."""
    if like is None or taken.empty:
        return
    report.judged_by, differences = like.expected(report.profile)
    for finding in differences:
        add(_tally_of(finding))


def _conclude(pool: Engine[Task], layout: Layout, report: Report, add: Callable[[Tally], None]) -> None:
    """Hold what the store keeps of its records against them."""
    accounts = report.tally.keys
    known = keeping.compared(report.keeps, accounts, layout.shards, partial(only, pool))
    if isinstance(known, Death):
        add(_given_up(known, "comparing what the store keeps of its records with their keys"))
        return
    report.keeps = known
    report.groups = keeping.groups(known, accounts)
    for finding in keeping.untrue(known, accounts):
        add(_tally_of(finding))
    for comparison in compare_sizes(report.conventions, layout.shards):
        compared = only(pool, comparison)
        if isinstance(compared, Death):
            add(_given_up(compared, "comparing the sizes of pictures with those in a list"))
        elif compared is not None:
            add(_tally_of(compared))


def _compare(pool: Engine[Task], pairing: Pairing, report: Report, add: Callable[[Tally], None]) -> None:
    """Compare the keys and pictures of a store with those of its pairs."""
    report.paired_with = pairing.all
    own = keeping.own_keys(report.keeps.get("", Known()))
    for finding in pairing.findings(pool, own, lambda death, doing: add(_given_up(death, doing))):
        add(_tally_of(finding))


def _all_statistics(layout: Layout, settings: Settings) -> bool:
    return settings.stats or (layout.size is not None and layout.size <= STATS_BYTES)


def decoders_of(profile: Profile) -> str | None:
    """Return the names of what decodes the main families, joined."""
    there = {family.decoder for family in profile.every if family.sampled or not family.forced}
    return "+".join(sorted(there)) or None


def _checks(pool: Engine[Task], layout: Layout, report: Report, add: Callable[[Tally], None]) -> Iterator[Check]:
    """Yield the checks to run; a sampled scan first counts the records of shards whose number is not known.

    A shard whose records cannot be counted is checked whole, and left out of what the sample is taken from: that is
    another sample than was asked for, which is said.
    """
    text = report.settings.sample
    stats = _all_statistics(layout, report.settings)
    watch = keeping.watch_of(report.keeps)
    profile = report.judged_by or report.profile
    if text is None:
        yield from (Check(shard, profile, stats=stats, watch=watch) for shard in layout.shards)
        return
    shards = list(layout.shards)
    counts = {place: shard.records for place, shard in enumerate(shards)}
    uncounted = {shard: place for place, shard in enumerate(shards) if shard.records is None}
    whole: set[int] = set()
    for task, count in pool.run([Count(shard) for shard in uncounted]):
        assert isinstance(task, Count)
        place = uncounted[task.shard]
        if isinstance(count, Death):
            whole.add(place)
            doing = (
                f"--sample leaves out part {place + 1} of {len(shards)}, which is checked whole: counting its records"
            )
            counted = finding_of_death(count, doing, of_record=False)
            add(_tally_of(msgspec.structs.replace(counted, verdict="unverifiable")))
        else:
            counts[place] = count
    start, sample = 0, wanted(text, sum(count or 0 for count in counts.values()))
    for place, shard in enumerate(shards):
        yield Check(shard, profile, None if place in whole else sample, start, stats=stats, watch=watch)
        start += counts[place] or 0


def _given_up(death: Death, doing: str) -> Tally:
    return replace(_tally_of(finding_of_death(death, doing, of_record=False)), complete=False)


def _tally_of(*findings: Finding) -> Tally:
    """Return the tally that findings of the store come to."""
    tally = Tally()
    for finding in findings:
        tally.count([finding])
    return tally


def _unknown(family: str, count: int) -> Tally:
    """Return the tally that stands for all records of a family that no decoder knows: one finding for all of them."""
    of = f"{family!r}" if family else "all the other keys"
    finding = found(
        "unknown-payload",
        f"no decoder knows the payload of the {count} records of {of}",
        family=family,
        count=count,
    )
    tally = Tally(findings=[finding])
    tally.codes[finding.code] += 1
    tally.verdicts["unverifiable"] += count
    return tally
