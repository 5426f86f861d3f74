"""Check that lengths add up to the rows of what they divide: `seq_len` of each text beside the `tokens` of all.

The lengths are those of the only taller dataset, or tallest datasets, of their group if their sum is nearly the number
of its rows. A sum that differs by more than the longest of them may count something else, such as frames before some
were left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.library.looking import LARGEST, MOST, Looking
from datacheck.backends.hdf5.names import words
from datacheck.backends.hdf5.references.row_numbers import END, START, too_large
from datacheck.model.codes import Verdict
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.listing import counted

LENGTHS = frozenset(
    b"n num nums nb number len lens length lengths count counts size sizes nframes nsteps natoms seqlen seqlens".split()
)
ONLY_LENGTHS = frozenset(b"len lens length lengths seqlen seqlens".split())
"""The words among LENGTHS that name lengths only; the others also name the numbers of parts."""
ATOMIC = frozenset({b"atomic"})
"""Words in the names of numbers that are no lengths: atomic numbers."""
FEWEST = 8
"""Minimum number of lengths."""
NEARLY = 0.1
"""Maximum difference between the sum of lengths and the number of rows that they may be of, as a share of these."""
TIMES = 1.5
"""Minimum number of rows, as a multiple of the number of lengths."""
SAMPLED, COMPARED = 64, 8
"""Number of tokens that are read to compare inputs with targets, and maximum number of datasets that may be those."""
BLOCKS = tuple(1 << power for power in range(5, 13))
"""Numbers of rows to a multiple of which the rows of all may be filled up, or cut."""


def joined_lengths(datasets: Sequence[Dataset], look: Looking) -> Iterator[Finding]:
    """Yield findings for datasets of lengths in a group that do not add up to the rows of the dataset they divide.

    Numbers that ascend are those of parts, not lengths, or lengths in order if they are called so.
    """
    if any(words(it.name) & (START | END) for it in datasets):  # see `boundaries`
        return
    bins = {it.rows - 1 for it in datasets if len(it.shape) == 1 and it.dtype.kind == "f"}  # the edges of a histogram
    lengths = [it for it in datasets if _may_be_lengths(it) and it.rows not in bins]
    own = {it.path for it in lengths}
    heights = {it.rows: it for it in reversed(datasets) if it.shape and it.columns and it.path not in own}
    for dataset in lengths:
        taller = {rows: it for rows, it in heights.items() if rows >= TIMES * dataset.rows}
        if not taller:
            continue
        if dataset.bytes > MOST or not look.fits(dataset):
            yield too_large(dataset, MOST if dataset.bytes > MOST else LARGEST)
            continue
        lengths_read = _read_lengths(dataset, look)
        if lengths_read is None:
            continue
        total, longest, ascending = lengths_read
        near = [rows for rows in taller if abs(total - rows) <= NEARLY * rows]
        may_be_numbers = ascending and not words(dataset.name) & ONLY_LENGTHS
        if may_be_numbers or total in heights or len(near) != 1:
            continue
        one_more = abs(total - near[0]) == 1 and taller[near[0]].is_integer_vector
        if one_more and _are_shifted([it for it in datasets if it.rows == near[0]], look):
            continue
        if not _is_padded(total, near[0]) and not _has_separators(near[0] - total, dataset.rows):
            if one_more:
                yield _finding_of_one_token(dataset, total, taller[near[0]])
                continue
            sure = len(taller) == 1 and not ascending
            yield _sum_finding(dataset, total, taller[near[0]], sure=sure, longest=longest)


def _read_lengths(dataset: Dataset, look: Looking) -> tuple[int, int, bool] | None:
    """Return the sum of all lengths, the longest, and whether they ascend; None if one is negative or unread."""
    total, longest, count, ascending = 0, 0, 0, True
    for piece in look.pieces(dataset):
        if int(piece.min()) < 0:
            return None
        total, longest, count = total + int(piece.sum(dtype="i8")), max(longest, int(piece.max())), count + len(piece)
        ascending = ascending and bool((piece[1:] > piece[:-1]).all())
    return None if count < dataset.rows else (total, longest, ascending)


def _may_be_lengths(dataset: Dataset) -> bool:
    numbers = dataset.is_integer_vector and dataset.readable and dataset.rows >= FEWEST
    return numbers and bool(words(dataset.name) & LENGTHS) and not words(dataset.name) & ATOMIC


def _is_padded(total: int, rows: int) -> bool:
    """Check whether rows may be filled up or cut to a multiple of a block."""
    return any(not rows % block and abs(rows - total) < block for block in BLOCKS)


def _has_separators(more: int, count: int) -> bool:
    """Check whether rows may be more than `count` lengths by some for each of them, or between or around them."""
    return abs(more) >= count - 1 and (more + 1) % count <= 2


def _are_shifted(datasets: Sequence[Dataset], look: Looking) -> bool:
    """Check whether two datasets of tokens are inputs and targets: all tokens but the last, and all but the first."""
    tokens = [it for it in datasets if it.is_integer_vector and it.rows > SAMPLED]
    heads = [look.values_of_rows(it, range(SAMPLED)) for it in (tokens if len(tokens) <= COMPARED else ())]
    known = [it for it in heads if it is not None and len({*it.tolist()}) > 1]
    return any(np.array_equal(one[1:], other[:-1]) for one in known for other in known if one is not other)


def _finding_of_one_token(lengths: Dataset, total: int, target: Dataset) -> Finding:
    """Return the finding for a sum that is one token more or less than the rows, which may be so by design."""
    why = (
        "the last token may be left out for next-token targets"
        if total > target.rows
        else "the other may be a marker at the beginning or end of all"
    )
    finding = _sum_finding(lengths, total, target, sure=False, longest=0)
    return msgspec.structs.replace(finding, message=f"{finding.message}; {why}")


def _sum_finding(lengths: Dataset, total: int, target: Dataset, *, sure: bool, longest: int) -> Finding:
    path = escape(lengths.path)
    text = f"{path} adds up to {total:,}, and {escape(target.path)} has {counted(target.rows, 'row')}"
    verdict: Verdict | None = None if sure and abs(total - target.rows) <= longest else "suspicious"
    return found("count", text, field=lengths.title, verdict=verdict, dataset=path, said=total, there=target.rows)
