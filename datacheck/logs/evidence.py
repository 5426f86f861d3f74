"""Make findings about a run, with the lines that show them and the command to run next."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from datacheck.logs.header import TRAIN
from datacheck.logs.run import Evidence, Run
from datacheck.model.codes import Verdict
from datacheck.model.escaping import plain
from datacheck.model.finding import Finding, found
from datacheck.reporting.advice import shell
from datacheck.reporting.log_series import json_number

EVIDENCE_WIDTH = 240
CAUSES = frozenset(("learning-rate", "saturated", "exploding", "layer-nan", "sudden-nan"))
"""Codes of the findings that say where NaN or infinity comes from."""


def run_finding(
    run: Run,
    code: str,
    message: str,
    evidence: Iterable[Evidence | None],
    *,
    at: Evidence | None = None,
    next_step: str = "",
    verdict: Verdict | None = None,
    **details: Any,
) -> Finding:
    """Return a finding about the run; `at` (by default the first evidence) is where it went wrong."""
    shown = sorted({it.line: it for it in evidence if it is not None}.items())
    at = at or shown[0][1]
    lines = [{"line": line, "text": quoted(it.text)} for line, it in shown]
    extra: dict[str, Any] = {
        name: json_number(value) if isinstance(value, float) else value for name, value in details.items()
    }
    if next_step:
        extra = {"next": next_step, **extra}
    where: dict[str, Any] = {"line": at.line, "iteration": at.iteration, "run": run.number, "evidence": lines}
    return found(code, message, verdict=verdict, **where, **extra)


def quoted(text: bytes) -> str:
    """Return a line of a log as a report shows it: escaped, and shortened to EVIDENCE_WIDTH characters."""
    escaped = plain(text.decode("utf-8", "replace").strip())
    return escaped if len(escaped) <= EVIDENCE_WIDTH else escaped[: EVIDENCE_WIDTH - 3] + "..."


def scan_command(run: Run, phase: str = TRAIN) -> str:
    """Return the command that checks the data which a run read."""
    sources = run.header.sources.get(phase) or [it for paths in run.header.sources.values() for it in paths]
    return " ".join(["datacheck scan", *(map(shell, sources[:4]) if sources else ["SOURCE"])])


def lint_command(run: Run) -> str:
    """Return the command that checks the network and the solver of a run."""
    return " ".join(["datacheck lint", *([shell(run.header.net)] if run.header.net else []), "solver.prototxt"])


def not_finite_word(value: float) -> str:
    """Return the words for a number that is not finite, for a message."""
    return "NaN" if math.isnan(value) else "infinite" if value > 0 else "minus infinity"


def records_clause(run: Run, phase: str, first: int, last: int) -> str:
    """Return a clause on the records in batches `first` to `last`, or "" if the log does not say which they are.

    A database is read in the order of its keys, again and again.

    >>> run = Run(1, b"", 1)
    >>> run.header.batches["TRAIN"] = [10]
    >>> records_clause(run, "TRAIN", 4, 5)
    '; a batch is 10, so these are records 40 to 59 in the order of the keys, counted on through the epochs'
    """
    batches = set(run.header.batches.get(phase, ()))
    if len(batches) != 1 or run.header.solver.get("iter_size", "1") != "1" or run.restored:
        return ""
    (batch,) = batches
    return (
        f"; a batch is {batch}, so these are records {first * batch:,} to {(last + 1) * batch - 1:,} in the order of "
        "the keys, counted on through the epochs"
    )


def is_explained(found_before: Sequence[Finding]) -> bool:
    """Return whether an earlier finding says where NaN or infinity comes from."""
    return any(it.code in CAUSES and it.verdict == "bad" for it in found_before)
