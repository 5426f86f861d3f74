"""Continue a scan where an earlier scan of the source stopped, and mark the progress of this one."""

from __future__ import annotations

import hashlib
import time
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from datacheck._version import __version__
from datacheck.backends.interface import Reader
from datacheck.errors import UsageError
from datacheck.model.blocks import Layout
from datacheck.model.escaping import plain
from datacheck.model.settings import Settings
from datacheck.reporting.marks import Earlier, EarlierScan, Journal, Passed, mark_after, pack_result
from datacheck.reporting.report import Report
from datacheck.reporting.tally import Tally
from datacheck.scanning.alongside import Alongside, Marking
from datacheck.scanning.earlier.fingerprint import fingerprint_if_any
from datacheck.scanning.earlier.like import like_of
from datacheck.scanning.earlier.recorded import seal_of
from datacheck.scanning.tasks import Check

if TYPE_CHECKING:
    from datacheck.reporting.files import Reports

MARK_SECONDS = 1.0
"""Minimum number of seconds between marks of a scan's progress."""
MARK_BYTES = 1 << 20
"""Size in bytes of the results since the last mark at which a mark is written earlier."""
FREE = ("workers", "engine", "config", "max_time", "max_bad", "strict", "eyes")
"""Settings that do not change what is found in a record, or that the scan itself decides once it has begun."""

SPELLED = {"checks": "check", "conventions": "convention", "decoders": "decoder"}
"""Options whose name differs from that of their setting."""

Add = Callable[[Check, Tally | None, Passed], None]
"""Adds the result of a shard's check in an earlier run.

The tally is None if it was reported together with that of another check.
"""


def comparable(settings: Settings) -> dict[str, Any]:
    """Return the settings that two halves of one scan must share."""
    values: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(settings))
    return {name: value for name, value in values.items() if name not in FREE}


def require_same(earlier: Earlier, scans: Sequence[tuple[Reader, Report]], name: str) -> None:
    """Raise UsageError unless an earlier run scanned the same sources in the same way; `name` is its unfinished report.

    It may have scanned fewer sources, since it did not reach the others.
    """
    start_over = f"delete {plain(name)} to start over"
    for number, scan in earlier.scans.items():
        begun = scan.begun
        if number >= len(scans) or str(scans[number][0].path) != begun.path:
            raise UsageError(f"{plain(name)}: is of a scan of {plain(begun.path)}, which is not what is scanned now")
        reader, report = scans[number]
        if begun.version != __version__:
            message = f"is of datacheck {plain(begun.version)}, this is {__version__}"
            raise UsageError(f"{plain(name)}: {message}; {start_over}")
        now = comparable(report.settings)
        other = [it for it in {**now, **begun.settings} if now.get(it) != begun.settings.get(it)]
        if other:
            options = ", ".join(dict.fromkeys(f"--{SPELLED.get(it, it).replace('_', '-')}" for it in other))
            raise UsageError(f"{plain(name)}: is of a scan with other options ({plain(options)}); {start_over}")
        if begun.fingerprint is None or fingerprint_if_any(reader) != begun.fingerprint:
            raise UsageError(f"{plain(name)}: {plain(begun.path)} has changed since; {start_over}")


