"""The columns of HDF5 tables and their names, of which no two in a table are the same."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from datacheck.model.cells import BYTES, FIXED_TEXT, NUMBERS, OPAQUE, RAGGED, TEXT
from datacheck.model.escaping import escape, plain

PLACES = 64
"""Values of varying length in a row that are a column each."""


@dataclass(frozen=True)
class Column:
    """A dataset, or a member of a compound one: `data`, `points.position.x`.

    Of rows of several values of varying length each place is a column: `at` is where it is in a row.
    `holds` is NUMBERS, as many in each row, or what one value of each row is: see `datacheck.model.cells`.
    """

    name: str
    members: tuple[str, ...] = ()
    holds: str = NUMBERS
    at: tuple[int, ...] = ()


def columns(name: str, dtype: np.dtype[Any], members: tuple[str, ...] = (), *, flat: bool = True) -> Iterator[Column]:
    """Yield the columns of a dataset of this printed name and type; one that is not `flat` has rows of several values.

    Of such rows only numbers are taken.
    """
    flat &= dtype.subdtype is None
    dtype = dtype.base
    if dtype.names is None:
        holds = held(dtype)
        if holds == NUMBERS or (holds is not None and flat):
            yield Column(name, members, holds)
        return
    for member in dtype.names:
        yield from columns(f"{name}.{plain(member)}", dtype[member], (*members, member), flat=flat)


def places(name: str, dtype: np.dtype[Any], row: Sequence[int]) -> Iterator[Column]:
    """Yield a column for each place of a row of several values of varying length: `frames[0]`, `frames[1]`."""
    holds = held(dtype) if dtype.names is None and dtype.subdtype is None else None
    if holds in (BYTES, RAGGED) and math.prod(row) <= PLACES:
        for at in itertools.product(*map(range, row)):
            yield Column(f"{name}[{','.join(map(str, at))}]", holds=str(holds), at=at)


def unjudged_places(dtype: np.dtype[Any], row: Sequence[int]) -> bool:
    """Say whether values of varying length have too many places in a row to be a column each."""
    return len(row) > 0 and dtype.names is None and held(dtype) in (BYTES, RAGGED) and math.prod(row) > PLACES


def held(dtype: np.dtype[Any]) -> str | None:
    """Return what a value of this type is, as a column says it; None for what is not judged."""
    if dtype.kind in "biufc":
        return NUMBERS if dtype.itemsize else None
    if dtype.kind == "S":
        return FIXED_TEXT if dtype.itemsize > 1 else None
    if dtype.kind == "V":
        return OPAQUE if dtype.itemsize and dtype.names is None else None
    of = _varying(dtype)
    if of in (str, bytes):
        return TEXT
    if not isinstance(of, np.dtype) or of.kind not in "biufc" or misread(dtype):
        return None
    return BYTES if of.kind in "iu" and of.itemsize == 1 else RAGGED


def misread(dtype: np.dtype[Any]) -> bool:
    """Say whether values of this type hold numbers of varying length in another byte order than this machine's.

    h5py (3.16) hands out their bytes as they are, as if they were in this machine's order.
    """
    if dtype.base.names is not None:
        return any(misread(dtype.base[name]) for name in dtype.base.names)
    of = _varying(dtype.base)
    return isinstance(of, np.dtype) and not of.isnative


def _varying(dtype: np.dtype[Any]) -> Any:
    """Return the type of which values of this one have a varying number, None for any other type."""
    metadata: Mapping[str, Any] = dtype.metadata or {}
    return metadata.get("vlen")


Place = tuple[bytes, int]
"""The path of a dataset, and the number of one of its columns."""


def distinct(named: Mapping[bytes, tuple[bytes, Sequence[Column]]]) -> dict[bytes, tuple[str, ...]]:
    r"""Return names for the columns of datasets (by path: the dataset's name and columns), where two print alike.

    There a name is spelled so that it can mean nothing else, with a dot within a part of it as \\x2e: beside the
    member `x` of `points` a dataset `points.x` is `points\\x2ex`. Datasets that need none are not in what is returned.
    """
    names: dict[Place, str] = {}
    exact: dict[Place, str] = {}
    for path, (name, its) in named.items():
        for at, column in enumerate(its):
            names[path, at] = column.name
            members = [member.encode("utf-8", "surrogateescape") for member in column.members]
            exact[path, at] = ".".join(escape(part).replace(".", "\\x2e") for part in (name, *members))
    changed: set[bytes] = set()
    while True:
        count = Counter(names.values())
        alike = {place for place, name in names.items() if count[name] > 1 and name != exact[place]}
        if not alike:
            break
        changed.update(path for path, _ in alike)
        names.update((place, exact[place]) for place in alike)
    return {path: tuple(names[path, at] for at in range(len(named[path][1]))) for path in changed}
