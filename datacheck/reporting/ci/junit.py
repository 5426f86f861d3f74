"""JUnit XML: a suite for each source; in it a case for each check, and for the store, payloads and conventions.

The format is what Jenkins and GitLab read (junit-10.xsd of Jenkins' xunit plugin).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from datacheck.model.escaping import plain
from datacheck.model.finding import Finding
from datacheck.reporting.ci.bounded import ERROR, WARNING, WrittenAtEnd, cut, level_of, one_line, verdict_of
from datacheck.reporting.source import NotScanned

if TYPE_CHECKING:
    from datacheck.reporting.report import Report

NAMED = 20
"""Maximum number of findings listed per test case; the rest are counted."""
STORE, PAYLOAD, CONVENTION, COMPLETE = "store", "payload", "convention", "complete"
CASES = {
    **dict.fromkeys(("nan", "inf"), "finite"),
    "out-of-range": "range",
    "shape": "shape",
    **dict.fromkeys(("label", "class-missing", "sorted"), "label"),
    "wrong-format": "format",
    "constant": "constant",
    "half-overflow": "half-overflow",
    **dict.fromkeys(("truncated-store", "damaged-store", "checksum", "unreadable", "missing", "no-records"), STORE),
    **dict.fromkeys(("missing-filter", "unsupported", "source-changed", "internal-error", "row-count"), STORE),
    **dict.fromkeys(("not-closed", "orphan", "stale", "unwritten"), STORE),
    **dict.fromkeys(("crash", "timeout", "too-large", "empty", "undecodable", "truncated", "corrupt-image"), PAYLOAD),
    **dict.fromkeys(("size-mismatch", "unknown-payload", "trailing-data", "unsafe-pickle", "odd-text"), PAYLOAD),
    **dict.fromkeys(("axis-order", "fields"), PAYLOAD),
    **dict.fromkeys(("count", "dangling", "unpaired", "gap"), CONVENTION),
}
"""The case of each code of a store. Any other code is a case of its own, which exists only if it was found."""
OF_STORES = (STORE, PAYLOAD, CONVENTION)
"""The cases that each source of records has besides its checks."""
NO_STORES = frozenset({"prototxt", "log"})


@dataclass
class Case:
    """The findings of one case: counts by level, and the first findings as lines."""

    counts: Counter[str] = field(default_factory=Counter)
    lines: list[str] = field(default_factory=list)

    def take(self, level: str, finding: Finding) -> None:
        """Add a finding."""
        self.counts[level] += 1
        if len(self.lines) < NAMED:
            self.lines.append(f"{finding.code} ({finding.verdict}): {one_line(finding)}")

    @property
    def text(self) -> str:
        """The text of the case: the first findings, and how many more there are."""
        more = self.counts.total() - len(self.lines)
        return "\n".join([*self.lines, *([f"and {more:,} more"] if more else [])])


class JUnitSink(WrittenAtEnd):
    """A JUnit document, written at the end; a case lists some of its findings and counts the rest."""

    def pieces(self, reports: Sequence[Report], not_scanned: Sequence[NotScanned]) -> Iterator[str]:
        """Yield the document piece by piece."""
        suites = [_suite(report) for report in reports]
        suites += [(_not_scanned(it), 1, 0, 1) for it in not_scanned]
        tests, failures, errors = (sum(numbers) for numbers in zip(*(it[1:] for it in suites), strict=True))
        yield '<?xml version="1.0" encoding="UTF-8"?>\n'
        yield f'<testsuites name="datacheck" tests="{tests}" failures="{failures}" errors="{errors}">\n'
        yield from (text for text, *_ in suites)
        yield "</testsuites>\n"


def _not_scanned(source: NotScanned) -> str:
    """Return the suite of a source that was not scanned."""
    name = escape(cut(plain(source.message)))
    return (
        f'  <testsuite name="{name}" tests="1" failures="0" errors="1" skipped="0" time="0">\n'
        f'    <testcase classname="{name}" name="{COMPLETE}" time="0">\n'
        f"{_element('error', 'not scanned', source.message)}    </testcase>\n  </testsuite>\n"
    )


def _suite(report: Report) -> tuple[str, int, int, int]:
    """Return the suite of a report, and how many cases it has, how many of them failed, and how many are undecided."""
    cases = _cases(report)
    results = [_case(report, name, case) for name, case in cases.items()]
    failures = sum("<failure" in it for it in results)
    errors = sum("<error" in it for it in results)
    path = escape(plain(report.source.path))
    head = (
        f'  <testsuite name="{path}" tests="{len(results)}" failures="{failures}" errors="{errors}" skipped="0" '
        f'time="{min(report.seconds, 1e9):.3f}" timestamp="{report.started.removesuffix("Z")}">\n'
    )
    properties = {
        "status": report.status,
        "records": report.source.records or 0,
        "checked": report.checked,
        "bad": report.bad,
        "suspicious": report.suspicious,
        "unverifiable": report.unverifiable,
        "findings": len(report.findings),
    }
    lines = "".join(f'      <property name="{name}" value="{value}"/>\n' for name, value in properties.items())
    text = f"{head}    <properties>\n{lines}    </properties>\n{''.join(results)}"
    summary = _text(str(report))
    return f"{text}    <system-out>{summary}</system-out>\n  </testsuite>\n", len(results), failures, errors


def _cases(report: Report) -> dict[str, Case]:
    """Return the cases of a report, including those without findings."""
    checks = report.settings.checks
    of_stores = report.source.backend not in NO_STORES
    names = (*OF_STORES, *checks) if of_stores else ()
    cases = {name: Case() for name in (*names, COMPLETE)}
    for finding in report.findings:
        name = CASES.get(finding.code, finding.code) if of_stores else finding.code
        cases.setdefault(name, Case()).take(level_of(report, finding), finding)
    return cases


def _case(report: Report, name: str, case: Case) -> str:
    """Return a case: a failure if its findings close the gate, an error if they leave it undecided."""
    inner = ""
    if report.status and case.counts[ERROR]:
        inner = _element("failure", f"{case.counts[ERROR]:,} bad", case.text)
    elif report.status and case.counts[WARNING]:
        inner = _element("error", f"{case.counts[WARNING]:,} unverifiable", case.text)
    elif name == COMPLETE and (not report.complete or report.partial):
        inner = _element("error", "not every record was looked at", verdict_of(report))
    elif case.lines:
        inner = f"      <system-out>{_text(case.text)}</system-out>\n"
    head = f'    <testcase classname="{escape(plain(report.source.path))}" name="{escape(name)}" time="0"'
    return f"{head}>\n{inner}    </testcase>\n" if inner else f"{head}/>\n"


def _element(kind: str, message: str, text: str) -> str:
    return f'      <{kind} type="{kind}" message="{escape(message)}">{_text(text)}</{kind}>\n'


def _text(text: str) -> str:
    return "\n".join(escape(cut(plain(line))) for line in text.split("\n"))


def escape(text: str) -> str:
    from html import escape  # imported late: it loads every name of HTML, which no other format needs

    return escape(text)
