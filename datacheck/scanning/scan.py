"""Scan a source: all shards, checked in workers, folded into one Report in source order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from datacheck.backends import open_store
from datacheck.backends.interface import Reader, StoreOptions
from datacheck.files.guard import Guard
from datacheck.model.settings import TIMEOUT, Pair, Settings
from datacheck.reporting.report import Report
from datacheck.reporting.source import Source
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
        An LMDB environment, a LevelDB directory, an HDF5 file, a folder or a text list of HDF5 files; or a reader,
        as `open_store` returns it.
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
    reader, report = prepare(source, settings)
    with Reports(reports, Guard([reader.path], lambda: read_by(reader))) as files:
        listen = files.begin(report)
        run(report, reader, validators=validators, progress=progress, listen=listen)
    return report


def prepare(source: str | Path | Reader, settings: Settings) -> tuple[Reader, Report]:
    """Return the reader for a source, and the report to scan it into. Raises as `scan` does where there is no store."""
    require_memory()
    if isinstance(source, (str, Path)):
        options = StoreOptions(settings.label_field, settings.together)
        reader = open_store(source, settings.backend, options)
    else:
        reader = source
    return reader, Report(Source(str(reader.path), reader.backend), settings)
