"""Judge the blocks of a shard: decode them, run the checks over them, count."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Protocol

from datacheck.checks.class_balance import in_order
from datacheck.checks.validators import Label, Validator, built_in
from datacheck.decoders import decoder, kind
from datacheck.errors import DatacheckError, ValidatorFailed
from datacheck.model.batch import Batch
from datacheck.model.blocks import AnyBlock, Block
from datacheck.model.equal_lengths import lengths
from datacheck.model.finding import Finding, found
from datacheck.model.naming import exact
from datacheck.model.profile import UNKNOWN, FamilyProfile, Profile
from datacheck.model.settings import Settings
from datacheck.reporting.tally import Tally
from datacheck.scanning.blame import Blamed, blamed, blaming, judged, own_slip, trace_of
from datacheck.statistics.measure import Measuring
from datacheck.workers.limits import memory_limit
from datacheck.workers.pool import WORKER_BYTES

LOST = frozenset({"truncated-store", "damaged-store"})
"""Codes of what a reader could not read, or not to its end."""
TRACES = 3
"""So many findings of one stretch about datacheck's own mistakes come with a traceback."""
Located = tuple[int | None, Finding]
Groups = list[tuple[FamilyProfile, Sequence[int]]]


class View(Protocol):
    """How somebody else would take the records: further checks, and a last word on what is found."""

    def validators(self) -> Sequence[Validator]:
        """Return the view's own checks. They have no need of pixels, and take Unstacked values."""
        ...

    def review(self, block: AnyBlock, row: int | None, findings: Sequence[Finding]) -> Sequence[Finding]:
        """Return what is to be said of the record at `row` of a block, or (None) of its store."""
        ...


