"""Test workers forked from a template process that has loaded what they need: they are like started ones."""

import contextlib
import os
import signal
import time
from pathlib import Path

import pytest
from worker_jobs import MEMORY, about, die_or_tell

from datacheck.workers import process as process_module
from datacheck.workers.interface import Death
from datacheck.workers.pool import Pool
from datacheck.workers.process import start_ahead
from datacheck.workers.template import FORKS, Forked

pytestmark = [
    pytest.mark.own_workers,
    pytest.mark.skipif(not FORKS, reason="this system has no processes that fork workers"),
]


@contextlib.contextmanager
def template(*modules):
    close = start_ahead(MEMORY, modules)
    try:
        ((_, it),) = process_module.templates
        yield it
    finally:
        close()
    assert not process_module.templates
    assert not it.alive


def children(pid):
    tasks = Path(f"/proc/{pid}/task")
    return {int(it) for task in tasks.iterdir() for it in (task / "children").read_text().split()}


def test_all_workers_come_from_one_process_that_loads_once():
    with template("colorsys") as it, Pool(about, 3, MEMORY) as pool:
        pool.grow(3)
        told = [result for _, result in pool.run(range(12))]
        parents = {parent for _, parent, *_ in told}
        assert len({pid for pid, *_ in told}) == 3
        assert parents == {it._process.pid}
        assert all(rest == (True, MEMORY, set()) for _, _, *rest_ in told for rest in [tuple(rest_)])


def test_a_worker_beside_a_template_in_other_circumstances_is_started(monkeypatch):
    with template() as it:
        monkeypatch.setenv("SOME_VARIABLE", "1")
        with Pool(about, 1, MEMORY) as pool:
            ((_, (_, parent, *_)),) = pool.run([0])
        assert parent == os.getpid()
        assert not it.alive
        process_module.templates.append((None, it))  # so that `template` sees it closed


@pytest.mark.parametrize(
    ("task", "death"),
    [
        ("die", Death("SIGABRT", ("dying", "die"), "last words")),
        ("die before a note", Death("SIGKILL", None)),
    ],
)
def test_the_death_of_a_forked_worker_is_told_as_that_of_any(task, death):
    with template() as it, Pool(die_or_tell, 1, MEMORY) as pool:
        ((_, pid),) = pool.run(["noted"])
        assert pid in children(it._process.pid)
        ((_, told),) = pool.run([task])
        assert told == death
        ((_, another),) = pool.run(["noted"])
        assert another != pid


def test_work_goes_on_where_the_template_was_killed():
    """Its children die with it, and others are started for them."""
    with template() as it, Pool(about, 2, MEMORY) as pool:
        pool.grow(2)
        first = {result[0] for _, result in pool.run(range(8))}
        os.kill(it._process.pid, signal.SIGKILL)
        until = time.monotonic() + 60
        while it.alive or any(Path(f"/proc/{pid}").exists() for pid in first):
            assert time.monotonic() < until
            time.sleep(0.01)
        told = [result for _, result in pool.run(range(8))]
        assert {type(result) for result in told} <= {tuple, Death}
        again = [result for _, result in pool.run(range(8))]
        assert {result[1] for result in again} == {os.getpid()}


def test_a_template_that_dies_before_it_forks_costs_nothing():
    with template("colorsys") as it:
        it.kill()
        with Pool(about, 1, MEMORY) as pool:
            ((_, (_, parent, *_)),) = pool.run([0])
        assert parent == os.getpid()


def test_a_template_stays_until_the_last_of_its_workers_has_gone():
    close = start_ahead(MEMORY)
    ((_, it),) = process_module.templates
    with Pool(about, 1, MEMORY) as pool:
        pool.grow(1)
        close()
        ((_, (_, parent, *_)),) = pool.run([0])
        assert parent == it._process.pid
        assert it.alive
    assert not it.alive


def test_a_child_of_which_nothing_is_told_yet_is_no_dead_one():
    with template() as it:
        os.kill(it._process.pid, signal.SIGSTOP)
        child = process_module.next_process(MEMORY)
        another = process_module.next_process(MEMORY)
        assert isinstance(another._process, Forked)
        assert child.alive
        assert another.alive
        os.kill(it._process.pid, signal.SIGCONT)
        assert another._process.pid in children(it._process.pid)
        another.close()
        assert not another.alive
        child.close()
