"""Scan a source: all shards, checked in workers, folded into one Report in source order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from datacheck.backends import of_several, open_stores
from datacheck.backends.folder import FOLDER
from datacheck.backends.interface import Reader, StoreOptions
from datacheck.errors import SourceUnknown
from datacheck.files.guard import Guard
from datacheck.model.settings import TIMEOUT, Pair, Settings
from datacheck.reporting.report import Report
from datacheck.reporting.several import SeveralReports
from datacheck.reporting.source import SearchedFolder, Source
from datacheck.scanning.fingerprint import read_by
from datacheck.scanning.make_settings import make
from datacheck.scanning.run import Progress, run, unwatched
from datacheck.workers.limits import require_memory

if TYPE_CHECKING:
    from datacheck.checks.validators import Validator


def scan(
    source: str | Path | Reader,
    *,
    backend: str | None = None,
    decoder: str | None = None,
    checks: Sequence[str] | None = None,
    skip: Sequence[str] = (),
    range: Pair | Mapping[str | None, Pair] | None = None,  # noqa: A002  (the option's name)
    labels: int | Pair | None = None,
    label_field: str | None = None,
    shape: Sequence[int] | None = None,
    allow_nan: Sequence[str] = (),
    convention: Sequence[str] | str = (),
    together: Iterable[Sequence[str]] = (),
    validators: Sequence[Validator] = (),
    sample: int | str | None = None,
    stats: bool = False,
    batch_size: int | None = None,
    workers: int | None = None,
    timeout: float = TIMEOUT,
    max_bad: int | str | None = None,
    strict: bool = False,
    reports: Sequence[str | Path] = (),
    progress: Progress = unwatched,
) -> Report:
    """Check every record of a dataset and return the report; the source is never written.

    Parameters
    ----------
    source
        An LMDB environment, a LevelDB directory, an HDF5 file, a text list of HDF5 files, or a folder in which all of
        these are looked for; or a reader, as `open_store` returns it.
    backend, decoder
        The store's and the payload's kind by name, where they are not to be recognised.
    checks, skip
        Names of the checks to run (all of them by default), and of those to leave out.
    range
        Least and greatest value, inclusive, None for no bound; or such pairs by field name.
    labels
        The number of classes (labels are then 0 to N-1), or the least and greatest label.
    label_field
        The name of the HDF5 dataset that holds the labels.
    shape
        The shape every record must have, as (channels, height, width).
    allow_nan
        Fields in which NaN means "missing".
    convention
        Names of conventions that the store is to keep, or "none"; by default they are recognised by what lies there.
    together
        Groups of HDF5 datasets that must have the same number of rows.
    validators
        Checks of your own: objects called with a `Batch`, which yield `(position, Finding)`.
    sample
        Look at N records, or at "P%" of them, instead of all: always the same ones.
    stats
        Take the mean and the standard deviation of every field, and of pictures the least and greatest pixel too.
        It is done without asking where it costs nothing: for labels, and in stores of up to 4 MiB.
    batch_size
        Say how many batches of so many records lack a class, and whether the records come sorted by it.
    workers
        Processes to use; by default as many as there are cores.
    timeout
        Seconds that one record may take before it is given up.
    max_bad
        How many bad records, or which "P%" of those checked, still count as clean.
    strict
        Let suspicious records count as bad ones do.
    reports
        Files to write the report to: `.json`, `.jsonl` or `.csv`.
    progress
        Called with the records scanned, the records in all (or None) and the bad ones, as the scan goes on.

    Returns
    -------
    Report
        Everything found; `report.clean` is the gate, `report.bad_keys()` names the bad records.
        Of a folder that holds several sources it is their sum, and a sequence of their reports in the order of their
        names. All HDF5 files below a folder are one source.

    Raises
    ------
    SourceMissing, SourceUnknown, SourceUnreadable
        There is no store to read.
    UsageError
        An argument does not make sense.
    ReportFailed
        A report could not be written.
    ValidatorFailed
        One of your validators raised an exception.
    """
    from datacheck.reporting.files import Reports

    settings = make(
        backend=backend,
        decoder=decoder,
        checks=checks,
        skip=skip,
        range=range,
        labels=labels,
        label_field=label_field,
        shape=shape,
        allow_nan=allow_nan,
        together=together,
        convention=convention,
        validators=validators,
        sample=sample,
        stats=stats,
        batch_size=batch_size,
        workers=workers,
        timeout=timeout,
        max_bad=max_bad,
        strict=strict,
    )
    prepared = prepare_all(source, settings)
    named: list[str | Path] = [source] if isinstance(source, (str, Path)) else []
    named += [it.path for it, _ in prepared]
    guard = Guard(named, lambda: (file for it, _ in prepared for file in read_by(it)))
    with Reports(reports, guard) as files:
        for reader, report in prepared:
            run(report, reader, validators=validators, progress=progress, listen=files.begin(report))
    made = [report for _, report in prepared]
    return made[0] if len(made) == 1 else SeveralReports(str(source), made)


def prepare(source: str | Path | Reader, settings: Settings) -> tuple[Reader, Report]:
    """Return the reader for a source, and the report to scan it into. Raises as `scan` does where there is no store.

    Raises SourceUnknown, too, for a folder that holds more than one source, or one that is not the folder itself.
    """
    prepared = prepare_all(source, settings)
    if not isinstance(source, (str, Path)):
        return prepared[0]
    reader, report = prepared[0]
    if len(prepared) > 1 or reader.path != Path(source) or reader.backend == FOLDER:
        readers = [it for it, _ in prepared]
        raise SourceUnknown(str(source), f"is a folder with {of_several(Path(source), readers)}; name the one meant")
    return reader, report


def prepare_all(source: str | Path | Reader, settings: Settings) -> list[tuple[Reader, Report]]:
    """Return the readers of what lies at a source, of which a folder may hold many, each with the report to fill."""
    require_memory()
    if not isinstance(source, (str, Path)):
        return [(source, Report(Source(str(source.path), source.backend), settings))]
    there = open_stores(source, settings.backend, StoreOptions(settings.label_field, settings.together))
    searched: SearchedFolder | msgspec.UnsetType = msgspec.UNSET
    if there.not_read or len(there.readers) > 1 or there.readers[0].path != Path(source):
        searched = SearchedFolder(str(source), len(there.readers), dict(there.not_read))
    sources = [Source(str(it.path), it.backend, folder=searched) for it in there.readers]
    return [(reader, Report(it, settings)) for reader, it in zip(there.readers, sources, strict=True)]
