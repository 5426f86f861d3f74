"""The content of a page about reports: the verdict, what is wrong and how to mend it, the store, the findings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from datacheck.model.codes import CODES, VERDICTS
from datacheck.model.escaping import plain
from datacheck.model.explanations import EXPLANATIONS, Explanation
from datacheck.model.finding import Finding
from datacheck.model.listing import counted, there_are
from datacheck.reporting.advice import advice
from datacheck.reporting.page.charts import Panel, panels_of
from datacheck.reporting.page.finding_table import FindingTable, Row, row_of
from datacheck.reporting.page.render import as_markup, rendered
from datacheck.reporting.page.store import Store, store_of
from datacheck.reporting.page.strip import Mark, Strip
from datacheck.reporting.page.words import cut, readable, steps
from datacheck.reporting.samples import PER_CODE, SAMPLES, Look
from datacheck.reporting.source import NotScanned
from datacheck.reporting.statuses import NOT_SCANNED, status_of
from datacheck.reporting.summary import amount, counts_text, headline

if TYPE_CHECKING:
    from datacheck.reporting.report import Report

LINT, LOG = "prototxt", "log"
"""The backends of reports that are not about records."""
ALIKE = ("duplicate", "leak")
UNEXPLAINED = Explanation("", "", "")
STATES = {0: "clean", 1: "bad", NOT_SCANNED: "bad", 3: "unverifiable"}
TITLES = {0: "Clean", 1: "Not clean", NOT_SCANNED: "Not all scanned", 3: "Undecided"}
OF_LOGS = {0: "Healthy", 1: "Trouble", NOT_SCANNED: "Not all read", 3: "Undecided"}
MOST = 19_500_000
"""Maximum size of a page, approximately, in bytes."""
SECTION = 2_500_000
"""Size allowed for a source on the page, without its pictures, in bytes; few take a hundredth of that."""
LISTED = 2_000
"""Maximum number of sources listed on a page."""


@dataclass(frozen=True)
class Pair:
    """A finding with the look of its record and of a sound one beside it, or with the lines of a log that show it."""

    row: Row
    bad: Look | None = None
    sound: Look | None = None
    sound_key: str = ""
    evidence: tuple[tuple[str, str], ...] = ()
    next: str = ""

    @property
    def alike(self) -> bool:
        """Whether the record beside it is the one that it resembles, and nothing is wrong with either."""
        return self.row.code in ALIKE


@dataclass
class Code:
    """A code that was found: how often, what it means, and some of the records that have it."""

    name: str
    verdict: str
    count: int
    meaning: str
    explanation: Explanation
    pairs: list[Pair] = field(default_factory=list)

    @property
    def one(self) -> bool:
        """Whether a single record is shown, which then stands beside the text."""
        return len(self.pairs) == 1


@dataclass(frozen=True)
class Section:
    """One source of the page."""

    name: str
    state: str
    title: str
    sentence: str
    headline: str
    facts: list[tuple[str, str]]
    codes: list[Code]
    records: int
    found: list[Mark]
    damage: list[Mark]
    in_files: list[Mark]
    gone: int
    cut_records: float
    cut_bytes: float
    size: str
    panels: list[Panel]
    store: Store | None
    steps: list[tuple[str, str]]

    @property
    def pictures(self) -> int:
        """The size of its pictures on the page, in bytes."""
        looks = (it for code in self.codes for pair in code.pairs for it in (pair.bad, pair.sound) if it is not None)
        return sum(4 * len(it.picture) // 3 for it in looks)


@dataclass
class Written:
    """How many bytes of a page were written, and how many sources are on it in full."""

    size: int = 0
    sources: int = 0

    def while_there_is_room(self, sections: Sequence[Section], table: FindingTable) -> Iterator[Section]:
        """Yield the sources that are shown in full: the first one, and those after it as long as there is room."""
        for section in sections:
            if self.sources and self.size + table.size + section.pictures + SECTION > MOST:
                return
            self.sources += 1
            yield section


def page_of(reports: Sequence[Report], not_scanned: Sequence[NotScanned] = ()) -> Iterator[str]:
    """Yield the page about some reports piece by piece."""
    table, written = FindingTable(), Written()
    sections = [_section(report, table) for report in reports]
    worst = status_of(reports, not_scanned)
    title = title_of(worst, reports)
    values = {
        "title": title,
        "state": STATES.get(worst, "unverifiable"),
        "sections": sections[:LISTED],
        "more": len(sections) - LISTED,
        "in_full": written.while_there_is_room(sections, table),
        "written": written,
        "several": len(sections) + len(not_scanned) > 1,
        "not_scanned": [(cut(plain(it.source)), cut(plain(it.message))) for it in not_scanned[:LISTED]],
        "more_not_scanned": len(not_scanned) - LISTED,
        "total": _total(reports, len(not_scanned)),
        "table": table,
        "pictures": any(report.samples for report in reports),
        "data": as_markup(table.json),
        "started": reports[0].started if reports else "",
        "document": f"{title}: {', '.join(it.name for it in sections[:3])}",
    }
    for piece in rendered("page.html", values):
        written.size += len(piece.encode())
        yield piece


def title_of(status: int, reports: Sequence[Report]) -> str:
    """Return the title for an exit status."""
    titles = OF_LOGS if all(it.source.backend == LOG for it in reports) else TITLES
    return titles.get(status, "Interrupted")


def _section(report: Report, table: FindingTable) -> Section:
    source = report.source
    kind = source.backend
    records = 0 if kind in (LINT, LOG) else report.tally.records
    strip = Strip(records, source.bytes, (report.expected or 0) if report.complete else 0)
    table.begin(plain(source.path))
    verdicts: dict[str, str] = {}
    pairs: list[Pair] = []
    for finding in table.take(report.findings):
        strip.take(finding)
        if kind in (LINT, LOG) and len(pairs) < SAMPLES:
            pairs.append(_pair_of(finding))
        known = verdicts.get(finding.code)
        if known is None or VERDICTS.index(finding.verdict) < VERDICTS.index(known):
            verdicts[finding.code] = finding.verdict
    codes = codes_of(report, verdicts)
    by_name = {it.name: it for it in codes}
    pairs += (Pair(row_of(it.finding), it.bad, it.sound, readable(cut(it.sound_key))) for it in report.samples)
    for pair in pairs:
        code = by_name.get(pair.row.code)
        if code is not None and len(code.pairs) < PER_CODE:
            code.pairs.append(pair)
    next_steps = report.next_steps
    if next_steps is None and kind not in (LINT, LOG):
        next_steps = advice(report, [])
    return Section(
        name=cut(plain(source.path)),
        state=STATES.get(report.status, "unverifiable"),
        title=title_of(report.status, [report]),
        sentence=_result_sentence(report),
        headline="" if kind in (LINT, LOG) else headline(report),
        facts=list(_facts(report)),
        codes=codes,
        records=records,
        found=strip.found,
        damage=strip.damage(report.places),
        in_files=strip.in_files,
        gone=strip.gone,
        cut_records=strip.cut_records,
        cut_bytes=strip.cut_bytes,
        size=amount(max(strip.declared_bytes, source.bytes or 0)),
        panels=panels_of(report) if kind == LOG else [],
        store=None if kind in (LINT, LOG) else store_of(report),
        steps=steps(next_steps),
    )


def _pair_of(finding: Finding) -> Pair:
    """Return a finding of a log or a prototxt with the lines that show it, and what to run next."""
    lines = finding.details.get("evidence", ())
    evidence = tuple((f"{it['line']:,}", cut(plain(str(it["text"])), 300)) for it in lines[:8])
    return Pair(row_of(finding), evidence=evidence, next=plain(str(finding.details.get("next", ""))))


def codes_of(report: Report, verdicts: dict[str, str]) -> list[Code]:
    """Return the codes that were found, the worst and most frequent first."""
    codes = [
        Code(
            code,
            verdicts.get(code, "suspicious"),
            count,
            CODES[code][1].removeprefix("a training log: ") if code in CODES else "",
            EXPLANATIONS.get(code, UNEXPLAINED),
        )
        for code, count in report.counts.items()
    ]
    return sorted(codes, key=lambda it: (VERDICTS.index(it.verdict), -it.count, it.name))


def _result_sentence(report: Report) -> str:
    """Return the result of a report as a sentence."""
    kind = report.source.backend
    parts = [
        (report.bad, "bad"),
        (report.unverifiable, "unverifiable"),
        (report.suspicious, "suspicious"),
    ]
    counts = counts_text(parts)
    if kind == LOG and report.interrupted:
        return f"The reading of the log was interrupted: {counts or 'nothing wrong'} so far. This is not a verdict."
    if kind == LOG:
        return {0: "The training went well, as far as the log shows.", 1: "The training went wrong."}.get(
            report.status, "The log does not show how the training went."
        )
    if kind == LINT:
        found = counted(len(report.findings), "finding")
        return f"{found}: {counts}." if counts else "Nothing is wrong with this file."
    return f"{_records_sentence(report, counts)}{_left_out(report)}"


def _records_sentence(report: Report, counts: str) -> str:
    if report.interrupted:
        done = f"Interrupted after {counted(report.checked, 'record')}"
        return f"{done}: {counts or 'nothing wrong'} so far. This is not a verdict."
    records = counted(report.checked, "record")
    if report.status == 0:
        if report.bad:
            return f"{counts} among {records}, within --max-bad {report.settings.max_bad}."
        return f"Nothing wrong was found in {records}." if not counts else f"Nothing bad among {records}; {counts}."
    if report.status == 1:
        return f"{counts} among {records}."
    return f"Nothing bad was found in {records}, but the result is undecided{f': {counts}' if counts else ''}."


def _left_out(report: Report) -> str:
    """Return a sentence about what was not checked; empty if there is nothing to say."""
    if report.partial:
        return f" It is a sample: {there_are(report.tally.records, 'record')}."
    if not report.complete and not report.interrupted:
        return " Not every record was reached."
    return ""


def _facts(report: Report) -> Iterator[tuple[str, str]]:
    source, kind = report.source, report.source.backend
    noun = {LINT: "Layers", LOG: "Iterations shown"}.get(kind, "Records")
    yield noun, f"{report.checked:,}" + (f" of {report.tally.records:,}" if report.partial else "")
    if report.groups is not None:
        yield "Samples", f"{report.groups:,}"
    if report.comparison is not None and report.comparison.others:
        yield "In another store", f"{report.comparison.shared:,}"
    if report.checksums is not None:
        yield "Checksums compared", f"{report.checksums.compared:,} of {report.checksums.recorded:,}"
    if source.bytes is not None:
        yield "Size", amount(source.bytes)
    yield "Time", f"{report.seconds:.1f} s"
    rate = report.checked / report.seconds if report.seconds else 0
    if kind not in (LINT, LOG) and rate:
        yield "Rate", f"{rate:,.0f} records/s"


def _total(reports: Sequence[Report], not_scanned: int) -> str:
    bad = sum(not it.clean for it in reports)
    records = sum(it.checked for it in reports)
    sources = counted(len(reports) + not_scanned, "source")
    if not bad and not not_scanned:
        return f"All {sources} are clean."
    if not not_scanned:
        wrong = f"{bad:,} of {sources} {'is' if bad == 1 else 'are'} not clean"
    else:
        were = "was" if not_scanned == 1 else "were"
        wrong = f"{not_scanned:,} of {sources} {were} not scanned{f', {bad:,} not clean' if bad else ''}"
    return f"{wrong}; {counted(records, 'record was', 'records were')} looked at."
