"""A walk that kills its process is walked again around the step that did."""

import os
import signal
import time

import pytest

from datacheck.backends.hdf5 import walking
from datacheck.backends.hdf5.library import fork_guard
from datacheck.backends.hdf5.library.fork_guard import deadly_signal, survived
from datacheck.backends.hdf5.library.library_failures import killed
from datacheck.backends.interface import StoreOptions


def walk(deadly_signal, steps=6):
    """A walk whose steps in `deadly_signal` die by that signal; it returns what it was told of each step."""

    def taken(trail):
        told = []
        for number in range(steps):
            told.append(trail.step())
            if told[-1] is None and number in deadly_signal:
                os.kill(os.getpid(), deadly_signal[number])
        return told

    return taken


def test_a_walk_without_harm_is_taken_once():
    assert survived(walk({})) == ([None] * 6, {})


def test_steps_that_kill_are_avoided_and_named():
    told, avoided = survived(walk({1: signal.SIGSEGV, 4: signal.SIGBUS}))
    assert avoided == {1: "SIGSEGV", 4: "SIGBUS"}
    assert told == [None, "SIGSEGV", None, None, "SIGBUS", None]


def test_a_step_without_end_is_stopped(monkeypatch):
    monkeypatch.setattr(fork_guard, "SECONDS", 1)
    monkeypatch.setattr(fork_guard, "PATIENCE", 200)

    def endless(trail):
        told = trail.step()
        while told is None:
            pass
        return told

    assert survived(endless) == ("SIGPROF", {0: "SIGPROF"})


def test_a_step_that_only_waits_gets_more_time_and_is_no_fault_of_the_file(monkeypatch):
    monkeypatch.setattr(fork_guard, "SECONDS", 0.2)

    def waiting(trail):
        told = trail.step()
        if told is None:
            signal.pause()
        return told

    assert survived(waiting) == ("SIGALRM", {0: "SIGALRM"})
    assert (killed("SIGALRM", "the file").verdict, killed("SIGPROF", "the file").verdict) == ("unverifiable", "bad")


@pytest.mark.parametrize("ended", [signal.SIGKILL, signal.SIGTERM, signal.SIGRTMIN + 3, signal.SIGALRM])
def test_what_somebody_else_ends_once_is_done_again(tmp_path, ended):
    mark = tmp_path / "mark"

    def struck(trail):
        told = [trail.step(), trail.step()]
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), ended)
        return told

    assert survived(struck) == ([None, None], {})
    mark.unlink()
    assert deadly_signal(lambda: struck(fork_guard.StepCounter({}))) is None


@pytest.mark.parametrize(
    ("ended", "code", "verdict"),
    [
        ("SIGSEGV", "crash", "bad"),
        ("SIGBUS", "crash", "bad"),
        ("SIGKILL", "too-large", "unverifiable"),
        ("SIGTERM", "crash", "unverifiable"),
        ("signal 37", "crash", "unverifiable"),
    ],
)
def test_only_what_the_library_did_itself_is_bad(tmp_path, monkeypatch, ended, code, verdict):
    finding = killed(ended, "the file")
    assert (finding.code, finding.verdict) == (code, verdict)
    monkeypatch.setattr(walking, "survived", lambda walk: (None, {-1: ended}))
    (finding,) = walking._walk_around(tmp_path, 0, StoreOptions(), None).findings
    assert (finding.code, finding.verdict) == (code, verdict)


def test_a_walk_that_dies_before_its_first_step_or_too_often_has_no_answer(monkeypatch):
    assert survived(lambda trail: os.kill(os.getpid(), signal.SIGKILL)) == (None, {-1: "SIGKILL"})
    monkeypatch.setattr(fork_guard, "DEATHS", 2)
    assert survived(walk(dict.fromkeys(range(6), signal.SIGKILL)))[0] is None


def test_an_answer_larger_than_a_pipe_comes_whole():
    assert survived(lambda trail: bytes(1 << 20))[0] == bytes(1 << 20)


def test_an_exception_is_raised_here():
    with pytest.raises(ZeroDivisionError):
        survived(lambda trail: 1 // 0)


def test_a_deed_is_tried_before_it_is_done(monkeypatch):
    monkeypatch.setattr(fork_guard, "DEED_SECONDS", 1)
    assert deadly_signal(lambda: os.kill(os.getpid(), signal.SIGSEGV)) == "SIGSEGV"
    assert deadly_signal(lambda: 1 // 0) is None
    monkeypatch.setattr(fork_guard, "DEED_SECONDS", 0.2)
    assert deadly_signal(signal.pause) == "SIGALRM"


def test_a_step_that_was_stopped_for_a_while_is_done_again(tmp_path, monkeypatch):
    monkeypatch.setattr(fork_guard, "SECONDS", 0.05)
    mark = tmp_path / "mark"

    def stopped(trail):
        told = [trail.step(), trail.step()]
        if not mark.exists():
            mark.touch()
            if os.fork() == 0:  # whoever lets it go on
                time.sleep(0.5)
                os.kill(os.getppid(), signal.SIGCONT)
                os._exit(0)
            os.kill(os.getpid(), signal.SIGSTOP)
        return told

    assert survived(stopped) == ([None, None], {})
    mark.unlink()
    monkeypatch.setattr(fork_guard, "DEED_SECONDS", 0.05)
    assert deadly_signal(lambda: stopped(fork_guard.StepCounter({}))) is None


@pytest.mark.parametrize(("deaths", "answered"), [(15, True), (16, True), (17, False)])
def test_a_walk_may_die_16_times(deaths, answered):
    told, avoided = survived(walk(dict.fromkeys(range(deaths), signal.SIGSEGV), steps=20))
    assert len(avoided) == deaths
    assert told == ((["SIGSEGV"] * deaths + [None] * (20 - deaths)) if answered else None)
