"""Judge the blocks of a shard: decode them, run the checks on them, and count."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Protocol

import msgspec

from datacheck.checks.class_balance import in_order
from datacheck.checks.validators import Finite, Label, Range, Validator, built_in
from datacheck.conventions.keys.account import KeyWatch
from datacheck.decoders import JOINT, SIDE_DECODERS, decoder, is_decoder, kind, payload
from datacheck.decoders.rows import real
from datacheck.errors import DatacheckError, ValidatorFailed
from datacheck.model.batch import Batch
from datacheck.model.blocks import AnyBlock, Block, RowBlock
from datacheck.model.cells import RAGGED
from datacheck.model.equal_lengths import lengths
from datacheck.model.finding import Finding, found
from datacheck.model.forced import Forced
from datacheck.model.naming import with_full_names
from datacheck.model.profile import UNKNOWN, FamilyProfile, Profile
from datacheck.model.settings import Settings
from datacheck.reporting.tally import Tally
from datacheck.scanning.blame import Blamed, blamed, blaming, finding_of_exception, own_slip, trace_of
from datacheck.scanning.judging.about import is_about_store, is_marker
from datacheck.scanning.judging.columns import CellBlock, cell_blocks, empty_findings, full_and_empty, ragged_batches
from datacheck.scanning.judging.named_labels import NamedLabels
from datacheck.scanning.judging.unknown import broken_wrappers, by_kind, foreign_format, odd_unknowns, unknown_payload
from datacheck.scanning.judging.usual import is_usually_untimed
from datacheck.scanning.profile.side_records import split_side_records
from datacheck.scanning.profile.ties import with_tie_findings
from datacheck.statistics.measure import Measuring
from datacheck.workers.limits import memory_limit
from datacheck.workers.templates import WORKER_BYTES

LOST = frozenset({"truncated-store", "damaged-store"})
"""Codes of records that a reader could not read, or not completely."""
TRACES = 3
"""Maximum number of findings about mistakes of datacheck itself that have a traceback, per stretch of records."""
NO_WATCH = KeyWatch()
Located = tuple[int | None, Finding]
Groups = list[tuple[FamilyProfile, Sequence[int]]]


class View(Protocol):
    """Another consumer's view of the records: further checks, and the final word on the findings."""

    def validators(self) -> Sequence[Validator]:
        """Return the view's own checks. They take any values, and need pixels only if `pixels` is set."""
        ...

    @property
    def pixels(self) -> bool:
        """Whether the view's checks look at the pixels of encoded pictures."""

    def review(self, block: AnyBlock, row: int | None, findings: Sequence[Finding]) -> Sequence[Finding]:
        """Return the final findings of the record at `row` of a block, or of its store if `row` is None."""
        ...


