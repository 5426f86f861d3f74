"""The lines that say what to run next."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from datacheck.backends import BACKENDS
from datacheck.model.escaping import plain
from datacheck.reporting.report import Report
from datacheck.reporting.source import SearchedFolder
from datacheck.reporting.summary import counted


def advice(report: Report, written: Sequence[str | Path]) -> str | None:
    """Return the lines that say where the full report is and what to run next; None when there is nothing to do."""
    findings = len(report.findings)
    if not findings:
        return None
    path = shell(report.source.path)
    named = ", ".join(shell(str(file)) for file in written)
    every = f"all {counted(findings, 'finding')}"
    again = path if report.layer is None else f"--net {shell(report.layer.net)}"
    lines = [f"{every}: {named}" if named else f"{every}: datacheck scan {again} --report report.json"]
    row = BACKENDS.get(report.source.backend)
    if row is None or (report.layer is not None and not report.tally.records):
        return lines[0]
    key = next(report.bad_keys(), None)
    if key is not None:
        lines.append(f"look at one: datacheck show {path} {shell(key)}")
    worth = report.layer is None or key is not None
    if row.copier and report.bad and report.complete and worth and _leaves_something(report):
        one_kind = f" --backend {report.source.backend}" if _among_others(report) else ""
        rest = "" if report.layer is None else f" --from-report {_json_report(written)}"
        target = _beside(report.source.path)
        if target is not None:
            lines.append(f"a clean copy: datacheck rebuild {path} {shell(target)} --drop-bad{one_kind}{rest}")
    return "\n".join(lines)


def _leaves_something(report: Report) -> bool:
    """Say whether a copy without the bad records would hold any."""
    records = report.tally.records
    return report.bad < records or sum(1 for _ in report.bad_keys()) < records


def _among_others(report: Report) -> bool:
    """Say whether the source is all files of its kind in a folder that holds other sources too."""
    folder = report.source.folder
    return isinstance(folder, SearchedFolder) and folder.sources > 1 and folder.path == report.source.path


def _json_report(written: Sequence[str | Path]) -> str:
    return next((shell(str(file)) for file in written if Path(file).suffix == ".json"), "report.json")


def _beside(path: str) -> str | None:
    """Return a name for a clean copy beside a source; None for the root of all folders, which has nothing beside it."""
    source = Path(path)
    if source.name in ("", ".."):  # the folder has a name that is not the one it goes by here
        source = source.resolve()
    return str(source.with_name(f"{source.stem}_clean{source.suffix}")) if source.name else None


def shell(word: str) -> str:
    """Return a word as a shell takes it, with nothing in it that is not printable."""
    return shlex.quote(plain(word))
