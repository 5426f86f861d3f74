"""Detect datasets whose rows have no values: they have as many rows as the data or labels, but each row is empty."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from datacheck.backends.hdf5.dataset import UNJUDGED, Dataset
from datacheck.backends.hdf5.names import LABELS, words
from datacheck.backends.hdf5.samples.row_counts import DATA, SEEN, STEPS, WHOLE
from datacheck.model.codes import Verdict
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.listing import counted

MEANT = DATA | LABELS | STEPS | SEEN
"""Words in the names of datasets that training reads."""


def without_values(datasets: Sequence[Dataset], *, filled: bool) -> Iterator[Finding]:
    """Yield findings for the datasets of one group whose rows are empty, unless they are just optional and unused.

    It is a fault if the dataset is data or labels by its name, or if the file is not `filled`: no row in it has values.
    Other datasets are sound in a file with values elsewhere, since they were not measured. If a name has further words,
    such as sample_extra, it may be one of those, so the finding is suspicious.
    """
    for dataset in datasets:
        if not dataset.shape or not dataset.rows or dataset.row_bytes or dataset.matlab in UNJUDGED:
            continue
        if not dataset.dtype.itemsize or (filled and not _is_training_data(dataset)):
            continue
        path = escape(dataset.path)
        message = f"{path} has {counted(dataset.rows, 'row')} of no value each: its shape is {dataset.shape}"
        certain = not filled or words(dataset.name) <= MEANT | WHOLE or dataset.name.lower() in MEANT
        verdict: Verdict | None = None if certain else "suspicious"
        yield found("empty", message, field=dataset.title, verdict=verdict, object=path, shape=list(dataset.shape))


def _is_training_data(dataset: Dataset) -> bool:
    return not MEANT.isdisjoint(words(dataset.name)) or dataset.name.lower() in MEANT
