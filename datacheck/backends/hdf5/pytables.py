"""The indexes that PyTables keeps of tables: groups beside them, whose datasets are no records."""

from __future__ import annotations

from collections.abc import Container, Sequence

from datacheck.backends.hdf5.dataset import Dataset

INDEX = b"_i_"
PARTS = frozenset(b"abounds bounds indices indicesLR mbounds mranges ranges sorted sortedLR zbounds".split())
"""The datasets of an index (tables.index in PyTables)."""


def of_index(group: bytes, paths: Container[bytes], datasets: Sequence[Dataset]) -> bool:
    """Say whether a group is of the index that PyTables keeps of a table beside it: _i_table of table.

    Names that begin with _i_ are reserved for that (tables.path in PyTables). Of a table that is lost, or of a type
    that cannot be read, the index is known by the datasets that every index has.
    """
    parts = group.split(b"/")
    is_index = len(datasets) > 1 and PARTS.issuperset(it.name for it in datasets)
    return any(
        part.startswith(INDEX) and (is_index or b"/".join([*parts[:at], part.removeprefix(INDEX)]) in paths)
        for at, part in enumerate(parts)
    )
