"""Find whole pages of zeros inside LMDB values: the trace of a lost write, or of a hole that was copied.

A picture may be black, so zeros alone prove nothing. But a run of zeros that begins and ends exactly at page boundaries
of the file, with other bytes right before and behind it, does not come from a picture: of black areas, one in 16
million lies so.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from datacheck.backends.shared.key_arrays import WORD
from datacheck.model.blocks import Block
from datacheck.model.equal_lengths import EqualLengths
from datacheck.model.finding import Finding, found


def mark_zeroed(block: Block, page_size: int, header: int) -> Block:
    """Return the block with a suspicious finding for each record whose value has pages of zeros inside."""
    findings = []
    for row in _suspects(block.values, page_size, page_size - header):
        finding = _zeroed_finding(np.frombuffer(block.values[row], np.uint8), page_size, page_size - header)
        if finding is not None:
            findings.append((row, finding))
    return msgspec.structs.replace(block, findings=[*block.findings, *findings]) if findings else block


def _suspects(values: Sequence[bytes | memoryview], page_size: int, first: int) -> list[int]:
    """Return the rows of values in which a page begins with zeros.

    `first` is the number of a value's bytes on its first page.
    """
    if isinstance(values, EqualLengths):
        if values.length <= 2 * page_size:
            return []
        shape = (len(values), (values.length - first) // page_size)
        words = values.rows[:, first : first + WORD].view(np.uint64)
        words = as_strided(words, shape, (words.strides[0], page_size))
        return np.flatnonzero((words == 0).any(axis=1)).tolist()
    large = ((row, value) for row, value in enumerate(values) if len(value) > 2 * page_size)
    return [row for row, value in large if not all(_words(value, page_size, first).tolist())]


def _words(value: bytes | memoryview, page_size: int, first: int) -> NDArray[np.uint64]:
    """Return the first word of each page that a value's bytes fill."""
    return np.ndarray(((len(value) - first) // page_size,), np.uint64, value, first, (page_size,))


def _zeroed_finding(value: NDArray[np.uint8], page_size: int, first: int) -> Finding | None:
    """Return the finding for a value on overflow pages with pages of zeros, or None.

    `first` is the number of the value's bytes on its first page.
    """
    count = (len(value) - first) // page_size
    pages = value[first : first + count * page_size].reshape(count, page_size)
    suspects = np.flatnonzero(pages[:, :WORD].max(axis=1) == 0)
    if not len(suspects):
        return None
    zero = np.zeros(count, bool)
    zero[suspects] = [not pages[page].any() for page in suspects]
    edges = np.flatnonzero(np.diff(zero, prepend=False, append=False))
    lost = 0
    begins = None
    for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        behind = first + stop * page_size
        if value[first + start * page_size - 1] and behind < len(value) and value[behind]:
            lost += stop - start
            begins = first + start * page_size if begins is None else begins
    if begins is None:
        return None
    pages_are = "page of the file is" if lost == 1 else "pages of the file are"
    text = f"{lost:,} whole {pages_are} zero inside the value, from its byte {begins:,} on: a lost write, or a hole"
    return found("damaged-store", text, verdict="suspicious", count=lost, offset=begins)
