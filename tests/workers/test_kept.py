"""Test processes that are kept from one job to the next: they are like new ones, and end when nobody keeps them."""

import os
import signal
import threading
import time

import pytest
from building import datum, key, pixels, write_lmdb
from worker_jobs import MEMORY, die_or_tell, pid_of, step_and_sleep

import datacheck
from datacheck.workers import process as process_module
from datacheck.workers.interface import Death, Step
from datacheck.workers.pool import Pool
from datacheck.workers.process import _ahead, keeping_processes

pytestmark = pytest.mark.own_workers


def ran(job, tasks, workers=1):
    with Pool(job, workers, MEMORY) as pool:
        return [result for _, result in pool.run(tasks)]


def test_a_process_is_kept_and_does_other_jobs():
    with keeping_processes():
        pids = {*ran(pid_of, [1, 2]), *ran(die_or_tell, ["a"]), *ran(pid_of, [3])}
        assert len(pids) == 1
        assert len(_ahead) == 1
    assert not _ahead
    (pid,) = pids
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_none_is_kept_unless_that_is_wanted():
    assert len({*ran(pid_of, [1]), *ran(pid_of, [2])}) == 2
    with keeping_processes():
        (first,) = ran(pid_of, [1])
        with keeping_processes():
            assert ran(pid_of, [2]) == [first]
        assert ran(pid_of, [3]) == [first]
    assert ran(pid_of, [4]) != [first]
    assert not _ahead


def test_several_are_kept():
    with keeping_processes():
        with Pool(pid_of, 3, MEMORY) as pool:
            pool.grow(3)
            first = {result for _ in range(40) for _, result in pool.run(range(3))}
        second = {*ran(pid_of, range(6), 3)}
        assert second <= first


def test_a_death_in_another_job_has_no_note_or_words_of_the_one_before():
    with keeping_processes():
        (pid,) = ran(die_or_tell, ["talk"])
        ((death,),) = [ran(die_or_tell, ["mute"])]
        assert death == Death("SIGABRT", None, "")
        (pid,) = ran(pid_of, ["noted"])
        assert ran(die_or_tell, ["die"]) == [Death("SIGABRT", ("dying", "die"), "last words")]
        (pid,) = ran(pid_of, ["noted"])
        assert ran(die_or_tell, ["die before a note"]) == [Death("SIGKILL", None)]
    assert pid


def test_one_that_died_while_it_was_kept_is_not_used():
    with keeping_processes():
        (pid,) = ran(pid_of, [1])
        os.kill(pid, signal.SIGKILL)
        until = time.monotonic() + 60
        while _ahead[0][1].alive:
            assert time.monotonic() < until
            time.sleep(0.01)
        (other,) = ran(pid_of, [2])
        assert other != pid


def test_one_that_dies_before_its_new_job_costs_nothing(monkeypatch):
    """It may die between the check that it is alive and its task; a new process then does the task."""
    with keeping_processes():
        (pid,) = ran(pid_of, [1])
        monkeypatch.setattr(process_module.Process, "alive", True)
        os.kill(pid, signal.SIGKILL)
        (other,) = ran(pid_of, [2])
        assert isinstance(other, int)
        assert other != pid


def test_a_busy_one_is_not_kept():
    with keeping_processes():
        with Pool(step_and_sleep, 1, MEMORY) as pool:
            running = pool.run([1])
            _, step = next(running)
            assert isinstance(step, Step)
        assert not _ahead
        with pytest.raises(ProcessLookupError):
            os.kill(step.value, 0)


def test_one_whose_job_raised_is_as_good_as_another():
    with keeping_processes():
        with pytest.raises(ValueError, match="no"):
            ran(die_or_tell, ["raise"])
        assert len(ran(die_or_tell, ["a"])) == 1


def test_other_circumstances_need_another_process(tmp_path, monkeypatch):
    with keeping_processes():
        (pid,) = ran(pid_of, [1])
        monkeypatch.setenv("SOMETHING", "else")
        (other,) = ran(pid_of, [2])
        assert other != pid


def test_a_job_begins_with_the_grace_of_a_new_process():
    with keeping_processes():
        (pid,) = ran(pid_of, [1])
        assert ran(die_or_tell, ["grace"]) == [1.0]
        assert ran(pid_of, [2]) == [pid]


def test_a_folder_is_scanned_by_the_same_processes_and_says_the_same(tmp_path, monkeypatch):
    folder = tmp_path / "stores"
    folder.mkdir()
    for number in range(6):
        records = {key(at): datum(pixels(at, (3, 8, 8)), at % 4) for at in range(30)}
        records[key(number)] = records[key(number)][: 40 + number]
        write_lmdb(folder / f"store{number}", records)
    started = []
    given = process_module.Process.__init__

    def counted(self, memory, loading=()):
        started.append(memory)
        given(self, memory, loading)

    monkeypatch.setattr(process_module.Process, "__init__", counted)
    together = datacheck.scan(folder, workers=2)
    assert len(started) <= 2
    assert len(together) == 6
    for number, report in enumerate(together):
        alone = datacheck.scan(folder / f"store{number}", workers=2)
        assert list(report.findings) == list(alone.findings)
        assert len(report.findings) == 1
        assert report.statistics == alone.statistics
    assert not _ahead


def test_threads_share_what_is_kept():
    seen = []

    def scan(number):
        with keeping_processes():
            for task in range(4):
                seen.extend((number, task, result) for result in ran(pid_of, [task]))

    threads = [threading.Thread(target=scan, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 12
    assert not _ahead
    for pid in {pid for _, _, pid in seen}:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
