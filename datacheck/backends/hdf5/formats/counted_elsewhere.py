"""Say why rows cannot be removed from formats that count or number them in other datasets or attributes."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from datacheck.backends.hdf5.formats import cooler, loom, snapshots
from datacheck.backends.hdf5.samples.samples import Shape


def losses(shapes: Collection[tuple[bytes, Shape]], table: str, own: Collection[bytes]) -> Iterator[str]:
    """Yield why removing rows of a table, which consists of its `own` datasets, would make a copy inconsistent."""
    paths = [path for path, _ in shapes]
    yield from loom.losses(shapes, table, own)
    yield from cooler.losses(paths, table, own)
    yield from snapshots.losses(paths, table, own)
