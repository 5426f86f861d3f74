"""What a scan found: the tally of a shard, which adds up, and the report made of all tallies."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn, overload

import msgspec

from datacheck.checks.class_balance import Balance, LabelOrder
from datacheck.conventions.account import Account
from datacheck.conventions.conclusions import bad_samples, sampling
from datacheck.conventions.interface import Convention, Known
from datacheck.errors import NotClean, UsageError
from datacheck.model.escaping import unescape
from datacheck.model.finding import Finding
from datacheck.model.profile import Profile
from datacheck.model.settings import Settings
from datacheck.reporting.compared import Checksums, Comparison
from datacheck.reporting.document import Document
from datacheck.reporting.finding_sequence import FindingSequence
from datacheck.reporting.finding_store import FindingLog, PackedFindings
from datacheck.reporting.ignoring import ignoring
from datacheck.reporting.known import KnownFindings
from datacheck.reporting.per_file import ByFile
from datacheck.reporting.samples import Place, Room, Sample, places_of
from datacheck.reporting.source import LayerSource, Source, utc_now
from datacheck.reporting.tally import Tally
from datacheck.statistics.exact_sums import FieldSummary

if TYPE_CHECKING:
    from datacheck.reporting.frames import DataFrame

TOGETHER = 4096
"""Findings are packed so many at a time."""
NO_RECORDS = "no-records"
"""What this says of a whole source, no number of tolerated records outweighs."""
INTERRUPTED = 130
"""The status of a run that was interrupted."""


@dataclass(repr=False)
class Report:
    """Everything a scan found; `findings` in source order, every one of them. Printed, it is the summary.

    It has no truth value, since either reading would be wrong for somebody: `clean` says whether the gate is open.

    `complete` is False where a part could not be read to its end or the scan was interrupted. `balance` is there if
    a batch size was given, `layer` if the source is what a layer of a network reads. `groups` is the number of samples
    where a sample is several records, as the store or its conventions tell; `keeps` is what is known of these, by the
    database that keeps them, "" the main one, and `follows` has the names of those that the structure of files tells.
    `gone_elsewhere` are the keys of records that a rebuild of pairs leaves out of another copy, and so of this one;
    `paired_with` are the paths of all stores that are to hold
    the same keys, in the order in which they were named. `started` is the time in UTC, and `expected` how many
    records the store says that it has, if it does. `known_before` are findings that do not count; `like` is the report
    whose profile the records were held to, which is then `judged_by`; `unchanged` is the one that all of this comes
    from, or `scanned_anew` says why none answers; `by_file` is what is known of single files.
    """

    source: Source
    settings: Settings
    profile: Profile = field(default_factory=Profile)
    tally: Tally = field(default_factory=Tally)
    findings: FindingSequence = field(default_factory=FindingLog)
    order: LabelOrder | None = None
    balance: Balance | None = None
    layer: LayerSource | None = None
    keeps: dict[str, Known] = field(default_factory=dict)
    follows: tuple[str, ...] = ()
    groups: int | None = None
    known_before: KnownFindings | None = None
    like: str | None = None
    unchanged: str | None = None
    scanned_anew: str | None = None
    by_file: ByFile = field(default_factory=ByFile)
    added: Tally | None = field(default=None, compare=False)
    """What was added last, without what does not count."""
    judged_by: Profile | None = None
    gone_elsewhere: frozenset[bytes] = frozenset()
    paired_with: tuple[str, ...] = ()
    started: str = field(default_factory=utc_now)
    checksums: Checksums | None = None
    comparison: Comparison | None = None
    seconds: float = 0.0
    expected: int | None = None
    interrupted: bool = False
    stopped: bool = False
    """Whether the time was over that it may take."""
    unwalked: str | None = None
    """Why JPEGs were not walked that would have been."""
    worked: bool = False
    """Whether some of it was checked in this run, and not only in the one that this goes on with."""
    shows_records: bool = False
    """Whether some of the records with findings are to be read once more, to be shown."""
    room: Room = field(default_factory=Room)
    """What there is room for of them, shared by the reports of one page."""
    samples: list[Sample] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    """Which of the records damage was found among, where a finding is of no record itself."""
    next_steps: str | None = None
    """What the command says to run next."""
    revised: bool = False
    """Whether findings are others by now than those that were heard of as they came."""

    def add(self, tally: Tally) -> PackedFindings:
        """Add what the next shard came to; return its findings as they now stand in the source."""
        if self.settings.ignore:
            ignores = ignoring(self.settings.ignore)
            tally = tally.ignoring(ignores if self.known_before is None else self.known_before.noticing(ignores))
        if self.known_before is not None and len(tally.findings):
            tally, still = tally.setting_aside(self.known_before.knows)
            self.known_before.still += still
        new = PackedFindings.of(tally.findings).raised(self.tally.records)
        assert isinstance(self.findings, FindingLog), "a report of several is finished"
        self.findings.extend(new)
        if self.shows_records:
            self.places += places_of(new, tally, self.tally.records)
        self.tally.add_sums(tally)
        self.added = tally
        if self.order is not None:
            for labels in tally.labels:
                self.order.take(labels)
        return new

    def revise(self, change: Callable[[Finding], Finding]) -> None:
        """Put what `change` returns in the place of each finding, and count anew; the files are written again."""
        revised = FindingLog()
        waiting: list[Finding] = []
        changed = False
        for (_, _, key, _), group in groupby(self.findings, lambda finding: finding.record):
            before = list(group)
            after = list(map(change, before))
            if after != before:
                changed = True
                units = [slice(None)] if key is not None else [slice(at, at + 1) for at in range(len(before))]
                for unit in units:
                    self.tally.recount(before[unit], after[unit])
            waiting += after
            if len(waiting) >= TOGETHER:
                revised.extend(waiting)
                waiting = []
        revised.extend(waiting)
        if changed:
            self.findings, self.revised = revised, True

    def __str__(self) -> str:
        from datacheck.reporting.finding_sequence import WIDEST
        from datacheck.reporting.summary import text

        return text(self, width=WIDEST)

    def __repr__(self) -> str:
        return str(self)

    def __bool__(self) -> NoReturn:
        raise TypeError("the truth value of a report is ambiguous; use report.clean, or len(report.findings)")

    @property
    def long_lists(self) -> dict[str, Iterable[object]]:
        """Fields of the document that are lists too long to hold, apart from the findings."""
        return {"gone": self.known_before.those_gone()} if self.known_before is not None and self.tells_gone else {}

    @property
    def tells_gone(self) -> bool:
        """Whether what an earlier report has, and this has not, is gone: all was looked at, in the same way."""
        known = self.known_before
        if known is None or not known.of_source or not known.looked_for(self.settings):
            return False
        return self.complete and not self.partial

    @property
    def complete(self) -> bool:
        return self.tally.complete

    @property
    def cut_short(self) -> bool:
        """Whether it ended before the source did, and could go on."""
        return self.interrupted or self.stopped

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
        if offending > self.tolerated or (NO_RECORDS in self.tally.codes and not self.tally.records and self.bad):
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

    @overload
    def bad_keys(self, *, raw: Literal[False] = False) -> Iterator[str]: ...
    @overload
    def bad_keys(self, *, raw: Literal[True]) -> Iterator[bytes]: ...
    def bad_keys(self, *, raw: bool = False) -> Iterator[str] | Iterator[bytes]:
        """Yield the name of each bad record once, in source order; memory stays bounded.

        It is the escaped key, in a folder, a list or a named database with its `file:` or `database:` before it. With
        `raw` it is the key's bytes as the store has them, without what is before it: what a loader asks for.
        """
        return (
            (unescape(it.key or "") for it in self._bad_records())
            if raw
            else (it.name or "" for it in self._bad_records())
        )

    def bad_indices(self) -> Iterator[int]:
        """Yield the position in the store of each bad record, in source order, counted from 0; memory stays bounded.

        It is the place in the order in which the store keeps its records: in LMDB and LevelDB that of the sorted keys,
        in HDF5 the rows of one table after those of another. A dataset that counts its samples in any other way, as
        one with several records a sample does, has other numbers: go by `bad_keys` there.

        Raises UsageError where a position is not known, behind a part of the store that could not be read.
        """
        for it in self._bad_records():
            if it.index is None:
                raise UsageError(
                    f"the position of {it.name} is not known, since a part of the store before it could not be read; "
                    "go by bad_keys()"
                )
            yield it.index

    def _bad_records(self) -> Iterator[Finding]:
        """Yield a finding of each bad record."""
        for (_, _, key, _), findings in groupby(self.findings, lambda finding: finding.record):
            bad = next((finding for finding in findings if finding.verdict == "bad"), None)
            if key is not None and bad is not None:
                yield bad

    def bad_groups(self) -> Iterator[tuple[str, list[str]]]:
        """Yield each sample of several records of which one is bad: its number as text, and the keys of all of them.

        In source order of its first bad record; what is held is a set of the numbers of these samples.
        """
        sample_of = {part: sampling(known, self.account(part), part) for part, known in self.keeps.items()}
        return bad_samples(self.findings, sample_of)

    def account(self, database: str = "") -> Account:
        """Return what the keys of a database add up to."""
        return self.tally.keys.get(database) or Account()

    @property
    def conventions(self) -> tuple[Convention, ...]:
        """The conventions of all databases."""
        return tuple(it for known in self.keeps.values() for it in known.conventions)

    @property
    def convention_names(self) -> list[str]:
        """The names of the conventions that the store keeps, each once."""
        return list(dict.fromkeys((*(it.name for it in self.conventions if it.name), *self.follows)))

    def _repr_html_(self) -> str:
        """Return the report as notebooks show it."""
        from datacheck.reporting.page.short import short

        return short(self)

    def require_clean(self) -> None:
        """Raise NotClean, with the summary as its message, unless the report is clean."""
        if not self.clean:
            raise NotClean(str(self))

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return the findings as dicts with the columns of a CSV report; the name of a key is that of `Finding.name`.

        What a finding has no value for is None; `details` is a dict.
        """
        from datacheck.reporting.frames import rows

        return [row for part in self.parts for row in rows(part.source.path, part.findings)]

    def to_pandas(self) -> DataFrame:
        """Return the findings as a table of pandas, a row each, with the columns of `to_dicts`.

        Raises UsageError where pandas is not installed.
        """
        from datacheck.reporting.frames import frame

        return frame(self.to_dicts())

    def save(self, path: str | Path) -> None:
        """Write the report to a file, whose suffix picks the format; one that was there is replaced whole.

        Raises UsageError for a suffix that no format has, or a file that is part of the source; ReportFailed where it
        cannot be written.
        """
        from datacheck.reporting.files import save

        save(path, self.parts)

    @property
    def parts(self) -> Sequence[Report]:
        """The reports of the stores that it is about: itself, but for a folder of several."""
        return (self,)

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
            conventions=self.convention_names or msgspec.UNSET,
            groups=msgspec.UNSET if self.groups is None else self.groups,
            ignored=dict(sorted(self.tally.ignored.items())) if self.settings.ignore else msgspec.UNSET,
            known=msgspec.UNSET if self.known_before is None else self.known_before.counts(whole=self.tells_gone),
            unchanged=self.unchanged or msgspec.UNSET,
            reused=self.by_file.reused or msgspec.UNSET,
            findings=list(self.findings) if findings else msgspec.UNSET,
            statistics=self.statistics,
            balance=self.balance or msgspec.UNSET,
            layer=self.layer or msgspec.UNSET,
            checksums=self.checksums or msgspec.UNSET,
            comparison=self.comparison or msgspec.UNSET,
            seconds=round(self.seconds, 3),
            per_file=self.by_file.text or msgspec.UNSET,
        )
