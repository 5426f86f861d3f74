"""Refuse, before the scan, names of records to drop or keep that the source does not have."""

from __future__ import annotations

from datacheck.backends.interface import Reader
from datacheck.errors import PartUnread
from datacheck.model.escaping import plain
from datacheck.model.finding import is_code
from datacheck.rebuilding.choice import unknown_name
from datacheck.rebuilding.work import Order
from datacheck.scanning.find import Find
from datacheck.scanning.tasks import Task, run_one
from datacheck.workers.interface import Engine


def require_possible(order: Order, reader: Reader, pool: Engine[Task]) -> None:
    """Raise UsageError for a name to drop or keep that is no code, no verdict, and no possible record name.

    In HDF5 a record's name is a path. In a key-value store the name is looked up. If the lookup fails, the name is
    accepted here and compared with the findings after the scan, and so is what may be a code of the caller's own
    validators.
    """
    for name in sorted(order.choice.names - order.own_codes):
        if order.validators and is_code(name):
            exists = True
        elif reader.backend == "hdf5":
            exists = "/" in name
        else:
            try:
                exists = run_one(pool, Find(name)) is not None
            except PartUnread:
                exists = True
        if not exists:
            raise unknown_name(name, f"no record in {plain(str(reader.path))} has that name")
