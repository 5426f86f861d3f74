"""Collect the records that the page shows: the first ones with each code, each with a sound one of its kind.

Workers read them again when the scan is done, in tasks of their own, so that the findings stay unchanged whatever
happens. If the source was written to meanwhile, the current contents are shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from datacheck.decoders.pictures import eyes
from datacheck.errors import DatacheckError
from datacheck.model.blocks import AnyBlock, Block, Shard
from datacheck.model.finding import Finding
from datacheck.model.profile import Profile
from datacheck.model.replacing import replace
from datacheck.model.settings import Eyes
from datacheck.reporting.report import Report
from datacheck.reporting.samples import PER_CODE, SAMPLES, Look, Sample
from datacheck.scanning.blame import blamed, blaming
from datacheck.scanning.tasks import Job, Task, open_eyes, outcomes
from datacheck.workers.interface import Death, Engine, Watch

NOT_SHOWN = frozenset({"crash", "timeout", "too-large", "unreadable", "internal-error", "missing-filter"})
"""Codes of records that are not read again, since that would only cost the same again."""
LOOKED_AT = 100_000
"""Maximum number of findings that are searched for the first ones of each code."""
SECONDS = 4.0
"""Maximum time to show one record, in seconds."""
TOGETHER = 12
"""Number of records read by one task; for a few records, an additional worker costs more than it saves."""
NEXT = 24
"""Number of records after a bad one among which a sound one is searched."""
PROBES = 3
"""Number of other parts of the store whose first records are tried if none of those is sound."""


@dataclass(frozen=True)
class TakeSamples:
    """A task that returns how the records of some findings look, each with a sound one of its kind.

    The result is None for records that are gone. Without `neighbours`, no sound records are read.
    """

    findings: tuple[Finding, ...]
    profile: Profile
    probes: tuple[Shard, ...] = ()
    neighbours: bool = True
    eyes: Eyes | None = None

    def run(self, job: Job, watch: Watch) -> list[Sample | None]:
        open_eyes(self.eyes, job, watch)
        with eyes.using(self.eyes):
            return self._run(job, watch)

    def _run(self, job: Job, watch: Watch) -> list[Sample | None]:
        watch.timeout, watch.patience = min(job.settings.timeout, SECONDS), 2
        samples: list[Sample | None] = []
        for finding in self.findings:
            watch.note(None)
            try:
                samples.append(self._sample(job, watch, finding))
            except DatacheckError:  # a part of the store is unreadable now, or a caller's validator fails
                samples.append(None)
        return samples

    def _sample(self, job: Job, watch: Watch, finding: Finding) -> Sample | None:
        from datacheck.scanning.looks import look_at

        with blaming("unreadable"):
            shard = job.reader.find(finding.name or "")
        looked = None if shard is None else self._look(job, shard, finding)
        if shard is None or looked is None:
            return None
        bad, mark = looked
        for other in self._other_records(job, shard) if self.neighbours else ():
            watch.note(None)
            if _kind_of(other, self.profile) == mark and _sound(job, other, self.profile):
                like = look_at(other, self.profile, finding, sound=True)
                return Sample(finding, bad, like, other.place(0, finding, None).name or "")
        return Sample(finding, bad)

    def _look(self, job: Job, shard: Shard, finding: Finding) -> tuple[Look, tuple[str | None, ...]] | None:
        """Return the look and the kind of the record at the start of a shard, or None if there is none.

        The store is closed again afterwards.
        """
        from datacheck.scanning.looks import look_at

        for block in blamed("unreadable", job.reader.blocks, shard, limit=1):  # the values are valid in this loop only
            if len(block):
                return look_at(block, self.profile, finding), _kind_of(block, self.profile)
        return None

    def _other_records(self, job: Job, shard: Shard) -> Iterator[AnyBlock]:
        """Yield records one by one: those after the record, then those at the probes."""
        behind = replace(shard, stop=None, records=None)
        yield from islice((it for it in job.reader.blocks(behind, limit=1) if len(it)), 1, NEXT + 1)
        for probe in self.probes:
            yield from islice((it for it in job.reader.blocks(probe, limit=1) if len(it)), NEXT)


def take_samples(pool: Engine[Task], report: Report, probes: Sequence[Shard]) -> None:
    """Have workers read the records to show for a finished report."""
    few = tuple(probes[:: max(1, len(probes) // PROBES)])[:PROBES]
    chosen = first_of_each(report)
    samples: dict[int, Sample] = {}
    # after a death, read each record alone, and then without neighbours: a record that kills its reader costs the
    # others nothing, and a neighbour that does costs the record itself nothing
    for together, neighbours in ((TOGETHER, True), (1, True), (1, False)):
        wanted = [
            at for at, it in enumerate(chosen) if at not in samples and it.key is not None and it.code not in NOT_SHOWN
        ]
        places = [wanted[start : start + together] for start in range(0, len(wanted), together)]
        tasks = [
            TakeSamples(tuple(chosen[at] for at in some), report.profile, few, neighbours, report.settings.eyes)
            for some in places
        ]
        of_task = {id(task): some for task, some in zip(tasks, places, strict=True)}
        for task, result in outcomes(pool, tasks):
            if not isinstance(result, Death):
                samples |= {at: it or Sample(chosen[at]) for at, it in zip(of_task[id(task)], result, strict=True)}
    room = report.room
    for at, finding in enumerate(chosen):
        sample = samples.get(at) or Sample(finding)
        room.samples -= 1
        room.bytes -= sum(len(it.picture) for it in (sample.bad, sample.sound) if it is not None)
        report.samples.append(sample if room.bytes >= 0 else _without_pictures(sample))


def first_of_each(report: Report) -> list[Finding]:
    """Return the first findings of each code in source order.

    For most records, only the first of their findings is taken.
    """
    taken: Counter[str] = Counter()
    wanted = sum(min(count, PER_CODE) for count in report.counts.values())
    chosen: list[Finding] = []
    most = min(SAMPLES, report.room.samples)
    for finding in islice(report.findings, LOOKED_AT if most > 0 else 0):
        if taken[finding.code] >= PER_CODE:
            continue
        taken[finding.code] += 1
        again = bool(chosen) and finding.key is not None and chosen[-1].record == finding.record
        if not again or taken[finding.code] == 1:  # the first of its code is always shown
            chosen.append(finding)
        wanted -= 1
        if not wanted or len(chosen) >= most:
            break
    return chosen


def _without_pictures(sample: Sample) -> Sample:
    def bare(look: Look | None) -> Look | None:
        return None if look is None else Look(look.lines, note="no room for its picture on this page")

    return Sample(sample.finding, bare(sample.bad), None)


def _kind_of(block: AnyBlock, profile: Profile) -> tuple[str | None, ...]:
    """Return what identifies the kind of a block's first record: its part of the store, and its family."""
    if not isinstance(block, Block):
        return block.file, block.table
    (family,) = block.named([0], profile.families)
    return block.file, block.database, family


def _sound(job: Job, block: AnyBlock, profile: Profile) -> bool:
    """Return whether nothing is wrong with the single record of a block."""
    from datacheck.reporting.tally import Tally
    from datacheck.scanning.judging.judge import Judge

    tally = Tally()
    Judge(profile, job.settings, job.validators, tally, job.view, stats=False).judge(block, [0], alone=True)
    return not (tally.codes or tally.unknown)
