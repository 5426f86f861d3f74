"""Plan what a scan runs: a check for each shard, or for the sampled part of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from datacheck.conventions.keys.account import KeyWatch
from datacheck.model.blocks import Layout, Shard
from datacheck.model.settings import Settings
from datacheck.reporting.report import Report
from datacheck.reporting.tally import Tally
from datacheck.scanning.keys import keeping
from datacheck.scanning.retry import finding_of_death
from datacheck.scanning.sampling import Rows, Sample, parse_sample, part_of, rows_of
from datacheck.scanning.tallies import tally_of
from datacheck.scanning.tasks import Check, Count, Task, outcomes
from datacheck.workers.interface import Death, Engine

STATS_BYTES = 4 << 20
"""Maximum size in bytes of stores that always get all statistics; for them the cost is unnoticeable."""


def all_statistics(layout: Layout, settings: Settings) -> bool:
    return settings.stats or (layout.size is not None and layout.size <= STATS_BYTES)


def checks_of(pool: Engine[Task], layout: Layout, report: Report, add: Callable[[Tally], None]) -> Iterator[Check]:
    """Yield the check of each shard to run; `add` receives findings about shards that the sample has to leave out."""
    stats = all_statistics(layout, report.settings)
    watch = keeping.watch_of(report.keeps)
    profile, eyes = report.judged_by or report.profile, report.settings.eyes
    for shard, picked, start in _sampled(pool, layout.shards, report.settings.sample, add):
        yield Check(shard, profile, picked, start, stats=stats, watch=_watch_for(shard, watch), eyes=eyes)


def _sampled(
    pool: Engine[Task], shards: Sequence[Shard], text: str | None, add: Callable[[Tally], None]
) -> Iterator[tuple[Shard, Sample | Rows | None, int]]:
    """Yield each shard with the sample to check of it, None for all of it, and the number of records before it.

    The records of shards whose number is not known are counted first. A shard whose records cannot be counted is
    checked as a whole and left out of the sample. The sample is then not the one that was asked for, which gets a
    finding.
    """
    if text is None:
        yield from ((shard, None, 0) for shard in shards)
        return
    counts = {place: shard.records for place, shard in enumerate(shards) if shard.records is not None}
    uncounted = {shard: place for place, shard in enumerate(shards) if shard.records is None}
    for task, count in outcomes(pool, [Count(shard) for shard in uncounted]):
        assert isinstance(task, Count)
        place = uncounted[task.shard]
        if not isinstance(count, Death):
            counts[place] = count
            continue
        doing = f"--sample leaves out part {place + 1} of {len(shards)}, which is checked whole: counting its records"
        finding = finding_of_death(count, doing, of_record=False)
        add(tally_of(msgspec.structs.replace(finding, verdict="unverifiable")))
    part, start = part_of(text), 0
    of_all = parse_sample(text, sum(counts.values())) if part is None else None
    for place, shard in enumerate(shards):
        count = counts.get(place)
        if count is None:
            yield shard, None, start
            continue
        yield shard, of_all if part is None else rows_of(part, place, len(shards), start, count), start
        start += count


def _watch_for(shard: Shard, watch: Mapping[str, KeyWatch] | None) -> Mapping[str, KeyWatch] | None:
    """Return what to note in the database of a shard: sending it all for each of thousands would take minutes."""
    if watch is None or len(watch) < 2:
        return watch
    return {shard.part: watch[shard.part]} if shard.part in watch else {}
