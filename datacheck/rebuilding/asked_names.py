"""Refuse names of records that are to be dropped or kept, and that the source does not have, before it is scanned."""

from __future__ import annotations

from datacheck.backends.interface import Reader
from datacheck.errors import PartUnread
from datacheck.model.escaping import plain
from datacheck.rebuilding.choice import Choice, unknown_name
from datacheck.scanning.find import Find
from datacheck.scanning.tasks import Task, only
from datacheck.workers.interface import Engine


def require_possible(choice: Choice, reader: Reader, pool: Engine[Task]) -> None:
    """Raise UsageError for a name that is no code, no verdict, and that no record can have.

    In HDF5 a record's name is a path. In a key-value store it is looked up; where that fails, the scan will tell.
    """
    for name in sorted(choice.names):
        if reader.backend == "hdf5":
            there = "/" in name
        else:
            try:
                there = only(pool, Find(name)) is not None
            except PartUnread:
                there = True
        if not there:
            raise unknown_name(name, f"no record in {plain(str(reader.path))} has that name")
