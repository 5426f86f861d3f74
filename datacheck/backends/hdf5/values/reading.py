"""Read a dataset through a window, whether it is judged or only read."""

from __future__ import annotations

from collections.abc import Iterator

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.file import OpenFile
from datacheck.backends.hdf5.kept import OpenTable
from datacheck.backends.hdf5.trouble import TROUBLE
from datacheck.backends.hdf5.values.plain import PlainFile
from datacheck.backends.hdf5.values.records import misplaced_finding, unread_finding
from datacheck.backends.hdf5.values.window import Window
from datacheck.model.finding import Finding


def window_on(file: OpenFile | OpenTable | PlainFile, dataset: Dataset, rows: int, *, single: bool = False) -> Window:
    """Return a window that reads `rows` rows of a dataset at once."""
    handle = file.dataset(dataset)
    past = None if single else file.past(dataset, handle)
    end = file.size if file.cut else None
    lost = file.first_lost(dataset, handle)
    return Window(dataset, handle, rows, single=single, direct=past, end=end, lost_from=lost, size=file.size)


def read_findings(file: OpenFile, dataset: Dataset, size: int) -> Iterator[Finding]:
    """Read a dataset that is not judged, about `size` bytes at once, and yield what is wrong with it."""
    if dataset.misplaced and not dataset.shape:
        yield misplaced_finding(dataset)
        return
    try:
        if not dataset.shape:
            file.value(dataset)
            return
        file.dataset(dataset)
    except (*TROUBLE, MemoryError) as exc:
        yield unread_finding(dataset, exc)
        return
    window = window_on(file, dataset, max(1, size // max(1, dataset.row_bytes)))
    at = 0
    while at < dataset.rows:
        at = window.cover(at, dataset.rows)
        last = None
        for finding in window.lost.values():
            if finding is not last:
                yield finding
            last = finding
