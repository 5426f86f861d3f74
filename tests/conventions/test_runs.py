"""Sets of numbers as runs do what sets do."""

import random

import numpy as np
import pytest
from covering import seeds

from datacheck.conventions.keys.runs import Runs


def of(numbers):
    return Runs.from_array(np.array(sorted(numbers), np.int64))


@pytest.mark.parametrize("seed", seeds(8))
def test_runs_are_sets(seed):
    draw = random.Random(seed)
    one, other = ({draw.randrange(60) for _ in range(draw.randrange(50))} for _ in range(2))
    mine, its = of(one), of(other)
    assert set(mine) == one
    assert len(mine) == len(one)
    assert set(mine & its) == one & other
    assert set(mine - its) == one - other
    added = mine.copy()
    added += its
    assert added == of(one | other)
    assert mine == of(one), "a copy was added to"
    assert [number in mine for number in range(60)] == [number in one for number in range(60)]
    if one:
        assert (mine.first, mine.last) == (min(one), max(one))
        assert set(mine.holes()) == set(range(min(one), max(one))) - one


def test_numbers_in_any_order_and_repeated_make_the_same_set():
    assert Runs.from_array(np.array([5, 3, 4, 4, 9])) == of({3, 4, 5, 9})


def test_neighbours_are_one_run():
    made = Runs([(0, 5)])
    made += Runs([(5, 9)])
    assert made.spans == [(0, 9)]
