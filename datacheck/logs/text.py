"""Format a log's report for a person: what it is, what went wrong first, the lines that show it, what to run next."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from datacheck.model.escaping import plain
from datacheck.model.finding import Finding
from datacheck.model.listing import counted
from datacheck.reporting.log_series import RunSummary
from datacheck.reporting.summary import amount, counts_text

if TYPE_CHECKING:
    from datacheck.logs.diagnosis import LogReport

FINDINGS_SHOWN = 20


def log_text(report: LogReport) -> str:
    """Return the summary of a log."""
    return "\n".join([_headline(report), _verdict(report), *_findings(report)])


def _headline(report: LogReport) -> str:
    runs = f"{report.run_count:,} runs" if report.run_count != 1 else f"1 {report.runs[0].kind} run"
    size = amount(report.source.bytes or 0)
    return f"{plain(report.source.path)}: Caffe log of {runs}, {_span(report)}, {counted(report.lines, 'line')}, {size}"


def _span(report: LogReport) -> str:
    unit = "batch" if report.runs and all(run.kind == "test" for run in report.runs) else "iteration"
    plural = "es" if unit == "batch" else "s"
    shown = f"{report.checked:,} {unit}{'' if report.checked == 1 else plural} shown"
    if report.run_count != 1 or report.runs[0].first_iteration is None:
        return shown
    return f"{shown} ({report.runs[0].first_iteration:,} to {report.runs[0].last_iteration:,})"


def _verdict(report: LogReport) -> str:
    counts = [(report.bad, "bad"), (report.suspicious, "suspicious")]
    words = counts_text(counts)
    if report.interrupted:
        return f"INTERRUPTED after {counted(report.lines, 'line')}: {words or 'nothing wrong'} so far"
    if report.status == 3:
        done = any(run.ended == "done" and not run.shown for run in report.runs)
        reason = (
            "it shows no iteration; set display in the solver" if done else "the log ends before it shows an iteration"
        )
        return f"UNDECIDED: {reason}"
    if report.status == 1:
        first = next(it for it in report.findings if it.verdict == "bad" or report.settings.strict)
        return f"TROUBLE: {words}; the first {_place_text(report, first)}"
    return f"healthy{_so_far_clause(report)}: {words or 'nothing wrong'}{_loss_clause(report)}"


def _so_far_clause(report: LogReport) -> str:
    return " so far" if any(run.ended == "cut" for run in report.runs) else ""


def _loss_clause(report: LogReport) -> str:
    """Return a clause on the course of a single run's loss, or ""."""
    rows = [it for it in report.series if isinstance(it.loss, float) and math.isfinite(it.loss)]
    if report.run_count != 1 or len(rows) < 2:
        return ""
    first, last = rows[0], rows[-1]
    return f"; loss {first.loss:g} at iteration {first.iteration:,}, {last.loss:g} at iteration {last.iteration:,}"


def _place_text(report: LogReport, finding: Finding) -> str:
    details = finding.details
    run = f" of run {details['run']}" if report.run_count > 1 else ""
    if details["iteration"] is None:
        return f"at line {details['line']:,}{run}"
    unit = "batch" if all(it.kind == "test" for it in report.runs) else "iteration"
    return f"at {unit} {details['iteration']:,}{run}, line {details['line']:,}"


def _findings(report: LogReport) -> Iterator[str]:
    for number, finding in enumerate(report.findings):
        if number == FINDINGS_SHOWN:
            yield f"  and {len(report.findings) - number:,} more: --report FILE.json has them all"
            return
        yield f"  {finding.code} ({finding.verdict}) {_place_text(report, finding)}{_run_clause(report, finding)}"
        yield f"    {finding.message}"
        for line in finding.details["evidence"]:
            yield f"    {line['line']:>6}: {line['text']}"
        if "next" in finding.details:
            yield f"    next: {finding.details['next']}"


def _run_clause(report: LogReport, finding: Finding) -> str:
    """Return a clause on the lines of the finding's run, or "" if there is only one run."""
    run: RunSummary | None = next((it for it in report.runs if it.run == finding.details["run"]), None)
    if report.run_count < 2 or run is None:
        return ""
    return f" (run {run.run}: lines {run.first_line:,} to {run.last_line:,})"
