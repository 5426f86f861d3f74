"""The report of a scan, made by adding up the tallies of its shards."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn, overload

import msgspec

from datacheck.checks.class_balance import Balance, LabelOrder
from datacheck.conventions.bad_samples import bad_samples, sample_finder
from datacheck.conventions.interface import Convention, Known
from datacheck.conventions.keys.account import Account
from datacheck.errors import NotClean, UsageError
from datacheck.model.escaping import unescape
from datacheck.model.finding import Finding
from datacheck.model.profile import Profile
from datacheck.model.settings import Settings
from datacheck.reporting.compared import Checksums, Comparison
from datacheck.reporting.document import Document, Gone, KnownCounts
from datacheck.reporting.finding_sequence import FindingSequence
from datacheck.reporting.finding_store import FindingLog, PackedFindings
from datacheck.reporting.ignoring import ignoring
from datacheck.reporting.known import KnownFindings
from datacheck.reporting.per_file import ByFile
from datacheck.reporting.samples import Place, Room, Sample, places_of
from datacheck.reporting.source import LayerSource, Source, utc_now
from datacheck.reporting.statuses import INTERRUPTED
from datacheck.reporting.tally import Tally
from datacheck.statistics.exact_sums import FieldSummary

if TYPE_CHECKING:
    from datacheck.reporting.frames import DataFrame

TOGETHER = 4096
"""Number of findings that are packed together."""
NO_RECORDS = "no-records"
"""Code of a finding that a source without records fails with, however many bad records are tolerated."""


@dataclass(repr=False)
class Report:
    """Everything a scan found. `findings` has every finding, in source order. Printed, a report is its summary.

    It has no truth value, since either meaning would be wrong for somebody; `clean` says whether the gate is open.

    `complete` is False if a part could not be read to its end or the scan was interrupted. `balance` is set if a batch
    size was given, `layer` if a layer of a network reads the source. `groups` is the number of samples if a sample is
    several records, according to the store or its conventions. `keeps` is what is known of the conventions, by the
    database that keeps them ("" is the main one); `follows` are the names of those that the structure of files shows.
    `gone_elsewhere` are the keys of records that a rebuild of pairs leaves out of another copy, and so of this one.
    `paired_with` are the paths of all stores that should hold the same keys, in the order in which they were named.
    `started` is the time in UTC. `expected` is how many records the store says that it has, if it does. `known_before`
    are findings that do not count. `like` is the report whose profile the records were compared with; `judged_by` is
    that profile. `unchanged` is the earlier report that all of this comes from, or `scanned_anew` says why none could
    be used. `by_file` holds the results of single files.
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
    """The tally that was added last, without the findings that do not count."""
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
    """Whether it ended because its time was over."""
    unwalked: str | None = None
    """Why JPEGs were not walked although they should have been."""
    worked: bool = False
    """Whether some of it was checked in this run, and not only in the run that this one resumes."""
    shows_records: bool = False
    """Whether some of the records with findings must be read once more, to be shown."""
    room: Room = field(default_factory=Room)
    """The room left for showing them, shared by the reports of one page."""
    samples: list[Sample] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    """The ranges of records in which damage was found, for findings that are not about a single record."""
    next_steps: str | None = None
    """What the command suggests to run next."""
    revised: bool = False
    """Whether findings have changed since they were passed on while the scan ran."""

    def add(self, tally: Tally) -> PackedFindings:
        """Add the tally of the next shard; return its findings as they now stand in the source."""
        if self.settings.ignore:
            ignores = ignoring(self.settings.ignore)
            tally = tally.ignoring(ignores if self.known_before is None else self.known_before.noticing(ignores))
        if self.known_before is not None and len(tally.findings):
            tally, found_again = tally.setting_aside(self.known_before.knows)
            self.known_before.still += found_again
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
        """Replace each finding by what `change` returns, and count again; the files are written again."""
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
        """Fields of the document, apart from the findings, that are lists too long to hold in memory."""
        return {"gone": self.known_before.those_gone()} if self.known_before is not None and self.tells_gone else {}

    @property
    def found_again(self) -> KnownCounts | None:
        """How many findings of the earlier report were found again, and how many are gone; None if none was given."""
        return None if self.known_before is None else self.known_before.counts(whole=self.tells_gone)

    @property
    def first_gone(self) -> list[Gone]:
        """The first findings of the earlier report that are gone."""
        return self.known_before.first_gone() if self.known_before is not None and self.tells_gone else []

    @property
    def tells_gone(self) -> bool:
        """Whether findings of an earlier report that are missing here are gone: all was scanned, in the same way."""
        known = self.known_before
        if known is None or not known.of_source or not known.covers(self.settings):
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
        """The number of findings by code."""
        return dict(sorted(self.tally.codes.items()))

    @property
    def statistics(self) -> dict[str, FieldSummary]:
        return {name: self.tally.statistics[name].summary() for name in sorted(self.tally.statistics)}

    @property
    def status(self) -> int:
        """The exit status: 0 clean, 1 bad records beyond those tolerated, 3 undecided, 130 interrupted.

        If only a sample of the records was checked, the others are undecided.
        """
        if self.interrupted:
            return INTERRUPTED
        offending = self.bad + (self.suspicious if self.settings.strict else 0)
        if offending > self.tolerated or (NO_RECORDS in self.tally.codes and not self.tally.records and self.bad):
            return 1
        return 3 if self.unverifiable or not self.complete or self.partial else 0

    @property
    def partial(self) -> bool:
        """Whether only a sample of the records was checked, and not all of them."""
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

        The name is the escaped key; in a folder, a list or a named database, `file:` or `database:` comes before it.
        With `raw` it is the key's bytes as the store has them, with nothing before them: what a loader asks for.
        """
        return (
            (unescape(it.key or "") for it in self._bad_records())
            if raw
            else (it.name or "" for it in self._bad_records())
        )

    def bad_indices(self) -> Iterator[int]:
        """Yield the position in the store of each bad record, in source order, counted from 0; memory stays bounded.

        It is the place in the order in which the store keeps its records: in LMDB and LevelDB that of the sorted keys,
        in HDF5 the rows of one table after those of another. A dataset that counts its samples in another way, such as
        one with several records a sample, has other numbers; use `bad_keys` there.

        Raises UsageError if a position is not known because a part of the store before it could not be read.
        """
        for it in self._bad_records():
            if it.index is None:
                raise UsageError(
                    f"the position of {it.name} is not known, since a part of the store before it could not be read; "
                    "go by bad_keys()"
                )
            yield it.index

    def _bad_records(self) -> Iterator[Finding]:
        """Yield one finding of each bad record."""
        for (_, _, key, _), findings in groupby(self.findings, lambda finding: finding.record):
            bad = next((finding for finding in findings if finding.verdict == "bad"), None)
            if key is not None and bad is not None:
                yield bad

    def bad_groups(self) -> Iterator[tuple[str, list[str]]]:
        """Yield each sample of several records of which one is bad: its number as text, and the keys of all of them.

        The samples are ordered by their first bad record in source order. Only the set of their numbers is held in
        memory.
        """
        sample_of = {part: sample_finder(known, self.account(part), part) for part, known in self.keeps.items()}
        return bad_samples(self.findings, sample_of)

    def account(self, database: str = "") -> Account:
        """Return the sums over the keys of a database."""
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

        A value that a finding does not have is None; `details` is a dict.
        """
        from datacheck.reporting.frames import rows

        return [row for part in self.parts for row in rows(part.source.path, part.findings)]

    def to_pandas(self) -> DataFrame:
        """Return the findings as a pandas table, one row each, with the columns of `to_dicts`.

        Raises UsageError if pandas is not installed.
        """
        from datacheck.reporting.frames import frame

        return frame(self.to_dicts())

    def save(self, path: str | Path) -> None:
        """Write the report to a file in the format of its suffix; an existing file is replaced as a whole.

        Raises UsageError for an unknown suffix or a file that is part of the source, ReportFailed if it cannot be
        written.
        """
        from datacheck.reporting.files import save

        save(path, self.parts)

    @property
    def parts(self) -> Sequence[Report]:
        """The reports of the single stores that it is about: itself, unless it is about a folder of several."""
        return (self,)

    def document(self, *, findings: bool = True) -> Document:
        """Return the report in the structure of its JSON document, with or without the findings (which may be many)."""
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
            known=self.found_again or msgspec.UNSET,
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
