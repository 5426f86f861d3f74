"""Check positions within the rows of another dataset: `masked_lm_positions` of `input_ids`.

A loader writes the masked tokens of a text to their positions in it, and one behind its end is an error. An evenly
spread sample of the rows tells whether the positions are of these texts.

The bases of a read have positions in its signal, up to the end of it, in files of Taiyaki. The nearest neighbours of a
query are rows of the data that is searched, in files of ANN-Benchmarks.
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
from datacheck.model.codes import Verdict
from datacheck.model.finding import Finding, found
from datacheck.model.listing import counted
from datacheck.model.replacing import replace

POSITIONS, MASKED = frozenset(b"pos position positions".split()), frozenset(b"mask masked masks lm mlm".split())
"""Words that the name of a dataset of positions of masked tokens has one of each of."""
TOKENS = frozenset(b"input inputs token tokens seq sequence sequences src".split())
"""Words in the names of texts as numbers of tokens, and of what else has a value for each token."""
OF_MASKED = frozenset(b"id ids weight weights label labels".split())
"""Words in the names of the tokens that are masked, and of their weights in the loss."""
NEIGHBORS, DISTANCES, SEARCHED, SIZES = b"neighbors", b"distances", b"train", b"size_train"
"""Names of the neighbours of queries in files of ANN-Benchmarks, of their distances, and of the data."""
OF_SIGNAL, SIGNAL = b"Ref_to_signal", b"Dacs"
"""Names of the positions of bases in files of Taiyaki, and of the signal that they are in."""
FIRST = 1
"""The number that RoBERTa fills texts up with."""
SAMPLED, NEARLY = 64, 0.9
"""Number of rows that are sampled, and minimum share of them with no position behind the end of a text."""


def with_positions(tables: Iterable[Table], look: Looking, rows: Mapping[bytes, int | None]) -> Iterator[Table]:
    """Yield the tables, with the columns that hold positions in the rows of others. `rows` are those of each path."""
    for table in tables:
        known = () if table.each else tuple(it for dataset in table.judged for it in _positions(dataset, table, look))
        if not table.each and table.judged[0].name == OF_SIGNAL:
            known = tuple(_in_signal(table.judged[0], rows))
        neighbors = None if table.each else next((it for it in table.judged if it.name == NEIGHBORS), None)
        if neighbors is not None:
            known = tuple(_in_searched(neighbors, rows, look))
        yield replace(table, positions=known) if known else table


def _in_signal(dataset: Dataset, rows: Mapping[bytes, int | None]) -> Iterator[Positions]:
    """Yield what the bases of a read have positions in. One behind the last base may be at the end of the signal."""
    end = rows.get(dataset.path.removesuffix(OF_SIGNAL) + SIGNAL)
    if end is not None and dataset.is_integer_vector:
        yield Positions(dataset.columns[0].name, SIGNAL.decode(), end + 1, flat=True)


def _in_searched(dataset: Dataset, rows: Mapping[bytes, int | None], look: Looking) -> Iterator[Positions]:
    """Yield what the neighbours of queries are rows of. Of sets of varying length, their sizes have a row for each.

    If many sampled neighbours are no such rows, other data are searched, of which these are a part.
    """
    above = dataset.path.removesuffix(NEIGHBORS)
    sizes = rows.get(above + SIZES)
    count = rows.get(above + SEARCHED) if sizes is None else sizes
    if count is None or above + DISTANCES not in rows or dataset.dtype.kind not in "iu" or len(dataset.shape) != 2:
        return
    sample = _sample(dataset, look)
    if sample is not None and ((sample <= count) | _is_none(sample)).all(axis=1).mean() >= NEARLY:
        from_one = all((band != 0).all() for band in look.bands(dataset))
        yield Positions(dataset.columns[0].name, SEARCHED.decode(), count, flat=True, may_be_last=from_one)


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
    sample = _sample(dataset, look)
    if sample is not None and (sample < width).all(axis=1).mean() >= NEARLY:
        beside = (it for it in table.judged if it.shape == dataset.shape and words(it.name) & MASKED)
        masked = next((it.columns[0].name for it in beside if words(it.name) & OF_MASKED and it is not dataset), "")
        yield Positions(dataset.columns[0].name, texts[0].columns[0].name, width, masked)


def _sample(dataset: Dataset, look: Looking) -> NDArray[Any] | None:
    """Return some rows of a dataset, spread evenly, or None if they cannot be read."""
    count = min(SAMPLED, dataset.rows, LARGEST // max(1, dataset.row_bytes))
    rows = np.linspace(0, dataset.rows - 1, count).astype(int).tolist() if count else []
    return look.values_of_rows(dataset, rows) if rows else None


def _is_none(numbers: NDArray[Any]) -> NDArray[np.bool_]:
    """Return where the highest number of the type is, which is -1 without a sign."""
    there: NDArray[np.bool_] = numbers == np.iinfo(numbers.dtype).max
    return there


def positions_beyond(table: Table, columns: Mapping[str, NDArray[Any]]) -> Iterator[tuple[int, Finding]]:
    """Yield the row in the block, and a finding, for each row with a position behind the end of its text.

    Rows may be filled up with the length of a text, which is a position in none.
    """
    for it in table.positions:
        numbers = columns.get(it.name, np.empty((0, 0)))
        if not numbers.size or int(numbers.max()) < it.width:
            continue
        if it.flat:
            yield from _beyond_end(it, numbers)
            continue
        beyond = (numbers >= it.width) & ~_is_none(numbers)
        masked, text = (columns.get(name) for name in (it.masked, it.of))
        for row in np.flatnonzero(beyond.any(axis=1)).tolist():
            at = int(beyond[row].argmax())
            number = int(numbers[row, at])
            verdict: Verdict | None = None
            if (numbers[row, at:] == it.width).all():
                left = len(numbers[row]) - at
                if left > 1 or _are_for_none(None if masked is None else masked[row, at:], text, row):
                    continue
                verdict = "suspicious" if masked is None else None
            message = f"[{at}] is position {number:,}, and a row of {it.of} has {counted(it.width, 'value')}"
            yield row, found("dangling", message, field=it.name, verdict=verdict, number=number, width=it.width)


def _beyond_end(it: Positions, numbers: NDArray[Any]) -> Iterator[tuple[int, Finding]]:
    of_row = numbers.reshape(len(numbers), -1)
    beyond = (of_row >= it.width) & ~_is_none(of_row)
    for row in np.flatnonzero(beyond.any(axis=1)).tolist():
        at = int(beyond[row].argmax())
        number = int(of_row[row, at])
        place = f"[{at}] " if numbers.ndim > 1 else ""
        rows = it.width if numbers.ndim > 1 else it.width - 1
        text = f"{place}is position {number:,}, and {it.of} has {counted(rows, 'row')}"
        may_be_last = it.may_be_last and bool((of_row[row][beyond[row]] == it.width).all())
        verdict: Verdict | None = "suspicious" if may_be_last else None
        yield row, found("dangling", text, field=it.name, verdict=verdict, number=number, width=it.width)


def _are_for_none(masked: NDArray[Any] | None, text: NDArray[Any] | None, row: int) -> bool:
    """Check whether masked tokens, or their weights, are those of no token: all are what texts are filled up with."""
    if masked is None:
        return False
    filling = set() if text is None else {int(text[row, -1])}
    return bool((masked <= 0).all()) or (masked.dtype.kind in "iu" and set(masked.tolist()) <= {FIRST, *filling})
