"""The receipt of a rebuild: what was kept, dropped and altered, and proof that the copy was compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Literal

import msgspec

from datacheck.backends.copy_plan import Gone, Others, Renumbered
from datacheck.conventions.keys.numbered_keys import Packed
from datacheck.conventions.keys.runs import Runs
from datacheck.conventions.outcome import Outcomes
from datacheck.conventions.repair import Repair
from datacheck.errors import UsageError
from datacheck.files.guard import Guard
from datacheck.files.output import Output, writing
from datacheck.model.escaping import escape, plain
from datacheck.model.finding import Finding, full_name, key_name
from datacheck.model.listing import counted
from datacheck.model.settings import Configuration
from datacheck.rebuilding.choice import Choice, Decided, Fate, decisions
from datacheck.rebuilding.mending import outcomes_of
from datacheck.reporting.json_files import streamed
from datacheck.reporting.report import Report
from datacheck.reporting.source import Source
from datacheck.reporting.summary import ignored

RECEIPTS = (".json", ".html")
"""File name suffixes of a receipt: a JSON document or an HTML page."""
RECEIPT_SCHEMA: Literal["datacheck-receipt/1"] = "datacheck-receipt/1"

NAMED = 5
"""Maximum number of records of each fate, and of whole samples, that the terminal output names."""
LASTING = frozenset({"nan", "inf", "out-of-range", "row-count", "count", "dangling", "unpaired"})
"""Codes of findings about the store as a whole that hold for the copy too: they concern numbers outside the records.

