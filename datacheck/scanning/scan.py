"""Scan a source: check all shards in workers, and combine the results into one Report in source order."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack, overload

from datacheck.backends import open_stores, sources_clause
from datacheck.backends.folder import FOLDER
from datacheck.backends.interface import Reader, StoreOptions, records_of
from datacheck.conventions import NONE
from datacheck.errors import SourceUnknown, UsageError
from datacheck.files.guard import Guard
from datacheck.model.blocks import ignore
from datacheck.model.escaping import plain
from datacheck.model.settings import TIMEOUT, Pair, Settings
from datacheck.reporting.report import Report
from datacheck.reporting.several import ScanReports, SeveralReports
from datacheck.reporting.source import SearchedFolder, Source
from datacheck.scanning.earlier.against import Against, against, files_of, require_together, with_known
from datacheck.scanning.names import Names
from datacheck.scanning.options import Options
from datacheck.scanning.run import Progress
from datacheck.scanning.searching import Searching, unshown
from datacheck.scanning.settings import spelling
from datacheck.scanning.settings.make_settings import make
from datacheck.scanning.settings.payload_options import OfFamilies
from datacheck.scanning.store_scan import StoreScan, pair, ready, set_alongside
from datacheck.workers.interface import MakeEngine
from datacheck.workers.limits import require_memory
from datacheck.workers.process import keeping_processes

if TYPE_CHECKING:
    from datacheck.checks.validators import Validator
    from datacheck.reporting.files import Reports


NO_SETTINGS = frozenset({"source", "known", "if_changed", "reports", "resume", "progress"})
"""Parameters of `scan` that do not affect how records are judged."""


@overload
def scan(source: str | bytes | Path | Reader, **options: Unpack[Options]) -> Report: ...  # type: ignore[overload-overlap]
@overload
def scan(source: Sequence[str | bytes | Path | Reader], **options: Unpack[Options]) -> ScanReports: ...
def scan(
    source: Any,
    *,
    backend: str | None = None,
    decoder: OfFamilies | None = None,
    array: OfFamilies | None = None,
    checks: Sequence[str] | None = None,
    skip: Sequence[str] = (),
    range: Pair | Mapping[str | None, Pair] | str | None = None,  # noqa: A002  (the option's name)
    labels: int | Pair | str | None = None,
    label_field: str | None = None,
    shape: Sequence[int] | str | None = None,
    allow_nan: Sequence[str] = (),
    convention: Sequence[str] | str = (),
    paired: bool = False,
    together: Iterable[Sequence[str]] = (),
    validators: Sequence[Validator] = (),
    sample: int | str | None = None,
    stats: bool = False,
    batch_size: int | None = None,
    workers: int | None = None,
    engine: MakeEngine | None = None,
    timeout: float = TIMEOUT,
    max_time: float | str | None = None,
    max_bad: int | str | None = None,
    strict: bool = False,
    strict_pictures: bool = False,
    ignore: Sequence[str] = (),
    known: str | Path | None = None,
    like: str | Path | None = None,
    like_tolerance: str | None = None,
    if_changed: str | Path | None = None,
    checksums: str | Path | None = None,
    duplicates: bool = False,
    reports: Sequence[str | Path] = (),
    resume: str | Path | None = None,
    progress: Progress | bool = False,
) -> Report | ScanReports:
    """Check every record of a dataset and return the report; the source is never written.

    Parameters
    ----------
    source
        An LMDB environment, a LevelDB directory, an HDF5 file, a folder of any of these or a text list of HDF5 files;
        a reader, as `open_store` returns it; or a list of any of these.
    backend, decoder
        The types of the store and of the payload, by name; detected by default. Several decoders are a mapping
        by family of keys, as the report prints them, or texts as in ["latents_#=npy"].
    array
        The dtype and the shape of values that are raw arrays: "f4:3,64,64", "f4" for any length, ">u2", "bf16"; or such
        texts by family, as a mapping or as in ["latents_#_data=f2:4,16,16"]. Without a family it is for all values but
        the texts and numbers beside them.
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
        Names of conventions that the store has to keep, or "none"; detected by default.
    paired
        The sources of the list have to hold the same keys, and pictures of one scale.
    together
        Groups of HDF5 datasets that must have the same number of rows.
    validators
        Checks of your own: objects called with a `Batch`, which yield `(position, Finding)`.
    sample
        Look at N records, or at "P%" of them, instead of all: always the same ones. Or "1/7:3" for the third of seven
        parts, which together are all records.
    stats
        Compute the mean and the standard deviation of every field, and the least and greatest pixel of pictures. By
        default, this is done only where it costs nothing: for labels, and in stores of up to 4 MiB.
    batch_size
        Number of records in a batch. The report says how many batches lack a class, and whether the records are sorted
        by class.
    workers
        Processes to use; by default as many as there are cores.
    engine
        What runs the tasks: by default processes on this machine, `datacheck.engines.Dask(client)` for a cluster.
    timeout
        Processor time in seconds after which to give up on a record.
    max_time
        Seconds, or "30m", after which to stop. The report then says how far it came, and is not clean.
    max_bad
        How many bad records, or which "P%" of those checked, still count as clean.
    strict
        Count suspicious records as bad.
    strict_pictures
        Walk the Huffman data of JPEGs bit by bit, however few there are, and say what is odd in it too. Without it the
        data of large stores is walked for what is wrong, if numba is installed (`datacheck-ml[strict]`).
    ignore
        Codes, or "CODE:FAMILY", of findings that do not count: the report has only their number.
    known
        An earlier report, `.json` or `.jsonl`: findings that it has do not count, those that are gone are named.
    like, like_tolerance
        An earlier report, usually of another store: the records are expected to be like those it describes. The
        tolerance, "P%", widens each range of values on either side by that share of its width; 10% by default.
    if_changed
        An earlier report: if the source has not changed since, and the settings are the same, the results are taken
        from it. In a folder of HDF5 files, only those that changed are read.
    checksums
        A file that `checksum` wrote for this source: records that have changed since, or are gone, are bad.
    duplicates
        Report each record that has the same value as an earlier one of its source.
    reports
        Files to write the report to: `.json`, `.jsonl`, `.csv`, or `.html` for a page to look at.
    resume
        A `.jsonl` report to write. If an earlier scan of the same source was interrupted or killed, and has left
        `NAME.partial`, this one continues where that one stopped.
    progress
        True draws a bar on standard error. A callable is called during the scan with the number of records scanned,
        of all records (or None), and of bad ones.

    Returns
    -------
    Report, or a sequence of them
        Everything found; `report.clean` is the gate, `report.bad_keys()` names the bad records. For a list of sources
        it is a sequence with one report for each, whose `clean` and `require_clean()` are about all of them. For a
        folder that holds several sources it is a report with their totals, and at the same time a sequence of their
        reports in the order of their names. All HDF5 files below a folder are one source.

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
    asked = {name: value for name, value in locals().items() if name not in NO_SETTINGS}
    settings = make(**asked)
    return scan_into(source, with_known(settings, known), validators, reports, progress, if_changed, resume, engine)


