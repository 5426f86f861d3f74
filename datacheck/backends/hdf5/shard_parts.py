"""Parse the part name of a shard of HDF5 files: the file, its table, and the deadly steps of the file's walk."""

from __future__ import annotations

from datacheck.model.blocks import Shard

RECORDS = "*"
"""Stands in place of a table's name, which begins with a slash, if scalar datasets are the records."""
EACH = "*"
"""Prefix of the name of a table whose datasets are a record each."""


def parts(shard: Shard) -> tuple[int, str, tuple[tuple[int, str], ...]]:
    """Return the number of the file, the name of the table, and the (step, signal) pairs of the walk's deadly steps."""
    number, table, deadly = shard.part.split("\n")
    steps = (step.partition("=") for step in deadly.split())
    return int(number), table, tuple((int(step), signal) for step, _, signal in steps)
