"""Read the attribute of Fuel that says which rows of which datasets are the train, test or unlabelled set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.looking import Looking
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found

SPLIT = b"split"
FIELDS = frozenset({"split", "source", "start", "stop"})
"""Fields of the attribute's compound type."""


class Part(NamedTuple):
    """The rows of a dataset, in the root group, that belong to a set."""

    of: bytes
    source: bytes
    start: int
    stop: int


def parts(look: Looking) -> tuple[Part, ...]:
    """Return the parts that the attribute declares; empty if the file was not written by Fuel."""
    held = look.rows(b"", SPLIT)
    if held is None or not set(held.dtype.names or ()) >= FIELDS:
        return ()
    if any(held.dtype[it].kind != "S" for it in ("split", "source")):
        return ()
    if any(held.dtype[it].kind not in "iu" for it in ("start", "stop")):
        return ()
    its = zip(*(held[it].tolist() for it in ("split", "source", "start", "stop")), strict=True)
    return tuple(Part(of, b"/" + source, start, stop) for of, source, start, stop in its if source)


def findings(its: tuple[Part, ...], datasets: Mapping[bytes, Dataset]) -> Iterator[Finding]:
    """Yield a finding for each part whose dataset or rows do not exist."""
    for it in its:
        source, said = escape(it.source), f"/: the attribute split says that {escape(it.of)} is "
        dataset = datasets.get(it.source)
        rows = None if dataset is None else dataset.rows
        if rows is not None and 0 <= it.start <= it.stop <= rows:
            continue
        there = "which is not there" if rows is None else f"which has {rows:,}"
        text = f"{said}rows {it.start:,} to {it.stop:,} of {source}, {there}"
        yield found("dangling", text, dataset=source, number=it.stop, rows=rows)
