"""Scalar datasets of bytes, each of which is a record: how files keep a picture, or another payload, a dataset."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from datacheck.backends.hdf5.file import OpenFile
from datacheck.backends.hdf5.survey import reason_of
from datacheck.backends.hdf5.tables import Contents, Dataset
from datacheck.backends.hdf5.trouble import TROUBLE
from datacheck.model.blocks import Block, Note, Position
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, errno_details, found
from datacheck.model.slips import errno_of, of_machine


def read_records(
    file: OpenFile, contents: Contents, start: int, stop: int | None, label: str | None, note: Note
) -> Iterator[Block]:
    """Yield scalars of bytes one by one, with their paths as keys."""
    for at, dataset in enumerate(contents.records[start:stop], start):
        note(Position(at), True)
        try:
            value = _held(file.dataset(dataset)[()], dataset)
        except (*TROUBLE, MemoryError) as exc:
            yield Block([dataset.path], [b""], findings=[(0, unread(dataset, exc))], file=label)
            continue
        yield Block([dataset.path], [value], file=label)


def _held(value: Any, dataset: Dataset) -> bytes:
    if not dataset.dtype.hasobject:
        return np.asarray(value, dataset.dtype).tobytes()
    return value.tobytes() if isinstance(value, np.ndarray) else b""


def unread(dataset: Dataset, exc: Exception) -> Finding:
    """Return the finding for a dataset that cannot be read."""
    code = "too-large" if isinstance(exc, MemoryError) else "unreadable"
    path = escape(dataset.path)
    said: dict[str, Any] = {"field": dataset.title, "dataset": path}
    if of_machine(exc) and not isinstance(exc, MemoryError):
        said |= {"verdict": "unverifiable", **errno_details(errno_of(exc))}
    return found(code, f"{path}: {reason_of(exc)}", **said)
