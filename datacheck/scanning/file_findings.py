"""Drop findings about rows that repeat a finding about their whole file."""

from __future__ import annotations

from collections.abc import Iterable

from datacheck.model.escaping import escape
from datacheck.model.finding import Finding
from datacheck.reporting.tally import Tally

SHAPE = "shape"


class FileFindings:
    """The datasets of files that have a finding about the shape of their rows, from the details of these findings."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        of_files = (it for it in findings if it.code == SHAPE and it.key is None)
        self._datasets = {(it.file, path) for it in of_files for path in it.details.get("datasets", ())}

    def without_repeats(self, tally: Tally) -> Tally:
        """Return the tally without findings that repeat what was reported about a whole file."""
        return tally.setting_aside(self._is_repeat)[0] if self._datasets and SHAPE in tally.codes else tally

    def _is_repeat(self, finding: Finding) -> bool:
        if finding.code != SHAPE or finding.key is None or finding.field is None:
            return False
        group = finding.key.rpartition("[")[0].rstrip("/")
        field = escape(finding.field.encode("utf-8", "surrogateescape"))
        return (finding.file, f"{group}/{field}") in self._datasets
