"""Runs of many pieces, for which NumPy does the work, do what runs of few pieces and sets do."""

import random
import subprocess
import sys

import numpy as np
import pytest
from covering import seeds

from datacheck.conventions.keys import runs
from datacheck.conventions.keys.account import MOST_SPANS
from datacheck.conventions.keys.numbered_keys import Pattern
from datacheck.conventions.keys.runs import Runs
from datacheck.conventions.repair import Repair


def of(numbers):
    return Runs.from_array(np.array(sorted(numbers), np.int64))


def drawn(draw, most):
    """Return a set of numbers and the runs of it, made of spans in any order that may overlap and touch."""
    spans = [(start, start + draw.randrange(4)) for start in (draw.randrange(most) for _ in range(draw.randrange(40)))]
    return {number for start, stop in spans for number in range(start, stop)}, Runs(spans)


@pytest.mark.parametrize("few", [0, 1 << 30])
@pytest.mark.parametrize("seed", seeds(8))
def test_runs_are_sets_with_and_without_numpy(monkeypatch, few, seed):
    monkeypatch.setattr(runs, "FEW", few)
    draw = random.Random(seed)
    for _ in range(20):
        (one, mine), (other, its) = drawn(draw, 90), drawn(draw, 90)
        assert mine.spans == of(one).spans
        assert (mine & its).spans == of(one & other).spans
        assert (mine - its).spans == of(one - other).spans
        added = mine.copy()
        added += its
        assert added.spans == of(one | other).spans
        assert len(added) == len(one | other)
        assert mine.spans == of(one).spans, "a copy was added to"
        assert [number in mine for number in range(95)] == [number in one for number in range(95)]
        if one:
            assert mine.holes().spans == of(set(range(min(one), max(one))) - one).spans


def test_a_piece_that_touches_the_last_one_continues_it():
    made = Runs([(0, 2), (4, 6)])
    made += Runs([(6, 8), (9, 10)])
    assert made.spans == [(0, 2), (4, 8), (9, 10)]


@pytest.mark.parametrize("few", [0, 1 << 30])
def test_the_largest_numbers_of_keys(monkeypatch, few):
    monkeypatch.setattr(runs, "FEW", few)
    last = 10**18 - 1
    made = Runs([(last, last + 1), (0, 1)])
    assert (made - Runs([(0, 5)])).spans == [(last, last + 1)]
    assert (made & Runs([(5, last + 1)])).spans == [(last, last + 1)]


@pytest.mark.parametrize("seed", seeds(4))
def test_the_moves_of_numbers_are_those_of_each_key(seed):
    draw = random.Random(seed)
    (left, its), (some, numbers) = drawn(draw, 60), drawn(draw, 60)
    repair = Repair((Pattern(b"k"),), Runs(), its, 3, renumbered=True)
    places = {number: 3 + at for at, number in enumerate(sorted(left))}
    moved = {first + at: new + at for first, last, new in repair.moves(numbers) for at in range(last - first + 1)}
    assert moved == {number: places[number] for number in left & some if places[number] != number}
    assert all(repair.key(b"k%d" % number) == b"k%d" % places[number] for number in left)


def test_as_many_pieces_as_are_held_take_little_memory():
    script = f"""
import resource, sys
import numpy as np
from datacheck.conventions.keys.runs import Runs
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
mine = Runs.from_array(np.arange(0, {2 * MOST_SPANS}, 2))
gone = Runs([(0, {2 * MOST_SPANS})]) - mine
assert len(gone & mine) == 0 and len(gone) == {MOST_SPANS}
mine += gone
assert mine.spans == [(0, {2 * MOST_SPANS})]
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10)
"""
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert int(told.stdout) < 300
