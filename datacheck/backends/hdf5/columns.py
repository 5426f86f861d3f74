"""The columns of HDF5 tables, and their names, which are unique within a table."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from datacheck.model.cells import BYTES, FIXED_TEXT, NUMBERS, OPAQUE, RAGGED, TEXT
from datacheck.model.escaping import escape, plain

PLACES = 64
"""Maximum number of values of varying length in a row for each of them to be a column."""


class Column(msgspec.Struct, frozen=True):
    """A dataset, or a member of a compound one: `data`, `points.position.x`.

    If a row has several values of varying length, each place in it is a column; `at` is the index of that place.
    `holds` is NUMBERS, equally many in each row, or the kind of the single value in each row: see
    `datacheck.model.cells`.
    """

    name: str
    members: tuple[str, ...] = ()
    holds: str = NUMBERS
    at: tuple[int, ...] = ()


def columns(name: str, dtype: np.dtype[Any], members: tuple[str, ...] = (), *, flat: bool = True) -> Iterator[Column]:
    """Yield the columns of a dataset with this printed name and type.

    A row of a dataset that is not `flat` has several values; only numbers then become columns.
    """
    flat &= dtype.subdtype is None
    dtype = dtype.base
    if dtype.names is None:
        holds = value_kind(dtype)
        if holds == NUMBERS or (holds is not None and flat):
            yield Column(name, members, holds)
        return
    for member in dtype.names:
        yield from columns(f"{name}.{plain(member)}", dtype[member], (*members, member), flat=flat)


def places(name: str, dtype: np.dtype[Any], row: Sequence[int]) -> Iterator[Column]:
    """Yield a column for each place in a row with several values of varying length: `frames[0]`, `frames[1]`."""
    holds = value_kind(dtype) if dtype.names is None and dtype.subdtype is None else None
    if holds in (BYTES, RAGGED) and math.prod(row) <= PLACES:
        for at in itertools.product(*map(range, row)):
            yield Column(f"{name}[{','.join(map(str, at))}]", holds=str(holds), at=at)


def unjudged_places(dtype: np.dtype[Any], row: Sequence[int]) -> bool:
    """Return whether a row has too many values of varying length for each of them to be a column."""
    return len(row) > 0 and dtype.names is None and value_kind(dtype) in (BYTES, RAGGED) and math.prod(row) > PLACES


def value_kind(dtype: np.dtype[Any]) -> str | None:
    """Return the kind of a value of this type, as in `Column.holds`, or None if such values are not judged."""
    if dtype.kind in "biufc":
        return NUMBERS if dtype.itemsize else None
    if dtype.kind == "S":
        return FIXED_TEXT if dtype.itemsize > 1 else None
    if dtype.kind == "V":
        return OPAQUE if dtype.itemsize and dtype.names is None else None
    element = _element_type(dtype)
    if element in (str, bytes):
        return TEXT
    if not isinstance(element, np.dtype) or element.kind not in "biufc" or is_misread(dtype):
        return None
    return BYTES if element.kind in "iu" and element.itemsize == 1 else RAGGED


def is_misread(dtype: np.dtype[Any]) -> bool:
    """Return whether this type has numbers in sequences of varying length, in a byte order that is not this machine's.

    h5py (3.16) returns their bytes unchanged, as if they were in this machine's order.
    """
    if dtype.base.names is not None:
        return any(is_misread(dtype.base[name]) for name in dtype.base.names)
    element = _element_type(dtype.base)
    return isinstance(element, np.dtype) and not element.isnative


def _element_type(dtype: np.dtype[Any]) -> Any:
    """Return the element type of values of varying length, or None for any other type."""
    metadata: Mapping[str, Any] = dtype.metadata or {}
    return metadata.get("vlen")


Place = tuple[bytes, int]
"""The path of a dataset and the index of one of its columns."""


def distinct_names(named: Mapping[bytes, tuple[bytes, Sequence[Column]]]) -> dict[bytes, tuple[str, ...]]:
    r"""Return unambiguous column names, by path, for the datasets with columns whose names print alike.

    `named` has the name and the columns of each dataset by path. An unambiguous name spells a dot within a part as
    \\x2e: beside the member `x` of `points` a dataset `points.x` becomes `points\\x2ex`. Datasets whose names stay the
    same are left out.
    """
    names: dict[Place, str] = {}
    exact: dict[Place, str] = {}
    for path, (name, dataset_columns) in named.items():
        for at, column in enumerate(dataset_columns):
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