Counts and lists that are correct in the copy are not among the findings listed as lost.
"""


class Digests(msgspec.Struct, frozen=True):
    """The digest of all kept records, as read from the source and as read again from the copy."""

    source: str
    target: str


class Seconds(msgspec.Struct, frozen=True):
    """How long each phase took, in seconds."""

    scan: float
    copy: float
    verify: float


class StillBad(msgspec.Struct, frozen=True):
    """The bad records that the choice keeps: how many, and the codes of what stays wrong with them.

    If records are dropped together with others of their sample, the number is a maximum (`at_most`).
    """

    records: int = 0
    codes: tuple[str, ...] = ()
    at_most: bool = False


class Renumbering(Renumbered, frozen=True, omit_defaults=True):
    """Records with other numbers in the copy: the numbers `first` to `last` become `to` and those that follow it.

    The keys consist of `before`, the number in at least `width` digits, and `after`; both texts are escaped. A `packed`
    number is stored in `width` bytes, big-endian unless `little`. Keys in a named `database` begin with its name.
    """

    packed: bool = False
    database: str | None = None
    little: bool = False

    def name(self, number: int) -> str:
        """Return the escaped key of the record that has this number."""
        if not self.packed:
            return full_name(super().name(number), self.database)
        return key_name(number.to_bytes(self.width, "little" if self.little else "big"), self.database)


class Repairs(msgspec.Struct, frozen=True, kw_only=True):
    """The changes in a copy that keep true what the store holds about its records.

    `patterns` are the keys of one sample, with "#" for its number. The records of `samples` samples were dropped as a
    whole, others were `renumbered`. `values` are the new values of the convention's own records, by key, both escaped.
    `lists` are the keys of lists from which the keys of absent records were removed, `lengths` those of the counts of
    such lists. `items` are the keys of lists that lost the items of dropped records. Keys in a named database begin
    with its name.
    """

    conventions: tuple[str, ...]
    patterns: tuple[str, ...]
    samples: int | None
    renumbered: list[Renumbering]
    values: dict[str, str]
    lists: tuple[str, ...]
    lengths: tuple[str, ...] = ()
    items: tuple[str, ...] = ()

    def made(self, changed: Set[str] | None) -> Repairs:
        """Return the repairs without lists and counts of their keys that stayed equal; None if these are not known."""
        if changed is None:
            return self
        every = (self.lists, self.lengths, self.items)
        lists, lengths, items = (tuple(it for it in names if it in changed) for names in every)
        return msgspec.structs.replace(self, lists=lists, lengths=lengths, items=items)


def repairs_of(report: Report, outcomes: Outcomes | None, gone: Gone | None) -> Repairs | msgspec.UnsetType:
    """Return the repairs as the receipt shows them, or UNSET if there are none."""
    if gone is not None and (gone.moves or gone.values or gone.lists):
        return _repairs_of_files(gone)
    if outcomes is None:
        return msgspec.UNSET
    repairs = [(part, it.repair) for part, it in outcomes.by_database.items()]
    moved = [(part, it) for part, it in repairs if len(repairs) == 1 or it.dropped or it.renumbered or it.gone_stems]
    patterns = [(part, it) for part, repair in moved for it in repair.named_by]
    return Repairs(
        conventions=tuple(report.convention_names),
        patterns=tuple(full_name(str(it), part) for part, it in patterns),
        samples=outcomes.samples,
        renumbered=[it for part, repair in repairs for it in _renumberings(report, part, repair)],
        values={
            key_name(key, part): escape(value[:80])
            for part, repair in repairs
            for key, value in {**repair.values, **repair.added}.items()
            if key not in repair.other_lists and all(it.key != key for it in repair.lengths)
        },
        lists=(
            *(key_name(it, part) for part, one in repairs for it in (*one.lists, *one.side_files, *one.other_lists)),
            *dict.fromkeys(it.name for _, one in repairs for it, _ in one.indexes),
        ),
        items=tuple(key_name(it, part) for part, one in repairs for it in one.positions if it not in one.values),
        lengths=tuple(
            key_name(it.key, part)
            for part, repair in repairs
            for it in (*repair.lengths, *(one.count for one in repair.other_lists.values() if one.count is not None))
        ),
    )


def _renumberings(report: Report, part: str, repair: Repair) -> Iterator[Renumbering]:
    numbers = report.account(part).numbers
    for pattern in repair.patterns:
        how = escape(pattern.before), escape(pattern.after), pattern.width
        for move in repair.moves(numbers.get(pattern, Runs())):
            packed = isinstance(pattern, Packed)
            little = isinstance(pattern, Packed) and pattern.little
            yield Renumbering(*how, *move, packed=packed, database=part or None, little=little)


def _repairs_of_files(gone: Gone) -> Repairs:
    """Return, as the receipt shows it, what else differs from the source after rows, groups or files were dropped."""
    return Repairs(
        conventions=("act",) if gone.moves and all(it.counted for it in gone.moves) else (),
        patterns=tuple(dict.fromkeys(f"{it.before}#{it.after}" for it in gone.moves)),
        samples=None,
        renumbered=[Renumbering(it.before, it.after, it.width, it.first, it.last, it.to) for it in gone.moves],
        values=dict(gone.values),
        lists=gone.lists,
    )


class Receipt(msgspec.Struct, kw_only=True):
    """What a rebuild did, as in its JSON document. `written` is False for a dry run and for a source that was refused.

    kept + dropped = records; altered ones are among the kept. `still_bad` says which bad records are kept. `lost` are
    the bad findings about the store as a whole: what cannot be read could not be kept. Each says which records are
    lost, if any. `unkept` says what else a copy could not keep, if that was accepted. `quarantined` is how many of the
    dropped records are in the quarantine. `replaced` says which store was at the target before. `samples` are the paths
    of the HDF5 groups and files that were dropped as a whole. `config` is the command line's, as in a report. `repairs`
    says which of the store's own counts and lists of its records were changed. `others` are records dropped because of
    other records; a document has them among its `drops`. `own` is the number of kept records that only count or list
    others, if no others are kept.
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
    still_bad: StillBad = StillBad()
    lost: list[Finding] = []
    unkept: list[str] = []
    samples: list[str] = []
    repairs: Repairs | msgspec.UnsetType = msgspec.UNSET
    replaced: str | msgspec.UnsetType = msgspec.UNSET
    drops: list[Decided] | msgspec.UnsetType = msgspec.UNSET
    alterations: list[Decided] | msgspec.UnsetType = msgspec.UNSET
    others: tuple[Others, ...] | msgspec.UnsetType = msgspec.UNSET
    own: int | msgspec.UnsetType = msgspec.UNSET
    seconds: Seconds

    def renamed(self) -> Iterator[tuple[str, str]]:
        """Yield the escaped key of each record whose key is different in the copy, and its new key."""
        for moved in () if self.repairs is msgspec.UNSET else self.repairs.renumbered:
            yield from moved.renamed()

    @property
    def nothing_left(self) -> bool:
        """Whether a copy would hold no record although the source has records or is bad; then no copy is written.

        Records that only count or list others do not matter.
        """
        return self.own is not msgspec.UNSET or (not self.kept and bool(self.records or self.lost))


