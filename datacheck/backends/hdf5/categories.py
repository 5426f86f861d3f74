"""Categories as anndata keeps them: the names that there are, and for each row the number of one, -1 for none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from datacheck.backends.hdf5.tables import Dataset, Values
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found


def categories(datasets: Sequence[Dataset], values: Values) -> Iterator[Finding]:
    """Yield which numbers of categories lead to none, of the datasets of one group: pandas reads no such column."""
    by_name = {it.name: it for it in datasets if len(it.shape) == 1}
    codes, names = by_name.get(b"codes"), by_name.get(b"categories")
    if codes is None or names is None or codes.dtype.kind not in "iu":
        return
    numbers = values(codes)
    if numbers is None or not numbers.size:
        return
    wrong = np.flatnonzero((numbers < -1) | (numbers >= names.rows))
    if not wrong.size:
        return
    at = int(wrong[0])
    more = f", and so do {wrong.size - 1:,} more" if wrong.size > 1 else ""
    path = escape(codes.path)
    told = f"{path}[{at}] leads to category {int(numbers[at]):,}{more}; there are {names.rows:,}, from 0 on"
    yield found("dangling", told, field=codes.title, dataset=path, row=at, number=int(numbers[at]))
