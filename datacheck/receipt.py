"""The proof of a rebuild: what was kept, dropped and altered, and that the copy was compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import Literal

import msgspec

from datacheck.errors import UsageError
from datacheck.files.guard import Guard
from datacheck.files.output import Output, writing
from datacheck.model import CODES, VERDICTS, Finding, plain
from datacheck.report import Report, Source
from datacheck.reports import streamed
from datacheck.settings import Configuration

RECEIPT_SCHEMA: Literal["datacheck-receipt/1"] = "datacheck-receipt/1"
Fate = Literal["kept", "dropped", "altered"]
FILLABLE = frozenset({"nan", "inf"})
NAMED = 5
"""Dropped records that the terminal names."""


@dataclass(frozen=True)
class Choice:
    """Which records a rebuild drops: those with a bad finding, or with one of some codes or verdicts, less others.

    Raises UsageError for a code or verdict that there is not.
    """

    drop_bad: bool = False
    drop: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    fill: float | None = None

    def __post_init__(self) -> None:
        for name in (*self.drop, *self.keep):
            if name not in CODES and name not in VERDICTS:
                known = ", ".join((*VERDICTS, *CODES))
                raise UsageError(f"{name!r} is neither a verdict nor a code; there are {known}")

    @property
    def made(self) -> bool:
        """Whether a choice was made at all: without one, a source with bad records is refused."""
        return self.drop_bad or bool(self.drop or self.keep) or self.fill is not None

    @property
    def shown(self) -> Choice:
        """What is shown to whoever has not chosen: what dropping every bad record would do."""
        return self if self.made else Choice(drop_bad=True)

    def fate(self, findings: Iterable[Finding]) -> Fate:
        """Return what becomes of a record with these findings."""
        fates = {self._of(finding) for finding in findings}
        return "dropped" if "dropped" in fates else "altered" if "altered" in fates else "kept"

    def _of(self, finding: Finding) -> Fate:
        if finding.code in self.keep or finding.verdict in self.keep:
            return "kept"
        if self.fill is not None and finding.code in FILLABLE:
            return "altered"
        chosen = finding.code in self.drop or finding.verdict in self.drop
        return "dropped" if chosen or (self.drop_bad and finding.verdict == "bad") else "kept"


class Fated(msgspec.Struct, frozen=True, kw_only=True):
    """A record that was dropped or altered, and for which codes."""

    key: str
    index: int
    codes: tuple[str, ...]
    database: str | msgspec.UnsetType = msgspec.UNSET
    file: str | msgspec.UnsetType = msgspec.UNSET


def fated(findings: Iterable[Finding], choice: Choice) -> Iterator[tuple[Fate, Fated, list[Finding]]]:
    """Yield each record that has findings, in source order, with what becomes of it."""
    for (file, database, key, index), group in groupby(findings, lambda finding: finding.record):
        if key is None or index is None:
            continue
        of_record = list(group)
        codes = tuple(dict.fromkeys(finding.code for finding in of_record))
        record = Fated(key=key, index=index, codes=codes, database=database, file=file)
        yield choice.fate(of_record), record, of_record


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
    drops: list[Fated] | msgspec.UnsetType = msgspec.UNSET
    alterations: list[Fated] | msgspec.UnsetType = msgspec.UNSET
    seconds: Seconds


def receipt_document(receipt: Receipt, report: Report, choice: Choice) -> Iterator[str]:
    """Yield the JSON document piece by piece: the dropped and altered records are streamed from the report."""

    def those(wanted: Fate) -> Iterator[Fated]:
        return (record for fate, record, _ in fated(report.findings, choice.shown) if fate == wanted)

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
    for fate, count in (("dropped", receipt.dropped), ("altered", receipt.altered)):
        if count:
            verb = fate if receipt.written else f"would be {fate}"
            lines.append(f"{count:,} of {receipt.records:,} records {verb}:")
            named = (record for is_fate, record, _ in fated(report.findings, choice.shown) if is_fate == fate)
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


def _place(record: Fated) -> str:
    return "".join(f"{part}: " for part in (record.file, record.database) if part) + record.key
