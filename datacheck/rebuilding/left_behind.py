"""Files beside a store, or that it refers to, which a copy does not have: named, since a loader may ask for them."""

from __future__ import annotations

import heapq
import os
from collections.abc import Collection, Iterator
from contextlib import suppress

from datacheck.backends.interface import InFolders, Reader
from datacheck.conventions.outcome import Outcomes
from datacheck.model.escaping import escape, plain, unescape
from datacheck.reporting.report import Report
from datacheck.scanning.fingerprint import read_by

NAMED = 5
"""So many are named."""


def left_behind(reader: Reader, outcomes: Outcomes | None) -> list[str]:
    """Return a sentence for the files in the folder of a store of keys and values that a copy does not have.

    Of a store that is a file these are those that are called by its name, a dash, and more.
    """
    repairs = [] if outcomes is None else outcomes.repairs.values()
    written = frozenset(os.fsdecode(name) for repair in repairs for name in repair.side_files)
    count = 0

    def counted() -> Iterator[str]:
        nonlocal count
        for name in _foreign(reader, written):
            count += 1
            yield name

    names = heapq.nsmallest(NAMED, counted())
    if not names:
        return []
    said = ", ".join(plain(escape(os.fsencode(it))) for it in names)
    more = f" and {count - len(names):,} more" if count > len(names) else ""
    rows = "" if outcomes is None else ", and may name records that are not in the copy"
    lies = "lies beside the store" if count == 1 else "lie beside the store"
    return [f"{said}{more} {lies}{rows}"]


def left_outside(reader: Reader, report: Report, said: Collection[str]) -> list[str]:
    """Return a sentence for each thing that leads to a file that is not copied, unless it is `said` already.

    What leads to a file that is not there is lost in the source.
    """
    leading = [it for it in report.findings if it.key is None and it.code != "missing" and "elsewhere" in it.details]
    inside = {os.path.normpath(it) for it in read_by(reader)} if leading else set()
    folder = reader.path if reader.path.is_dir() else reader.path.parent
    made = []
    for it in leading:
        above = (folder / os.fsdecode(unescape(it.file))).parent if it.file else folder
        copied = os.path.normpath(above / os.fsdecode(unescape(it.details["elsewhere"]))) in inside
        spelled = f"{it.file}: {it.details['path']}" if it.file else str(it.details["path"])
        if not copied and not any(of.startswith((f"{spelled} ", f"{spelled}: ")) for of in said):
            made.append(f"{spelled} leads to {it.details['target']}, which is not copied; the copy refers to it")
    return made


def _foreign(reader: Reader, written: Collection[str]) -> Iterator[str]:
    """Yield the names of what lies beside a store, is no part of it, and is not written into a copy."""
    own = getattr(reader, "in_folders", InFolders()).own
    path = reader.path
    of_folder = path.is_dir()
    before = "" if of_folder else f"{path.name}-"
    with suppress(OSError), os.scandir(path if of_folder else path.parent) as entries:
        for entry in entries:
            name = entry.name
            if name.startswith(".") or name in written or not name.startswith(before):
                continue
            if name != f"{path.name}-lock" if not of_folder else own is not None and not own.fullmatch(name):
                yield name
