"""Find what goes from an HDF5 source with the dropped records, and what a copy then mends or leaves inconsistent."""

from __future__ import annotations

from array import array

from datacheck.backends.copy_plan import Gone
from datacheck.backends.interface import WithSamples
from datacheck.errors import RebuildFailed, UsageError
from datacheck.model.finding import Finding, full_name
from datacheck.rebuilding.choice import Choice, decisions
from datacheck.rebuilding.work import Work, refuse_dead
from datacheck.reporting.report import Report
from datacheck.scanning.tasks import FindGone, run_one
from datacheck.workers.interface import Death

OF_SAMPLES = frozenset({"unpaired", "row-count", "shape", "nan", "inf", "out-of-range", "dangling"})
"""Codes of findings about a sample as a whole. If the choice drops such a finding, the sample is dropped."""
NUMBERS = frozenset({"nan", "inf"})
"""Codes of findings that filling in another value resolves."""
LOST = frozenset({"damaged-store", "truncated-store", "crash", "timeout"})
"""Codes of findings about a lost part of a file, at a path. A sample that lost what the others have is dropped too."""


NAMED = 8
"""Maximum number of inconsistencies named when a copy is refused; the rest are counted."""


def gone_with(work: Work, report: Report, *, drop_rows: bool) -> Gone | None:
    """Return what goes with the dropped records, or None if the copier drops records one by one.

    Raises RebuildFailed if what belongs to the dropped records cannot be found.
    """
    if not isinstance(work.copier, WithSamples):
        return None
    choice = work.order.choice.shown
    direct = array("q")
    for fate, record, _ in decisions(report.findings, choice):
        if fate == "dropped":
            assert record.index is not None
            direct.append(record.index)
    marked = frozenset(it for finding in report.findings for it in _dropped_samples(finding, choice))
    mendable = any(it.key is None and it.code in ("count", "dangling") for it in report.findings)
    if not (direct or marked or mendable):
        return Gone()
    result = run_one(work.pool, FindGone(work.copier, direct.tobytes(), marked, drop_rows, work.order.renumber))
    if isinstance(result, Death):
        refuse_dead(str(work.order.target), "finding what belongs to the dropped records", result)
    if not isinstance(result, Gone):
        raise RebuildFailed(str(work.order.target), "what belongs to the dropped records could not be found")
    return result


def _dropped_samples(finding: Finding, choice: Choice) -> list[tuple[str | None, str]]:
    """Return the file and path of the sample, or part of one, that is dropped for this finding; empty if none is."""
    stored = finding.code == "count" and "attribute" not in finding.details  # attributes are corrected
    about = "sample" if finding.code in OF_SAMPLES or stored else "path" if finding.code in LOST else ""
    sample = finding.details.get(about)
    if finding.key is not None or not isinstance(sample, str) or choice.fate([finding]) != "dropped":
        return []
    file = finding.file or None
    return [(file, "" if sample == file else sample)]


def refuse_losses(work: Work, report: Report, gone: Gone | None) -> list[str]:
    """Return what a copy would leave inconsistent. Raises UsageError unless that was accepted or is a dry run."""
    if gone is None or not gone.losses:
        return []
    if work.order.accept_losses or work.order.dry_run:
        return list(gone.losses)
    more = f"; and {len(gone.losses) - NAMED:,} more" if len(gone.losses) > NAMED else ""
    losses = "; ".join(gone.losses[:NAMED]) + more
    hint = "--accept-losses writes it anyway"
    choice = work.order.choice.shown
    codes = {it for fate, record, _ in decisions(report.findings, choice) if fate == "dropped" for it in record.codes}
    if codes and codes <= NUMBERS:
        hint += "; --fill VALUE instead of --drop-bad keeps the rows, with that value for each NaN or infinity"
    raise UsageError(f"{work.order.source}: a copy without these rows would be inconsistent: {losses}; {hint}")


def still_lost(findings: list[Finding], gone: Gone | None) -> list[Finding]:
    """Return those findings about the source as a whole that hold for the copy too."""
    if gone is None or not gone.samples:
        return findings
    return [it for it in findings if not _is_of_gone(it, gone)]


def sample_names(gone: Gone | None) -> list[str]:
    """Return the readable names of the samples that are dropped as a whole, sorted."""
    samples = () if gone is None else gone.samples
    return sorted(full_name(path, file) if path else str(file) for file, path in samples)


def _is_of_gone(finding: Finding, gone: Gone) -> bool:
    file, sample = finding.file or None, finding.details.get("sample")
    if (file, "") in gone.samples or (isinstance(sample, str) and (file, sample) in gone.samples):
        return True
    within = str(finding.details.get("dataset") or "").split("/")
    return any((file, "/".join(within[:end])) in gone.samples for end in range(2, len(within)))
