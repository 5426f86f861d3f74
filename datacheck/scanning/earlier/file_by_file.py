"""Scan only the files of a source that differ from an earlier report, and keep the result of each file.

The structure of every file is read, and the expected profile is determined anew, as in any scan. So findings about
several files are true of the files as they are now. The result for the records of a file is taken from the earlier
report if the file is unchanged and the expectations for its records are the same.
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
from datacheck.scanning.earlier.fingerprint import states_of
from datacheck.scanning.tasks import Check

Add = Callable[[list[Check], Tally], None]
"""Adds the earlier result that replaces some checks."""
NAMED = 3
"""Maximum number of files read again that are named."""
ROWS = "rows"
DIGEST = 12
"""Bytes kept of a digest."""


@dataclass
class EarlierFiles:
    """The results for single files in an earlier report.

    The findings are read on demand, in the order of the report.
    """

    path: Path
    places: tuple[int | str, ...]
    by_name: dict[str, OfFile]
    _at: int = 0
    _findings: Iterator[Finding] | None = None

    def tally(self, of_file: OfFile) -> Tally:
        """Return the result for a file, with its findings. Raises UsageError if the report has changed."""
        try:
            tally = unpacked(of_file.tally)
        except (msgspec.DecodeError, ValueError) as exc:
            raise damaged_results(self.path) from exc
        found = [self._next(of_file) for _ in range(of_file.own)]
        ends = of_file.records, of_file.records + tally.records
        if Counter(it.code for it in found) != tally.codes or not all(_within(it.index, *ends) for it in found):
            raise damaged_results(self.path)
        tally.findings = Findings(
            it if it.index is None else msgspec.structs.replace(it, index=it.index - of_file.records) for it in found
        )
        return tally

    def _next(self, of_file: OfFile) -> Finding:
        """Return the next finding of a file, skipping the findings before those of the file."""
        if self._findings is None:
            walked = walk(self.path, whole=True)
            self._findings = (it for place, it in walked if place in self.places and isinstance(it, Finding))
        for finding in self._findings:
            self._at += 1
            if self._at > of_file.findings:
                if finding.file != of_file.state.name:
                    break
                return finding
        raise damaged_results(self.path)


def _within(index: int | None, start: int, stop: int) -> bool:
    return index is None or start <= index < stop


def damaged_results(path: Path) -> UsageError:
    """Return the error to raise if a report does not have the results for single files that it lists."""
    return UsageError(f"{path}: what it has of each file is damaged, or the report was replaced meanwhile; scan again")


@dataclass
class FileByFile:
    """The checks of a source, file by file: those to run, and the earlier results that replace the others."""

    reader: OfFiles | None
    """The reader, or None if no results of single files are known or kept; then all checks are run."""
    report: Report
    tables: dict[int, set[str]] = field(default_factory=dict)
    states: list[FileState | None] = field(default_factory=list)
    keeps: PerFile | None = None
    earlier: EarlierFiles | None = None
    _digests_of_tables: dict[frozenset[str], tuple[bytes, bytes]] = field(default_factory=dict)
    _digests_of_file: dict[int, tuple[bytes, bytes]] = field(default_factory=dict)
    _ready: deque[tuple[int, OfFile, list[Check]]] = field(default_factory=deque)
    _named: list[str] = field(default_factory=list)
    _reused: int = 0
    _expected_otherwise: int = 0
    _last: int = -1
    _at: int = -1
    _of_file: OfFile | None = None

    def known(self, check: Check, tally: Tally, findings: int, *, reused: bool) -> None:
        """Take the result of a check from an earlier run, which has just been added to the report.

        `reused` is set if that run took it from an earlier report in turn.
        """
        number = self._number(check)
        if number != self._at:
            self._at, self._of_file = number, self._earlier_result(number, check)
        if reused and self._of_file is not None and self.keeps is not None:
            records, before = self.report.tally.records - tally.records, len(self.report.findings) - findings
            self.keeps.add(msgspec.structs.replace(self._of_file, records=records, findings=before))
        else:
            self.passed(check, tally, findings)

    def left(self, checks: Iterator[Check]) -> Iterator[Check]:
        """Yield the checks of the files that have to be read."""
        reused = False
        for check in checks:
            number = self._number(check)
            if number != self._at:  # a file that an earlier run has begun to read is read to its end
                self._at = number
                of_file = self._earlier_result(number, check)
                reused = of_file is not None
                if of_file is not None:
                    self._ready.append((number, of_file, []))
            if reused:
                self._ready[-1][2].append(check)
            else:
                yield check

    def _number(self, check: Check) -> int:
        return -1 if self.reader is None else self.reader.file_of(check.shard)[0]

    def _earlier_result(self, number: int, check: Check) -> OfFile | None:
        """Return the earlier result for a file, or None if the file has to be read."""
        if self.earlier is None or self.reader is None:
            return None
        state = self.states[number]
        of_file = None if state is None else self.earlier.by_name.get(state.name)
        if of_file is not None and of_file.state == state and of_file.findings >= self._last:
            held_to, centres = self._expected_digests(number, check)
            if of_file.held_to == held_to and of_file.centres in (b"", centres):
                self._last = of_file.findings
                self._reused += 1
                return of_file
            self._expected_otherwise += 1
        elif len(self._named) < NAMED:
            self._named.append(self.reader.names[number])
        return None

    def catch_up(self, check: Check | None, add: Add) -> None:
        """Add the earlier results for the files before that of a check, or for all remaining files."""
        behind = None if check is None else self._number(check)
        while self._ready and (behind is None or self._ready[0][0] < behind):
            assert self.earlier is not None
            _, of_file, checks = self._ready.popleft()
            records, findings = self.report.tally.records, len(self.report.findings)
            add(checks, self.earlier.tally(of_file))
            if self.keeps is not None:
                self.keeps.add(msgspec.structs.replace(of_file, records=records, findings=findings))

    def passed(self, check: Check, tally: Tally, findings: int) -> None:
        """Keep the result of a check that was added to the report with this number of findings."""
        number = self._number(check)
        state = self.states[number] if self.keeps is not None else None
        if self.keeps is None or state is None or check.watch is not None:
            return
        tally = self.report.added or tally
        records, before = self.report.tally.records - tally.records, len(self.report.findings) - findings
        held_to, centres = self._expected_digests(number, check)
        centres = centres if _about_centres(tally) else b""
        self.keeps.take(OfFile(state, held_to, centres, records, before, findings, b""), tally)

    def end(self, add: Add) -> None:
        """Add the earlier results for the last files, and note in the report what is kept and what is reused."""
        self.catch_up(None, add)
        report = self.report
        if self.keeps is not None:
            report.by_file.text = self.keeps.text()
        if self.earlier is None:
            return
        read = len(self.tables) - self._reused
        reused = Reused(str(self.earlier.path), len(self.states), read, self._expected_otherwise, tuple(self._named))
        if self._reused:
            report.by_file.reused = reused
        else:
            why = "all files changed" if not self._expected_otherwise else "the records are held to something else now"
            report.scanned_anew = f"not answered from {self.earlier.path}: {why}"

    def _expected_digests(self, number: int, check: Check) -> tuple[bytes, bytes]:
        """Return digests of all that the records of a file are expected to be, apart from the settings.

        The second digest covers the values that floats are summed about, on which the last bits of their sums depend.
        """
        if number not in self._digests_of_file:
            tables = frozenset(self.tables[number])
            if tables not in self._digests_of_tables:
                families = _families_of(check.profile, tables, self.report.settings)
                centres = [[name, _centres(it)] for name, it in families]
                expected = [[name, _expectations(it)] for name, it in families]
                self._digests_of_tables[tables] = _digest([expected, check.stats, check.eyes]), _digest(centres)
            self._digests_of_file[number] = self._digests_of_tables[tables]
        return self._digests_of_file[number]


def file_by_file(reader: Reader, report: Report, layout: Layout) -> FileByFile:
    """Return how to scan a source that may consist of many files."""
    keeps = report.by_file.keeps and report.known_before is None and is_sum_of_files(reader, report.settings)
    if not isinstance(reader, OfFiles) or not (keeps or report.by_file.earlier is not None):
        return FileByFile(None, report)
    tables: dict[int, set[str]] = defaultdict(set)
    for shard in layout.shards:
        number, table = reader.file_of(shard)
        tables[number].add(table)
    per_file = PerFile() if keeps else None
    return FileByFile(reader, report, tables, states_of(reader), per_file, report.by_file.earlier)


def is_sum_of_files(reader: Reader, settings: Settings) -> bool:
    """Return whether the result for a source is the sum of the results for its files."""
    if not isinstance(reader, OfFiles) or len(reader.names) < 2:
        return False
    together = settings.duplicates or settings.checksums or settings.validators or settings.paired or settings.like
    return not together and settings.sample is None


def _families_of(profile: Profile, tables: frozenset[str], settings: Settings) -> list[tuple[str, FamilyProfile]]:
    """Return the families that apply to the records of these tables.

    The table "" stands for records of any family.
    """
    families = profile.families
    if "" not in tables and settings.range is None and not settings.allow_nan:  # these name fields of any family
        families = {name: it for name, it in families.items() if it.decoder != ROWS or name in tables}
    rest = [] if profile.rest is None else [("", profile.rest)]
    return [*sorted(families.items()), *rest]


def _expectations(family: FamilyProfile) -> FamilyProfile:
    """Return what a family is expected to be.

    The number of sampled records is left out if it has no influence on the findings.
    """
    fields = {name: msgspec.structs.replace(it, centre=0.0) for name, it in family.fields.items()}
    columns = {name: _expectations(it) for name, it in family.columns.items()}
    expected = msgspec.structs.replace(family, fields=fields, columns=columns)
    if family.decoder == UNKNOWN or EMPTY in family.kinds:
        return expected
    return msgspec.structs.replace(expected, sampled=0, kinds={})


def _centres(family: FamilyProfile) -> list[object]:
    return [[(name, it.centre) for name, it in family.fields.items()], *map(_centres, family.columns.values())]


def _about_centres(tally: Tally) -> bool:
    """Return whether the rounding of a tally's sums depends on the values they are summed about, as with floats."""
    return any(it.sums and it.count and isinstance(it.minimum, float) for it in tally.statistics.values())


def _digest(parts: object) -> bytes:
    return hashlib.sha256(msgspec.msgpack.encode(parts)).digest()[:DIGEST]
