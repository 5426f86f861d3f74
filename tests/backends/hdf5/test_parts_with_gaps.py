"""Parts that begin two rows after the last row of the part before: words with a space between any two."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from hdf5_walks import forget_walks

from datacheck.backends.hdf5.reader import Hdf5Reader

LENGTHS = np.random.default_rng(0).integers(12, 30, 40)
BEGINS = np.cumsum(np.r_[0, LENGTHS[:-1] + 1])
ENDS = BEGINS + LENGTHS
"""The row behind the last one of each word, which has the space."""


def told(path, rows, **others):
    forget_walks()
    with h5py.File(path, "w") as file:
        file["characters"] = np.random.default_rng(1).integers(32, 120, (rows, 2))
        for name, values in others.items():
            file[name] = values
    return [(it.code, it.verdict) for it in Hdf5Reader(path, (path,)).layout().findings]


def word_of_rows():
    words = np.full(ENDS[-1], -1)
    for at, (begin, end) in enumerate(zip(BEGINS, ENDS, strict=True)):
        words[begin:end] = at
    return words


def test_ends_behind_the_last_row_with_gaps_may_be_meant(tmp_path):
    others = {"word_start": BEGINS, "word_end": ENDS, "word_of": word_of_rows()}
    assert told(tmp_path / "a.h5", ENDS[-1], **others) == [("dangling", "suspicious")]


@pytest.mark.parametrize(("last", "rows"), [("last_word", ENDS[-1]), ("word_end", ENDS[-1] - 3)])
def test_other_parts_that_end_behind_the_last_row_are_bad(tmp_path, last, rows):
    first = "first_word" if last == "last_word" else "word_start"
    assert told(tmp_path / "a.h5", rows, **{first: BEGINS, last: ENDS}) == [("dangling", "bad")]