def scan_into(
    source: Any,
    settings: Settings,
    validators: Any,
    reports: Any,
    progress: Progress | bool,
    if_changed: str | Path | None,
    resume: str | Path | None,
    engine: MakeEngine | None,
) -> Report | ScanReports:
    """Scan one source, or each of a list of them, and write the report files; see `scan`."""
    from datacheck.reporting.files import Reports

    own = spelling.validators_of(validators)
    _require_progress(progress)
    many = is_several(source)
    sources = list(source) if many else [source]
    by_source = [[StoreScan(*it, validators=own) for it in prepare_all(source, settings)] for source in sources]
    scans = [it for of_one in by_source for it in of_one]
    names = Names(settings, len(scans))
    for scan in scans:
        scan.names, scan.engine = names, engine
    given = [os.fsdecode(it) for it in sources if isinstance(it, str | bytes | os.PathLike)]
    named = [*map(Path, given), *(it.reader.path for it in scans), *files_of(settings)]
    guard = Guard(named, lambda: (file for it in scans for file in it.reads()))
    set_alongside(scans, settings, len(scans))
    if settings.paired:
        pair(scans)
    require_together(settings, if_changed)
    wanted = Reports(spelling.names("reports", reports), guard, resume=resume)
    earlier = against(settings, if_changed, len(scans), spelling.names("reports", reports))
    with wanted as files, keeping_processes(), ready(scans, files, if_changed, resume):
        files.planned = [it.report.source.path for it in scans]
        done = {id(it): _scan_store(it, earlier, files, progress) for it in scans}
    results = [_one(source, [done[id(it)] for it in of_one]) for source, of_one in zip(sources, by_source, strict=True)]
    return ScanReports(results) if many else results[0]


def _scan_store(scan: StoreScan, earlier: Against, files: Reports, progress: Progress | bool) -> Report:
    """Return the report of a store: that of its scan, or the earlier one that answers for it."""
    answer = scan.answer(earlier, files)
    if answer is not None:
        return answer
    listen = scan.begin(files)
    with watching(progress, scan.report) as watch:
        scan.run(watch, listen)
    return scan.report


