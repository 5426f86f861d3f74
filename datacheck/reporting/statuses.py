"""The exit status of a run of several sources."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datacheck.reporting.report import Report
    from datacheck.reporting.source import NotScanned

INTERRUPTED = 130
"""Exit status of a run that was interrupted."""
NOT_SCANNED = 2
"""Exit status for a source that was not scanned."""
WORST_FIRST = (INTERRUPTED, NOT_SCANNED, 1, 3, 0)
"""Exit statuses by precedence: the status of several sources is the first of these that one of them has."""


def status_of(reports: Sequence[Report], not_scanned: Sequence[NotScanned] = ()) -> int:
    """Return the exit status of a run: the worst of its sources, 0 if all are clean, 3 if there are none."""
    statuses = {it.status for it in reports} | ({NOT_SCANNED} if not_scanned else set())
    return next((it for it in WORST_FIRST if it in statuses), 3)