def receipt_document(receipt: Receipt, report: Report, choice: Choice) -> Iterator[str]:
    """Yield the JSON document piece by piece; the dropped and altered records are streamed from the report."""
    fates = partial(records_of_fate, receipt, report, choice)
    return streamed(
        msgspec.structs.replace(receipt, others=msgspec.UNSET),
        {"drops": fates("dropped"), "alterations": fates("altered")},
    )


def records_of_fate(receipt: Receipt, report: Report, choice: Choice, wanted: Fate) -> Iterator[Decided]:
    """Yield the records of one fate; those dropped because of another record of their sample come last."""
    yield from (record for fate, record, _ in decisions(report.findings, choice.shown) if fate == wanted)
    outcomes = outcomes_of(choice, report) if wanted == "dropped" else None
    for part, key in () if outcomes is None else outcomes.keys_with_others():
        yield Decided(key=escape(key), index=None, codes=("unpaired",), database=part or None)
    for group in receipt.others if wanted == "dropped" and receipt.others is not msgspec.UNSET else ():
        for name, index in group.records():
            yield Decided(key=name, index=index, codes=("unpaired",), file=group.file)


Write = Callable[[Iterator[str]], None]


@contextmanager
def write_receipt(path: Path, guard: Guard) -> Iterator[Write]:
    """Yield a function that writes the receipt's pieces to `path`; raise at once if that is not possible.

    The file is replaced as a whole when the receipt is written; if the rebuild fails, an earlier file stays. Raises
    UsageError for a file that must not be written or has another suffix, ReportFailed if it cannot be written.
    """
    if path.suffix not in RECEIPTS:
        raise UsageError(f"{path}: a receipt's name ends in {' or '.join(RECEIPTS)}")
    with Output(path, guard, text=True) as output:

        def write(pieces: Iterator[str]) -> None:
            with writing(path):
                output.file.writelines(pieces)
                output.file.write("\n")
            output.publish()

        yield write


def receipt_text(receipt: Receipt, report: Report, choice: Choice, *, dry_run: bool) -> str:
    """Return the text for the terminal: the dropped or altered records, some by name, the counts, and the path."""
    lines = [] if receipt.config is None else [receipt.config.sentence]
    lines += [ignored(report).removeprefix("; ")] if report.settings.ignore else []
    lines += _fate_text(receipt, report, choice, "dropped", receipt.dropped)
    lines += _fate_text(receipt, report, choice, "altered", receipt.altered)
    lines += repairs_text(receipt)
    for finding in receipt.lost:
        what = "as bad in the copy" if finding.code in LASTING else "bad in the source"
        whose = f"{finding.file}: " if finding.file and not finding.message.startswith(f"{finding.file}: ") else ""
        lines.append(f"{what}: {finding.code}: {whose}{finding.message}")
    lines += [f"not kept: {sentence}" for sentence in receipt.unkept]
    if bad := still_bad_text(receipt):
        lines.append(f"{'still bad' if receipt.written else 'would still be bad'} in the copy: {bad}")
    lines += _written_text(receipt) if receipt.written else [_why_nothing_was_written(receipt, choice, dry_run=dry_run)]
    return "\n".join(lines)


