"""Answer from an earlier report if the source is unchanged and was scanned with the same settings."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec

from datacheck._version import __version__
from datacheck.backends.interface import Reader
from datacheck.decoders.pictures import eyes
from datacheck.model.finding import Finding
from datacheck.model.listing import and_more
from datacheck.model.settings import Settings
from datacheck.reporting.document import Document
from datacheck.reporting.earlier import place_of, read, walk
from datacheck.reporting.loading import facts_of
from datacheck.reporting.per_file import read_per_file
from datacheck.reporting.report import Report
from datacheck.reporting.source import Fingerprint
from datacheck.reporting.statuses import INTERRUPTED
from datacheck.reporting.tally import Tally, weight, worst_verdict
from datacheck.scanning.choosing_eyes import MANY
from datacheck.scanning.earlier.file_by_file import EarlierFiles, damaged_results, is_sum_of_files
from datacheck.scanning.earlier.fingerprint import fingerprint_if_any, stamps_of_lists
from datacheck.statistics.exact_sums import FieldSummary

TOGETHER = 4096
"""Approximate number of findings that are added at once."""
NO_MATTER = frozenset({"workers", "engine", "max_time", "config", "max_bad", "strict", "known", "eyes"})
"""Settings without influence on what is found, since they are about how records are read or which findings count."""
NAMED = 3
"""Maximum number of changed files that are named."""


@dataclass(repr=False)
class UnchangedReport(Report):
    """The report of a source that is unchanged since an earlier report."""

    summaries: dict[str, FieldSummary] = field(default_factory=dict, kw_only=True)

    @property
    def statistics(self) -> dict[str, FieldSummary]:
        return self.summaries


class EarlierScan:
    """An earlier report to answer from. A file that does not exist answers nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._documents = read(path).reports if path.exists() else None

    def answer(self, reader: Reader, report: Report) -> Report | None:
        """Return the report of a source from the earlier one, or None if the source has to be scanned.

        In that case `report` says why, or has the results for single files that can be reused.
        """
        started = time.monotonic()
        place, why = self._find_document(reader, report)
        if place is None:
            report.by_file.earlier = self._earlier_files(reader, report)
            if report.by_file.earlier is None:
                report.scanned_anew = f"not answered from {self._path}: {why}"
            return None
        assert self._documents is not None
        document = self._documents[place]
        result = UnchangedReport(
            msgspec.structs.replace(document.source, path=report.source.path, folder=report.source.folder),
            msgspec.structs.replace(report.settings, eyes=document.settings.eyes),
            document.profile,
            **facts_of(document),
            expected=document.source.records,
            summaries=document.statistics,
            unchanged=str(self._path),
            known_before=report.known_before,
            room=report.room,
        )
        for tally in _tallies(self._path, (place, document.source.path)):
            result.add(tally)
        records = document.source.records or 0  # added after the findings, whose indexes are final already
        result.add(Tally(records=records, checked=document.checked, ignored=Counter(document.ignored or {})))
        if isinstance(document.per_file, str) and report.known_before is None:
            result.by_file.text = document.per_file
        result.seconds = round(time.monotonic() - started, 3)
        return result

    def _earlier_files(self, reader: Reader, report: Report) -> EarlierFiles | None:
        """Return the earlier report's results for the single files of a source, or None if none can be used."""
        if self._documents is None or not is_sum_of_files(reader, report.settings):
            return None
        place = place_of(self._documents, report.source.path, alone=len(self._documents) == 1)
        document = None if place is None else self._documents[place]
        if place is None or document is None or not isinstance(document.per_file, str):
            return None
        if _why_not(document, report.settings, whole=False) is not None:
            return None
        try:
            files = read_per_file(document.per_file)
        except ValueError as exc:
            raise damaged_results(self._path) from exc
        return EarlierFiles(self._path, (place, document.source.path), {it.state.name: it for it in files})

    def _find_document(self, reader: Reader, report: Report) -> tuple[int | None, str]:
        """Return the number of the document that answers and "", or None and the reason why none does."""
        if self._documents is None:
            return None, "it is not there yet"
        now = fingerprint_if_any(reader)
        same = [at for at, it in enumerate(self._documents) if now is not None and it.source.fingerprint == now]
        if not same:
            place = place_of(self._documents, report.source.path, alone=len(self._documents) == 1)
            before = None if place is None else self._documents[place].source.fingerprint
            return None, _change_text(before, now)
        place = next((at for at in same if self._documents[at].source.path == report.source.path), same[0])
        why = _why_not(self._documents[place], report.settings) or _changed_lists(self._documents[place], reader)
        return (place, "") if why is None else (None, why)


def _changed_lists(document: Document, reader: Reader) -> str | None:
    """Return which of the lists beside the files have changed, or None if none has."""
    before, now = frozenset(document.source.lists), frozenset(stamps_of_lists(reader))
    names = sorted({Path(it.name).name for it in before ^ now})
    return f"{', '.join(names[:NAMED])} changed" if names else None


def _change_text(before: Fingerprint | None, now: Fingerprint | None) -> str:
    """Return what has changed in a source, in words."""
    if before is None or now is None:
        return "it is of another source"
    olds, news = ({it.name: it for it in fingerprint.files} for fingerprint in (before, now))
    names = sorted(it for it in olds.keys() | news.keys() if olds.get(it) != news.get(it))
    return f"{and_more(names[:NAMED], len(names))} changed" if names else "the source changed"


def _why_not(document: Document, settings: Settings, *, whole: bool = True) -> str | None:
    """Return why the earlier report of the unchanged source cannot answer, or None if it can.

    With `whole`, it has to answer for the whole source.
    """
    before, now = (_relevant_settings(it) for it in (document.settings, settings))
    other = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    if other:
        return f"other settings ({', '.join(it.replace('_', '-') for it in other)})"
    if document.version != __version__:
        return f"it was made by datacheck {document.version}"
    if document.layer or (document.comparison and not settings.duplicates):
        return "it is not of a scan of the source by itself"
    if document.settings.known is not None:
        return "it leaves out what was known"
    if settings.known is not None and document.ignored:
        return "it leaves out what is ignored, and some of that may be known"
    if document.settings.eyes == "decoder" and (document.source.records or 0) >= MANY and eyes.installed():
        return "JPEGs can be looked at more closely now"
    for name in ("validators", "paired", "like"):
        if getattr(settings, name):
            return f"what {name} says may have changed"
    if document.status == INTERRUPTED or (whole and (not document.complete or document.unverifiable)):
        return "it left something undecided"
    return None


def _relevant_settings(settings: Settings) -> dict[str, Any]:
    values: dict[str, Any] = msgspec.to_builtins(settings)
    return {name: value for name, value in values.items() if name not in NO_MATTER}


def _tallies(path: Path, places: Collection[int | str]) -> Iterator[Tally]:
    """Yield the findings of a source in an earlier report, in tallies of many findings each."""
    tally = Tally()
    of_source = (it for place, it in walk(path, whole=True) if place in places and isinstance(it, Finding))
    for _, group in groupby(of_source, lambda it: it.record):
        findings = [*group]
        units = [findings] if findings[0].key is not None else [[it] for it in findings]
        for unit in units:
            tally.count(unit)
            tally.verdicts[worst_verdict(unit) or ""] += weight(unit) - 1
        if len(tally.findings) >= TOGETHER:
            yield tally
            tally = Tally()
    yield tally
