"""Format a lint report as text: each finding with its file and line, the layer, and the fix."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from datacheck.model.escaping import plain
from datacheck.model.finding import Finding

if TYPE_CHECKING:
    from datacheck.reporting.report import Report

SHOWN = 20
"""Maximum number of findings shown per code; a report file has all of them."""


def lint_text(report: Report) -> str:
    """Return the text of a report on a prototxt."""
    source = report.source
    kind = {"solver": "solver", "network": "network"}.get(source.decoder or "", "prototxt")
    count = f"{source.records:,} layer{'' if source.records == 1 else 's'}"
    config = report.settings.config
    config_lines = [] if config is None else [config.sentence]
    lines = [f"{plain(source.path)}: {kind}, {count}", *config_lines, _verdict_line(report), *_findings(report)]
    return "\n".join(lines)


def _verdict_line(report: Report) -> str:
    counts = Counter(finding.verdict for finding in report.findings)
    counts_text = ", ".join(f"{counts[it]} {it}" for it in ("bad", "unverifiable", "suspicious") if counts[it])
    state = {0: "clean", 1: "NOT CLEAN", 3: "UNDECIDED"}[report.status]
    count = sum(counts.values())
    return (
        f"{state}: {counts_text} {'finding' if count == 1 else 'findings'}"
        if counts_text
        else f"{state}: nothing wrong"
    )


def _findings(report: Report) -> Iterator[str]:
    shown: Counter[str] = Counter()
    for finding in report.findings:
        shown[finding.code] += 1
        if shown[finding.code] <= SHOWN:
            yield from _finding_lines(finding)
    for code, count in shown.items():
        if count > SHOWN:
            yield f"  and {count - SHOWN:,} more of {code}"


def _finding_lines(finding: Finding) -> Iterator[str]:
    line = finding.details.get("line")
    location = f"{finding.file}" if line is None else f"{finding.file}:{line}"
    layer = "" if finding.key is None else f" layer {finding.key!r}:"
    phases = finding.details.get("phases", [])
    phase_clause = f" ({phases[0]} only)" if len(phases) == 1 else ""
    yield f"  {location}:{layer} {finding.code} ({finding.verdict}){phase_clause}: {finding.message}"
    if "fix" in finding.details:
        yield f"      fix: {plain(finding.details['fix'])}"
