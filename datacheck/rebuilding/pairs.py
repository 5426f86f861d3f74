"""Rebuild stores that should hold the same keys: a record that is bad in one is left out of all copies."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from datacheck.backends.interface import Reader
from datacheck.engines import start_engine
from datacheck.errors import RebuildFailed, TargetExists, UsageError
from datacheck.files.guard import Guard, refuse_overlap
from datacheck.files.place import identity_at
from datacheck.model.blocks import ignore
from datacheck.model.escaping import unescape
from datacheck.model.replacing import replace
from datacheck.model.settings import Settings
from datacheck.rebuilding.asked_names import require_possible
from datacheck.rebuilding.choice import Choice, decisions
from datacheck.rebuilding.mending import outcomes_of
from datacheck.rebuilding.numbering import note_numbers
from datacheck.rebuilding.rebuild import rebuild_as
from datacheck.rebuilding.receipt import Receipt
from datacheck.rebuilding.undecided import saying_what_is_left
from datacheck.rebuilding.work import Order, Progress
from datacheck.reporting.report import Report
from datacheck.scanning.earlier.fingerprint import read_by
from datacheck.scanning.names import Names
from datacheck.scanning.pairing import STORES, names_of, pairings
from datacheck.scanning.run import run
from datacheck.scanning.scan import prepare
from datacheck.scanning.searching import Searching, unshown
from datacheck.scanning.tasks import Job
from datacheck.workers.interface import MakeEngine


def rebuild_pairs(
    sources: Sequence[Path],
    order: Order,
    settings: Settings,
    progress: Progress,
    engine: MakeEngine | None,
    publishing: Callable[[], None] = ignore,
    names: Names | None = None,
    searching: Searching = unshown,
) -> list[tuple[Receipt, Report]]:
    """Write a copy of each source into the folder `order.target`, under the source's name.

    `order` applies to each source. A record dropped from one is dropped from all, so that the copies hold the same
    keys. Without a choice, nothing is written if any source has a bad finding. Raises as `rebuild_as` does; the folder
    is then removed.
    """
    _refuse_options(order)
    prepared = [prepare(source, settings, searching) for source in sources]
    readers = [reader for reader, _ in prepared]
    _refuse_place(sources, readers, order.target)
    called = names_of(readers)
    if any(os.sep in name for name in called):
        raise UsageError("--paired writes each copy under the name of its source; two of them have the same name")
    for reader in readers if order.choice.names else ():
        with start_engine(Job(reader, settings), 1, engine) as pool:
            require_possible(order, reader, pool)
    for (reader, report), pairing in zip(prepared, pairings(readers), strict=True):
        with saying_what_is_left(order, report):
            run(
                report,
                reader,
                validators=order.validators,
                progress=partial(progress, "scan"),
                engine=engine,
                names=names,
                pairing=pairing,
            )
    _drop_from_all(prepared, called, order.choice)
    for reader, report in prepared if order.renumber else ():
        with start_engine(Job(reader, settings), 1, engine) as pool:
            note_numbers(pool, report, order)
    _refuse_numbers(prepared, order)
    left_as_it_is = not order.choice.made and any(report.bad for _, report in prepared)
    dry = order.dry_run or left_as_it_is
    results = []
    folder: AbstractContextManager[list[Path]] = contextlib.nullcontext([]) if dry else _folder(order.target)
    with folder as written:
        for (reader, report), name in zip(prepared, called, strict=True):
            one = replace(order, source=Path(reader.path), target=order.target / name, dry_run=dry)
            receipt, _ = rebuild_as(one, settings, progress, engine, publishing, names, scanned=report)
            if not dry and not receipt.written:
                raise RebuildFailed(str(one.source), "its copy would be empty")
            written.append(one.target)
            results.append((receipt, report))
    return results


def _refuse_options(order: Order) -> None:
    for given, option in ((order.from_report, "--from-report"), (order.quarantine, "--quarantine")):
        if given is not None:
            raise UsageError(f"--paired scans the sources itself, and {option} is for one; leave one of the two out")
    if order.force:
        raise UsageError("--paired writes into a new folder, so there is nothing to --force; name another target")


def _refuse_place(sources: Sequence[Path], readers: Sequence[Reader], target: Path) -> None:
    """Raise UsageError for a folder inside or around a source, TargetExists if something exists at its path."""
    for source in sources:
        refuse_overlap({"source": source, "target": target})
    guard = Guard([*sources], lambda: (file for reader in readers for file in read_by(reader)))
    guard.refuse_target(target, "target")
    if os.path.lexists(target):
        raise TargetExists(str(target), "target", forceable=False)


@contextlib.contextmanager
def _folder(target: Path) -> Iterator[list[Path]]:
    """Create a folder and yield a list to append each written copy to; if anything fails, remove them all.

    Files that others have put into the folder meanwhile stay, and then so does the folder.
    """
    try:
        target.mkdir()
    except FileExistsError as exc:
        raise TargetExists(str(target), "target", forceable=False) from exc
    except FileNotFoundError as exc:
        raise RebuildFailed(str(target), "its parent directory does not exist") from exc
    except OSError as exc:
        raise RebuildFailed(str(target), f"could not be written: {exc.strerror}") from exc
    written: list[Path] = []
    identity = identity_at(target)
    try:
        yield written
    except BaseException:
        if identity_at(target) == identity:
            for copy in written:
                shutil.rmtree(copy) if copy.is_dir() else copy.unlink()
            with contextlib.suppress(OSError):
                target.rmdir()
        raise


def _drop_from_all(prepared: Sequence[tuple[Reader, Report]], names: Sequence[str], choice: Choice) -> None:
    """Set on each report which of its records are dropped because the same key is dropped from another store.

    Raises RebuildFailed if a store's samples are several records each, or if a record of a named database is dropped.
    """
    dropped: dict[tuple[bytes, bytes], set[str]] = {}
    for _, report in prepared:
        for place, lacking in _keys_to_drop(report, choice.shown):
            dropped.setdefault(place, set()).update(lacking)
    for (reader, report), name in zip(prepared, names, strict=True):
        if report.groups is not None:
            message = "its samples are several records each, and --paired knows those of one; rebuild it alone"
            raise RebuildFailed(str(reader.path), message)
        if any(database for database, _ in dropped):
            raise RebuildFailed(str(reader.path), "a record of a named database is to go, which --paired cannot do")
        report.gone_elsewhere = frozenset(key for (_, key), lacking in dropped.items() if name not in lacking)


def _refuse_numbers(prepared: Sequence[tuple[Reader, Report]], order: Order) -> None:
    """Raise RebuildFailed if some of the copies would be renumbered and others not."""
    closed: list[str] = []
    left: list[str] = []
    for reader, report in prepared:
        outcome = outcomes_of(order.choice, report, order.renumber)
        paths = closed if outcome is not None and outcome.renumbered else left
        paths.append(str(reader.path))
    if closed and left:
        message = f"it would be renumbered, because it keeps a count, and {left[0]} would not"
        raise RebuildFailed(closed[0], f"{message}: the copies would not fit together; --keep-numbers leaves the gaps")


def _keys_to_drop(report: Report, choice: Choice) -> Iterator[tuple[tuple[bytes, bytes], list[str]]]:
    """Yield database and key of each record to drop, and the names of the stores that lack it."""
    for fate, record, _ in decisions(report.findings, choice):
        if fate == "dropped":
            yield (_database(record.database), unescape(record.key)), []
    for finding in report.findings:
        if STORES in finding.details and finding.key is not None and choice.fate([finding]) == "dropped":
            yield (_database(finding.database), unescape(finding.key)), list(finding.details.get("missing", ()))


def _database(name: object) -> bytes:
    return unescape(name) if isinstance(name, str) else b""
