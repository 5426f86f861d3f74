"""What a copy needs so that what the store keeps of its records is true there."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from datacheck.conventions.conclusions import scattered
from datacheck.conventions.repair import Outcome, repaired
from datacheck.errors import RebuildFailed
from datacheck.model.escaping import escape, unescape
from datacheck.model.finding import Finding
from datacheck.rebuilding.choice import Choice, decided
from datacheck.reporting.report import Report
from datacheck.scanning.keeping import TakeKeys, compare_lists, recognise, stem_groups, watch_of
from datacheck.scanning.pairing import STORES
from datacheck.scanning.run import only
from datacheck.scanning.tasks import TakeLayout, Task
from datacheck.workers.interface import Death, Engine

MENDED = frozenset({"count", "dangling", "unpaired"})
"""Codes of what is true again in a copy."""


def look_again(pool: Engine[Task], report: Report) -> None:
    """Add to an earlier report what it does not tell: the conventions, and what the keys add up to."""
    layout = only(pool, TakeLayout())
    found = () if isinstance(layout, Death) else recognise(pool, layout)
    if isinstance(layout, Death) or isinstance(found, Death):
        raise RebuildFailed(str(report.source.path), "the source could not be read again; scan it again")
    report.conventions = found
    watch = watch_of(found)
    if watch is None:
        return
    for _, account in pool.run([TakeKeys(shard, watch) for shard in layout.shards]):
        if isinstance(account, Death):
            raise RebuildFailed(str(report.source.path), "the keys of the source could not be read; scan it again")
        report.tally.keys += account
    comparing = compare_lists(found, layout.shards)
    listed = () if comparing is None else only(pool, comparing)
    if isinstance(listed, Death):
        raise RebuildFailed(str(report.source.path), "the lists of keys could not be read; scan it again")
    report.listed = listed
    stems = stem_groups(found, report.tally.keys, layout.shards, partial(only, pool))
    if isinstance(stems, Death):
        raise RebuildFailed(str(report.source.path), "the keys of the source could not be read; scan it again")
    report.stems = stems


def lost_in_source(report: Report) -> list[Finding]:
    """Return what is wrong with the source as a whole, and is not made true in a copy."""
    whole = (it for it in report.findings if it.index is None and STORES not in it.details)
    return [it for it in whole if it.verdict == "bad" and (it.code not in MENDED or _of_numbers(it))]


def _of_numbers(finding: Finding) -> bool:
    """Say whether a finding is of numbers that a dataset holds of its rows: nothing tells what they were meant to be.

    Names of samples (`missing`) and counts in attributes are made true; these are copied.
    """
    return finding.key is None and "dataset" in finding.details and "missing" not in finding.details


def mended(choice: Choice, report: Report, renumber: bool | None = None) -> Outcome | None:
    """Return what becomes of records for what they have to do with those that are dropped; None if that is nothing.

    Raises RebuildFailed where what the store keeps could not be made true.
    """
    for convention in report.conventions:
        if convention.unread:
            reason = f"{escape(convention.unread[0])} cannot be read, so it could not be kept true in a copy"
            raise RebuildFailed(report.source.path, f"{reason}; --convention none takes it for a record")
        unknown = scattered(convention, report.tally.keys)
        if unknown:
            reason = f"the numbers in {unknown} lie in too many pieces for {convention.name} to be kept true in a copy"
            raise RebuildFailed(report.source.path, f"{reason}; --convention none copies the records alone")
    also = report.gone_elsewhere
    if also:
        also -= {key for key, itself in _gone(choice.shown, report) if itself}
    return repaired(
        report.conventions,
        report.tally.keys,
        _gone(choice.shown, report),
        also=also,
        listed=report.listed,
        stems=report.stems,
        renumber=renumber,
    )


def _gone(choice: Choice, report: Report) -> Iterator[tuple[bytes, bool]]:
    """Yield the keys of the records that are dropped for their own findings, and (False) of those that lack a part.

    What lacks its pair in another store is not among them: `gone_elsewhere` has it.
    """
    for fate, record, _ in decided(report.findings, choice):
        if fate == "dropped":
            yield unescape(record.key), True
    for finding in report.findings:
        lacks = finding.code == "unpaired" and finding.key is not None and STORES not in finding.details
        if lacks and choice.fate([finding]) == "dropped":
            assert finding.key is not None
            yield unescape(finding.key), False