def _fate_text(receipt: Receipt, report: Report, choice: Choice, fate: Fate, count: int) -> Iterator[str]:
    """Yield lines about the records that are dropped, or altered, if there are any."""
    if not count:
        return
    verb = fate if receipt.written else f"would be {fate}"
    yield f"{count:,} of {receipt.records:,} records {verb}:"
    first = list(islice(records_of_fate(receipt, report, choice, fate), NAMED + 1))
    for record in first[:NAMED]:
        yield f"  {_record_name(record)}  {', '.join(record.codes)}"
    shown = min(len(first), NAMED)
    yield from _more_line(count - shown, shown, all_named=len(first) <= NAMED)
    if fate == "dropped":
        yield from (f"  with all of {it}" for it in receipt.samples[:NAMED])
        if len(receipt.samples) > NAMED:
            yield f"  and of {len(receipt.samples) - NAMED:,} more"


def _written_text(receipt: Receipt) -> Iterator[str]:
    """Yield lines about a copy that was written."""
    yield f"kept {receipt.kept:,} of {receipt.records:,} records, each compared with the source"
    if receipt.quarantine is not None:
        yield f"in quarantine: {counted(receipt.quarantined, 'record')} in {plain(receipt.quarantine)}"
    instead = f" (replaced {receipt.replaced} that was there)" if receipt.replaced else ""
    yield f"the copy: {plain(receipt.target.path)}{instead}"


def _why_nothing_was_written(receipt: Receipt, choice: Choice, *, dry_run: bool) -> str:
    if receipt.nothing_left and (choice.made or not receipt.records):
        none = f"none of the {receipt.records:,} records" if receipt.records else "no record"
        others = " but counts and lists of others" if receipt.own is not msgspec.UNSET else ""
        return f"nothing was written: {none}{others} would be left in a copy"
    if dry_run:
        return f"nothing was written; {receipt.kept:,} of {receipt.records:,} records would be kept"
    return "nothing was written: choose what to do with bad records: --drop-bad, --drop, --keep or --fill"


def still_bad_text(receipt: Receipt) -> str:
    """Return the number and the codes of the bad records that are kept; empty if there are none."""
    kept = receipt.still_bad
    if not kept.records or receipt.nothing_left:
        return ""
    return f"{'at most ' if kept.at_most else ''}{counted(kept.records, 'record')} ({', '.join(kept.codes)})"


def _more_line(more: int, shown: int, *, all_named: bool) -> Iterator[str]:
    """Yield a line with the number of records that are not shown.

    If every record that can be named is shown (`all_named`), the rest belong to the same samples.
    """
    if more and not shown:
        yield f"  {more:,} of samples"
    elif more:
        yield f"  and {more:,} more" + (f", of the same sample{'s' * (shown > 1)}" if all_named else "")


def repairs_text(receipt: Receipt) -> Iterator[str]:
    """Yield a line for each change, made or planned, to what the store holds about its records."""
    repairs = receipt.repairs
    if repairs is msgspec.UNSET:
        return
    be = "" if receipt.written else "would be "
    keys = ", ".join(repairs.patterns)
    if repairs.samples:
        yield f"{be}dropped as a whole: {counted(repairs.samples, 'sample')}" + (f" ({keys})" if keys else "")
    if repairs.renumbered:
        first = repairs.renumbered[0]
        yield f"{be}renumbered without gaps ({keys}): {first.first} as {first.to}, and so on"
    for key, value in repairs.values.items():
        yield f"{be}rewritten: {plain(key)}, as {plain(value)}"
    for key in repairs.items:
        yield f"{be}rewritten: {plain(key)}, without the items of dropped records"
    for key in repairs.lists:
        yield f"{be}rewritten: the keys in {plain(key)}"
    for key in repairs.lengths:
        yield f"{be}rewritten: the number of these keys, {plain(key)}"


def _record_name(record: Decided) -> str:
    return full_name(record.key, record.file, record.database)
