"""What a scan found: the tally of a shard, which adds up, and the report made of all tallies."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby

import msgspec

from datacheck.checks.class_balance import LARGEST_BATCH, Balance, Classes, LabelOrder, balance, imbalances
from datacheck.errors import NotClean
from datacheck.model.finding import Finding
from datacheck.model.profile import Profile
from datacheck.model.settings import Settings
from datacheck.reporting.document import Document
from datacheck.reporting.finding_store import FindingLog, PackedFindings
from datacheck.reporting.ignoring import ignoring
from datacheck.reporting.source import LayerSource, Source
from datacheck.reporting.tally import Tally
from datacheck.statistics.exact_sums import FieldSummary

INTERRUPTED = 130
"""The status of a run that was interrupted."""


def utc_now() -> str:
    """Return the time as reports have it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Report:
    """Everything a scan found; `findings` in source order, every one of them.

    `complete` is False where a part could not be read to its end or the scan was interrupted. `balance` is there if
    a batch size was given, `layer` if the source is what a layer of a network reads. `started` is the time in UTC, and
    `expected` how many records the store says that it has, if it does.
    """

    source: Source
    settings: Settings
    profile: Profile = field(default_factory=Profile)
    tally: Tally = field(default_factory=Tally)
    findings: FindingLog = field(default_factory=FindingLog)
    order: LabelOrder | None = None
    balance: Balance | None = None
    layer: LayerSource | None = None
    started: str = field(default_factory=utc_now)
    seconds: float = 0.0
    expected: int | None = None
    interrupted: bool = False

    def add(self, tally: Tally) -> PackedFindings:
        """Add what the next shard came to; return its findings as they now stand in the source."""
        if self.settings.ignore:
            tally = tally.ignoring(ignoring(self.settings.ignore))
        new = PackedFindings.of(tally.findings).raised(self.tally.records)
        self.findings.extend(new)
        self.tally.add_sums(tally)
        if self.order is not None:
            for labels in tally.labels:
                self.order.take(labels)
        return new

    def begin(self) -> None:
        """Be ready for the tallies, and for the labels in them if batches are to be counted."""
        self.started = utc_now()
        size = self.settings.batch_size
        if size is not None and size <= LARGEST_BATCH and self.settings.sample is None:
            self.order = LabelOrder(size, self._classes())

    def take_balance(self) -> list[Finding]:
        """Take the balance of the classes, if it was asked for and there are any; return what is wrong with it."""
        size = self.settings.batch_size
        for name, statistics in sorted(self.tally.statistics.items()):
            if size is not None and statistics.label and statistics.counts:
                self.balance = balance(name, statistics.counts, size, self._classes(), self.order)
                return [] if self.order is None else list(imbalances(self.balance, statistics.counts))
        return []

    def _classes(self) -> Classes:
        bounds = self.settings.labels
        low, high = (None, None) if bounds is None else (bounds.low, bounds.high)
        ignored = None if self.layer is None else self.layer.ignore_label
        return Classes(None if low is None else int(low), None if high is None else int(high), ignored)

    @property
    def long_lists(self) -> dict[str, Iterable[object]]:
        """Fields of the document that are lists too long to hold, apart from the findings."""
        return {}

    @property
    def complete(self) -> bool:
        return self.tally.complete

    @property
    def checked(self) -> int:
        return self.tally.checked

    @property
    def bad(self) -> int:
        return self.tally.verdicts["bad"]

    @property
    def suspicious(self) -> int:
        return self.tally.verdicts["suspicious"]

    @property
    def unverifiable(self) -> int:
        return self.tally.verdicts["unverifiable"]

    @property
    def counts(self) -> dict[str, int]:
        """Findings by code."""
        return dict(sorted(self.tally.codes.items()))

    @property
    def statistics(self) -> dict[str, FieldSummary]:
        return {name: self.tally.statistics[name].summary() for name in sorted(self.tally.statistics)}

    @property
    def status(self) -> int:
        """The exit status: 0 clean, 1 bad records beyond those tolerated, 3 undecided, 130 interrupted.

        A sample that was not all of the records leaves the others undecided.
        """
        if self.interrupted:
            return INTERRUPTED
        offending = self.bad + (self.suspicious if self.settings.strict else 0)
        if offending > self.tolerated:
            return 1
        return 3 if self.unverifiable or not self.complete or self.partial else 0

    @property
    def partial(self) -> bool:
        """Whether a sample was looked at that is not all of the records."""
        return self.settings.sample is not None and self.checked < self.tally.records

    @property
    def clean(self) -> bool:
        """Whether the gate is open: nothing bad beyond what is tolerated, nothing undecided."""
        return self.status == 0

    @property
    def tolerated(self) -> int:
        """How many bad records `max_bad` allows; a percentage is of the records checked."""
        limit = self.settings.max_bad
        if limit is None:
            return 0
        if limit.endswith("%"):
            return math.floor(float(limit[:-1]) * self.checked / 100)
        return int(limit)

    def bad_keys(self) -> Iterator[str]:
        """Yield the escaped key of each bad record once, in source order; memory stays bounded."""
        for _, findings in groupby(self.findings, lambda finding: finding.record):
            key = next((finding.key for finding in findings if finding.verdict == "bad"), None)
            if key is not None:
                yield key

    def require_clean(self) -> None:
        """Raise NotClean, with the summary as its message, unless the report is clean."""
        if not self.clean:
            from datacheck.reporting.summary import text

            raise NotClean(text(self))

    def document(self, *, findings: bool = True) -> Document:
        """Return the report as JSON has it, with or without the findings (which may be many)."""
        from datacheck._version import __version__

        return Document(
            version=__version__,
            status=self.status,
            clean=self.clean,
            started=self.started,
            source=self.source,
            settings=self.settings,
            profile=self.profile,
            complete=self.complete,
            checked=self.checked,
            bad=self.bad,
            suspicious=self.suspicious,
            unverifiable=self.unverifiable,
            counts=self.counts,
            ignored=dict(sorted(self.tally.ignored.items())) if self.settings.ignore else msgspec.UNSET,
            findings=list(self.findings) if findings else msgspec.UNSET,
            statistics=self.statistics,
            balance=self.balance or msgspec.UNSET,
            layer=self.layer or msgspec.UNSET,
            seconds=round(self.seconds, 3),
        )
