"""Find which bad findings about a store as a whole hold for its copy too."""

from __future__ import annotations

from collections.abc import Collection

from datacheck.conventions.outcome import Outcomes
from datacheck.model.escaping import unescape
from datacheck.model.finding import Finding
from datacheck.rebuilding.mending import can_lose
from datacheck.reporting.report import Report
from datacheck.scanning.pairing import STORES

MENDED = frozenset({"count", "dangling", "unpaired"})
"""Codes of findings that no longer hold for the copy."""


def lost_in_source(report: Report, outcomes: Outcomes | None) -> list[Finding]:
    """Return the bad findings about the source as a whole that the copy does not correct."""
    rewritten = frozenset() if outcomes is None else {key for _, key in outcomes.lists}
    repairs = () if outcomes is None else outcomes.repairs.values()
    corrected = {*rewritten, *(key for it in repairs for key in (*it.lists, *it.side_files, *it.values))}
    of_source = (it for it in report.findings if it.index is None and STORES not in it.details and it.verdict == "bad")
    kept = {
        index.name
        for part, known in report.keeps.items()
        for index in known.indexes
        if not can_lose(report, index, part)
    }
    return [
        it
        for it in of_source
        if it.code not in MENDED
        or _is_of_numbers(it)
        or _is_of_a_file(it)
        or it.details.get("of") in kept
        or ("numbers" in it.details and unescape(it.details["key"]) not in rewritten)
        or _is_of_a_list(it, corrected)
    ]


def _is_of_a_list(finding: Finding, corrected: Collection[bytes]) -> bool:
    """Return whether a finding is about a list of keys of which nothing is known that would keep it true.

    Such as a mapping of keys to their positions. The keys of the lists that a copy has true are `corrected`.
    """
    key = finding.details.get("key")
    is_list = finding.code == "dangling" and isinstance(key, str) and "of" not in finding.details
    return is_list and unescape(str(key)) not in corrected


def _is_of_a_file(finding: Finding) -> bool:
    """Return whether a finding is about what a whole file lacks; it then holds for the copy if the file is kept."""
    return finding.file is not None and finding.details.get("sample") == finding.file


def _is_of_numbers(finding: Finding) -> bool:
    """Return whether a finding is about numbers that a dataset holds of its rows, whose intended values are unknown.

    Names of samples (texts in `missing`) and counts in attributes are corrected in the copy; these numbers are copied
    unchanged, as are edges to `missing` nodes, which are numbers too.
    So are keys whose numbers have other `digits` than a loader asks for.
    """
    if "digits" in finding.details:
        return True
    names = any(isinstance(it, str) for it in finding.details.get("missing", ()))
    return finding.key is None and "dataset" in finding.details and not names
