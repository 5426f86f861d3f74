"""Recognise the table indexes of PyTables: groups beside the tables, whose datasets are not records."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Sequence

from datacheck.backends.hdf5.dataset import Dataset

INDEX = b"_i_"
PARTS = frozenset(b"abounds bounds indices indicesLR mbounds mranges ranges sorted sortedLR zbounds".split())
"""Names of the datasets of an index (tables.index in PyTables)."""
_IN_INDEX = re.compile(rb"((.*)/_i_([^/]+))/.+", re.DOTALL)


def is_of_index(group: bytes, paths: Container[bytes], datasets: Sequence[Dataset]) -> bool:
    """Check whether a group belongs to the index that PyTables keeps beside a table: _i_table for table.

    Names that begin with _i_ are reserved for indexes (tables.path in PyTables). If the table is lost, or its type
    cannot be read, the index is recognised by the datasets that every index has.
    """
    parts = group.split(b"/")
    is_index = len(datasets) > 1 and PARTS.issuperset(it.name for it in datasets)
    return any(
        part.startswith(INDEX) and (is_index or b"/".join([*parts[:at], part.removeprefix(INDEX)]) in paths)
        for at, part in enumerate(parts)
    )


def in_indexes(paths: Iterable[bytes], tables: Container[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yield each of the paths that is in the index of one of these tables, with the path of the index.

    >>> list(in_indexes([b"/a/_i_table/x/sorted", b"/a/table"], {b"/a/table"}))
    [(b'/a/_i_table/x/sorted', b'/a/_i_table')]
    """
    for path in paths:
        match = _IN_INDEX.fullmatch(path)
        if match is not None and match[2] + b"/" + match[3] in tables:
            yield path, match[1]
