"""Select the scalar datasets and pictures of a file that are a record each."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.tables import Table
from datacheck.model.cells import BYTES, FIXED_TEXT, OPAQUE


def records(
    groups: Sequence[tuple[bytes, Sequence[Dataset]]], tabled: Iterable[Table], pictures: Collection[bytes] = ()
) -> Iterator[Dataset]:
    """Yield the datasets that are a record each.

    These are byte scalars in groups without a table, also fixed-length strings if the file has no tables at all, and
    datasets that hold the bytes of a picture, unless they belong to a table.
    """
    tabled = list(tabled)
    own = {it.path for table in tabled for it in table.datasets} if pictures else set()
    yield from (it for _, datasets in groups for it in datasets if it.path in pictures and it.path not in own)
    with_tables = {table.datasets[0].path.rpartition(b"/")[0] for table in tabled}
    kinds = {OPAQUE, BYTES} if with_tables else {OPAQUE, BYTES, FIXED_TEXT}
    for group, datasets in groups:
        if group not in with_tables:
            yield from (it for it in datasets if not it.shape and it.readable and it.holds and it.holds <= kinds)
