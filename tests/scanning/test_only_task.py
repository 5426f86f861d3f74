"""Test a task that is given alone, and whose worker dies of it."""

import pytest

from datacheck.scanning.tasks import TakeLayout, run_one
from datacheck.workers.interface import UNKNOWN_END, Death


class Dying:
    """An engine whose first tasks end with these deaths."""

    def __init__(self, *deaths):
        self.deaths = list(deaths)

    def run(self, tasks):
        for task in tasks:
            yield task, self.deaths.pop(0) if self.deaths else "done"


@pytest.mark.parametrize("signal", ["SIGKILL", "SIGTERM", UNKNOWN_END, "exit status 3"])
def test_it_is_tried_again_where_something_else_may_have_killed_it(signal):
    assert run_one(Dying(Death(signal), Death(signal)), TakeLayout()) == "done"
    assert run_one(Dying(Death(signal), Death(signal), Death(signal)), TakeLayout()) == Death(signal)


@pytest.mark.parametrize("death", [Death("SIGSEGV"), Death("SIGALRM"), Death("OSError", errno=5)])
def test_it_is_not_where_it_dies_of_the_data_or_took_all_its_time(death):
    assert run_one(Dying(death), TakeLayout()) == death
