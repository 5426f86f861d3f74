"""The proof of a rebuild: what was kept, dropped and altered, and that the copy was compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Literal

import msgspec

from datacheck.errors import UsageError
from datacheck.files.guard import Guard
from datacheck.files.output import Output, writing
from datacheck.model.escaping import plain
from datacheck.model.finding import Finding
from datacheck.model.settings import Configuration
from datacheck.rebuilding.choice import Choice, Decided, Fate, decided
from datacheck.reporting.files import streamed
from datacheck.reporting.report import Report
from datacheck.reporting.source import Source
from datacheck.reporting.summary import ignored

RECEIPT_SCHEMA: Literal["datacheck-receipt/1"] = "datacheck-receipt/1"

NAMED = 5
"""Dropped records that the terminal names."""


class Digests(msgspec.Struct, frozen=True):
    """The digest of all kept records, as read from the source and as read again from the copy."""

    source: str
    target: str


class Seconds(msgspec.Struct, frozen=True):
    """How long each phase took."""

    scan: float
    copy: float
    verify: float


class Receipt(msgspec.Struct, kw_only=True):
    """What a rebuild did, as JSON has it. `written` is False for a dry run and for a source that was refused.

    kept + dropped = records; altered ones are among the kept. `lost` are the findings of the store as a whole: what
    nobody can read was not there to be kept. `unkept` says what else a copy could not keep, if that was accepted.
    `quarantined` is how many of the dropped are in the quarantine. `replaced` says which store lay at the target.
    `config` is the command line's, as in a report.
    """

    schema: Literal["datacheck-receipt/1"] = RECEIPT_SCHEMA
    version: str
    written: bool
    source: Source
    target: Source
    records: int
    kept: int
    dropped: int
    altered: int
    quarantine: str | None = None
    quarantined: int = 0
    config: Configuration | None = None
    digests: Digests | None = None
    lost: list[Finding] = []
    unkept: list[str] = []
    replaced: str | msgspec.UnsetType = msgspec.UNSET
    drops: list[Decided] | msgspec.UnsetType = msgspec.UNSET
    alterations: list[Decided] | msgspec.UnsetType = msgspec.UNSET
    seconds: Seconds


def receipt_document(receipt: Receipt, report: Report, choice: Choice) -> Iterator[str]:
    """Yield the JSON document piece by piece: the dropped and altered records are streamed from the report."""

    def those(wanted: Fate) -> Iterator[Decided]:
        return (record for fate, record, _ in decided(report.findings, choice.shown) if fate == wanted)

    return streamed(receipt, {"drops": those("dropped"), "alterations": those("altered")})


Write = Callable[[Iterator[str]], None]


@contextmanager
def write_receipt(path: Path | None, guard: Guard) -> Iterator[Write]:
    """Yield what writes the receipt's pieces to `path`, if there is one; refused at once where that cannot be.

    The file is replaced whole when the receipt is written; a rebuild that fails leaves what lay there. Raises
    UsageError for a file that must not be written or has another suffix, ReportFailed if it cannot be written.
    """
    if path is None:
        yield lambda pieces: None
        return
    if path.suffix != ".json":
        raise UsageError(f"{path}: a receipt's name ends in .json")
    with Output(path, guard, text=True) as output:

        def write(pieces: Iterator[str]) -> None:
            with writing(path):
                output.file.writelines(pieces)
                output.file.write("\n")
            output.publish()

        yield write


def receipt_text(receipt: Receipt, report: Report, choice: Choice, *, dry_run: bool) -> str:
    """Return what the terminal gets: the records dropped or altered, some by name, the numbers, and the place."""
    lines = [] if receipt.config is None else [receipt.config.sentence]
    lines += [ignored(report).removeprefix("; ")] if report.settings.ignore else []
    for fate, count in (("dropped", receipt.dropped), ("altered", receipt.altered)):
        if count:
            verb = fate if receipt.written else f"would be {fate}"
            lines.append(f"{count:,} of {receipt.records:,} records {verb}:")
            named = (record for is_fate, record, _ in decided(report.findings, choice.shown) if is_fate == fate)
            lines += [f"  {_place(record)}  {', '.join(record.codes)}" for record in islice(named, NAMED)]
            lines += [f"  and {count - NAMED:,} more"] if count > NAMED else []
    for finding in receipt.lost:
        lines.append(f"lost in the source: {finding.code}: {finding.message}")
    lines += [f"not kept: {sentence}" for sentence in receipt.unkept]
    if receipt.written:
        lines.append(f"kept {receipt.kept:,} of {receipt.records:,} records, each compared with the source")
        if receipt.quarantine is not None:
            lines.append(f"in quarantine: {receipt.quarantined:,} records in {plain(receipt.quarantine)}")
        instead = f" (replaced {receipt.replaced} that was there)" if receipt.replaced else ""
        lines.append(f"the copy: {plain(receipt.target.path)}{instead}")
    elif dry_run:
        lines.append(f"nothing was written; {receipt.kept:,} of {receipt.records:,} records would be kept")
    else:
        lines.append("nothing was written: say what to do with bad records, with --drop-bad, --drop, --keep or --fill")
    return "\n".join(lines)


def _place(record: Decided) -> str:
    return "".join(f"{part}: " for part in (record.file, record.database) if part) + record.key