class Judge:
    """Decodes blocks and runs the checks on them, according to the settings and the profile."""

    def __init__(
        self,
        profile: Profile,
        settings: Settings,
        validators: Sequence[Validator],
        tally: Tally,
        view: View | None,
        *,
        stats: bool,
        watch: Mapping[str, KeyWatch] | None = None,
    ) -> None:
        """Prepare to judge; with `stats`, take all statistics.

        Without `stats`, take only those that cost nothing, and decode no pixels needlessly. Records that belong to a
        convention, according to `watch`, are not judged here: the convention is judged as a whole.
        """
        self._watch = watch or {}
        self._profile = profile
        self._forced = Forced.by(settings)
        self._validators = [*built_in(with_full_names(settings, profile)), *(view.validators() if view else ())]
        self._view = view
        self._sample = settings.sample is not None
        self._batches = settings.batch_size is not None and not self._sample
        self._labels: list[Batch] = []
        self._named = NamedLabels(profile, settings)
        self._own = validators
        self._constants = profile.constants() if settings.judges_by("constant", "Constant") else None
        self._all_unknown = profile.rest is not None and all(
            family.decoder == UNKNOWN and not family.by_magic for family in profile.every
        )
        self._slips = 0
        self._tally, self._measuring = tally, Measuring(tally.statistics, sums=stats)
        self._pixels = stats or bool(validators or (view and view.pixels)) or settings.range is not None

    def finish(self, *, alone: bool = False) -> None:
        """Add to the tally what has to wait for the last block."""
        try:
            self._measuring.finish()
        except MemoryError:
            raise
        except Exception as exc:
            if not alone:
                raise
            self._tally.count([self._slip(exc, "adding up the statistics")])

    def judge(self, block: AnyBlock, indexes: Sequence[int], *, alone: bool = False) -> None:
        """Add the findings about a block to the tally. Its records are at `indexes` of the shard.

        An error in decoding or judging a record that comes `alone` becomes a finding too, instead of being raised.
        """
        try:
            located = self._block_findings(block)
        except DatacheckError:
            raise
        except Exception as exc:
            if not alone or len(block) > 1:
                raise
            self._labels.clear()
            located = [*block.findings, (0 if len(block) else None, self._failed(exc))]
        of_records: list[tuple[int, Finding]] = []
        for row, finding in located:
            if row is None:
                self._tally.count([block.scoped(None, finding)])
            else:
                of_records.append((row, finding))
        if of_records:
            of_records.sort(key=itemgetter(0))
            rows = [row for row, _ in of_records]
            findings = [block.scoped(row, finding) for row, finding in of_records]
            self._tally.count_records(findings, block.names(rows), [indexes[row] for row in rows])

    def _block_findings(self, block: AnyBlock) -> list[Located]:
        """Return the findings of a block, each with the row of its record, and take its labels."""
        located = list(self._located(block))
        if isinstance(block, RowBlock) and block.unwritten:
            located = [
                (row, it) for row, it in located if not (it.code == "constant" and _is_unwritten(block, row, it))
            ]
        if self._view is not None:
            located = self._reviewed(block, located)
        if self._labels:
            self._take_labels(block)
        self._labels.clear()
        return located

    def _take_labels(self, block: AnyBlock) -> None:
        """Take the labels of a block in order, for batches and for runs of equal labels."""
        part = (block.database if isinstance(block, Block) else block.table) or ""
        in_runs = self._tally.whole.in_runs(part)
        labels = in_order(self._labels) if self._batches or in_runs else None
        if labels is not None and self._batches:
            self._tally.labels.append(labels)
        if labels is not None and in_runs:
            self._tally.whole.take_labels(part, labels)

    def _failed(self, error: Exception) -> Finding:
        """Return the finding for an exception: about the record if it or its size caused it, else about datacheck."""
        if isinstance(error, Blamed):
            return finding_of_exception(error.error, "decoding it", memory_limit(WORKER_BYTES).words, error.code)
        if isinstance(error, MemoryError):
            return finding_of_exception(error, "judging it", memory_limit(WORKER_BYTES).words)
        return self._slip(error)

    def _slip(self, error: Exception, doing: str = "") -> Finding:
        """Return the finding for a mistake of datacheck itself; only the first few have a traceback."""
        self._slips += 1
        trace = trace_of(error) if self._slips <= TRACES else ""
        return own_slip(type(error).__name__, str(error), trace, doing)

    def _reviewed(self, block: AnyBlock, located: Sequence[Located]) -> list[Located]:
        """Return the findings as the view sees them."""
        assert self._view is not None
        by_row: dict[int | None, list[Finding]] = defaultdict(list)
        for row, finding in located:
            by_row[row].append(finding)
        return [(row, it) for row, findings in by_row.items() for it in self._view.review(block, row, findings)]

    def _located(self, block: AnyBlock) -> Iterator[Located]:
        yield from block.findings
        groups: Groups = []
        if isinstance(block, Block):
            yield from self._sort(block, groups)
        else:
            yield from self._judged_scalars(block)
            family = self._profile.of_table(block.table)
            block, cells = cell_blocks(block, family)
            groups.append((family, range(len(block))))
            for column in cells:
                yield from self._judged_column(column, family.columns.get(column.column))
        for family, rows in groups:
            yield from self._decoded(block, rows, family)

    def _judged_column(self, block: CellBlock, family: FamilyProfile | None) -> Iterator[Located]:
        """Judge the cells of a column of a table."""
        full, empty = full_and_empty(block)
        yield from empty_findings(block, empty, family)
        if block.holds == RAGGED:
            numbers = FamilyProfile("rows", 0)
            for batch in blamed("undecodable", ragged_batches, block, full, family):
                yield from self._judged(block, batch, numbers)
            return
        groups: Groups = []
        if family is None:
            yield from self._sort_strays(block, full, groups)
        elif family.decoder == UNKNOWN:
            yield from self._sort_by_magic(block, full, groups, family, block.path)
        else:
            groups.append((family, full))
        for group_family, rows in groups:
            for row, finding in self._decoded(block, rows, group_family):
                named = finding if finding.field else msgspec.structs.replace(finding, field=block.column)
                yield row, named

    def _decoded(self, block: AnyBlock, rows: Sequence[int], family: FamilyProfile) -> Iterator[Located]:
        """Decode the records at `rows` as their family requires, and judge them."""
        decode = decoder(family.decoder).decode
        strangers: dict[int, str] = {}
        items = blamed("undecodable", decode, block, rows, family, pixels=self._pixels)
        for item in self._named.marked(with_tie_findings(items, family, len(block)), family):
            if isinstance(block, CellBlock):
                item = block.placed(item)
            if isinstance(item, Batch):
                yield from self._judged(block, item, family)
                continue
            row, finding = item
            if row not in strangers and finding.verdict != "suspicious" and not family.forced:
                strangers |= self._stranger(block, row, family) if isinstance(block, Block) else {}
            left_out = row in strangers or is_usually_untimed(finding, family)
            if not (left_out or (family.trailing and self._view is None and self._tally.whole.took(finding))):
                yield item
        if strangers and isinstance(block, Block):
            yield from self._judged_strangers(block, strangers, family)

    def _stranger(self, block: Block, row: int, family: FamilyProfile) -> dict[int, str]:
        """Return the row with its decoder or kind, if its value is sound but not of its family, else nothing.

        Words among numbers beside pictures are decoded as texts.
        """
        value = block.values[row]
        if is_about_store(block.keys[row], value):
            return {row: "text"}
        with blaming("undecodable"):
            if decoder(family.decoder).knows(value):
                return {}
            other = kind(value)
        if other == family.decoder:  # begins as one of its family, and is broken
            return {}
        if family.decoder == "decimal" and not family.alone and (other is None or other in SIDE_DECODERS):
            return {row: "text"}
        if other is not None and JOINT in other and other.partition(JOINT)[0] == family.decoder.partition(JOINT)[0]:
            return {}  # wrapped as its family is, but broken inside
        if other is not None and not other.endswith(UNKNOWN) and not payload(other).beside:
            return {row: other}
        name = foreign_format(value, family.decoder.partition(JOINT)[0])
        return {} if name in (None, family.decoder) else {row: name}

    def _judged_strangers(self, block: Block, strangers: dict[int, str], family: FamilyProfile) -> Iterator[Located]:
        """Judge values that are not of their family's type, but sound as another type."""
        others: dict[str, list[int]] = defaultdict(list)
        for row, name in strangers.items():
            if not is_decoder(name):
                yield row, found("unknown-payload", f"{name}, which datacheck does not decode")
                continue
            others[name].append(row)
            if not payload(name).beside and not family.mixes(name):
                what, usual = payload(name).title, payload(family.decoder).title
                text = f"readable as {what.format(field='data')}, most others are {usual.format(field='data')}"
                yield row, found("wrong-format", text, found=name, expected=family.decoder)
        for name, rows in others.items():
            yield from self._decoded(block, sorted(rows), FamilyProfile(name, 0, label=family.label))

    def _judged_scalars(self, block: RowBlock) -> Iterator[Located]:
        """Judge numbers that are not records: check that they are finite, and in the range that was given for them."""
        for path, name, values in block.scalars:
            batch = Batch(name, (0,), real(values))
            for validator in self._validators:
                if isinstance(validator, Finite) or (
                    isinstance(validator, Range) and validator.field is not None and batch.called(validator.field)
                ):
                    for _, finding in validator(batch):
                        sample = {"sample": block.sample} if block.sample else {}
                        details = {"dataset": path, **sample, **finding.details}
                        message = f"{path}: {finding.message}"
                        yield None, msgspec.structs.replace(finding, message=message, details=details)

    def _sort(self, block: Block, groups: Groups) -> Iterator[Located]:
        """Sort the records of a block by how to decode them, and yield findings for those that are empty or unknown."""
        # a reader has reported these already: judging what is left of them would only add to that
        lost = {row for row, finding in block.findings if finding.code in LOST and finding.verdict == "bad"}
        lost.update(self._watch.get(block.database or "", NO_WATCH).own_rows(block.keys, block.series))
        full: Sequence[int] = range(len(block))
        if lost or not all(lengths(block.values)):
            full = [row for row in full if len(block.values[row]) and row not in lost]
            yield from self._empty(block, sorted(set(range(len(block))).difference(full, lost)))
        for name, rows in self._families(block, full).items():
            known = self._profile.rest if name is None else self._profile.families[name]
            if self._all_unknown:
                yield from self._unknown(block, rows, known, name)
            elif known is None:
                yield from self._sort_strays(block, rows, groups)
            elif known.decoder == UNKNOWN:
                yield from self._sort_by_magic(block, rows, groups, known, name)
            elif name is None and not known.forced:
                usual, aside = split_side_records(block.keys, rows, known.key_lengths)
                groups += [(known, usual)] if usual else []
                yield from self._sort_strays(block, aside, groups) if aside else ()
            else:
                groups.append((known, rows))

    def _empty(self, block: Block, rows: Sequence[int]) -> Iterator[Located]:
        """Yield a finding for each empty value, unless its key has no family and may be a marker without a value."""
        for name, alike in self._families(block, rows).items():
            may_be_empty = name is not None and self._profile.families[name].may_be_empty
            finding = found("empty", "the value has zero bytes", verdict="suspicious" if may_be_empty else None)
            stray = name is None and self._profile.rest is None
            yield from ((row, finding) for row in alike if not (stray and is_marker(block.keys[row])))

    def _families(self, block: Block, rows: Sequence[int]) -> dict[str | None, Sequence[int]]:
        """Return the rows by the profile's family of their keys, under None the rows of no known family."""
        if not rows:
            return {}
        return block.families(rows, self._profile.families) if self._profile.families else {None: rows}

    def _sort_by_magic(
        self, block: Block, rows: Sequence[int], groups: Groups, known: FamilyProfile, family: str | None
    ) -> Iterator[Located]:
        """Sort values of a mostly empty or unknown family by what they look like, if sampled ones had known looks."""
        kinds = known.by_magic
        for name, alike in by_kind(block, rows).items() if kinds else [(None, rows)]:
            if name in kinds:
                groups.append((FamilyProfile(str(name), 0), alike))
            else:
                broken = broken_wrappers(block, alike, kinds)
                yield from broken.items()
                yield from self._unknown(block, [row for row in alike if row not in broken], known, family)

    def _unknown(
        self, block: Block, rows: Sequence[int], known: FamilyProfile | None, family: str | None
    ) -> Iterator[Located]:
        """Count values that no decoder knows; those of an unusual length or format get a finding about that instead."""
        odd = odd_unknowns(block, rows, known)
        yield from odd
        if len(odd) < len(rows):
            self._tally.unknown[family or ""] += len(rows) - len(odd)

    def _sort_strays(self, block: Block, rows: Sequence[int], groups: Groups) -> Iterator[Located]:
        """Sort records of families too small for the profile one by one, by what they look like."""
        how = self._forced.rest
        if how is not None and not self._forced.spares_texts:
            groups.append((FamilyProfile(how.decoder, 0, forced=True, array=how.array), rows))
            return
        forced_rows: list[int] = []
        for name, alike in by_kind(block, rows).items():
            if how is not None and name not in SIDE_DECODERS:
                forced_rows += alike
                continue
            if name is not None:
                groups.append((FamilyProfile(name, 0), alike))
                continue
            for row in alike:
                yield row, unknown_payload(block.values[row])
        if how is not None and forced_rows:
            groups.append((FamilyProfile(how.decoder, 0, forced=True, array=how.array), sorted(forced_rows)))

    def _judged(self, block: AnyBlock, batch: Batch, family: FamilyProfile) -> Iterator[Located]:
        """Run the checks on a batch and measure it. Numbers beside pictures need only be finite, labels only valid."""
        beside = family.decoder in SIDE_DECODERS and not (family.forced or family.alone)
        words = batch.values.dtype.kind == "S"
        if batch.label:
            self._tally.whole.labelled += len(batch.rows)
        for validator in self._validators:
            if not beside or isinstance(validator, Label if batch.label else Finite):
                for at, finding in validator(batch):
                    yield batch.rows[at], finding
        if words or (beside and not batch.label):
            return
        yield from self._judged_further(block, batch)
        self._measuring.add(batch)
        if batch.label and not self._sample:
            self._labels.append(batch)
        elif self._constants is not None and batch.expected is not None and batch.expected.constant and len(batch.rows):
            whole = self._tally.whole
            name = batch.field if batch.field in self._constants else batch.path or batch.field  # of one table only
            whole.records[name] += len(batch.rows)
            whole.constants[name] += 0 if batch.pixels_skipped else int(batch.constant.sum())

    def _judged_further(self, block: AnyBlock, batch: Batch) -> Iterator[Located]:
        if self._own:
            for piece in batch.apart():
                yield from self._judged_by_own(block, piece)
        if batch.label and any(isinstance(it, Label) for it in (*self._validators, *self._own)):
            for row in batch.absent:
                yield row, found("label", "no label; the other records have one", field=batch.field)

    def _judged_by_own(self, block: AnyBlock, batch: Batch) -> Iterator[Located]:
        """Run the caller's own validators. Their exceptions are raised to the caller."""
        for validator in self._own:
            try:
                for at, finding in validator(batch):
                    if not isinstance(finding, Finding):
                        raise TypeError(f"it yields {finding!r} for a Finding")  # noqa: TRY301  (the validator's own)
                    yield batch.rows[at], finding
            except Exception as exc:
                where = block.name(batch.rows[0]) if batch.rows else batch.field
                trace = trace_of(exc)
                failed = ValidatorFailed(repr(validator), where, f"{type(exc).__name__}: {exc}", trace)
                failed.add_note(trace)  # the chain of exceptions is lost on the way out of the worker
                raise failed from exc


def _is_unwritten(block: RowBlock, row: int | None, finding: Finding) -> bool:
    """Return whether a finding is about values that were never written, according to the layout."""
    return finding.field is not None and row in block.unwritten.get(finding.field, ())
