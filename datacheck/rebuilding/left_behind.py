"""Name the files beside a store, or that it refers to, that a copy does not have, since a loader may ask for them."""

from __future__ import annotations

import heapq
import os
from collections.abc import Collection, Iterator
from contextlib import suppress

from datacheck.backends.interface import InFolders, Reader
from datacheck.conventions.outcome import Outcomes
from datacheck.model.escaping import escape, plain, unescape
from datacheck.model.listing import and_more
from datacheck.reporting.report import Report
from datacheck.scanning.earlier.fingerprint import read_by

NAMED = 5
"""Maximum number of files named; the rest are counted."""


def left_behind(reader: Reader, outcomes: Outcomes | None) -> list[str]:
    """Return a sentence that names the files in the folder of a key-value store that the copy does not have, if any.

    If the store is a single file, these are the files whose names begin with its name and a dash.
    """
    repairs = [] if outcomes is None else outcomes.repairs.values()
    written = frozenset(os.fsdecode(name) for repair in repairs for name in repair.side_files)
    count = 0

    def counted() -> Iterator[str]:
        nonlocal count
        for name in _other_files(reader, written):
            count += 1
            yield name

    names = heapq.nsmallest(NAMED, counted())
    if not names:
        return []
    files = and_more((plain(escape(os.fsencode(it))) for it in names), count)
    rows = "" if outcomes is None else ", and may name records that are not in the copy"
    lies = "lies beside the store" if count == 1 else "lie beside the store"
    return [f"{files} {lies}{rows}"]


def left_outside(reader: Reader, report: Report, sentences: Collection[str]) -> list[str]:
    """Return a sentence for each reference to a file that is not copied, unless `sentences` already has one about it.

    References to files that do not exist are not included: those files are lost in the source already.
    """
    leading = [it for it in report.findings if it.key is None and it.code != "missing" and "elsewhere" in it.details]
    inside = {os.path.normpath(it) for it in read_by(reader)} if leading else set()
    folder = reader.path if reader.path.is_dir() else reader.path.parent
    result = []
    for it in leading:
        above = (folder / os.fsdecode(unescape(it.file))).parent if it.file else folder
        copied = os.path.normpath(above / os.fsdecode(unescape(it.details["elsewhere"]))) in inside
        spelled = f"{it.file}: {it.details['path']}" if it.file else str(it.details["path"])
        if not copied and not any(sentence.startswith((f"{spelled} ", f"{spelled}: ")) for sentence in sentences):
            result.append(f"{spelled} leads to {it.details['target']}, which is not copied; the copy refers to it")
    return result


def _other_files(reader: Reader, written: Collection[str]) -> Iterator[str]:
    """Yield the names of files beside a store that are not part of it and are not written into the copy."""
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
