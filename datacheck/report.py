"""What a scan found: the tally of a shard, which adds up, and the report made of all tallies."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any, Literal

import msgspec

from datacheck.errors import NotClean
from datacheck.findings import FindingLog, FindingRun, Findings
from datacheck.label_balance import LARGEST_BATCH, Balance, Classes, LabelOrder, Labels, balance, imbalances
from datacheck.model import VERDICTS, Finding, Profile, Verdict
from datacheck.series import RunSummary, SeriesPoint
from datacheck.settings import Settings
from datacheck.statistics import FieldStatistics, FieldSummary

SCHEMA: Literal["datacheck-report/1"] = "datacheck-report/1"
SCHEMA_OF_MANY: Literal["datacheck-reports/1"] = "datacheck-reports/1"


class FileStamp(msgspec.Struct, frozen=True):
    """One file of a store: its name, its size in bytes, its modification time in nanoseconds."""

    name: str
    size: int
    mtime_ns: int


class Fingerprint(msgspec.Struct, frozen=True):
    """The files of a store, and the SHA-256 of its roots: meta pages, CURRENT and MANIFEST, superblocks."""

    files: tuple[FileStamp, ...]
    roots: str


class Source(msgspec.Struct, frozen=True):
    """What was scanned. `decoder` lists the payload kinds of the main families, joined by '+'; `bytes` is on disk.

    `fingerprint` tells whether a source is still the one that was scanned.
    """

    path: str
    backend: str
    decoder: str | None = None
    records: int | None = None
    bytes: int | None = None
    fingerprint: Fingerprint | None = None


class LayerSource(msgspec.Struct, frozen=True, omit_defaults=True):
    """The layer of a network that reads the source.

    `line` is that of the layer in the network's prototxt. `classes` is how many the classifier behind it tells apart,
    `classifier` that layer's name, `ignore_label` the label its loss passes over. `beside` says that the source was
    found beside the prototxt, or its mean file was, and not from the working directory, where Caffe looks for it.
    """

    net: str
    line: int
    name: str
    type: str
    phases: tuple[str, ...]
    tops: tuple[str, ...]
    batch_size: int
    classes: int | None = None
    classifier: str | None = None
    ignore_label: int | None = None
    beside: bool = False


@dataclass(slots=True)
class Tally:
    """What one shard, or any run of neighbouring shards, came to; adds up, in source order.

    `bad`, `suspicious` and `unverifiable` count records by their worst verdict, and findings of the store one each.
    `unknown` counts the records of each family that no decoder knows. `complete` is False where records were given up.
    `account` is the sum of the blocks' own.
    `labels` are those of the records, in order, where batches are asked for.
    """

    complete: bool = True
    records: int = 0
    checked: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    account: Counter[str] = field(default_factory=Counter)
    statistics: dict[str, FieldStatistics] = field(default_factory=dict)
    findings: Collection[Finding] = field(default_factory=Findings)
    labels: list[Labels] = field(default_factory=list)

    def count(self, findings: Iterable[Finding]) -> None:
        """Add the findings of one record, or one finding of the store."""
        found = list(findings)
        self._extend(found, [it.key for it in found], [it.index for it in found])
        worst = worst_verdict(found)
        if worst is not None:
            self.verdicts[worst] += 1

    def count_records(self, findings: Sequence[Finding], keys: Sequence[str], indexes: Sequence[int]) -> None:
        """Add findings of many records, each with the key and the index of its record; those of one are neighbours."""
        self._extend(findings, keys, indexes)
        if len(set(indexes)) == len(indexes):
            self.verdicts.update(map(_VERDICT, findings))
            return
        for _, of_one in groupby(zip(indexes, findings, strict=True), itemgetter(0)):
            worst = worst_verdict([finding for _, finding in of_one])
            assert worst is not None
            self.verdicts[worst] += 1

    def _extend(self, findings: Sequence[Finding], keys: Sequence[str | None], indexes: Sequence[int | None]) -> None:
        assert isinstance(self.findings, Findings), "a tally that was sent is closed"
        self.findings.extend(findings, keys, indexes)
        self.codes.update(map(_CODE, findings))

    def __iadd__(self, other: Tally) -> Tally:
        """Add what comes behind this; its records' indexes go up by the records that are here."""
        self.findings = Findings([*self.findings, *FindingRun.of(other.findings).raised(self.records)])
        self.labels += other.labels
        self.add_sums(other)
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel with the findings packed."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return _arrived, ({**values, "findings": FindingRun.of(self.findings)},)

    def add_sums(self, other: Tally) -> None:
        """Add all of what comes behind this but its findings and labels."""
        self.complete &= other.complete
        self.records += other.records
        self.checked += other.checked
        self.verdicts += other.verdicts
        self.codes += other.codes
        self.unknown += other.unknown
        self.account += other.account
        for name, statistics in other.statistics.items():
            if name in self.statistics:
                self.statistics[name] += statistics
            else:
                self.statistics[name] = statistics


