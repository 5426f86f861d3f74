"""Scan only those files of a source that are not as an earlier report has them, and keep what each came to.

Every file's structure is read, and what the records are held to is determined anew, as in any scan: what the files say
of each other is then true of those that are there. What the records of a file came to is taken from the earlier report
where the file is as it was and its records are held to the same.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from datacheck.backends.interface import OfFiles, Reader
from datacheck.errors import UsageError
from datacheck.model.blocks import Layout
from datacheck.model.finding import Finding
from datacheck.model.profile import EMPTY, UNKNOWN, FamilyProfile, Profile
from datacheck.model.settings import Settings
from datacheck.reporting.earlier import walk
from datacheck.reporting.finding_store import Findings
from datacheck.reporting.packed_tally import unpacked
from datacheck.reporting.per_file import FileState, OfFile, PerFile, Reused
from datacheck.reporting.report import Report
from datacheck.reporting.tally import Tally
from datacheck.scanning.fingerprint import states_of
from datacheck.scanning.tasks import Check

Add = Callable[[list[Check], Tally], None]
"""Adds what stands for some checks."""
NAMED = 3
"""So many of the files that are read are named."""
ROWS = "rows"
DIGEST = 12
"""Bytes of a digest."""


@dataclass
class EarlierFiles:
    """What an earlier report has of single files; its findings are read when they are asked for, in their order."""

    path: Path
    places: tuple[int | str, ...]
    of: dict[str, OfFile]
    _at: int = 0
    _findings: Iterator[Finding] | None = None

    def tally(self, of: OfFile) -> Tally:
        """Return what a file came to, with its findings. Raises UsageError where the report is not what it was."""
        try:
            tally = unpacked(of.tally)
        except (msgspec.DecodeError, ValueError) as exc:
            raise no_longer(self.path) from exc
        found = [self._next(of) for _ in range(of.own)]
        ends = of.records, of.records + tally.records
        if Counter(it.code for it in found) != tally.codes or not all(_within(it.index, *ends) for it in found):
            raise no_longer(self.path)
        tally.findings = Findings(
            it if it.index is None else msgspec.structs.replace(it, index=it.index - of.records) for it in found
        )
        return tally

    def _next(self, of: OfFile) -> Finding:
        """Return the next finding of a file, passing over those that come before the file's."""
        if self._findings is None:
            walked = walk(self.path, whole=True)
            self._findings = (it for place, it in walked if place in self.places and isinstance(it, Finding))
        for finding in self._findings:
            self._at += 1
            if self._at > of.findings:
                if finding.file != of.state.name:
                    break
                return finding
        raise no_longer(self.path)


def _within(index: int | None, start: int, stop: int) -> bool:
    return index is None or start <= index < stop


def no_longer(path: Path) -> UsageError:
    """Return what to raise where a report does not have what it says that it has of single files."""
    return UsageError(f"{path}: what it has of each file is damaged, or the report was replaced meanwhile; scan anew")


