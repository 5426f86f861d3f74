"""Read the attribute of Fuel that says which rows of which datasets are the train, test or unlabelled set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.library.looking import Looking
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found

SPLIT = b"split"
FIELDS = frozenset({"split", "source", "start", "stop"})
"""Fields of the attribute's compound type."""


class Part(NamedTuple):
    """The rows of a dataset, in the root group, that belong to a set."""

    set_name: bytes
    source: bytes
    start: int
    stop: int


def parts(look: Looking) -> tuple[Part, ...]:
    """Return the parts that the attribute declares; empty if the file was not written by Fuel."""
    rows = look.rows(b"", SPLIT)
    if rows is None or not set(rows.dtype.names or ()) >= FIELDS:
        return ()
    if any(rows.dtype[it].kind != "S" for it in ("split", "source")):
        return ()
    if any(rows.dtype[it].kind not in "iu" for it in ("start", "stop")):
        return ()
    fields = zip(*(rows[it].tolist() for it in ("split", "source", "start", "stop")), strict=True)
    return tuple(Part(set_name, b"/" + source, start, stop) for set_name, source, start, stop in fields if source)


def findings(declared: tuple[Part, ...], datasets: Mapping[bytes, Dataset]) -> Iterator[Finding]:
    """Yield a finding for each part whose dataset or rows do not exist."""
    for it in declared:
        source, claim = escape(it.source), f"/: the attribute split says that {escape(it.set_name)} is "
        dataset = datasets.get(it.source)
        rows = None if dataset is None else dataset.rows
        if rows is not None and 0 <= it.start <= it.stop <= rows:
            continue
        actual = "which is not there" if rows is None else f"which has {rows:,}"
        text = f"{claim}rows {it.start:,} to {it.stop:,} of {source}, {actual}"
        yield found("dangling", text, dataset=source, number=it.stop, rows=rows)
