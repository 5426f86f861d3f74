"""Datasets that are a record each: scalars of bytes, a picture or another payload, and arrays of numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from datacheck.backends.hdf5.file import OpenFile
from datacheck.backends.hdf5.survey import reason_of
from datacheck.backends.hdf5.tables import EACH, Contents, Dataset, Table
from datacheck.backends.hdf5.trouble import TROUBLE
from datacheck.model.blocks import Block, Note, Position, RowBlock
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, errno_details, found
from datacheck.model.slips import errno_of, of_machine

TOGETHER = 4 << 20
"""Datasets of so many bytes are judged together."""


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


def read_each(
    file: OpenFile, table: Table, start: int, stop: int | None, label: str | None, note: Note, *, single: bool = False
) -> Iterator[RowBlock]:
    """Yield datasets of numbers that are a record each: neighbours of one shape and type together."""
    stop = table.rows if stop is None else min(stop, table.rows)
    at = start
    while at < stop:
        first, end = table.judged[at], at + 1
        most = 1 if single else max(1, TOGETHER // max(1, first.bytes))
        while end < min(stop, at + most) and _alike(table.judged[end], first):
            end += 1
        its = table.judged[at:end]
        values = np.zeros((len(its), *first.shape), first.dtype)
        lost: list[tuple[int, Finding]] = []
        for row, dataset in enumerate(its):
            note(Position(at + row), True)
            try:
                file.dataset(dataset).read_direct(values, dest_sel=np.s_[row])
            except (*TROUBLE, MemoryError) as exc:
                lost.append((row, unread(dataset, exc)))
        name = first.columns[0].name
        yield RowBlock(
            table.name.removeprefix(EACH), range(at, end), {name: values}, unread={name: [row for row, _ in lost]},
            file=label, findings=lost, group=table.group, called=[escape(it.path) for it in its],
        )  # fmt: skip
        at = end


def _alike(some: Dataset, other: Dataset) -> bool:
    return some.shape == other.shape and some.dtype == other.dtype


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
