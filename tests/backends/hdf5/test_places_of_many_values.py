"""The places of many bad values of a sparse matrix are read together."""

from __future__ import annotations

import numpy as np

from datacheck.backends.hdf5.formats.sparse import Sparse
from datacheck.backends.hdf5.formats.sparse_rows import WINDOW, SparseRows


class Counted:
    """A dataset that counts how often it is read, and fails if position `lost` is among those read."""

    def __init__(self, values, lost=None):
        self.values, self.lost, self.reads = values, lost, 0
        self.size, self.dtype = values.size, values.dtype

    def __len__(self):
        return len(self.values)

    def __getitem__(self, where):
        self.reads += 1
        if self.lost is not None and self.lost in np.arange(len(self.values))[where].reshape(-1):
            raise OSError("lost")
        return self.values[where]


def places(lost=None):
    numbers = np.arange(2 * WINDOW) % 7
    indices = Counted(numbers, lost)
    pointers = Counted(np.array([0, WINDOW, 2 * WINDOW]))
    matrix = Sparse(b"/m", 3, 2 * WINDOW, by_column=False)
    return SparseRows({matrix.indices: indices, matrix.indptr: pointers}, matrix), indices, numbers


def test_places_near_each_other_are_read_once():
    rows, indices, numbers = places()
    for at in range(0, 2 * WINDOW, 100):
        assert rows(at)[1] == {"place": [at // WINDOW, numbers[at]]}
    assert indices.reads == 2


def test_a_place_beside_a_lost_one_is_known():
    rows, _, numbers = places(lost=9)
    assert rows(8)[1] == {"place": [0, numbers[8]]}
    assert rows(9) == ("", {})