class Judge:
    """Decodes blocks and runs the checks over them, as the settings and the profile say."""

    def __init__(
        self,
        profile: Profile,
        settings: Settings,
        validators: Sequence[Validator],
        tally: Tally,
        view: View | None = None,
        *,
        stats: bool = True,
    ) -> None:
        """With `stats`, take all statistics; without, only those that cost nothing, and see no pixel in vain."""
        self._profile = profile
        self._forced = settings.decoder
        self._validators = [*built_in(exact(settings, profile)), *(view.validators() if view else ())]
        self._view = view
        self._batches = settings.batch_size is not None and settings.sample is None
        self._labels: list[Batch] = []
        self._own = validators
        families = [*profile.families.values(), *([profile.rest] if profile.rest else [])]
        self._all_unknown = bool(profile.rest) and all(family.decoder == UNKNOWN for family in families)
        self._slips = 0
        self._tally, self._measuring = tally, Measuring(tally.statistics, sums=stats)
        self._pixels = stats or bool(validators) or settings.range is not None

    def finish(self, *, alone: bool = False) -> None:
        """Add to the tally what waits until the last block."""
        try:
            self._measuring.finish()
        except MemoryError:
            raise
        except Exception as exc:
            if not alone:
                raise
            self._tally.count([self._slip(exc, "adding up the statistics")])

    def judge(self, block: AnyBlock, indexes: Sequence[int], *, alone: bool = False) -> None:
        """Add to the tally what is to be said of a block, whose records are at `indexes` of the shard.

        Of a record that comes `alone` this is also what went wrong in decoding or in judging it.
        """
        try:
            located = self._said(block)
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

    def _said(self, block: AnyBlock) -> list[Located]:
        """Return the findings of a block, with the rows they are of; take its labels."""
        located = list(self._located(block))
        if self._view is not None:
            located = self._reviewed(block, located)
        if self._labels and (labels := in_order(self._labels)) is not None:
            self._tally.labels.append(labels)
        self._labels.clear()
        return located

    def _failed(self, error: Exception) -> Finding:
        """Return what an exception says: something of the record, where its decoder raised it; else of datacheck."""
        if isinstance(error, Blamed):
            return judged(error.error, "decoding it", memory_limit(WORKER_BYTES).words, error.code)
        if isinstance(error, MemoryError):
            return judged(error, "judging it", memory_limit(WORKER_BYTES).words)
        return self._slip(error)

    def _slip(self, error: Exception, doing: str = "") -> Finding:
        """Return the finding for a mistake of datacheck's own; only the first few have their traceback with them."""
        self._slips += 1
        trace = trace_of(error) if self._slips <= TRACES else ""
        return own_slip(type(error).__name__, str(error), trace, doing)

    def _reviewed(self, block: AnyBlock, located: Sequence[Located]) -> list[Located]:
        """Return what the view has to say of what was found."""
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
            groups.append((self._profile.of(block.table) or FamilyProfile("rows", 0), range(len(block))))
        for family, rows in groups:
            decode = decoder(family.decoder).decode
            for item in blamed("undecodable", decode, block, rows, family, pixels=self._pixels):
                if not isinstance(item, Batch):
                    yield item
                    continue
                yield from self._judged(block, item)
                self._measuring.add(item)
                if self._batches and item.label:
                    self._labels.append(item)

    def _sort(self, block: Block, groups: Groups) -> Iterator[Located]:
        """Sort the records of a block by how they are to be decoded; say which cannot be, being empty or unknown."""
        # of some a reader has said what is wrong: what is left of them would only add to that
        lost = {row for row, finding in block.findings if finding.code in LOST and finding.verdict == "bad"}
        full: Sequence[int] = range(len(block))
        if lost or not all(lengths(block.values)):
            full = [row for row in full if len(block.values[row]) and row not in lost]
            for row in sorted(set(range(len(block))).difference(full, lost)):
                yield row, found("empty", "the value has zero bytes")
        if self._all_unknown and full:
            named = self._profile.families
            counts = Counter(block.named(full, named)) if named else {None: len(full)}
            for family, count in counts.items():
                self._tally.unknown[family or ""] += count
            return
        for name, rows in self._families(block, full).items():
            known = self._profile.rest if name is None else self._profile.families[name]
            if known is None:
                yield from self._sort_strays(block, rows, groups)
            elif known.decoder == UNKNOWN:
                self._tally.unknown[name or ""] += len(rows)
            else:
                groups.append((known, rows))

    def _families(self, block: Block, rows: Sequence[int]) -> dict[str | None, Sequence[int]]:
        """Return the records at `rows` by the profile's families of their keys; under None those of no such family."""
        if not rows:
            return {}
        return block.families(rows, self._profile.families) if self._profile.families else {None: rows}

    def _sort_strays(self, block: Block, rows: Sequence[int], groups: Groups) -> Iterator[Located]:
        """Records of families too small for the profile are taken for what they look like, one by one."""
        for row in rows:
            with blaming("undecodable"):
                name = self._forced or kind(block.values[row])
            if name is None:
                yield row, unknown_payload(bytes(block.values[row][:8]))
            else:
                groups.append((FamilyProfile(name, 0), [row]))

    def _judged(self, block: AnyBlock, batch: Batch) -> Iterator[Located]:
        for validator in self._validators:
            for at, finding in validator(batch):
                yield batch.rows[at], finding
        if self._own:
            for piece in batch.apart():
                yield from self._judged_by_own(block, piece)
        if batch.label and any(isinstance(it, Label) for it in (*self._validators, *self._own)):
            for row in batch.absent:
                yield row, found("label", "no label; the other records have one", field=batch.field)

    def _judged_by_own(self, block: AnyBlock, batch: Batch) -> Iterator[Located]:
        """Ask the caller's own validators, whose exceptions are the caller's to know about."""
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
                failed.add_note(trace)  # the chain of exceptions does not survive the way out of the worker
                raise failed from exc


def unknown_payload(head: bytes) -> Finding:
    """Return the finding for a record that no decoder knows, which begins with `head`."""
    return found("unknown-payload", f"no decoder knows this payload, which begins with the bytes {head.hex(' ')}")
