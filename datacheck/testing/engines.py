"""Contract tests for engines: see `EngineContract`."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterable
from typing import Any

import pytest

from datacheck.testing.engine_jobs import MEMORY, count_up, obey, report_and_wait
from datacheck.workers.interface import Death, MakeEngine, Step

SOON = 30.0
"""Seconds within which a killed process must be gone, even on a busy machine."""


class EngineContract:
    """The tests of an engine. A test class inherits them and defines what makes one.

    Attributes
    ----------
    same_machine
        Whether tasks run on the same machine as the tests, so that their processes can be observed.

    Examples
    --------
    >>> class TestPool(EngineContract):
    ...     @property
    ...     def make(self):
    ...         from datacheck.workers.pool import Pool
    ...
    ...         return Pool
    """

    same_machine = True

    @property
    def make(self) -> MakeEngine:
        """What makes the engine: the class that its row of ENGINES names, or an equivalent function."""
        raise NotImplementedError

    def outcomes(self, tasks: Iterable[Any], workers: int = 2) -> list[tuple[Any, Any]]:
        """Return each task with its outcome, in the order in which the engine yielded them."""
        with self.make(obey, workers, MEMORY) as engine:
            return list(engine.run(tasks))

    def test_every_task_gets_its_result(self) -> None:
        assert sorted(self.outcomes(range(20))) == [(number, number) for number in range(20)]

    def test_no_tasks_give_no_results(self) -> None:
        assert self.outcomes([]) == []

    def test_one_worker_does_the_tasks_in_order(self) -> None:
        assert self.outcomes(range(9), workers=1) == [(number, number) for number in range(9)]

    def test_each_result_comes_with_the_very_task_that_was_given(self) -> None:
        tasks = [["a"], ["a"], ["a"]]
        assert sorted(id(task) for task, _ in self.outcomes(tasks)) == sorted(map(id, tasks))

    def test_an_engine_does_one_run_after_another(self) -> None:
        with self.make(obey, 2, MEMORY) as engine:
            assert list(engine.run([1])) == [(1, 1)]
            assert sorted(engine.run([2, 3])) == [(2, 2), (3, 3)]

    def test_tasks_may_be_added_to_a_deque_while_others_run(self) -> None:
        queue = deque([0])
        results = []
        with self.make(obey, 2, MEMORY) as engine:
            for _, result in engine.run(queue):
                results.append(result)
                if result < 5:
                    queue.append(result + 1)
        assert results == [0, 1, 2, 3, 4, 5]

    def test_the_steps_of_a_task_come_in_order_before_its_result(self) -> None:
        with self.make(count_up, 2, MEMORY) as engine:
            results = list(engine.run([2, 3]))
        assert [it for task, it in results if task == 2] == [Step(0), Step(1), "done"]
        assert [it for task, it in results if task == 3] == [Step(0), Step(1), Step(2), "done"]

    @pytest.mark.parametrize(
        ("task", "ending"), [("segfault", "SIGSEGV"), ("abort", "SIGABRT"), ("exit", "exit status 7")]
    )
    def test_a_death_costs_one_task_and_is_told_with_its_note(self, task: str, ending: str) -> None:
        results = dict(self.outcomes([1, task, 2, 3]))
        death = results.pop(task)
        assert results == {1: 1, 2: 2, 3: 3}
        assert isinstance(death, Death)
        assert (death.signal, death.note, death.timed_out) == (ending, ("at", task), False)

    def test_the_last_words_of_the_dead_are_told(self) -> None:
        ((_, death),) = self.outcomes(["abort"])
        assert death.words == "library.c:12: assertion failed"

    def test_many_deaths_are_survived(self) -> None:
        results = self.outcomes([task for number in range(6) for task in (number, "segfault")])
        assert sum(isinstance(result, Death) for _, result in results) == 6
        assert sorted(result for _, result in results if not isinstance(result, Death)) == list(range(6))

    def test_what_takes_too_long_is_ended_and_told_as_that(self) -> None:
        results = dict(self.outcomes([1, "spin", 2]))
        death = results.pop("spin")
        assert results == {1: 1, 2: 2}
        assert isinstance(death, Death)
        assert death.timed_out
        assert death.note == ("at", "spin")

    def test_each_note_gives_a_task_its_time_anew(self) -> None:
        assert self.outcomes(["notes"]) == [("notes", "noted")]

    def test_what_a_job_raises_is_raised_where_results_are_read(self) -> None:
        with pytest.raises(ValueError, match="as it was told"):
            self.outcomes(["raise"])

    def test_what_a_job_raises_on_its_way_is_raised_too(self) -> None:
        with pytest.raises(OSError, match="No space left"), self.make(count_up, 1, MEMORY) as engine:
            list(engine.run([5]))

    def test_a_result_that_does_not_pickle_is_an_error_and_no_hang(self) -> None:
        with pytest.raises(RuntimeError, match="does not pickle"):
            self.outcomes(["odd"])

    def test_memory_is_bounded(self) -> None:
        with pytest.raises(MemoryError):
            self.outcomes(["eat"])

    def test_there_are_no_more_at_a_time_than_were_asked_for(self) -> None:
        with self.make(obey, 2, MEMORY) as engine:
            assert engine.count == 2
            engine.grow(16)
            pids = {pid for _, pid in engine.run(["pid"] * 12)}
            assert engine.count == 2
        assert 1 <= len(pids) <= 2
        assert os.getpid() not in pids

    def test_leaving_the_engine_kills_what_still_runs(self) -> None:
        if not self.same_machine:
            pytest.skip("the tasks run where their processes cannot be seen")
        with self.make(report_and_wait, 1, MEMORY) as engine:
            results = engine.run(["wait"])  # kept in a variable: closing the generator may kill the task too
            _, step = next(results)
            assert isinstance(step, Step)
            assert _lives(step.value)
        assert not _lives_for(step.value, SOON)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _lives_for(pid: int, seconds: float) -> bool:
    """Check whether a process still exists after `seconds`; return as soon as it is gone."""
    end = time.monotonic() + seconds
    while _lives(pid):
        if time.monotonic() > end:
            return True
        time.sleep(0.01)
    return False