@dataclass
class FileByFile:
    """The checks of a source, file by file: those that are run, and what stands for the others."""

    reader: OfFiles | None
    """None where nothing is known of single files, and nothing kept: then all checks are run."""
    report: Report
    tables: dict[int, set[str]] = field(default_factory=dict)
    states: list[FileState | None] = field(default_factory=list)
    keeps: PerFile | None = None
    earlier: EarlierFiles | None = None
    _held: dict[frozenset[str], tuple[bytes, bytes]] = field(default_factory=dict)
    _held_of: dict[int, tuple[bytes, bytes]] = field(default_factory=dict)
    _ready: deque[tuple[int, OfFile, list[Check]]] = field(default_factory=deque)
    _named: list[str] = field(default_factory=list)
    _reused: int = 0
    _otherwise: int = 0
    _last: int = -1
    _at: int = -1
    _of: OfFile | None = None

    def known(self, check: Check, tally: Tally, findings: int, *, reused: bool) -> None:
        """Take what a check came to in an earlier run, which was added just now; `reused` from an earlier report."""
        number = self._number(check)
        if number != self._at:
            self._at, self._of = number, self._as_before(number, check)
        if reused and self._of is not None and self.keeps is not None:
            records, before = self.report.tally.records - tally.records, len(self.report.findings) - findings
            self.keeps.add(msgspec.structs.replace(self._of, records=records, findings=before))
        else:
            self.passed(check, tally, findings)

    def left(self, checks: Iterator[Check]) -> Iterator[Check]:
        """Yield the checks of files that are to be read."""
        reused = False
        for check in checks:
            number = self._number(check)
            if number != self._at:  # of one that an earlier run has begun to read, the rest is read
                self._at = number
                of = self._as_before(number, check)
                reused = of is not None
                if of is not None:
                    self._ready.append((number, of, []))
            if reused:
                self._ready[-1][2].append(check)
            else:
                yield check

    def _number(self, check: Check) -> int:
        return -1 if self.reader is None else self.reader.file_of(check.shard)[0]

    def _as_before(self, number: int, check: Check) -> OfFile | None:
        """Return what a file came to before, None where it is to be read."""
        if self.earlier is None or self.reader is None:
            return None
        state = self.states[number]
        of = None if state is None else self.earlier.of.get(state.name)
        if of is not None and of.state == state and of.findings >= self._last:
            held_to, centres = self._held_to(number, check)
            if of.held_to == held_to and of.centres in (b"", centres):
                self._last = of.findings
                self._reused += 1
                return of
            self._otherwise += 1
        elif len(self._named) < NAMED:
            self._named.append(self.reader.names[number])
        return None

    def catch_up(self, check: Check | None, add: Add) -> None:
        """Add what stands for the files before that of a check, or for all that are left."""
        behind = None if check is None else self._number(check)
        while self._ready and (behind is None or self._ready[0][0] < behind):
            assert self.earlier is not None
            _, of, checks = self._ready.popleft()
            records, findings = self.report.tally.records, len(self.report.findings)
            add(checks, self.earlier.tally(of))
            if self.keeps is not None:
                self.keeps.add(msgspec.structs.replace(of, records=records, findings=findings))

    def passed(self, check: Check, tally: Tally, findings: int) -> None:
        """Keep what a check came to, which was added to the report, with so many findings."""
        number = self._number(check)
        state = self.states[number] if self.keeps is not None else None
        if self.keeps is None or state is None or check.watch is not None:
            return
        tally = self.report.added or tally
        records, before = self.report.tally.records - tally.records, len(self.report.findings) - findings
        held_to, centres = self._held_to(number, check)
        centres = centres if _about_centres(tally) else b""
        self.keeps.take(OfFile(state, held_to, centres, records, before, findings, b""), tally)

    def end(self, add: Add) -> None:
        """Add what stands for the last files; say in the report what was kept, and what is from the earlier one."""
        self.catch_up(None, add)
        report = self.report
        if self.keeps is not None:
            report.by_file.text = self.keeps.text()
        if self.earlier is None:
            return
        read = len(self.tables) - self._reused
        said = Reused(str(self.earlier.path), len(self.states), read, self._otherwise, tuple(self._named))
        if self._reused:
            report.by_file.reused = said
        else:
            why = "all files changed" if not self._otherwise else "the records are held to something else now"
            report.scanned_anew = f"not answered from {self.earlier.path}: {why}"

    def _held_to(self, number: int, check: Check) -> tuple[bytes, bytes]:
        """Return digests of all that the records of a file are held to, beside the settings.

        The second one is of the values that floats are summed about, on which the last bits of their sums depend.
        """
        if number not in self._held_of:
            tables = frozenset(self.tables[number])
            if tables not in self._held:
                families = _of_tables(check.profile, tables, self.report.settings)
                centres = [[name, _centres(it)] for name, it in families]
                meant = [[name, _meant(it)] for name, it in families]
                self._held[tables] = _digest([meant, check.stats, check.eyes]), _digest(centres)
            self._held_of[number] = self._held[tables]
        return self._held_of[number]


def file_by_file(reader: Reader, report: Report, layout: Layout) -> FileByFile:
    """Return how a source is scanned that may be one of many files."""
    keeps = report.by_file.keeps and report.known_before is None and splits(reader, report.settings)
    if not isinstance(reader, OfFiles) or not (keeps or report.by_file.earlier is not None):
        return FileByFile(None, report)
    tables: dict[int, set[str]] = defaultdict(set)
    for shard in layout.shards:
        number, table = reader.file_of(shard)
        tables[number].add(table)
    made = PerFile() if keeps else None
    return FileByFile(reader, report, tables, states_of(reader), made, report.by_file.earlier)


def splits(reader: Reader, settings: Settings) -> bool:
    """Say whether what a source comes to is the sum of what its files do."""
    if not isinstance(reader, OfFiles) or len(reader.names) < 2:
        return False
    together = settings.duplicates or settings.checksums or settings.validators or settings.paired or settings.like
    return not together and settings.sample is None


def _of_tables(profile: Profile, tables: frozenset[str], settings: Settings) -> list[tuple[str, FamilyProfile]]:
    """Return the families that the records of these tables are held to; a table "" stands for records of any family."""
    families = profile.families
    if "" not in tables and settings.range is None and not settings.allow_nan:  # these name fields of any family
        families = {name: it for name, it in families.items() if it.decoder != ROWS or name in tables}
    rest = [] if profile.rest is None else [("", profile.rest)]
    return [*sorted(families.items()), *rest]


def _meant(family: FamilyProfile) -> FamilyProfile:
    """Return what a family is held to, without how many of it were sampled, where that changes nothing."""
    fields = {name: msgspec.structs.replace(it, centre=0.0) for name, it in family.fields.items()}
    columns = {name: _meant(it) for name, it in family.columns.items()}
    made = msgspec.structs.replace(family, fields=fields, columns=columns)
    if family.decoder == UNKNOWN or EMPTY in family.kinds:
        return made
    return msgspec.structs.replace(made, sampled=0, kinds={})


def _centres(family: FamilyProfile) -> list[object]:
    return [[(name, it.centre) for name, it in family.fields.items()], *map(_centres, family.columns.values())]


def _about_centres(tally: Tally) -> bool:
    """Say whether sums of a tally are rounded by what they are summed about: those of floats are."""
    return any(it.sums and it.count and isinstance(it.minimum, float) for it in tally.statistics.values())


def _digest(parts: object) -> bytes:
    return hashlib.sha256(msgspec.msgpack.encode(parts)).digest()[:DIGEST]
