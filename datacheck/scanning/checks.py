"""The checks that a scan runs: one for each shard, of all of its records or of those in a sample."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from datacheck.model.blocks import Layout
from datacheck.model.finding import Finding
from datacheck.model.settings import Settings
from datacheck.reporting.report import Report
from datacheck.reporting.tally import Tally
from datacheck.scanning import keeping
from datacheck.scanning.retry import finding_of_death
from datacheck.scanning.sampling import Rows, Sample, part_of, rows_of, wanted
from datacheck.scanning.tasks import Check, Count, Task
from datacheck.workers.interface import Death, Engine

STATS_BYTES = 4 << 20
"""Stores up to this size get all statistics, asked for or not: there they cost nothing that anybody notices."""


def all_statistics(layout: Layout, settings: Settings) -> bool:
    """Say whether a store is so small, or was so wished, that all statistics are taken."""
    return settings.stats or (layout.size is not None and layout.size <= STATS_BYTES)


def checks_of(pool: Engine[Task], layout: Layout, report: Report, add: Callable[[Tally], None]) -> Iterator[Check]:
    """Yield the checks to run; a sampled scan first counts the records of shards whose number is not known.

    A shard whose records cannot be counted is checked whole, and left out of what the sample is taken from: that is
    another sample than was asked for, which is said.
    """
    text = report.settings.sample
    stats = all_statistics(layout, report.settings)
    watch = keeping.watch_of(report.conventions)
    if text is None:
        yield from (Check(shard, report.profile, stats=stats, watch=watch) for shard in layout.shards)
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
            add(tally_of(msgspec.structs.replace(counted, verdict="unverifiable")))
        else:
            counts[place] = count
    part, start = part_of(text), 0
    sample: Sample | Rows | None = None if part else wanted(text, sum(count or 0 for count in counts.values()))
    for place, shard in enumerate(shards):
        count = counts[place] or 0
        if part is not None:
            sample = rows_of(part, place, len(shards), start, count)
        yield Check(shard, report.profile, None if place in whole else sample, start, stats=stats, watch=watch)
        start += count


def tally_of(*findings: Finding) -> Tally:
    """Return the tally that findings of the store come to."""
    tally = Tally()
    for finding in findings:
        tally.count([finding])
    return tally
