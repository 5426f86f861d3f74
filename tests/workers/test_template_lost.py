"""A template that dies, is stopped, or is that of the process which a caller was forked from."""

import contextlib
import os
import signal

import pytest
from worker_jobs import MEMORY, orphan_itself, orphan_itself_later, pid_of

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
    """Start a template within the test: pytest changes the environment between a test and its fixtures."""
    close = start_ahead(MEMORY)
    ((_, it),) = process_module._templates
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
                ends = own.forked, own.alive, not process_module._templates
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
