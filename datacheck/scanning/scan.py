"""Scan a source: all shards, checked in workers, folded into one Report in source order."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack, overload

from datacheck.backends import open_store
from datacheck.backends.interface import Reader, StoreOptions
from datacheck.errors import UsageError
from datacheck.files.guard import Guard
from datacheck.model.settings import TIMEOUT, Pair, Settings
from datacheck.reporting.report import Report
from datacheck.reporting.source import Source
from datacheck.scanning import spelling
from datacheck.scanning.fingerprint import read_by
from datacheck.scanning.make_settings import make
from datacheck.scanning.names import Names
from datacheck.scanning.run import Progress, run, unwatched
from datacheck.workers.limits import require_memory

if TYPE_CHECKING:
    from datacheck.checks.validators import Validator


class Options(TypedDict, total=False):
    """What `scan` takes beside its source; its docstring says what each means."""

    backend: str | None
    decoder: str | None
    checks: Sequence[str] | None
    skip: Sequence[str]
    range: Pair | Mapping[str | None, Pair] | str | None
    labels: int | Pair | str | None
    label_field: str | None
    shape: Sequence[int] | str | None
    allow_nan: Sequence[str]
    together: Iterable[Sequence[str]]
    validators: Sequence[Validator]
    sample: int | str | None
    stats: bool
    batch_size: int | None
    workers: int | None
    timeout: float
    max_bad: int | str | None
    strict: bool
    ignore: Sequence[str]
    reports: Sequence[str | Path]
    progress: Progress


@overload
def scan(source: str | bytes | Path | Reader, **options: Unpack[Options]) -> Report: ...  # type: ignore[overload-overlap]
@overload
def scan(source: Sequence[str | bytes | Path | Reader], **options: Unpack[Options]) -> list[Report]: ...
def scan(
    source: Any,
    *,
    backend: str | None = None,
    decoder: str | None = None,
    checks: Sequence[str] | None = None,
    skip: Sequence[str] = (),
    range: Pair | Mapping[str | None, Pair] | str | None = None,  # noqa: A002  (the option's name)
    labels: int | Pair | str | None = None,
    label_field: str | None = None,
    shape: Sequence[int] | str | None = None,
    allow_nan: Sequence[str] = (),
    together: Iterable[Sequence[str]] = (),
    validators: Sequence[Validator] = (),
    sample: int | str | None = None,
    stats: bool = False,
    batch_size: int | None = None,
    workers: int | None = None,
    timeout: float = TIMEOUT,
    max_bad: int | str | None = None,
    strict: bool = False,
    ignore: Sequence[str] = (),
    reports: Sequence[str | Path] = (),
    progress: Progress = unwatched,
) -> Report | list[Report]:
    """Check every record of a dataset and return the report; the source is never written.

    Parameters
    ----------
    source
        An LMDB environment, a LevelDB directory, an HDF5 file, a folder or a text list of HDF5 files; or a reader,
        as `open_store` returns it. Or a list of any of these.
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
    ignore
        Codes, or "CODE:FAMILY", of findings that do not count: the report has only their number.
    reports
        Files to write the report to: `.json`, `.jsonl` or `.csv`.
    progress
        Called with the records scanned, the records in all (or None) and the bad ones, as the scan goes on.

    Returns
    -------
    Report, or a list of them
        Everything found; `report.clean` is the gate, `report.bad_keys()` names the bad records. Of a list of sources
        there is one for each.

    Raises
    ------
    SourceMissing, SourceUnknown, SourceUnreadable
        There is no store to read.
    UsageError
        An argument does not make sense, or names a field that no source has.
    ReportFailed
        A report could not be written.
    ValidatorFailed
        One of your validators raised an exception.
    """
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
        validators=validators,
        sample=sample,
        stats=stats,
        batch_size=batch_size,
        workers=workers,
        timeout=timeout,
        max_bad=max_bad,
        strict=strict,
        ignore=ignore,
    )
    return scan_into(source, settings, validators, reports, progress)


def scan_into(
    source: Any, settings: Settings, validators: Any, reports: Any, progress: Progress
) -> Report | list[Report]:
    """Scan one source, or each of a list of them, and write the report files; see `scan`."""
    from datacheck.reporting.files import Reports

    own = spelling.callables("validators", validators)
    if not callable(progress):
        raise UsageError(f"progress is {spelling.quoted(progress)}; it must be something to call")
    many = is_several(source)
    prepared = [prepare(it, settings) for it in (source if many else [source])]
    guard = Guard(
        [reader.path for reader, _ in prepared], lambda: (it for reader, _ in prepared for it in read_by(reader))
    )
    names = Names(settings, len(prepared))
    with Reports(spelling.names("reports", reports), guard) as files:
        for reader, report in prepared:
            listen = files.begin(report)
            run(report, reader, validators=own, progress=progress, listen=listen, names=names)
    return [report for _, report in prepared] if many else prepared[0][1]


def is_several(source: object) -> bool:
    """Say whether a source is a list of sources. Raises UsageError for an empty one."""
    if isinstance(source, str | bytes | os.PathLike | Mapping) or not isinstance(source, Iterable) or is_reader(source):
        return False
    if _handle(source) is not None or not isinstance(source, Collection):
        return False
    if not len(source):  # an array of NumPy has no truth value
        raise UsageError("the list of sources is empty; name at least one")
    return True


def is_reader(source: object) -> bool:
    """Say whether a source is a reader, as `open_store` returns it."""
    return all(hasattr(source, name) for name in ("backend", "path", "layout", "blocks", "find"))


HANDLES = {"h5py": "filename", "lmdb": "path", "plyvel": "name"}
"""Where an open handle of a library has its path."""


def _handle(source: object) -> str | None:
    """Return the path of what is an open handle of a library, "" if it has none; None if it is no handle."""
    room = type(source).__module__.partition(".")[0].lstrip("_")
    if room not in HANDLES and type(source).__name__ != "Environment":
        return None
    try:
        owner = getattr(source, "file", source) if room == "h5py" else source
        path = getattr(owner, HANDLES.get(room, "path"))
        return os.fsdecode(path() if callable(path) else path)
    except Exception:  # noqa: BLE001  (a handle that was closed may raise anything)
        return ""


def prepare(source: Any, settings: Settings) -> tuple[Reader, Report]:
    """Return the reader for a source, and the report to scan it into. Raises as `scan` does where there is no store."""
    require_memory()
    if isinstance(source, str | bytes | os.PathLike):
        options = StoreOptions(settings.label_field, settings.together)
        reader = open_store(os.fsdecode(source), settings.backend, options)
    elif is_reader(source):
        reader = source
    else:
        raise UsageError(_no_source(source))
    return reader, Report(Source(str(reader.path), reader.backend), settings)


def _no_source(source: object) -> str:
    path = _handle(source)
    if path is None:
        return f"the source is {spelling.quoted(source)}; it must be a path, or a list of paths"
    room = type(source).__module__.partition(".")[0].lstrip("_")
    name = f"{room if room in HANDLES else 'lmdb'}.{type(source).__name__}"
    return f"the source is an open {name}; close it and name the path{f', {path!r}' if path else ''}"
