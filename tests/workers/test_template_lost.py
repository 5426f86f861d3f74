"""Test a template that dies, is stopped, or belongs to the process that a caller was forked from."""

import contextlib
import os
import signal
from functools import partial

import pytest
from worker_jobs import MEMORY, about, orphan_itself, orphan_itself_later, pid_of, pid_of_many

from datacheck.workers import pool as pool_module
from datacheck.workers import process as process_module
from datacheck.workers import template as template_module
from datacheck.workers.interface import UNKNOWN_END, Death, Step
from datacheck.workers.pool import Pool
from datacheck.workers.process import next_process, start_ahead
from datacheck.workers.template import FORKS

pytestmark = [
    pytest.mark.own_workers,
    pytest.mark.skipif(not FORKS, reason="this system has no processes that fork workers"),
]


@contextlib.contextmanager
def started():
    """Start a template within the test, since pytest changes the environment between a test and its fixtures."""
    close = start_ahead(MEMORY)
    ((_, it),) = process_module.templates
    try:
        yield it
    finally:
        close()
    assert not it.alive


def test_a_task_whose_worker_dies_with_the_template_is_done_by_another():
    with started() as template, Pool(orphan_itself, 1, MEMORY) as pool:
        ((_, result),) = pool.run([template._process.pid])
    assert isinstance(result, int)


def test_one_that_has_told_something_is_not_begun_again():
    with started() as template, Pool(orphan_itself_later, 1, MEMORY) as pool:
        told = [result for _, result in pool.run([template._process.pid])]
    assert told == [Step("step"), Death(UNKNOWN_END, "at it")]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_of_the_caller_neither_ends_its_workers_nor_takes_what_they_are_told():
    with started() as template, Pool(pid_of, 2, MEMORY) as pool:
        ((_, first),) = pool.run([0])
        child = os.fork()
        if not child:
            signal.alarm(30)
            try:
                pool.__exit__()
                own = next_process(MEMORY)
                ends = own.forked, own.alive, not process_module.templates
                own.close()
                os._exit(0 if ends == (False, True, True) else 3)
            finally:
                os._exit(4)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert [result for _, result in pool.run([1])] == [first]
        pool.grow(2)
        assert len({result for _, result in pool.run(range(40))}) <= 2
        assert template.alive


def test_a_stopped_template_keeps_nobody_waiting_for_the_end_of_its_workers(monkeypatch):
    with started() as template:
        monkeypatch.setattr(template_module, "UNANSWERED", 0.05)
        worker = next_process(MEMORY)
        another = next_process(MEMORY)
        assert another.forked
        assert another._process.pid
        os.kill(template._process.pid, signal.SIGSTOP)
        another.close()
        worker.close()
        assert template._process.wait(60) == -signal.SIGKILL


def test_an_answer_that_nobody_waits_for_any_more_is_no_other_questions():
    with started() as template:
        next_process(MEMORY).close()
        worker = next_process(MEMORY)
        template._send((next(template._questions), template_module.LOOK, worker._process.pid))
        assert worker.alive
        another = next_process(MEMORY)
        assert another._process.pid != worker._process.pid
        for it in (another, worker):
            it.kill()
            assert it.wait() == -signal.SIGKILL
            it.close()


@pytest.fixture
def impatient(monkeypatch):
    for module in (template_module, pool_module):
        monkeypatch.setattr(module, "UNANSWERED", 0.05)


@pytest.mark.parametrize("size", [1, 1 << 20], ids=["a small job", "a job that fills the pipe"])
def test_a_template_that_is_stopped_before_it_forks_keeps_no_task_waiting(impatient, caplog, size):
    caplog.set_level("DEBUG", "datacheck")
    with started() as template:
        os.kill(template._process.pid, signal.SIGSTOP)
        with Pool(partial(pid_of_many, b"x" * size), 2, MEMORY) as pool:
            told = dict(pool.run(range(6)))
        assert template._process.wait(60) == -signal.SIGKILL
    assert sorted(told) == list(range(6))
    assert [it.getMessage() for it in caplog.records if "stopped" in it.getMessage()] != []


def test_a_template_that_is_stopped_later_keeps_no_further_worker_waiting(impatient):
    with started() as template, Pool(pid_of, 2, MEMORY) as pool:
        assert len(list(pool.run([0]))) == 1
        os.kill(template._process.pid, signal.SIGSTOP)
        told = [result for _, result in pool.run(range(20))]
    assert len(told) == 20
    assert all(isinstance(it, int) for it in told)


def test_a_template_that_only_takes_long_to_load_is_waited_for(impatient, tmp_path, monkeypatch):
    (tmp_path / "takes_long.py").write_text("import time\ntime.sleep(1)\n")
    monkeypatch.syspath_prepend(tmp_path)
    close = start_ahead(MEMORY, ["takes_long"])
    try:
        ((_, it),) = process_module.templates
        with Pool(about, 1, MEMORY) as pool:
            ((_, (_, parent, *_)),) = pool.run([0])
        assert parent == it._process.pid
    finally:
        close()
