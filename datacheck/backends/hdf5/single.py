"""Which scalar datasets of a file are a record each."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.tables import Table
from datacheck.model.cells import BYTES, FIXED_TEXT, OPAQUE


def records(
    groups: Sequence[tuple[bytes, Sequence[Dataset]]], tabled: Iterable[Table], pictures: Collection[bytes] = ()
) -> Iterator[Dataset]:
    """Yield what is a record by itself: scalars of bytes, in groups without a table, strings in files without any.

    And what holds the bytes of a picture, unless it is a record of a table.
    """
    tabled = list(tabled)
    own = {it.path for table in tabled for it in table.datasets} if pictures else set()
    yield from (it for _, datasets in groups for it in datasets if it.path in pictures and it.path not in own)
    with_tables = {table.datasets[0].path.rpartition(b"/")[0] for table in tabled}
    kinds = {OPAQUE, BYTES} if with_tables else {OPAQUE, BYTES, FIXED_TEXT}
    for group, datasets in groups:
        if group not in with_tables:
            yield from (it for it in datasets if not it.shape and it.readable and it.holds and it.holds <= kinds)
