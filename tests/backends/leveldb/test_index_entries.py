"""Test how the entries of a table's index are decoded, all at once, against decoding each by itself."""

import numpy as np
import pytest

from datacheck.backends.leveldb.block import handle, handles
from datacheck.varint import varint


def entry(*numbers: int) -> bytes:
    return b"".join(map(varint, numbers))


def test_the_entries_of_an_index_are_those_of_each_by_itself():
    random = np.random.default_rng(5)
    for _ in range(50):
        values = [entry(*(int(random.integers(1 << random.integers(1, 50))) for _ in "ab")) for _ in range(20)]
        assert handles(values) == list(map(handle, values))
        assert None not in handles(values)
        views = list(map(memoryview, values))
        assert handles(views) == handles(values)


def test_an_index_without_entries_has_no_places():
    assert handles([]) == []


@pytest.mark.parametrize(
    "flawed",
    [
        [b""],
        [b"\x80"],
        [entry(1)],
        [entry(1, 2, 3)],
        [entry(1), entry(2, 3, 4)],  # as many numbers as two entries have
        [b"\x81", b"\1\2\3"],
        [entry(5, 6)[:-1], entry(7, 8, 9)],
        [b"\xff" * 11],
        [b"\xff" * 9 + b"\x7f" + varint(1)],  # more than 64 bits
        [b"\x80" * 9 + b"\0" + varint(1)],  # a 0 of ten bytes
    ],
)
def test_flawed_entries_do_not_shift_those_around_them(flawed):
    values = [entry(300, 70_000), *flawed, entry(1, 1 << 40)]
    places = handles(values)
    assert places == list(map(handle, values))
    assert places[0] == (300, 70_000)
    assert places[-1] == (1, 1 << 40)
