"""The Python interface to rebuilding: `datacheck.rebuild`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Literal, overload

from datacheck.backends import refuse_url
from datacheck.errors import UsageError
from datacheck.model.blocks import ignore
from datacheck.rebuilding.choice import Choice
from datacheck.rebuilding.pairs import rebuild_pairs
from datacheck.rebuilding.rebuild import rebuild_as
from datacheck.rebuilding.receipt import Receipt
from datacheck.rebuilding.work import Order, Progress
from datacheck.scanning.scan import is_several
from datacheck.scanning.settings import spelling
from datacheck.scanning.settings.make_settings import make


@overload
def rebuild(source: str | Path, target: str | Path, **options: Any) -> Receipt: ...
@overload
def rebuild(
    source: Sequence[str | Path], target: str | Path, *, paired: Literal[True], **options: Any
) -> list[Receipt]: ...
def rebuild(
    source: str | Path | Sequence[str | Path],
    target: str | Path,
    *,
    drop_bad: bool = False,
    drop: Sequence[str] = (),
    keep: Sequence[str] = (),
    dry_run: bool = False,
    from_report: str | Path | None = None,
    quarantine: str | Path | None = None,
    fill: float | None = None,
    to: str | None = None,
    force: bool = False,
    accept_losses: bool = False,
    drop_rows: bool = False,
    renumber: bool | None = None,
    progress: Progress | bool = False,
    **settings: Any,
) -> Receipt | list[Receipt]:
    """Write a clean copy of a dataset, compare it with the source, and return the receipt; the source is never written.

    Parameters
    ----------
    source, target
        The dataset, and a path where nothing lies yet (or something does, with `force`). With `paired=True` a list of
        stores of keys and values, and a new folder, in which each copy gets the name of its source.
    drop_bad
        Leave out every record with a bad finding.
    drop, keep
        Codes or verdicts of further records to leave out, or of records to keep in any case. A code of a validator of
        your own is one if a finding has it, or if the validator declares it in an attribute `codes`. Without any of
        these three, and without `fill`, a source with bad records is refused: the receipt's `written` is then False.
    dry_run
        Write nothing; the receipt says what would be done.
    from_report
        The report of an earlier scan, `.json` or `.jsonl`, instead of a scan now.
    quarantine
        A directory to put the dropped records into, byte for byte, with a report of why.
    fill
        Replace NaN and infinite values of HDF5 and float Datum by this, instead of dropping their records.
    to
        "lmdb" or "leveldb": write this kind of store.
    force
        Replace the store that lies at the target, in one step when the copy is complete; the receipt says what it was.
    accept_losses
        Continue if a copy of an HDF5 file cannot keep something around the rows; the receipt then names it.
    drop_rows
        Leave out only the bad steps of HDF5 episodes, from every dataset alike, and keep the rest of the episode.
    renumber
        True closes up the numbers in keys where records are dropped, False leaves holes. By default they are closed up
        if something in the store counts.
    progress
        True draws a bar for each phase on standard error. A callable is called with the phase ("scan", "copy",
        "verify"), the number of records done, of all records, and of bad ones.
    **settings
        As for `datacheck.scan`.

    Returns
    -------
    Receipt, or a list of them
        What was done, for each source.

    Raises
    ------
    SourceMissing, SourceUnknown, SourceUnreadable, UsageError
        As `datacheck.scan` does; also if the copy could not keep something.
    TargetExists
        Something lies at the target or at the quarantine; with `force`, UsageError if that is no store.
    RebuildFailed, UnfitRecord
        The copy could not be written or is not what it should be; nothing was left behind.
    """
    wanted, engine = make(**settings), settings.get("engine")
    several = _sources(source, paired=wanted.paired)
    source = several[0]
    given = {"source": source, "target": target, "quarantine": quarantine, "from_report": from_report}
    if isinstance(source, str | bytes | os.PathLike):
        refuse_url(os.fsdecode(source))
    named = {what: spelling.path(what, place) for what, place in given.items() if place is not None}
    for what in ("source", "target"):
        if what not in named:
            raise UsageError(f"the {what} is None; it must be a path")
    order = Order(
        source=named["source"],
        target=named["target"],
        choice=Choice(
            spelling.boolean("drop_bad", drop_bad),
            spelling.names("drop", drop),
            spelling.names("keep", keep),
            None if fill is None else spelling.number("fill", fill),
        ),
        dry_run=spelling.boolean("dry_run", dry_run),
        from_report=named.get("from_report"),
        quarantine=named.get("quarantine"),
        to=None if to is None else spelling.text("to", to),
        force=spelling.boolean("force", force),
        accept_losses=spelling.boolean("accept_losses", accept_losses),
        drop_rows=spelling.boolean("drop_rows", drop_rows),
        renumber=None if renumber is None else spelling.boolean("renumber", renumber),
        validators=spelling.validators_of(settings.get("validators", ())),
    )
    if order.validators and order.from_report is not None:
        raise UsageError(
            "validators judge records in a scan, and from_report takes its place; leave one of the two out"
        )
    with _watching(progress) as watch:
        if wanted.paired:
            results = rebuild_pairs([spelling.path("source", it) for it in several], order, wanted, watch, engine)
            return [receipt for receipt, _ in results]
        receipt, _ = rebuild_as(order, wanted, watch, engine)
        return receipt


def _watching(progress: Progress | bool) -> AbstractContextManager[Progress]:
    """Return the caller's progress callback, or bars if `progress` is True.

    Raises UsageError if `progress` is neither callable nor a bool.
    """
    if callable(progress):
        return nullcontext(progress)
    if not isinstance(progress, bool):
        raise UsageError(f"progress is {spelling.quoted(progress)}; it must be True, or something to call")
    if not progress:
        return nullcontext(ignore)
    from datacheck.reporting.progress import bar, bars

    return bars(lambda phase: bar(phase, lambda: None))


def _sources(source: Any, *, paired: bool) -> list[Any]:
    """Return the sources of a rebuild. Raises UsageError for several that are not paired."""
    if not is_several(source):
        return [source]
    if not paired:
        raise UsageError("a rebuild has one source; several stores of the same keys are rebuilt with paired=True")
    for it in source:
        if isinstance(it, str | bytes | os.PathLike):
            refuse_url(os.fsdecode(it))
    return list(source)
