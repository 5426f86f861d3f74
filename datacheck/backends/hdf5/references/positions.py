"""Check positions within the rows of another dataset: `masked_lm_positions` of `input_ids`.

A loader writes the masked tokens of a text to their positions in it, and one behind its end is an error. An evenly
spread sample of the rows tells whether the positions are of these texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.library.looking import LARGEST, Looking
from datacheck.backends.hdf5.names import words
from datacheck.backends.hdf5.tables import Positions, Table
from datacheck.model.finding import Finding, found
from datacheck.model.listing import counted
from datacheck.model.replacing import replace

POSITIONS, MASKED = frozenset(b"pos position positions".split()), frozenset(b"mask masked masks lm mlm".split())
"""Words that the name of a dataset of positions of masked tokens has one of each of."""
TOKENS = frozenset(b"input inputs token tokens seq sequence sequences src".split())
"""Words in the names of texts as numbers of tokens, and of what else has a value for each token."""
SAMPLED, NEARLY = 64, 0.9
"""Number of rows that are sampled, and minimum share of them with no position behind the end of a text."""


def with_positions(tables: Iterable[Table], look: Looking) -> Iterator[Table]:
    """Yield the tables, with the columns that hold positions in the rows of others."""
    for table in tables:
        known = () if table.each else tuple(it for dataset in table.judged for it in _positions(dataset, table, look))
        yield replace(table, positions=known) if known else table


def _positions(dataset: Dataset, table: Table, look: Looking) -> Iterator[Positions]:
    """Yield what a dataset holds positions of, by its name and a sample of its rows."""
    if len(dataset.shape) != 2 or dataset.dtype.kind not in "iu":
        return
    if not words(dataset.name) & POSITIONS or not words(dataset.name) & MASKED:
        return
    alike = (it for it in table.judged if len(it.shape) == 2 and it.dtype.kind in "iub" and words(it.name) & TOKENS)
    texts = [it for it in alike if it is not dataset and not words(it.name) & POSITIONS]
    widths = {it.shape[1] for it in texts}
    if len(widths) != 1 or max(dataset.chunk_bytes, dataset.row_bytes) > LARGEST:
        return
    (width,) = widths
    count = min(SAMPLED, table.rows, LARGEST // max(1, dataset.row_bytes))
    rows = np.linspace(0, table.rows - 1, count).astype(int).tolist() if count else []
    sample = look.values_of_rows(dataset, rows) if rows else None
    if sample is not None and (sample < width).all(axis=1).mean() >= NEARLY:
        yield Positions(dataset.columns[0].name, texts[0].columns[0].name, width)


def positions_beyond(table: Table, columns: Mapping[str, NDArray[Any]]) -> Iterator[tuple[int, Finding]]:
    """Yield the row in the block, and a finding, for each row with a position behind the end of its text."""
    for it in table.positions:
        numbers = columns.get(it.name, np.empty((0, 0)))
        if not numbers.size or int(numbers.max()) < it.width:
            continue
        beyond = (numbers >= it.width) & (numbers != np.iinfo(numbers.dtype).max)  # that is for none
        for row in np.flatnonzero(beyond.any(axis=1)).tolist():
            at = int(beyond[row].argmax())
            number = int(numbers[row, at])
            text = f"[{at}] is position {number:,}, and a row of {it.of} has {counted(it.width, 'value')}"
            yield row, found("dangling", text, field=it.name, number=number, width=it.width)
