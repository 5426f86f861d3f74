"""Find the first bad records of a source: a scan that ends as soon as there are enough."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path

from datacheck.backends.interface import Reader
from datacheck.model.blocks import ignore
from datacheck.model.escaping import plain
from datacheck.model.finding import Finding
from datacheck.reporting.report import Report
from datacheck.scanning.names import Names
from datacheck.scanning.run import Progress, run


class _Enough(Exception):
    """Raised once the wanted number of bad records is found."""


def first_bad(
    folder: Path,
    prepared: Sequence[tuple[Reader, Report]],
    count: int,
    progress: Progress = ignore,
    names: Names | None = None,
) -> tuple[list[str], int]:
    """Return the names of the first bad records, as `show` takes them, and the exit status of the scan.

    At most `count` records are returned. With `strict` settings, suspicious records are among them. `prepared` are the
    stores of a folder, each with its report to fill. Raises as a scan does.
    """
    settings = prepared[0][1].settings
    verdicts = {"bad", "suspicious"} if settings.strict else {"bad"}
    found: dict[str, None] = {}
    names = Names(settings) if names is None else names
    names.sources = len(prepared)
    statuses = []
    for reader, report in prepared:
        prefix = "" if reader.path == folder else f"{plain(os.path.relpath(reader.path, folder))}:"

        def collect(findings: Collection[Finding], prefix: str = prefix) -> None:
            for it in findings:
                if it.verdict in verdicts and it.name is not None:
                    found[f"{prefix}{it.name}"] = None
                    if len(found) == count:
                        raise _Enough

        try:
            run(report, reader, progress=progress, listen=collect, names=names)
        except _Enough:
            return list(found), 1
        statuses.append(report.status)
    return list(found), next(it for it in (1, 3, 0) if it in statuses)
