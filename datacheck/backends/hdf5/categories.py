"""Categories as anndata keeps them: the names that there are, and for each row the number of one, -1 for none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.dataset import Dataset, Values
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found

ENCODED = "categorical"
"""What anndata says a group is that holds categories."""


def categories(datasets: Sequence[Dataset], kind: str, values: Values) -> dict[bytes, int]:
    """Return the dataset of numbers among those of a group, and how many categories there are; nothing without one.

    Where the group does not say by its `kind` that it holds these, most of the numbers have to be those of some.
    """
    by_name = {it.name: it for it in datasets if len(it.shape) == 1}
    codes, names = by_name.get(b"codes"), by_name.get(b"categories")
    if codes is None or names is None or codes.dtype.kind not in "iu":
        return {}
    numbers = None if kind == ENCODED else values(codes)
    if numbers is not None and 2 * int(((numbers >= -1) & (numbers < names.rows)).sum()) < numbers.size:
        return {}
    return {codes.path: names.rows}


def without_category(dataset: Dataset, count: int, numbers: NDArray[Any], start: int) -> Iterator[tuple[int, Finding]]:
    """Yield the numbers of rows from `start` on that lead to no category, with their places: pandas reads none."""
    if not numbers.size or (int(numbers.min()) >= -1 and int(numbers.max()) < count):
        return
    path = escape(dataset.path)
    for at in np.flatnonzero((numbers < -1) | (numbers >= count)).tolist():
        number = int(numbers[at])
        told = f"{path}[{start + at}] leads to category {number:,}; there are {count:,}, from 0 on"
        yield at, found("dangling", told, field=dataset.title, dataset=path, row=start + at, number=number)
