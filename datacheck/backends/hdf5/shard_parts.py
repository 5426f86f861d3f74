"""What the name of a part of HDF5 files says: the file, its table, and the steps of a walk that are deadly."""

from __future__ import annotations

from datacheck.model.blocks import Position, Shard

RECORDS = "*"
"""Stands for a table's name, which begins with a slash, where datasets are the records."""
EACH = "*"
"""Stands before the name of a table whose datasets are a record each."""


def parts(shard: Shard) -> tuple[int, str, tuple[tuple[int, str], ...]]:
    """Return the file's number, the table's name and the deadly steps of the file's walk."""
    number, table, deadly = shard.part.split("\n")
    steps = (step.partition("=") for step in deadly.split())
    return int(number), table, tuple((int(step), signal) for step, _, signal in steps)


def row_of(place: Position) -> int:
    """Return the number of the row at a place."""
    assert isinstance(place.key, int)
    return place.key + place.nth
