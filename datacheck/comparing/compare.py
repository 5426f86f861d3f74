"""Compare stores with each other: equal records, pictures that look the same, and how their contents differ."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from datacheck.comparing.store import Store
from datacheck.errors import UsageError
from datacheck.files.guard import Guard
from datacheck.files.place import identity_at
from datacheck.model.replacing import replace
from datacheck.reporting.files import Reports
from datacheck.reporting.report import Report
from datacheck.reporting.several import ScanReports
from datacheck.reporting.tally import Tally
from datacheck.scanning.earlier.fingerprint import files_of, read_by
from datacheck.scanning.names import Names
from datacheck.scanning.run import Progress, run
from datacheck.scanning.scan import is_several, prepare_all, watching
from datacheck.scanning.settings import spelling
from datacheck.scanning.settings.make_settings import make

MOST_STORES = 64
OF_READING = frozenset(
    (
        *("truncated-store", "damaged-store", "checksum", "unreadable", "crash", "timeout", "too-large", "missing"),
        *("missing-filter", "internal-error", "source-changed", "no-records", "duplicate", "leak", "drift"),
    )
)
"""Codes of the comparison itself, and codes of findings about what could not be read and so was not compared."""


def compare(
    *sources: Any,
    near: int | bool = False,
    reports: Sequence[str | Path] = (),
    progress: Progress | bool = False,
    **settings: Any,
) -> ScanReports:
    """Compare stores with each other, and return a report on each of them; compare a single store with itself.

    Records that stores share are never bad: the findings are `duplicate` (the same record twice in a store), `leak` (a
    record that an earlier store has too) and `drift`, all suspicious. What cannot be read or decoded is reported as by
    a scan.

    Parameters
    ----------
    sources
        The stores, as `scan` takes them; a folder stands for all stores in it.
    near
        Compare pictures by their looks, too, in whatever format they are stored: True, or the number of bits out of 256
        that may differ, at most 31; True means 14.
    reports, progress
        As `scan` takes them.
    settings
        How the stores are read and what counts, as `scan` takes it: `backend`, `decoder`, `array`, `label_field`,
        `together`, `convention`, `workers`, `timeout`, `strict`, `ignore`, `stats`.

    Raises
    ------
    SourceMissing, SourceUnknown, SourceUnreadable
        There is no store to read.
    UsageError
        Two of the stores are the same, or an argument makes no sense.
    ReportFailed
        A report could not be written.
    """
    given = list(sources[0]) if len(sources) == 1 and is_several(sources[0]) else list(sources)
    wanted = make(checks=None, **settings)
    stores = [Store(*it) for source in given for it in prepare_all(source, wanted)]
    return ScanReports(compare_into(stores, given, near, spelling.names("reports", reports), progress))


def compare_into(
    stores: Sequence[Store],
    given: Sequence[Any],
    near: int | bool,
    reports: Sequence[str],
    progress: Progress | bool,
    names: Names | None = None,
) -> list[Report]:
    """Compare stores and write the report files; see `compare`."""
    require_distinct(stores)
    threshold = bits_of(near)
    paths = [os.fsdecode(it) for it in given if isinstance(it, str | bytes | os.PathLike)]
    guard = Guard(
        [*map(Path, paths), *(it.reader.path for it in stores)],
        lambda: (file for it in stores for file in read_by(it.reader)),
    )
    from datacheck.comparing.comparison import Comparing
    from datacheck.comparing.pictures import show_pairs

    with Reports(reports, guard) as files, ExitStack() as stack:
        for it in stores:
            files.begin(it.report)
        comparing = stack.enter_context(Comparing(stores, threshold))
        names = Names(stores[0].report.settings, len(stores)) if names is None else names
        for it in stores:
            it.report.revised = True  # the report files get nothing until all is done
        try:
            for store, compared in zip(stores, comparing.stores, strict=True):
                with watching(progress, store.report) as watch:
                    run(store.report, store.reader, amend=of_reading, progress=watch, names=names, alongside=compared)
            comparing.conclude()
        except BaseException as exc:
            for it in stores:  # what was not compared is not clean
                it.report.tally.complete = False
                it.report.interrupted |= isinstance(exc, KeyboardInterrupt)
            raise
        show_pairs(stores)
    return [it.report for it in stores]


def of_reading(tally: Tally) -> Tally:
    """Return a tally without findings about single records that could be read, which a scan reports."""
    return replace(tally.ignoring(lambda finding: finding.code not in OF_READING), unknown=Counter())


def require_distinct(stores: Sequence[Store]) -> None:
    """Raise UsageError unless these are different stores, and not too many."""
    if len(stores) > MOST_STORES:
        raise UsageError(f"compare takes {MOST_STORES:,} stores at most, and here are {len(stores):,}")
    paths: dict[object, str] = {}
    for it in stores:
        place = it.reader.backend, identity_at(it.reader.path) or it.path
        if paths.get(place) == it.path:
            raise UsageError(f"{it.path} is named twice, by itself or by a folder that it lies in; name it once")
        if place in paths:
            raise UsageError(f"{it.path} is the same store as {paths[place]}; name another one")
        paths[place] = it.path
    _refuse_shared(stores)


def _refuse_shared(stores: Sequence[Store]) -> None:
    """Raise UsageError if one store is a part of another, as a file is of its folder.

    Files are distinguished by their paths: links to one file in two folders are something that a comparison should
    find.
    """
    owners: dict[tuple[str, Path], str] = {}
    for it in stores:
        for file in files_of(it.reader):
            key = it.reader.backend, file.resolve()
            if owners.setdefault(key, it.path) != it.path:
                message = f"{it.path} and {owners[key]} are not two stores: {file} is read as part of both"
                raise UsageError(f"{message}; name another one")


def bits_of(near: Any) -> int | None:
    """Return the number of bits that may differ, or None if pictures are not compared by looks. Raises UsageError."""
    from datacheck.scanning.alike.prints import MOST_BITS, USUAL_BITS

    if near is False or near is None:
        return None
    if near is True:
        return USUAL_BITS
    bits = spelling.integer("near", near)
    if not 0 <= bits <= MOST_BITS:
        raise UsageError(f"near is {bits}; it must be from 0 to {MOST_BITS} bits of 256")
    return bits
