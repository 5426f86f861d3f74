"""The rows of a schedule: where the rate changes, a bounded number of them, each once."""

import pytest

from datacheck.caffe.rates import Schedule
from datacheck.linting.command import points


@pytest.mark.parametrize(
    ("stepvalue", "count", "iterations"),
    [((3, 9), 10, [0, 3, 9]), ((3, 8), 10, [0, 3, 8, 9]), ((), 10, [0, 9]), ((), 1, [0])],
)
def test_a_rate_in_steps_has_a_row_for_each_and_the_last_iteration(stepvalue, count, iterations):
    rows = [*points(Schedule("multistep", 1.0, gamma=0.5, stepvalue=stepvalue), count, 100)]
    assert [at for at, _ in rows] == iterations
    assert rows[-1][1] == 0.5 ** len([it for it in stepvalue if it < count])


def test_steps_of_many_pieces_of_a_schedule_have_no_more_rows_than_are_asked_for():
    count = 3 << 18
    rows = [at for at, _ in points(Schedule("step", 1.0, gamma=0.9999999, stepsize=1 << 10), count, 300)]
    assert rows == [*range(0, 300 << 10, 1 << 10), count - 1]
