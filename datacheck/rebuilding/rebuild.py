"""Rebuild a dataset: scan it, copy what passed, compare the copy with the source, and only then give it its name."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Set
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec

from datacheck._version import __version__
from datacheck.backends import BACKENDS, load_class, title, writable
from datacheck.backends.copy_plan import Copied, Drops, Gone, Plan
from datacheck.backends.interface import Copier, Reader
from datacheck.backends.replaceable import store_at
from datacheck.conventions.outcome import Outcomes
from datacheck.engines import start_engine
from datacheck.errors import RebuildFailed, UsageError
from datacheck.files.guard import Guard, refuse_overlap
from datacheck.files.marking import COPY, QUARANTINE
from datacheck.files.modes import permissions_of, restrict_permissions
from datacheck.files.staging import Workplace
from datacheck.model.blocks import ignore
from datacheck.model.codes import CODES
from datacheck.model.finding import Finding
from datacheck.model.listing import counted
from datacheck.model.replacing import replace
from datacheck.model.settings import Settings
from datacheck.rebuilding.asked_names import require_possible
from datacheck.rebuilding.choice import Choice, Fate, codes_left, decisions
from datacheck.rebuilding.dropped import gone_with, refuse_losses, sample_names, still_lost
from datacheck.rebuilding.earlier_report import read_report
from datacheck.rebuilding.left_behind import left_behind, left_outside
from datacheck.rebuilding.lost_in_copy import lost_in_source
from datacheck.rebuilding.mending import look_again, outcomes_of, refuse_parting
from datacheck.rebuilding.numbering import left_as_it_is, note_numbers, refuse_drifting
from datacheck.rebuilding.receipt import Digests, Receipt, Seconds, StillBad, repairs_of
from datacheck.rebuilding.undecided import (
    blaming_writers,
    refuse_changed,
    refuse_undecided,
    refuse_unread,
    saying_what_is_left,
)
from datacheck.rebuilding.work import Order, Progress, Work
from datacheck.reporting.report import Report
from datacheck.reporting.source import Source
from datacheck.scanning.earlier.fingerprint import fingerprint, read_by, sources_of
from datacheck.scanning.earlier.like import like_of
from datacheck.scanning.names import Names
from datacheck.scanning.run import run
from datacheck.scanning.scan import prepare
from datacheck.scanning.tasks import Job
from datacheck.workers.interface import MakeEngine

DEADLY = frozenset({"crash", "timeout", "unreadable"})
"""Codes of findings whose records are not read again, not even to put them into quarantine."""
BROKEN = frozenset({*DEADLY, "truncated-store", "damaged-store", "checksum", "not-closed"})
"""Codes that mean, in a finding about the store as a whole, that its bytes must not be copied as they are."""

WHOLE = frozenset({"no-records", "damaged-store"})
"""Codes of findings for which a file is left out of the copy of a folder, if the choice drops them."""

SPARE = 1.05
"""Factor by which a copy may be larger than its source, to estimate the disk space that it needs."""


def rebuild_as(
    order: Order,
    settings: Settings,
    progress: Progress,
    engine: MakeEngine | None,
    publishing: Callable[[], None] = ignore,
    names: Names | None = None,
    scanned: Report | None = None,
    prepared: Callable[[], tuple[Reader, Report]] | None = None,
) -> tuple[Receipt, Report]:
    """Rebuild as ordered; return the receipt, which says whether a copy was written, and the report it is based on.

    The report is `scanned` if given, which must be from a scan just made with these settings; otherwise the source is
    scanned, or the earlier report that the order names is read. `publishing` is called when the copy is complete and
    about to get its name; after that, the rebuild should not be interrupted. `prepared` returns what
    `datacheck.scanning.scan.prepare` does for the source, if the caller needs it too.
    """
    refuse_overlap({"source": order.source, **order.writes})
    if settings.sample is not None:
        raise UsageError("a rebuild looks at every record; leave the sample out")
    reader, report = prepare(order.source, settings) if prepared is None else prepared()
    job = Job(reader, settings, order.validators, like_of(settings, report.source.path))
    guard = _guard(order, reader)
    to = order.to or reader.backend
    with ExitStack() as places, ExitStack() as stack:  # end the workers before removing the folder they write to
        places.enter_context(saying_what_is_left(order, report))
        copier = _copier(reader, to)
        pool = stack.enter_context(start_engine(job, settings.workers, engine))
        writer = pool if engine is None else stack.enter_context(start_engine(job, 1))
        work = Work(order, reader, copier, pool, writer, progress, publishing)
        if not copier.acceptable:
            work.objections()
        workplace = holding = None
        if not order.dry_run:
            workplace = places.enter_context(_workplace(order, guard))
            if order.quarantine is not None:
                holding = places.enter_context(Workplace(order.quarantine, guard=guard, what="quarantine"))
        if scanned is None and order.from_report is None:
            require_possible(order, reader, pool)
        started = time.monotonic()
        report = _report(work, report, names) if scanned is None else scanned
        draft = _draft(work, report, to, started=None if scanned is not None else started)
        _refuse_choice(order, report, copier)
        refused = not order.choice.made and (report.bad or draft.receipt.dropped)
        if refused or workplace is None or draft.receipt.nothing_left:
            return draft.receipt, report
        work = _ready(work, draft, to)
        try:
            return _write(work, draft, workplace, holding), report
        except OSError as exc:
            reason = f"could not be written: {exc.strerror or exc}; what was there is unchanged"
            raise RebuildFailed(str(order.target), reason) from exc


def _guard(order: Order, reader: Reader) -> Guard:
    """Return a guard of what the rebuild reads. Raises UsageError if something to be written is among it."""
    guard = Guard(order.inputs, lambda: read_by(reader))
    for what, place in order.writes.items():
        guard.refuse_target(place, what)
    return guard


def _report(work: Work, report: Report, names: Names | None) -> Report:
    """Return the report to rebuild from: that of a scan made now, or the earlier one that the order names."""
    if work.order.from_report is None:
        progress = partial(work.progress, "scan")
        run(report, work.reader, validators=work.order.validators, progress=progress, pool=work.pool, names=names)
        return report
    judges = work.order.choice.shown.drop_bad  # bad records must be known, if only to refuse them
    report = read_report(work.order.from_report, work.reader, report, drop_bad=judges)
    (Names(report.settings) if names is None else names).look(report, None, work.pool)
    look_again(work.pool, report)
    return report


@dataclass(frozen=True)
class _Draft:
    """What a rebuild is about to do.

    `outcome` is what becomes of records because of others that are dropped, None if nothing changes; `gone` is what
    goes with the dropped records if these are not dropped one by one.
    """

    report: Report
    receipt: Receipt
    outcome: Outcomes | None
    gone: Gone | None


def _draft(work: Work, report: Report, to: str, started: float | None) -> _Draft:
    """Work out what a rebuild does; the report was `started` at that time, or made before if that is None."""
    order = work.order
    if not work.copier.acceptable:
        note_numbers(work.pool, report, order)
    outcome = outcomes_of(order.choice, report, order.renumber)
    gone = gone_with(work, report, drop_rows=order.drop_rows)
    seconds = report.seconds if started is None else time.monotonic() - started
    receipt = _receipt(order, report, to, seconds, outcome, gone)
    if not work.copier.acceptable:
        receipt.unkept = [*left_behind(work.reader, outcome), *left_as_it_is(report, order, outcome)]
    return _Draft(report, receipt, outcome, gone)


def _ready(work: Work, draft: _Draft, to: str) -> Work:
    """Return the work of writing the copy; note what it cannot keep. Raises if the source or the losses forbid it."""
    order, report, receipt, gone = work.order, draft.report, draft.receipt, draft.gone
    refuse_undecided(order.source, report)
    refuse_parting(draft.outcome, report, order.renumber)
    refuse_drifting(draft.outcome, report, order)
    if not work.copier.acceptable:
        return work
    lost = _lost_parts(report, work.reader, order.choice)
    work = replace(work, copier=_copier(work.reader, to, lost), damaged=bool(lost))
    mends = gone is not None and bool(gone.mends or gone.samples)
    untrue = refuse_losses(work, report, gone)
    receipt.unkept = work.objections(changed=bool(lost or mends or receipt.dropped + receipt.altered)) + untrue
    receipt.unkept += [*left_outside(work.reader, report, receipt.unkept), *(() if gone is None else gone.notes)]
    return work


def _workplace(order: Order, guard: Guard) -> Workplace:
    examine = partial(store_at, source=order.source) if order.force else None
    return Workplace(order.target, examine=examine, guard=guard)


def _write(work: Work, draft: _Draft, workplace: Workplace, holding: Workplace | None) -> Receipt:
    """Copy, compare and publish; return the receipt with the results."""
    order, report, receipt = work.order, draft.report, draft.receipt
    plan = _plan(order, report, workplace, holding, draft.gone)
    if draft.outcome is not None:
        plan = msgspec.structs.replace(plan, changing=draft.outcome.repairs)
    _refuse_small_disk(order, report, workplace)
    started = time.monotonic()
    with blaming_writers(order.source, report, work.reader):
        copied = work.copied(plan, receipt.records)
        between = time.monotonic()
        verified_plan = plan if work.writer is work.pool else _by_name(plan, workplace)
        count, digest = work.verified(verified_plan, copied.kept)
    finished = time.monotonic()
    _compare(order, work.reader, report, receipt, copied, count, digest)
    work.publishing()
    if holding is not None:
        _describe_quarantine(order, report, holding)
        restrict_permissions(holding.inside / QUARANTINE, permissions_of(order.source, sources_of(work.reader)))
        holding.publish(holding.inside / QUARANTINE)
    workplace.publish(plan.target)
    copy, _ = prepare(order.target, msgspec.structs.replace(report.settings, backend=receipt.target.backend))
    return msgspec.structs.replace(
        receipt,
        written=True,
        replaced=workplace.replaced or msgspec.UNSET,
        kept=copied.kept,
        altered=copied.altered,
        quarantined=copied.held,
        digests=Digests(copied.digest, digest),
        repairs=msgspec.UNSET if receipt.repairs is msgspec.UNSET else receipt.repairs.made(copied.lists),
        target=msgspec.structs.replace(receipt.target, records=count, fingerprint=fingerprint(copy)),
        seconds=Seconds(receipt.seconds.scan, round(between - started, 3), round(finished - between, 3)),
    )


def _by_name(plan: Plan, workplace: Workplace) -> Plan:
    """Return a plan with the paths by which other machines reach its files."""

    def named(path: Path) -> Path:
        return workplace.path / path.relative_to(workplace.inside)

    drops, fills = (
        None if it is None else msgspec.structs.replace(it, file=named(it.file)) for it in (plan.drops, plan.fills)
    )
    return msgspec.structs.replace(plan, target=named(plan.target), drops=drops, fills=fills)


def _lost_parts(report: Report, reader: Reader, choice: Choice) -> frozenset[tuple[str | None, str]]:
    """Return file and path of each damaged thing other than a record, and the files to leave out."""
    faulty = {it.file for it in getattr(reader, "faults", ())}

    def is_lost(finding: Finding) -> bool:
        if finding.file not in faulty and finding.code in BROKEN:
            return True
        return finding.code in WHOLE and choice.fate([finding]) == "dropped"

    return frozenset(
        (it.file or None, str(it.details.get("path") or it.details.get("dataset") or ""))
        for it in report.findings
        if it.key is None and "probe" not in it.details and is_lost(it)
    )


def _copier(reader: Reader, to: str, lost: frozenset[tuple[str | None, str]] = frozenset()) -> Copier:
    """Return the copier from this store into one of the kind `to`. Raises UsageError if there is none."""
    source, target = BACKENDS.get(reader.backend), BACKENDS.get(to)
    if source is None or source.copier is None:
        raise UsageError(f"{reader.path}: datacheck reads {title(reader.backend)} and does not rebuild it")
    if target is None or (target is not source and (target.writer is None or target.copier != source.copier)):
        between = " and ".join(writable())
        raise UsageError(f"{reader.path}: {reader.backend} cannot be rebuilt as {to}; --to converts between {between}")
    copier: Copier = load_class(source.copier)(to=to, lost=lost)
    return copier


def _receipt(
    order: Order, report: Report, to: str, scanned: float, outcome: Outcomes | None, gone: Gone | None
) -> Receipt:
    """Return the receipt of what would be done."""
    fates: dict[Fate, int] = {"kept": 0, "dropped": 0, "altered": 0}
    still_bad, codes = 0, set[str]()
    for fate, _, findings in decisions(report.findings, order.choice.shown):
        fates[fate] += 1
        if left := codes_left(fate, findings):
            still_bad += 1
            codes |= left
    records = report.source.records or 0
    dropped = fates["dropped"] if outcome is None else outcome.dropped
    if gone is not None:
        dropped = gone.count
    own = sum(account.own for account in report.tally.keys.values())
    alone = dropped and 0 < records - dropped <= own
    return Receipt(
        version=__version__,
        written=False,
        source=report.source,
        target=Source(str(order.target), to),
        records=records,
        kept=records - dropped,
        dropped=dropped,
        altered=fates["altered"],
        still_bad=StillBad(still_bad, _in_order(codes), at_most=still_bad > 0 and dropped > fates["dropped"]),
        quarantine=None if order.quarantine is None else str(order.quarantine),
        samples=sample_names(gone),
        lost=still_lost(lost_in_source(report, outcome), gone),
        repairs=repairs_of(report, outcome, gone),
        others=msgspec.UNSET if gone is None or not gone.others else gone.others,
        own=records - dropped if alone else msgspec.UNSET,
        seconds=Seconds(round(scanned, 3), 0.0, 0.0),
    )


def _in_order(codes: Set[str]) -> tuple[str, ...]:
    """Return codes in the order of their table, and then those that are not in it, such as those of a validator."""
    return (*(it for it in CODES if it in codes), *sorted(codes - CODES.keys()))


def _refuse_choice(order: Order, report: Report, copier: Copier) -> None:
    order.choice.require_known(report.findings, report.source.path, order.own_codes)
    refuse_unread(order.source, report)
    kinds = {family.decoder for family in report.profile.families.values()}
    if order.choice.fill is not None and not copier.fills(kinds):
        raise UsageError("--fill is for HDF5 and for float Datum; this source holds neither")


def _plan(order: Order, report: Report, workplace: Workplace, holding: Workplace | None, gone: Gone | None) -> Plan:
    """Return the plan of the copy, and write the indexes to drop and to alter into files of the workplace."""
    files = {fate: workplace.inside / f"{fate}.indexes" for fate in ("dropped", "altered")}
    deadly = set()
    with ExitStack() as stack:
        opened = {fate: stack.enter_context(workplace.create(file.name)) for fate, file in files.items()}
        for fate, record, findings in decisions(report.findings, order.choice):
            if fate in opened and not (fate == "dropped" and gone is not None):
                assert record.index is not None  # only records dropped because of others have none
                opened[fate].write(record.index.to_bytes(8, "little"))
            if fate == "dropped" and any(finding.code in DEADLY for finding in findings):
                deadly.add(record.key)
        if gone is not None:
            opened["dropped"].write(gone.indexes)
    suffix = "".join(order.source.suffixes) if order.source.is_file() else ""
    quarantine = None
    if holding is not None:
        holding.make_folder(QUARANTINE)
        quarantine = holding.inside / QUARANTINE / f"records{suffix}"
    return Plan(
        target=workplace.inside / COPY,
        drops=Drops(files["dropped"], frozenset(deadly)),
        quarantine=quarantine,
        fill=order.choice.fill,
        fills=Drops(files["altered"]),
        samples=frozenset() if gone is None else gone.samples,
        moves=() if gone is None else gone.moves,
        numbered=frozenset() if gone is None else gone.numbered,
        threads=report.settings.workers,
    )


def _refuse_small_disk(order: Order, report: Report, workplace: Workplace) -> None:
    needed = int((report.source.bytes or 0) * SPARE)
    free = shutil.disk_usage(workplace.inside).free
    if needed > free:
        raise RebuildFailed(str(order.target), f"a copy needs about {needed:,} bytes, and the disk has {free:,} free")


def _compare(
    order: Order, reader: Reader, report: Report, receipt: Receipt, copied: Copied, count: int, digest: str
) -> None:
    """Raise RebuildFailed if the source has changed, or if counts or digest of the copy are not as expected."""
    target = str(order.target)
    refuse_changed(order.source, report, reader)
    if copied.kept + copied.dropped != receipt.records or copied.dropped != receipt.dropped:
        parts = f"{counted(copied.kept, 'record')} kept and {copied.dropped:,} dropped"
        raise RebuildFailed(target, f"{parts} do not make the {receipt.records:,} of the source")
    if (count, digest) != (copied.kept + copied.added, copied.digest):
        raise RebuildFailed(
            target, "the copy, read again, differs from what was written; check the disk and the memory"
        )


def _describe_quarantine(order: Order, report: Report, holding: Workplace) -> None:
    """Write the findings of the dropped records beside the records in quarantine."""
    with holding.create(f"{QUARANTINE}/report.jsonl") as file:
        for fate, _, findings in decisions(report.findings, order.choice):
            if fate == "dropped":
                file.writelines(msgspec.json.encode(finding) + b"\n" for finding in findings)
