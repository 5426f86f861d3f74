"""Test workers that die, hang or eat memory: the pool names how, and everything else is still done."""

import os
import subprocess
import sys
from collections import deque
from functools import partial

import pytest
from worker_jobs import MEMORY, obey, tell

from datacheck.testing.engine_jobs import count_up
from datacheck.workers.interface import Death, Step
from datacheck.workers.pool import Pool

pytestmark = pytest.mark.own_workers


def outcomes(tasks, workers=2):
    with Pool(obey, workers, MEMORY) as pool:
        return dict(pool.run(tasks))


def test_every_task_gets_its_result():
    assert outcomes(range(20)) == {number: number for number in range(20)}


@pytest.mark.parametrize(
    ("task", "death"),
    [
        ("segfault", Death("SIGSEGV", ("at", "segfault"))),
        ("abort", Death("SIGABRT", ("at", "abort"), "library.c:12: assertion failed")),
        ("exit", Death("exit status 7", ("at", "exit"))),
        ("hang", Death("SIGALRM", ("at", "hang"))),
    ],
)
def test_a_death_costs_one_task_and_is_told_with_its_note(task, death):
    results = outcomes([1, task, 2, 3])
    assert results == {1: 1, task: death, 2: 2, 3: 3}
    assert death.timed_out == (task == "hang")


def test_many_deaths_are_survived():
    tasks = [f for number in range(6) for f in (number, "segfault")]
    with Pool(obey, 2, MEMORY) as pool:
        results = list(pool.run(tasks))
    assert sum(isinstance(result, Death) for _, result in results) == 6
    assert sorted(result for _, result in results if not isinstance(result, Death)) == list(range(6))


def test_what_a_job_raises_is_raised_where_results_are_read():
    with pytest.raises(ValueError, match="no"):
        outcomes(["raise"])


def test_memory_is_bounded():
    with pytest.raises(MemoryError):
        outcomes(["eat"])


def test_a_result_that_does_not_pickle_is_an_error_and_no_hang():
    with pytest.raises(RuntimeError, match="does not pickle"):
        outcomes(["odd"])


def test_tasks_may_be_added_while_others_run():
    queue = deque([0])
    with Pool(obey, 2, MEMORY) as pool:
        seen = []
        for _, result in pool.run(queue):
            seen.append(result)
            if result < 5:
                queue.append(result + 1)
    assert seen == [0, 1, 2, 3, 4, 5]


def test_a_job_may_tell_how_far_it_is():
    with Pool(count_up, 2, MEMORY) as pool:
        results = list(pool.run([2, 3]))
    assert [result for task, result in results if task == 3] == [Step(0), Step(1), Step(2), "done"]
    assert [result for task, result in results if task == 2] == [Step(0), Step(1), "done"]


def test_what_a_job_raises_on_its_way_is_raised_too():
    with pytest.raises(OSError, match="No space left"), Pool(count_up, 1, MEMORY) as pool:
        list(pool.run([5]))


def test_no_more_workers_start_than_there_are_tasks():
    with Pool(obey, 8, MEMORY) as pool:
        list(pool.run([1]))
        assert len(pool._workers) == 1


def test_leaving_the_pool_kills_what_still_runs():
    with Pool(obey, 1, MEMORY) as pool:
        ((_, pid),) = pool.run(["pid"])
        next_one = pool.run(["hang", "hang"])
        assert next(next_one)[1].timed_out
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_script_without_a_main_guard_may_use_it(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from datacheck.workers.pool import Pool\n"
        "print('once')\n"
        "def double(task, watch): return 2 * task\n"
        "with Pool(double, 2, 1 << 30) as pool:\n"
        "    print(sorted(result for _, result in pool.run([1, 2, 3])))\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert done.stdout == "once\n[2, 4, 6]\n"


def test_a_job_that_is_told_more_tells_it_to_those_who_come_later():
    with Pool(partial(tell, 1), 2, MEMORY) as pool:
        ((_, (what, first)),) = pool.run(["a"])
        assert what == 1
        pool.amend(lambda job: partial(tell, 2))
        told = {process: what for _, (what, process) in pool.run(range(400))}
    assert told.pop(first, 1) == 1
    assert set(told.values()) <= {2}
