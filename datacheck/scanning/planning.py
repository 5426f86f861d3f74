"""Plan what a scan runs: a check for each shard, or for the sampled part of it.

Also make tallies of single findings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from datacheck.model.blocks import Layout
from datacheck.model.finding import Finding, found
from datacheck.model.replacing import replace
from datacheck.model.settings import Settings
from datacheck.reporting.report import Report
from datacheck.reporting.tally import Tally
from datacheck.scanning.keys import keeping
from datacheck.scanning.retry import finding_of_death
from datacheck.scanning.sampling import Rows, Sample, part_of, rows_of, wanted
from datacheck.scanning.tasks import Check, Count, Task, outcomes
from datacheck.workers.interface import Death, Engine

STATS_BYTES = 4 << 20
"""Maximum size in bytes of stores that always get all statistics; for them the cost is unnoticeable."""


def all_statistics(layout: Layout, settings: Settings) -> bool:
    return settings.stats or (layout.size is not None and layout.size <= STATS_BYTES)


def checks_of(pool: Engine[Task], layout: Layout, report: Report, add: Callable[[Tally], None]) -> Iterator[Check]:
    """Yield the checks to run. A sampled scan first counts the records of shards whose number is not known.

    A shard whose records cannot be counted is checked as a whole and left out of the sample. The sample is then not the
    one that was asked for, which gets a finding.
    """
    text = report.settings.sample
    stats = all_statistics(layout, report.settings)
    watch = keeping.watch_of(report.keeps)
    profile, eyes = report.judged_by or report.profile, report.settings.eyes
    if text is None:
        yield from (Check(shard, profile, stats=stats, watch=watch, eyes=eyes) for shard in layout.shards)
        return
    shards = list(layout.shards)
    counts = {place: shard.records for place, shard in enumerate(shards)}
    uncounted = {shard: place for place, shard in enumerate(shards) if shard.records is None}
    unsampled: set[int] = set()
    for task, count in outcomes(pool, [Count(shard) for shard in uncounted]):
        assert isinstance(task, Count)
        place = uncounted[task.shard]
        if isinstance(count, Death):
            unsampled.add(place)
            doing = (
                f"--sample leaves out part {place + 1} of {len(shards)}, which is checked whole: counting its records"
            )
            counted = finding_of_death(count, doing, of_record=False)
            add(tally_of(msgspec.structs.replace(counted, verdict="unverifiable")))
        else:
            counts[place] = count
    part, start = part_of(text), 0
    sample: Sample | Rows | None = None if part else wanted(text, sum(count or 0 for count in counts.values()))
    for place, shard in enumerate(shards):
        count = counts[place] or 0
        if part is not None:
            sample = rows_of(part, place, len(shards), start, count)
        picked = None if place in unsampled else sample
        yield Check(shard, profile, picked, start, stats=stats, watch=watch, eyes=eyes)
        start += count


def given_up(death: Death, doing: str) -> Tally:
    return replace(tally_of(finding_of_death(death, doing, of_record=False)), complete=False)


def tally_of(*findings: Finding) -> Tally:
    """Return a tally of findings about the store."""
    tally = Tally()
    for finding in findings:
        tally.count([finding])
    return tally


def unknown_of(family: str, count: int, form: str = "") -> Tally:
    """Return the tally for all records of a family that no decoder knows, with a single finding for all of them.

    `form` is the known format of those that were sampled.
    """
    records = "one record" if count == 1 else f"{count:,} records"
    owner = f" of '{family}'" if family else " whose keys belong to no family"
    finding = found(
        "unknown-payload",
        f"no decoder knows the payload of the {records}{owner}" + (f": those sampled are {form}" if form else ""),
        family=family,
        count=count,
    )
    tally = Tally(findings=[finding])
    tally.codes[finding.code] += 1
    tally.verdicts["unverifiable"] += count
    return tally
