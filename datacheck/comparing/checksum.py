"""Record the checksums of a store: a digest of each record's value, in a file that `scan --checksums` reads."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from datacheck._version import __version__
from datacheck.backends.interface import Reader
from datacheck.engines import start_engine
from datacheck.errors import SourceUnreadable, TargetExists
from datacheck.files.guard import Guard
from datacheck.files.output import Output, writing
from datacheck.model.blocks import Layout
from datacheck.model.escaping import plain
from datacheck.model.finding import Finding
from datacheck.model.settings import Settings
from datacheck.reporting.report import Report
from datacheck.reporting.tally import Tally
from datacheck.scanning.blame import blamed
from datacheck.scanning.earlier.fingerprint import fingerprint_if_any, read_by
from datacheck.scanning.line import in_order
from datacheck.scanning.retry import finding_of_death
from datacheck.scanning.run import OPENING, Progress
from datacheck.scanning.scan import prepare, watching
from datacheck.scanning.searching import Searching, unshown
from datacheck.scanning.settings import spelling
from datacheck.scanning.settings.make_settings import make
from datacheck.scanning.tasks import (
    RECORDS_AFTER_DEATH,
    Check,
    Job,
    TakeLayout,
    position_noter,
    run_one,
    shards_per_task,
)
from datacheck.workers.interface import PATIENCE, Death, Watch

if TYPE_CHECKING:
    from datacheck.digests.gathering import Gathered
    from datacheck.digests.of_blocks import Digests

PASSED_OVER = "unsupported"
"""Code of findings about parts that datacheck does not read. A scan reports them, too, so they need no checksum; the
same holds for findings about what lies `elsewhere`."""


class Recorded(msgspec.Struct, frozen=True):
    """The checksum file that was written: its path, number of records, size in bytes, and the time taken in seconds."""

    path: str
    records: int
    bytes: int
    seconds: float

    def __str__(self) -> str:
        from datacheck.model.listing import counted
        from datacheck.reporting.summary import amount

        text = f"checksums of {counted(self.records, 'record')}, {amount(self.bytes)}, {self.seconds:.1f} s"
        return f"{plain(self.path)}: {text}"


def checksum(
    source: str | bytes | Path | Reader,
    out: str | Path,
    *,
    force: bool = False,
    progress: Progress | bool = False,
    **settings: Any,
) -> Recorded:
    """Write a file with a digest of every record of a dataset, for `scan(source, checksums=out)` later.

    Parameters
    ----------
    source
        A store, as `scan` takes it; of a folder, HDF5 files alone.
    out
        The file to write. It gets its name only when it is complete.
    force
        Replace an existing file.
    progress
        As `scan` takes it.
    settings
        How the store is read, as `scan` takes it: `backend`, `label_field`, `together`, `convention`, `workers`,
        `timeout`.

    Raises
    ------
    SourceMissing, SourceUnknown
        There is no store to read.
    SourceUnreadable
        A record could not be read, or the store changed meanwhile: nothing was written.
    TargetExists
        The file exists already.
    ReportFailed
        The file could not be written.
    """
    return record(source, spelling.path("out", out), make(**settings), force=force, progress=progress)


def record(
    source: str | bytes | Path | Reader,
    out: Path,
    settings: Settings,
    *,
    force: bool = False,
    progress: Progress | bool = False,
    publishing: Callable[[], None] = lambda: None,
    searching: Searching = unshown,
) -> Recorded:
    """Write the checksum file of a source; see `checksum`.

    `publishing` is called just before the file gets its name. `searching` shows how far the search of a folder has
    come.
    """
    started = time.monotonic()
    reader, report = prepare(source, settings, searching)
    guard = Guard([reader.path], lambda: read_by(reader))
    if os.path.lexists(out) and not force:
        raise TargetExists(str(out), "checksum file")
    from datacheck.digests.file import Index, write
    from datacheck.digests.gathering import Gathered

    with Output(out, guard) as output, watching(progress, report) as watch, Gathered() as gathered:
        _gather(reader, report, gathered, watch)
        index = Index(version=__version__, source=str(reader.path), backend=reader.backend)
        with writing(out):
            write(gathered.entries(), output.file.write, index)
            size = output.file.tell()
        publishing()
        output.publish()
    return Recorded(str(out), index.records, size, round(time.monotonic() - started, 3))


def _gather(reader: Reader, report: Report, gathered: Gathered, progress: Progress) -> None:
    """Collect the digests of all records. Raises SourceUnreadable if one cannot be computed."""
    before = fingerprint_if_any(reader)
    with start_engine(Job(reader, report.settings), report.settings.workers) as pool:
        layout: Layout | Death = run_one(pool, TakeLayout())
        if isinstance(layout, Death):
            _refuse(reader, [finding_of_death(layout, OPENING, of_record=False)])
            return
        report.source = msgspec.structs.replace(report.source, bytes=layout.size)
        _refuse(reader, layout.findings)
        pool.grow(len(layout.shards))
        checks = (TakeDigests(shard, report.profile) for shard in layout.shards)
        for _, tally in in_order(pool, reader, checks, shards_per_task(layout)):
            _refuse(reader, tally.findings)
            for digests in tally.made or ():
                gathered.add(digests)
            progress(gathered.records, layout.records, 0)
    if before is not None and fingerprint_if_any(reader) != before:
        raise SourceUnreadable(plain(str(reader.path)), "changed while it was read; no checksums were written")
    if not gathered.records:
        raise SourceUnreadable(plain(str(reader.path)), "holds no record, so there is nothing to make checksums of")


def _refuse(reader: Reader, findings: Iterable[Finding]) -> None:
    """Raise SourceUnreadable if a part of the store could not be read."""
    for it in findings:
        if it.verdict == "suspicious" or (it.key is None and (it.code == PASSED_OVER or "elsewhere" in it.details)):
            continue
        noun = "it" if it.name is None else f"the record {it.name}"
        raise SourceUnreadable(
            plain(str(reader.path)),
            f"{noun} could not be read: {it.code}: {it.message}; no checksums were written: scan it first",
        )


class TakeDigests(Check, frozen=True):
    """Task that returns a Tally with the Digests of a shard, without judging its records."""

    def run(self, job: Job, watch: Watch) -> Tally:
        from datacheck.digests.of_blocks import digests_with_keys, not_read

        watch.timeout = job.settings.timeout
        watch.patience = (1, PATIENCE, 5 * PATIENCE)[self.last] if self.last else 2 if self.careful else 1
        tally = Tally()
        limit = 1 if self.careful else RECORDS_AFTER_DEATH if self.deaths else None
        digests: list[Digests] = []
        blocks = job.reader.blocks
        for block in blamed(
            "unreadable", blocks, self.shard, limit=limit, note=position_noter(watch, loaded=bool(self.last))
        ):
            for row, finding in block.findings:
                tally.count([block.place(row, finding, None if row is None else tally.records + row)])
            if len(block) and not not_read(block):
                digests.append(digests_with_keys(block))
            tally.records += len(block)
        tally.made = digests
        return tally
