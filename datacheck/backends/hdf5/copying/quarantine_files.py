"""Write the quarantine of a file: the dropped rows and datasets that can be read."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import numpy as np

from datacheck.backends.hdf5.copying.builder import Builder
from datacheck.backends.hdf5.copying.digest import FilePlan
from datacheck.backends.hdf5.copying.parts import Part, changes_of_table
from datacheck.backends.hdf5.copying.quarantine import readable_rows
from datacheck.backends.hdf5.copying.row_selection import Change, Picked
from datacheck.backends.hdf5.copying.whole_files import sync
from datacheck.backends.hdf5.file import library, opened
from datacheck.backends.hdf5.reader import Hdf5Reader
from datacheck.backends.hdf5.trouble import TROUBLE
from datacheck.model.escaping import escape


def write_quarantine(part: Part, target: Path, deadly: frozenset[str], reader: Hdf5Reader) -> int:
    """Write a file of the dropped rows that can be read, and return how many there are."""
    count = 0
    changes: dict[bytes, Change] = {}
    label = reader.names[part.number] if reader.names else None
    with opened(part.file, part.plan.contents.recovery) as source:
        for table, first in part.tables:
            if table.each:
                continue
            dropped = part.drops[slice(*np.searchsorted(part.drops, [first, first + table.rows]))]
            rows = readable_rows(library(), source.id, table, dropped, first, deadly, label)
            count += len(rows)
            changes.update(changes_of_table(table, Change(Picked(table.rows, rows))))
        skip = part.plan.skip - part.samples
        plan = FilePlan(part.plan.contents, changes, skip, bare=True, by_value=part.plan.by_value)
        for _ in Builder(library(), source, target, plan).build():
            pass
        count += _quarantine_records(part, source.id, target, deadly, label)
    sync(target)
    return count


def _quarantine_records(part: Part, source: Any, target: Path, deadly: frozenset[str], label: str | None) -> int:
    """Copy the dropped datasets that are one record each into the quarantine; return how many can be read."""
    h5, count = library(), 0
    dropped_paths = _dropped_paths(part)
    if not dropped_paths:
        return 0
    linking = h5.h5p.create(h5.h5p.LINK_CREATE)
    linking.set_create_intermediate_group(True)
    with contextlib.closing(h5.h5f.open(os.fsencode(target), h5.h5f.ACC_RDWR)) as file:
        for path in dropped_paths:
            name = escape(path)
            if deadly & {name, f"{label}:{name}"}:
                continue
            with contextlib.suppress(*TROUBLE):  # a dataset that cannot be read cannot be kept
                h5.h5o.copy(source, path, file, path, lcpl=linking)
                count += 1
    return count


def _dropped_paths(part: Part) -> list[bytes]:
    """Return the paths of the dropped datasets that are one record each."""
    paths: list[bytes] = []
    end = part.first
    for table, first in part.tables:
        end = first + table.rows
        if table.each:
            indexes = part.drops[slice(*np.searchsorted(part.drops, [first, end]))] - first
            paths += (table.judged[at].path for at in indexes.tolist())
    records = part.plan.contents.records
    indexes = part.drops[slice(*np.searchsorted(part.drops, [end, end + len(records)]))] - end
    return paths + [records[at].path for at in indexes.tolist()]
