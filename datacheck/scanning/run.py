"""Run one scan: layout, profile, a check for each shard, and the sums over all of them."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from datacheck.backends.interface import Knowing, Reader
from datacheck.conventions import NONE
from datacheck.conventions.interface import Known
from datacheck.engines import start_engine
from datacheck.errors import UsageError
from datacheck.model.blocks import Layout, Shard, ignore
from datacheck.model.finding import Finding, found
from datacheck.model.listing import counted
from datacheck.model.profile import Profile
from datacheck.reporting import whole_store
from datacheck.reporting.marks import Journal, Passed
from datacheck.reporting.report import Report
from datacheck.reporting.tally import Tally
from datacheck.reporting.weaving import weave
from datacheck.scanning.alongside import Holding
from datacheck.scanning.changed import STRUCTURAL, in_doubt, withdraw_unconfirmed
from datacheck.scanning.choosing_eyes import choose_eyes
from datacheck.scanning.earlier.file_by_file import file_by_file
from datacheck.scanning.earlier.fingerprint import fingerprint_if_any, stamps_of_lists
from datacheck.scanning.earlier.like import Like, like_of
from datacheck.scanning.earlier.resuming import Resumable
from datacheck.scanning.file_findings import FileFindings
from datacheck.scanning.judging.odd_lengths import with_known_shapes
from datacheck.scanning.keys import keeping
from datacheck.scanning.keys.brief import with_unread
from datacheck.scanning.keys.listed_sizes import compare_sizes
from datacheck.scanning.line import in_order
from datacheck.scanning.loading import loading
from datacheck.scanning.names import Names
from datacheck.scanning.opening import take_layout
from datacheck.scanning.pairing import Pairing
from datacheck.scanning.planning import all_statistics, checks_of
from datacheck.scanning.profile.probing import take_profile, undecided
from datacheck.scanning.profile.taking import Taken
from datacheck.scanning.retry import finding_of_death
from datacheck.scanning.samples import take_samples
from datacheck.scanning.sampling import part_of
from datacheck.scanning.tallies import given_up, tally_of, unknown_of
from datacheck.scanning.tasks import Check, Conclude, Job, Task, run_one, shards_per_task, with_known, workers_ahead
from datacheck.workers.interface import Amending, Death, Engine, MakeEngine, Preparing

if TYPE_CHECKING:
    from datacheck.checks.validators import Validator
    from datacheck.scanning.alongside import Alongside
    from datacheck.scanning.judging.judge import View


OPENING = "opening the store"
TOO_LATE = -math.inf
"""The time to stop if the time was up before a source began: none of its shards is checked."""

Progress = Callable[[int, int | None, int], None]
"""Called as the scan goes on with the number of records scanned, of all records (None: not known), and of bad ones."""


def is_over(until: float | None) -> bool:
    """Return whether a time of the monotonic clock has passed."""
    return until is not None and time.monotonic() >= until


def unamended(tally: Tally) -> Tally:
    """Return a tally unchanged."""
    return tally


def run(
    report: Report,
    reader: Reader,
    *,
    validators: Sequence[Validator] = (),
    view: View | None = None,
    amend: Callable[[Tally], Tally] = unamended,
    progress: Progress = ignore,
    listen: Callable[[Collection[Finding]], None] = ignore,
    pool: Engine[Task] | None = None,
    engine: MakeEngine | None = None,
    names: Names | None = None,
    pairing: Pairing | None = None,
    journal: Journal | None = None,
    until: float | None = None,
    alongside: Alongside | None = None,
) -> None:
    """Scan what `reader` reads into `report`, according to `report.settings`.

    `listen` receives the findings in source order. `view` reviews them in the workers, and `amend` changes every tally
    before it is added.

    `pool` is an engine made for the same reader and settings, which is used and left running; without it, `engine`
    makes one. `names` are those that the options give, to be found in any of several sources; by default in this one.
    `pairing` is the comparison with stores that should hold the same keys. `alongside` is additional work on every
    record.

    `journal` marks the progress of the scan, and returns that of an earlier one. `until` is the time to stop, in
    seconds of the monotonic clock, or TOO_LATE.

    A KeyboardInterrupt passes, and leaves the report incomplete with what was found until then.
    """
    if alongside is None and (report.settings.checksums is not None or report.settings.duplicates):
        raise UsageError("--checksums and --duplicates are for a scan of a store; scan it, and rebuild --from-report")
    started = time.monotonic()
    whole_store.begin(report)
    like = like_of(report.settings, report.source.path)
    report.like = None if like is None else like.path
    beside = None if alongside is None else alongside.beside
    job = Job(reader, report.settings, tuple(validators), like if view is None else view, beside)

    try:
        with nullcontext(pool) if pool else start_engine(job, report.settings.workers, engine) as workers:
            scan = _Scan(
                workers,
                reader,
                report,
                Names(report.settings) if names is None else names,
                like=like,
                journal=journal,
                until=until,
                alongside=alongside,
                amend=amend,
                listen=listen,
                progress=progress,
            )
            probes = scan.run()
            if pairing is not None:
                scan.compare_with(pairing)
            if alongside is not None:
                weave(report, alongside.conclude(report))
            if report.shows_records:
                take_samples(workers, report, probes)
    except BaseException as exc:
        report.tally.complete = False
        report.interrupted = isinstance(exc, KeyboardInterrupt)
        if isinstance(alongside, Holding):
            alongside.close()
        raise
    finally:
        report.seconds = round(time.monotonic() - started, 3)  # rounded as in documents
        report.source = msgspec.structs.replace(report.source, records=report.tally.records)


class _Doubtful(msgspec.Struct):
    """What is checked again if the source has changed: what gave bad findings, a few checks or the whole store."""

    checks: dict[int, Check] = msgspec.field(default_factory=dict)
    whole: bool = False

    def take(self, check: Check, tally: Tally) -> Tally:
        """Note a check that found something, and return its tally."""
        if tally.verdicts["bad"] or tally.verdicts["suspicious"] or not STRUCTURAL.isdisjoint(tally.codes):
            self.checks[id(check)] = check
        return tally


class _Scan(msgspec.Struct):
    """The scan of one source: the workers, the report that they fill, and what `run` was asked to do meanwhile."""

    pool: Engine[Task]
    reader: Reader
    report: Report
    names: Names
    like: Like | None
    journal: Journal | None
    until: float | None
    alongside: Alongside | None
    amend: Callable[[Tally], Tally]
    listen: Callable[[Collection[Finding]], None]
    progress: Progress
    doubtful: _Doubtful = msgspec.field(default_factory=_Doubtful)
    not_read: set[tuple[Any, str]] = msgspec.field(default_factory=set)
    """The findings about unread parts of the store that were reported: each pass over the store makes them again."""

    def add(self, tally: Tally) -> None:
        """Add a tally to the report, and pass it on to all who follow the scan."""
        if self.alongside is not None:
            self.alongside.collect(tally)
        self.listen(self.report.add(self.amend(tally)))
        self.progress(self.report.tally.records, self.report.source.records, self.report.bad)

    def add_findings(self, findings: Iterable[Finding]) -> None:
        """Add findings about the store as a whole."""
        for finding in findings:
            self.add(tally_of(finding))

    def run(self) -> Sequence[Shard]:
        """Scan the source, and repeat what found something if the source changed meanwhile; return its probes."""
        report = self.report
        before = fingerprint_if_any(self.reader)
        lists = stamps_of_lists(self.reader)
        report.source = msgspec.structs.replace(report.source, fingerprint=before, lists=lists)
        probes = self._scan_once()
        changed = withdraw_unconfirmed(report, self.reader, before, self._look_again)
        if changed is not None:
            report.by_file.text = None
            self.add(tally_of(changed))
        return probes

    def _look_again(self) -> Iterator[Finding]:
        """Yield the findings in the source as it is now, wherever something was found before."""
        now = take_layout(self.pool, self.reader)
        if isinstance(now, Death):
            yield finding_of_death(now, OPENING, of_record=False)
            return
        yield from self.amend(tally_of(*now.findings)).findings
        if self.doubtful.whole:
            profile = self.report.judged_by or self.report.profile
            checks = [Check(shard, profile, eyes=self.report.settings.eyes) for shard in now.shards]
        else:
            of_part = {shard.part: shard for shard in now.shards}
            checks = [
                msgspec.structs.replace(it, shard=it.shard.within(of_part.get(it.shard.part)))
                for it in self.doubtful.checks.values()
            ]
        account: Counter[str] = Counter()
        for _, tally in in_order(self.pool, self.reader, iter(checks)):
            account += tally.account
            yield from self.amend(tally).findings
        if self.doubtful.whole:
            yield from self._store_findings(account)

    def _scan_once(self) -> Sequence[Shard]:
        report = self.report
        layout = self._open()
        if layout is None:
            return ()
        self._take_expectations(layout)
        self._check_all(layout)
        if report.tally.account and report.complete and part_of(report.settings.sample) is None:
            for finding in self._store_findings(report.tally.account):
                self.doubtful.whole |= report.settings.sample is None and in_doubt(finding)
                self.add(tally_of(finding))
        for family, count in sorted(report.tally.unknown.items()):
            alone = not report.profile.families
            self.add(unknown_of(family, count, report.profile.form(family), alone=alone))
        if report.complete and report.settings.sample is None:
            self._compare_what_it_keeps(layout)
        self.add_findings(whole_store.conclude(report))
        self.names.conclude(report)
        self.add_findings(_no_records(layout, report))
        return layout.probes

    def _open(self) -> Layout | None:
        """Return the layout of the store, or None if it could not be opened, which is then reported."""
        pool, reader, report = self.pool, self.reader, self.report
        if isinstance(pool, Preparing):  # the other workers load what they need while the first one opens the store
            pool.prepare(workers_ahead(reader), loading((), reader.backend))
        layout = take_layout(pool, reader)
        if isinstance(layout, Death):
            self.names.skip()
            self.add(given_up(layout, OPENING))
            return None
        report.source = msgspec.structs.replace(report.source, records=layout.records, bytes=layout.size)
        report.expected = layout.records
        if layout.known and isinstance(reader, Knowing) and isinstance(pool, Amending):
            pool.amend(partial(with_known, reader.knowing(layout.known)))
        return layout

    def _take_expectations(self, layout: Layout) -> None:
        """Find out what the store should hold: its profile, and the conventions that it follows."""
        pool, report = self.pool, self.report
        pool.grow(len(layout.shards))  # the other workers load what they need while the first one takes the profile
        taken = take_profile(pool, layout, pixels=all_statistics(layout, report.settings))
        report.profile = taken.profile
        self.names.look(report, taken, pool)
        for finding in self.names.heeded(layout.findings):
            self.add(tally_of(finding).without(self.not_read))
        for tally in undecided(taken, layout, self.reader, finding_of_death):
            self.add(tally)
        report.source = msgspec.structs.replace(report.source, decoder=decoders_of(report.profile))
        report.settings, report.unwalked = choose_eyes(report.settings, layout, report.profile, pool)
        self._recognise(layout, taken)
        if self.like is not None and not taken.empty:
            report.judged_by, differences = self.like.expected(report.profile)
            self.add_findings(differences)

    def _recognise(self, layout: Layout, taken: Taken) -> None:
        """Recognise the conventions that the store follows; if that fails, the scan is incomplete."""
        report, asked = self.report, self.report.settings.conventions
        found_out = {} if asked == (NONE,) else keeping.recognise(self.pool, layout, taken)
        if isinstance(found_out, Death):
            self.add(given_up(found_out, "finding out what the store keeps beside its records"))
            return
        report.keeps = with_unread(found_out, layout)
        report.follows = keeping.followed(layout, asked)
        left = keeping.unexamined_count(layout, found_out)
        if left and asked != (NONE,):
            message = counted(left, "of its databases was", "of its databases were")
            message += " not searched for counts and lists; --convention none skips this"
            self.add(tally_of(found("unsupported", message, count=left)))
        report.profile = with_known_shapes(report.profile, found_out)

    def _check_all(self, layout: Layout) -> None:
        """Check the shards of a source, except those that an earlier run has checked."""
        pool, report, doubtful = self.pool, self.report, self.doubtful
        resumable = Resumable(self.journal, report, layout, self.alongside)
        files = file_by_file(self.reader, report, layout)
        of_files = FileFindings(layout.findings)

        def add_known(check: Check, tally: Tally | None, it: Passed) -> None:
            if it.doubtful:
                doubtful.checks[id(check)] = check
            if tally is not None:
                before = len(report.findings)
                self.add(tally.without(self.not_read))
                files.known(check, tally, len(report.findings) - before, reused=it.reused)

        def add_reused(checks: list[Check], tally: Tally) -> None:
            for check in checks:
                doubtful.take(check, tally)
            before = len(report.findings)
            self.add(tally)
            resumable.reused(checks, tally, len(report.findings) - before, doubtful.checks)

        if self.until == TOO_LATE:
            report.stopped, report.tally.complete = True, False
            return
        over = False
        at: Check | None = None
        left = resumable.left(checks_of(pool, layout, report, self.add), add_known)
        try:
            for check, tally in in_order(pool, self.reader, files.left(left), shards_per_task(layout), resumable.stop):
                files.catch_up(check, add_reused)
                resumable.reach(check)
                if over and check is not at:
                    report.stopped = True
                    break
                at, before, report.worked = check, len(report.findings), True
                tally = of_files.without_repeats(tally.without(self.not_read))
                self.add(doubtful.take(check, tally))
                resumable.passed(tally, len(report.findings) - before, doubtful=id(check) in doubtful.checks)
                files.passed(check, tally, len(report.findings) - before)
                over = is_over(self.until)
        except BaseException:
            resumable.stop()
            raise
        if report.stopped:
            resumable.stop()
            report.tally.complete = False
        else:
            files.end(add_reused)
            resumable.end()

    def _store_findings(self, account: Mapping[str, int]) -> list[Finding]:
        """Return the findings about the store as a whole that follow from the sums over all blocks."""
        concluded = run_one(self.pool, Conclude(dict(account)))
        if isinstance(concluded, list):
            return concluded
        return [finding_of_death(concluded, "checking the store as a whole", of_record=False)]

    def _compare_what_it_keeps(self, layout: Layout) -> None:
        """Compare what the store records about its records with the records themselves."""
        report, accounts = self.report, self.report.tally.keys
        known = keeping.complete_known(
            report.keeps, accounts, layout.shards, report.profile, partial(run_one, self.pool)
        )
        if isinstance(known, Death):
            self.add(given_up(known, "comparing what the store keeps of its records with their keys"))
            return
        report.keeps = known
        report.groups = keeping.count_samples(known, accounts)
        self.add_findings(keeping.convention_faults(known, accounts))
        for comparison in compare_sizes(report.conventions, layout.shards):
            compared = run_one(self.pool, comparison)
            if isinstance(compared, Death):
                self.add(given_up(compared, "comparing the sizes of pictures with those in a list"))
            elif compared is not None:
                self.add(tally_of(compared))

    def compare_with(self, pairing: Pairing) -> None:
        """Compare the keys and pictures of the store with those of the stores it is paired with."""
        self.report.paired_with = pairing.all
        own = self.report.keeps.get("", Known()).own
        self.add_findings(pairing.findings(self.pool, own, lambda death, doing: self.add(given_up(death, doing))))


def _no_records(layout: Layout, report: Report) -> Iterator[Finding]:
    """Yield the finding of a source without records, unless other findings explain why there are none.

    Records that belong to a convention do not count.
    """
    own = sum(account.own for account in report.tally.keys.values())
    if report.tally.records > own or not report.complete or report.bad or report.unverifiable:
        return
    if layout.more:
        message = "no record was checked: it holds only values that are not records"
        yield found("no-records", message, verdict="unverifiable")
    else:
        yield found("no-records", "it holds no record: there is nothing to train on")


def decoders_of(profile: Profile) -> str | None:
    """Return the names of the decoders of the main families, joined by "+", or None."""
    names = {family.decoder for family in profile.every if family.sampled or not family.forced}
    return "+".join(sorted(names)) or None
