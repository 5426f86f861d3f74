"""A value of varying length that could not be read has no length: a zero stands in its place."""

from types import SimpleNamespace

import numpy as np

from datacheck.backends.hdf5.references.ragged import unlike
from datacheck.backends.hdf5.tables import AsLong
from datacheck.model.cells import NUMBERS, Cells

FRAMES = Cells(NUMBERS, [np.zeros(2), 0, np.zeros(3)])


def found(lengths, unread):
    table = SimpleNamespace(as_long=[AsLong("lengths", "frames", counts=True)])
    return [(row, it.code) for row, it in unlike(table, {"lengths": np.array(lengths)}, {"frames": FRAMES}, unread)]


def test_a_lost_value_is_held_to_no_length():
    assert found([2, 5, 3], {"frames": [1]}) == []
    assert found([2, 5, 4], {"frames": [1]}) == [(2, "count")]