_CODE, _VERDICT = attrgetter("code"), attrgetter("verdict")


def _arrived(values: dict[str, Any]) -> Tally:
    return Tally(**values)


def worst_verdict(findings: Sequence[Finding]) -> Verdict | None:
    """Return the worst verdict among the findings of one record."""
    if len(findings) == 1:
        return findings[0].verdict
    verdicts = {finding.verdict for finding in findings}
    return next((verdict for verdict in VERDICTS if verdict in verdicts), None)


class Document(msgspec.Struct, kw_only=True):
    """A report as JSON has it, field for field and in this order; the JSON Schema is generated from this."""

    schema: Literal["datacheck-report/1"] = SCHEMA
    version: str
    source: Source
    settings: Settings
    profile: Profile
    complete: bool
    checked: int
    bad: int
    suspicious: int
    unverifiable: int
    counts: dict[str, int]
    findings: list[Finding] | msgspec.UnsetType = msgspec.UNSET
    statistics: dict[str, FieldSummary]
    balance: Balance | msgspec.UnsetType = msgspec.UNSET
    layer: LayerSource | msgspec.UnsetType = msgspec.UNSET
    seconds: float
    runs: list[RunSummary] | msgspec.UnsetType = msgspec.UNSET
    series: list[SeriesPoint] | msgspec.UnsetType = msgspec.UNSET


class Documents(msgspec.Struct, kw_only=True):
    """Several reports of one run."""

    schema: Literal["datacheck-reports/1"] = SCHEMA_OF_MANY
    reports: list[Document]


@dataclass
class Report:
    """Everything a scan found; `findings` in source order, every one of them.

    `complete` is False where a part could not be read to its end or the scan was interrupted. `balance` is there if
    a batch size was given, `layer` if the source is what a layer of a network reads.
    """

    source: Source
    settings: Settings
    profile: Profile = field(default_factory=Profile)
    tally: Tally = field(default_factory=Tally)
    findings: FindingLog = field(default_factory=FindingLog)
    order: LabelOrder | None = None
    balance: Balance | None = None
    layer: LayerSource | None = None
    seconds: float = 0.0

    def add(self, tally: Tally) -> FindingRun:
        """Add what the next shard came to; return its findings as they now stand in the source."""
        new = FindingRun.of(tally.findings).raised(self.tally.records)
        self.findings.extend(new)
        self.tally.add_sums(tally)
        if self.order is not None:
            for labels in tally.labels:
                self.order.take(labels)
        return new

    def begin(self) -> None:
        """Be ready for the tallies, and for the labels in them if batches are to be counted."""
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
        """The exit status: 0 clean, 1 bad records beyond those tolerated, 3 undecided."""
        offending = self.bad + (self.suspicious if self.settings.strict else 0)
        if offending > self.tolerated:
            return 1
        return 3 if self.unverifiable or not self.complete else 0

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
            from datacheck.reports import text

            raise NotClean(text(self))

    def document(self, *, findings: bool = True) -> Document:
        """Return the report as JSON has it, with or without the findings (which may be many)."""
        from datacheck import __version__

        return Document(
            version=__version__,
            source=self.source,
            settings=self.settings,
            profile=self.profile,
            complete=self.complete,
            checked=self.checked,
            bad=self.bad,
            suspicious=self.suspicious,
            unverifiable=self.unverifiable,
            counts=self.counts,
            findings=list(self.findings) if findings else msgspec.UNSET,
            statistics=self.statistics,
            balance=self.balance or msgspec.UNSET,
            layer=self.layer or msgspec.UNSET,
            seconds=round(self.seconds, 3),
        )


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a report document, or of several."""
    either, components = msgspec.json.schema_components([Document, Documents], ref_template="#/$defs/{name}")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "anyOf": list(either), "$defs": components}


def schema_text() -> str:
    """Return the JSON Schema as it is printed."""
    import json

    return json.dumps(schema(), indent=2)
