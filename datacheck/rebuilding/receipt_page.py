"""Render the receipt of a rebuild as an HTML page."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from datacheck.model.escaping import plain
from datacheck.model.finding import full_name
from datacheck.model.listing import counted
from datacheck.rebuilding.choice import Choice, Fate
from datacheck.rebuilding.receipt import LASTING, Receipt, records_of_fate, repairs_text, still_bad_text
from datacheck.reporting.advice import command
from datacheck.reporting.page.render import rendered
from datacheck.reporting.page.strip import Mark
from datacheck.reporting.page.words import cut, readable
from datacheck.reporting.report import Report
from datacheck.reporting.summary import amount

LISTED = 1000
"""Maximum number of records of each fate on the page; also of lost findings, and of samples."""


def receipt_page(receipt: Receipt, report: Report, choice: Choice) -> Iterator[str]:
    """Yield the page piece by piece."""
    title = "Rebuilt" if receipt.written else "Not written"
    source, target = cut(plain(receipt.source.path)), cut(plain(receipt.target.path))
    values = {
        "document": f"{title}: {target}",
        "started": report.started,
        "title": title,
        "state": "clean" if receipt.written else "unverifiable",
        "sentence": _sentence(receipt),
        "source": source,
        "target": target,
        "facts": list(_facts(receipt)),
        "shares": list(_shares(receipt)),
        "notes": list(_notes(receipt)),
        "steps": [("check the copy", command("scan", (), (receipt.target.path,)))] if receipt.written else [],
        "tables": list(_tables(receipt, report, choice)),
        "digests": []
        if receipt.digests is None
        else [("kept records of the source", receipt.digests.source), ("the copy", receipt.digests.target)],
    }
    return rendered("receipt.html", values)


def _sentence(receipt: Receipt) -> str:
    if receipt.written:
        return f"{receipt.kept:,} of {counted(receipt.records, 'record')} kept, each compared with the source."
    if receipt.nothing_left:
        return "Nothing was written: no record would be left in a copy."
    return f"Nothing was written; {receipt.kept:,} of {counted(receipt.records, 'record')} would be kept."


def _facts(receipt: Receipt) -> Iterator[tuple[str, str]]:
    yield "Kept", f"{receipt.kept:,}"
    yield "Dropped", f"{receipt.dropped:,}"
    if receipt.altered:
        yield "Altered", f"{receipt.altered:,}"
    if receipt.source.bytes is not None:
        yield "Source", amount(receipt.source.bytes)
    if receipt.target.bytes is not None:
        yield "Copy", amount(receipt.target.bytes)
    seconds = receipt.seconds
    yield "Time", f"{seconds.scan + seconds.copy + seconds.verify:.1f} s"


def _shares(receipt: Receipt) -> Iterator[Mark]:
    """Yield a mark for each fate, as wide as its share of the source's records."""
    parts = [
        (receipt.kept - receipt.altered, "clean", "kept"),
        (receipt.altered, "suspicious", "altered"),
        (receipt.dropped, "bad", "dropped"),
    ]
    at = 0.0
    for count, verdict, word in parts:
        if count > 0 and receipt.records:
            width = 1000 * count / receipt.records
            yield Mark(round(at, 2), round(width, 2), verdict, f"{count:,} {word}")
            at += width


def _notes(receipt: Receipt) -> Iterator[tuple[str, list[str]]]:
    """Yield the heading and the sentences of each further section of the page."""
    repairs = [cut(it) for it in repairs_text(receipt)]
    if repairs:
        yield "What the store keeps beside its records", repairs
    lost = [it for it in receipt.lost if it.code not in LASTING]
    as_bad = [it for it in receipt.lost if it.code in LASTING]
    for heading, findings in (("Bad in the source", lost), ("As bad in the copy", as_bad)):
        if findings:
            yield heading, [cut(f"{it.code}: {it.message}") for it in findings[:LISTED]]
    if left := still_bad_text(receipt):
        yield "Still bad in the copy", [left]
    if receipt.unkept:
        yield "Not kept", [cut(plain(it)) for it in receipt.unkept]
    if receipt.samples:
        yield "Samples that went as a whole", [cut(plain(it)) for it in receipt.samples[:LISTED]]
    if receipt.quarantine is not None:
        yield "In quarantine", [f"{counted(receipt.quarantined, 'record')} in {plain(receipt.quarantine)}"]
    if receipt.config is not None:
        yield "Configuration", [plain(receipt.config.sentence)]


def _tables(receipt: Receipt, report: Report, choice: Choice) -> Iterator[tuple[str, list[tuple[str, str, str]], int]]:
    """Yield a table of the dropped records and one of the altered: its title, its rows, and how many more there are."""
    be = "" if receipt.written else "would be "
    fates: dict[Fate, int] = {"dropped": receipt.dropped, "altered": receipt.altered}
    for fate, count in fates.items():
        rows = [
            (
                readable(cut(full_name(it.key, it.file, it.database))),
                "" if it.index is None else f"{it.index:,}",
                ", ".join(it.codes),
            )
            for it in islice(records_of_fate(receipt, report, choice, fate), LISTED)
        ]
        if rows:
            yield f"{counted(count, 'record')} {be}{fate}", rows, max(0, count - len(rows))
