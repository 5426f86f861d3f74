"""SARIF 2.1.0, as GitHub's code scanning and editors read it: one run of at most 25,000 results.

Source: OASIS, Static Analysis Results Interchange Format (SARIF) Version 2.1.0.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from datacheck._version import __version__
from datacheck.model.codes import CODES, Verdict
from datacheck.model.escaping import plain
from datacheck.model.finding import Finding
from datacheck.reporting.ci.bounded import (
    ERROR,
    NOTICE,
    WARNING,
    WrittenAtEnd,
    cut,
    file_of,
    finding_count,
    level_of,
    line_of,
    one_line,
    worst_first,
)
from datacheck.reporting.source import NotScanned
from datacheck.reporting.statuses import status_of

if TYPE_CHECKING:
    from datacheck.reporting.report import Report

MOST = 25_000
"""Maximum number of results that GitHub accepts for a run."""
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVEL = {ERROR: "error", WARNING: "warning", NOTICE: "note"}
OF_VERDICT: dict[Verdict, str] = {"bad": "error", "unverifiable": "warning", "suspicious": "note"}


class SarifSink(WrittenAtEnd):
    """A SARIF document, written at the end: all results, or the worst if there are too many, and their total number."""

    def pieces(self, reports: Sequence[Report], not_scanned: Sequence[NotScanned]) -> Iterator[str]:
        """Yield the document piece by piece, a result a line."""
        codes = list(dict.fromkeys(code for report in reports for code in report.counts))
        places = {code: at for at, code in enumerate(codes)}
        head = {"driver": {"name": "datacheck", "version": __version__, "rules": list(map(_rule, codes))}}
        yield f'{{"$schema":{_json(SCHEMA)},"version":"2.1.0","runs":[{{"tool":{_json(head)},\n'
        yield f'"columnKind":"unicodeCodePoints","invocations":{_json([_invocation(reports, not_scanned)])},\n'
        yield f'"properties":{_json(_totals(reports))},\n"results":['
        for number, (report, finding) in enumerate(worst_first(reports, MOST)):
            yield f"{',' if number else ''}\n{_json(_result(report, finding, places))}"
        yield "]}]}\n"


def _rule(code: str) -> dict[str, Any]:
    """Return the rule that describes a code."""
    verdict, meaning = CODES.get(code, (None, "a code of a validator of the caller's own"))
    rule: dict[str, Any] = {"id": code, "shortDescription": {"text": meaning}}
    from datacheck.model.explanations import EXPLANATIONS

    if code in EXPLANATIONS:
        what, why, mend = EXPLANATIONS[code]
        rule["fullDescription"] = {"text": f"{what} {why}"}
        rule["help"] = {"text": mend}
    if verdict is not None:
        rule["defaultConfiguration"] = {"level": OF_VERDICT[verdict]}
    return rule


def _invocation(reports: Sequence[Report], not_scanned: Sequence[NotScanned]) -> dict[str, Any]:
    """Return how the run ended; with notifications if sources or findings are not among the results."""
    invocation: dict[str, Any] = {
        "executionSuccessful": all(it.complete for it in reports) and not not_scanned,
        "exitCode": status_of(reports, not_scanned),
    }
    notifications = [{"level": "error", "message": {"text": cut(plain(it.message))}} for it in not_scanned[:MOST]]
    count = finding_count(reports)
    if count > MOST:
        text = f"these are {MOST:,} of {count:,} findings, the worst; a report of the format .json or .jsonl has all"
        notifications.append({"level": "warning", "message": {"text": text}})
    if notifications:
        invocation["toolExecutionNotifications"] = notifications
    return invocation


def _totals(reports: Sequence[Report]) -> dict[str, Any]:
    count = finding_count(reports)
    sums = {name: sum(getattr(it, name) for it in reports) for name in ("checked", "bad", "suspicious", "unverifiable")}
    return {"findings": count, "shown": min(count, MOST), **sums}


def _result(report: Report, finding: Finding, places: dict[str, int]) -> dict[str, Any]:
    location: dict[str, Any] = {
        "physicalLocation": {
            "artifactLocation": {"uri": _uri(file_of(report, finding))},
            "region": {"startLine": line_of(finding)},
        }
    }
    if finding.name is not None:
        location["logicalLocations"] = [{"fullyQualifiedName": cut(plain(finding.name)), "kind": "member"}]
    identity = "\0".join(
        [report.source.path, finding.code, finding.name or "", finding.field or "", finding.file or ""]
    )
    digest = hashlib.sha256(identity.encode("utf-8", "surrogateescape")).hexdigest()[:32]
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": places[finding.code],
        "level": LEVEL[level_of(report, finding)],
        "message": {"text": one_line(finding, placed=False)},
        "locations": [location],
        "partialFingerprints": {"datacheckRecord/v1": digest},
        "properties": {"verdict": finding.verdict},
    }
    if finding.index is not None:
        result["properties"]["index"] = finding.index
    return result


def _uri(path: str) -> str:
    """Return a path as a URI; a relative one stays relative, and readers take it from the root of the repository.

    >>> _uri("my data/a#1.h5"), _uri("/data/x")
    ('my%20data/a%231.h5', 'file:///data/x')
    """
    raw = os.fsencode(Path(path))
    return f"file://{quote(raw)}" if raw.startswith(b"/") else quote(raw, safe="/")


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
