"""A walk that kills its process is walked again around the step that did."""

import os
import signal

import pytest

from datacheck.backends.hdf5 import fork_guard
from datacheck.backends.hdf5.fork_guard import deadly_signal, survived


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

    def endless(trail):
        told = trail.step()
        while told is None:
            pass
        return told

    assert survived(endless) == ("SIGALRM", {0: "SIGALRM"})


def test_a_walk_that_dies_before_its_first_step_or_too_often_has_no_answer(monkeypatch):
    assert survived(lambda trail: os.kill(os.getpid(), signal.SIGKILL)) == (None, {})
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
    assert deadly_signal(signal.pause) == "SIGALRM"


@pytest.mark.parametrize(("deaths", "answered"), [(15, True), (16, True), (17, False)])
def test_a_walk_may_die_16_times(deaths, answered):
    told, avoided = survived(walk(dict.fromkeys(range(deaths), signal.SIGSEGV), steps=20))
    assert len(avoided) == deaths
    assert told == ((["SIGSEGV"] * deaths + [None] * (20 - deaths)) if answered else None)
