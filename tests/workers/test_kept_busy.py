"""Test that a worker works on its next task while the caller deals with the result of the last one."""

import time
from functools import partial
from pathlib import Path

import pytest
from worker_jobs import MEMORY

from datacheck.workers.pool import Pool

pytestmark = pytest.mark.own_workers


def leave_a_mark(folder, task, watch):
    (folder / str(task)).touch()
    return task


def test_the_next_task_runs_while_a_result_is_dealt_with(tmp_path):
    with Pool(partial(leave_a_mark, Path(tmp_path)), 1, MEMORY) as pool:
        results = pool.run(range(3))
        assert next(results) == (0, 0)
        until = time.monotonic() + 60
        while not (tmp_path / "1").exists():
            assert time.monotonic() < until, "the second task waits for the result of the first to be taken"
            time.sleep(0.001)
        assert [result for _, result in results] == [1, 2]
