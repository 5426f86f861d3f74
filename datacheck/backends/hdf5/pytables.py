"""The indexes that PyTables keeps of tables: groups beside them, whose datasets are no records."""

from __future__ import annotations

from collections.abc import Container

INDEX = b"_i_"


def of_index(group: bytes, paths: Container[bytes]) -> bool:
    """Say whether a group is of the index that PyTables keeps of a table beside it: _i_table of table.

    Names that begin with _i_ are reserved for that (tables.path in PyTables).
    """
    parts = group.split(b"/")
    return any(
        part.startswith(INDEX) and b"/".join([*parts[:at], part.removeprefix(INDEX)]) in paths
        for at, part in enumerate(parts)
    )