class Resumable:
    """The checks of a source: the results of those done by an earlier run are added, the others remain to be run.

    Without a journal, nothing is marked and all checks remain.
    """

    def __init__(
        self, journal: Journal | None, report: Report, layout: Layout, alongside: Alongside | None = None
    ) -> None:
        self._journal, self._report = journal, report
        self._marking = alongside if isinstance(alongside, Marking) else None
        self._since: list[Passed] = []
        self._bytes = self._done = 0
        self._last = time.monotonic()
        self._earlier: EarlierScan | None = None
        self._numbers: dict[int, int] = {}
        self._current: Check | None = None
        if journal is not None:
            source = report.source
            digest = _digest(layout, report)
            settings = comparable(report.settings)
            self._earlier = journal.begin(source.path, settings, source.fingerprint, digest)
            if report.known_before is not None:
                report.known_before.noticed()  # findings before the first shard are made again by each run

    def left(self, checks: Iterator[Check], add: Add) -> Iterator[Check]:
        """Add the known results, and yield the remaining checks."""
        if self._journal is None:
            yield from checks
            return
        numbered = enumerate(checks)
        if self._earlier is not None:
            self._add_known(self._earlier, numbered, add)
            self._journal.all_told()
        for number, check in numbered:
            self._numbers[id(check)] = number
            yield check

    def _add_known(self, earlier: EarlierScan, checks: Iterator[tuple[int, Check]], add: Add) -> None:
        """Add the results of an earlier run."""
        assert self._journal is not None
        number, check = -1, None
        try:
            for mark, passes, findings in earlier.marks():
                for it in passes:
                    _require_order(number, it.shard)
                    while number < it.shard:
                        number, check = next(checks)
                    assert check is not None
                    tally = earlier.tally(it, findings, self._report.tally.records)
                    if it.made and self._marking is not None and tally is not None:
                        tally.made = self._marking.unpacked(it.made, tally.records)
                    add(check, tally, it)
                    if self._report.known_before is not None:
                        self._report.known_before.again(it.known, it.still)
                self._journal.reached(mark)
            while number < earlier.done - 1:
                number, check = next(checks)
        except (msgspec.DecodeError, ValueError, zlib.error, StopIteration, RuntimeError) as exc:
            message = "holds what this scan cannot go on with; delete it to start over"
            raise UsageError(f"the unfinished report of {plain(self._report.source.path)} {message}") from exc
        self._done = earlier.done

    def reach(self, check: Check) -> None:
        """Note that a check, or a piece of one, is about to be added: all checks before it are complete."""
        if self._journal is None or check is self._current:
            return
        self._finish()
        self._current = check

    def _finish(self) -> None:
        if self._current is not None:
            self._done = self._numbers.pop(id(self._current)) + 1
            self._current = None
        if self._bytes >= MARK_BYTES or time.monotonic() - self._last >= MARK_SECONDS:
            self._mark()

    def passed(self, tally: Tally, findings: int, *, doubtful: bool) -> None:
        """Take the tally that was added for the current check, with the number of its findings."""
        if self._journal is not None and self._current is not None:
            self._take(self._numbers[id(self._current)], tally, findings, doubtful=doubtful)

    def reused(self, checks: Sequence[Check], tally: Tally, findings: int, doubtful: Collection[int]) -> None:
        """Take the tally that was added for several checks together; `doubtful` has the ids of some of them.

        No mark is written between them, so that a later run finds all or none of them done.
        """
        if self._journal is None:
            return
        self._finish()
        numbers = {self._numbers.pop(id(check)): id(check) in doubtful for check in checks}
        first, *others = numbers
        self._take(first, tally, findings, doubtful=numbers[first], reused=True)
        self._since += [Passed(number, numbers[number], 0, b"", reused=True) for number in others]
        self._done = max(numbers) + 1

    def _take(self, number: int, tally: Tally, findings: int, *, doubtful: bool, reused: bool = False) -> None:
        tally = self._report.added or tally
        entry = msgspec.structs.replace(pack_result(number, tally, findings, doubtful=doubtful), reused=reused)
        if self._report.known_before is not None:
            known, still = self._report.known_before.noticed()
            entry = msgspec.structs.replace(entry, known=known, still=still)
        if self._marking is not None and tally.made is not None:
            entry = msgspec.structs.replace(entry, made=self._marking.packed(tally.made))
        self._since.append(entry)
        self._bytes += len(entry.tally) + len(entry.known) + len(entry.made)

    def end(self) -> None:
        """Mark the end: all checks are done."""
        if self._journal is not None:
            self._finish()
            self._mark()

    def stop(self) -> None:
        """Mark the complete checks only; of what follows them, something is missing."""
        if self._journal is None:
            return
        done = [it for it in self._since if it.shard < self._done]
        if not any(it.findings for it in self._since[len(done) :]):  # none of their findings precede the mark
            self._since = done
            self._mark()
        self._journal = None

    def _mark(self) -> None:
        if self._journal is None or not self._since:
            return
        self._journal.reached(mark_after(self._journal.source, self._done, self._since))
        self._since, self._bytes, self._last = [], 0, time.monotonic()


def _require_order(before: int, shard: int) -> None:
    """Raise ValueError if the number of a shard is negative or less than the one before."""
    if shard < max(before, 0):
        raise ValueError("shards out of order")


def tell_answer(files: Reports, answer: Report, *, stopped: bool) -> None:
    """Pass an earlier report that answers for a source to the reports of a run, and mark it like a scan of the source.

    After a source whose scan was `stopped`, nothing is marked, since results are missing in between.
    """
    listen = files.begin(answer)
    if stopped:
        listen(answer.findings)
        return
    journal = files.journal()
    source = answer.source
    earlier = journal.begin(source.path, comparable(answer.settings), source.fingerprint, _digest_of_answer(answer))
    already_told = earlier is not None and earlier.done > 0
    if not already_told:
        journal.all_told()
    listen(answer.findings)
    journal.reached(mark_after(journal.source, 1, [Passed(0, False, len(answer.findings), b"")]))
    if already_told:
        journal.all_told()


def _digest_of_answer(answer: Report) -> str:
    """Return a digest of the report that an answer comes from, for use in place of the digest of a layout."""
    status = Path(str(answer.unchanged)).stat()
    known = b"" if answer.known_before is None else answer.known_before.mark
    return "answered " + hashlib.sha256(msgspec.msgpack.encode([status.st_size, status.st_mtime_ns, known])).hexdigest()


def _digest(layout: Layout, report: Report) -> str:
    """Return a digest of a store's shards and of what they are compared with."""
    digest = hashlib.sha256()
    for part in (report.profile, [it.name for it in report.conventions], report.settings.eyes):
        digest.update(msgspec.msgpack.encode(part))
    if report.known_before is not None:
        digest.update(report.known_before.mark)
    like = like_of(report.settings, report.source.path)
    if like is not None:
        classes = [(name, sorted(it)) for name, it in sorted(like.classes.items())]
        digest.update(msgspec.msgpack.encode([like.profile, sorted(like.ranges.items()), classes]))
    if report.settings.checksums is not None:
        digest.update(seal_of(report.settings.checksums))
    for shard in layout.shards:
        digest.update(msgspec.msgpack.encode(shard))
    return digest.hexdigest()