def _require_progress(progress: object) -> None:
    if not callable(progress) and not isinstance(progress, bool):
        raise UsageError(f"progress is {spelling.quoted(progress)}; it must be True, or something to call")


def watching(progress: Progress | bool, report: Report) -> AbstractContextManager[Progress]:
    """Return the caller's progress, a progress bar, or a function that does nothing."""
    if callable(progress):
        return nullcontext(progress)
    if not progress:
        return nullcontext(ignore)
    from datacheck.reporting.progress import bar

    return bar(plain(report.source.path), lambda: report.source.bytes)


def _one(source: Any, reports: list[Report]) -> Report:
    """Return the report of a source, which combines several reports if the source is a folder of stores."""
    return reports[0] if len(reports) == 1 else SeveralReports(os.fsdecode(source), reports)


def is_several(source: object) -> bool:
    """Return whether a source is a list of sources. Raises UsageError for an empty one."""
    if isinstance(source, str | bytes | os.PathLike | Mapping) or not isinstance(source, Iterable) or is_reader(source):
        return False
    if _handle(source) is not None or not isinstance(source, Collection):
        return False
    if not len(source):  # a NumPy array has no truth value
        raise UsageError("the list of sources is empty; name at least one")
    return True


def is_reader(source: object) -> bool:
    """Return whether a source is a reader, as `open_store` returns it."""
    return all(hasattr(source, name) for name in ("backend", "path", "layout", "blocks", "find"))


HANDLES = {"h5py": "filename", "lmdb": "path", "plyvel": "name"}
"""Attributes of the libraries' open handles that have their paths."""


def _handle(source: object) -> str | None:
    """Return the path of a library's open handle, "" if it has none, or None if the source is not a handle."""
    room = type(source).__module__.partition(".")[0].lstrip("_")
    if room not in HANDLES and type(source).__name__ != "Environment":
        return None
    try:
        owner = getattr(source, "file", source) if room == "h5py" else source
        path = getattr(owner, HANDLES.get(room, "path"))
        return os.fsdecode(path() if callable(path) else path)
    except Exception:  # noqa: BLE001  (a handle that was closed may raise anything)
        return ""


def prepare(source: Any, settings: Settings, searching: Searching = unshown) -> tuple[Reader, Report]:
    """Return the reader for a source and the report to scan it into. Raises as `scan` does if there is no store.

    Also raises SourceUnknown for a folder that holds several sources, or whose only source is not the folder itself.
    """
    prepared = prepare_all(source, settings, searching)
    reader, report = prepared[0]
    if is_reader(source):
        return reader, report
    path = Path(os.fsdecode(source))
    if len(prepared) > 1 or reader.path != path or reader.backend == FOLDER:
        readers = [it for it, _ in prepared]
        first = next((it for it in readers if it.path != path), None)
        example = "" if first is None else f", such as {plain(str(first.path))}"
        raise SourceUnknown(str(path), f"is a folder with {sources_clause(path, readers)}; name the one meant{example}")
    return reader, report


def prepare_all(source: Any, settings: Settings, searching: Searching = unshown) -> list[tuple[Reader, Report]]:
    """Return the readers of all stores at a source, which may be a folder of many, each with the report to fill.

    `searching` shows how far the search of a folder has come.
    """
    require_memory()
    if is_reader(source):
        return [(source, Report(Source(str(source.path), source.backend), settings))]
    if not isinstance(source, str | bytes | os.PathLike):
        raise UsageError(_no_source(source))
    name = os.fsdecode(source)
    conventions = settings.conventions
    options = StoreOptions(
        settings.label_field, settings.together, records_of(conventions), heeded=NONE not in conventions
    )
    with searching(name) as watch:
        stores = open_stores(name, settings.backend, options, watch)
    searched: SearchedFolder | None = None
    if stores.not_read or len(stores.readers) > 1 or stores.readers[0].path != Path(name):
        searched = SearchedFolder(name, len(stores.readers), dict(stores.not_read))
    sources = [Source(str(it.path), it.backend, folder=searched) for it in stores.readers]
    return [(reader, Report(it, settings)) for reader, it in zip(stores.readers, sources, strict=True)]


def _no_source(source: object) -> str:
    path = _handle(source)
    if path is None:
        return f"the source is {spelling.quoted(source)}; it must be a path, or a list of paths"
    room = type(source).__module__.partition(".")[0].lstrip("_")
    name = f"{room if room in HANDLES else 'lmdb'}.{type(source).__name__}"
    return f"the source is an open {name}; close it and name the path{f', {path!r}' if path else ''}"
