"""Check numbers that stand for names: categories as anndata stores them (-1 for none) and enumerated types of HDF5."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.dataset import Dataset, Values
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.listing import counted

ENCODED = "categorical"
"""Encoding type that anndata gives to a group of categories."""


def categories(datasets: Sequence[Dataset], kind: str, values: Values) -> dict[bytes, int]:
    """Return the path of a group's dataset of category numbers with the number of categories, or an empty dict.

    Unless the `kind` of the group says that it holds categories, at least half of the numbers must be valid.
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
    """Yield the places of numbers that lead to no category, with a finding; the first row is `start`.

    pandas cannot read a category from such a number.
    """
    if not numbers.size or (int(numbers.min()) >= -1 and int(numbers.max()) < count):
        return
    path = escape(dataset.path)
    for at in np.flatnonzero((numbers < -1) | (numbers >= count)).tolist():
        number = int(numbers[at])
        message = f"{path}[{start + at}] leads to category {number:,}; there are {count:,}, from 0 on"
        yield at, found("dangling", message, field=dataset.title, dataset=path, row=start + at, number=number)


def without_name(dataset: Dataset, numbers: NDArray[Any], start: int, *, label: bool) -> Iterator[tuple[int, Finding]]:
    """Yield the places of numbers without a name in an enumerated type, with a finding; the first row is `start`.

    If all names are of single bits, the numbers are flags: any combination of these bits is sound.
    """
    metadata: Mapping[str, Any] = dataset.dtype.metadata or {}
    named = metadata.get("enum")
    if not named or numbers.dtype.kind not in "iu" or not numbers.size or dataset.declared is not None:
        return
    known = np.array(sorted({int(it) for it in named.values()}), numbers.dtype)
    if len(known) == int(known[-1]) - int(known[0]) + 1 and numbers.min() >= known[0] and numbers.max() <= known[-1]:
        return
    bits = [it for it in known.tolist() if it]
    if len(bits) > 1 and all(it > 0 and not it & (it - 1) for it in bits) and numbers.min() >= 0:
        wrong = (numbers & ~np.bitwise_or.reduce(known)) != 0
    else:
        wrong = ~np.isin(numbers, known)
    path = escape(dataset.path)
    for at in np.flatnonzero(wrong.reshape(len(numbers), -1).any(axis=1)).tolist():
        number = int(numbers[at][wrong[at]].reshape(-1)[0])
        message = (
            f"{path}[{start + at}] is {number:,}, and its type has names for {counted(len(known), 'other value')} only"
        )
        code = "label" if label else "dangling"
        details: dict[str, Any] = {"dataset": path, "row": start + at, "number": number}
        yield at, found(code, message, field=dataset.title, verdict=None if label else "suspicious", **details)
