"""The signals that end the command: the first one interrupts it, and no other disturbs what it then cleans up."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

from datacheck.cli.output import INTERRUPTED

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, a request to end, and the end of the terminal."""
_heeded: list[signal.Signals] = []
_left: list[str] = []


def end_at_once() -> None:
    """Have Ctrl-C end the process until `heed`, where the program has not begun by that, as `datacheck.__main__` does.

    That may not import this module: the working directory is still on the import path there.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler and _in_main_thread():
        signal.signal(signal.SIGINT, lambda number, frame: os._exit(INTERRUPTED))


def heed() -> None:
    """Have the first of these signals raise KeyboardInterrupt; one that is ignored, as by nohup, stays so.

    Only SIGCHLD does not: who ignores that does not learn how a worker ended.
    """
    _left.clear()
    if not _in_main_thread():
        return
    _heeded[:] = [number for number in ENDING if signal.getsignal(number) is not signal.SIG_IGN]
    _listen()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    sys.unraisablehook = _lost


def ignore() -> None:
    """From here on, what is under way is finished: a signal comes too late."""
    if _in_main_thread():
        for number in _heeded:
            signal.signal(number, signal.SIG_IGN)


def will_leave(sentence: str) -> None:
    """From here on, an interrupted command says this: what it leaves, and what to do next."""
    _left[:] = [sentence]


def leaves() -> tuple[str, ...]:
    """Return what is to be said of an interrupted command, once."""
    said = tuple(_left)
    _left.clear()
    return said


def caused(problem: BaseException) -> bool:
    """Say whether an error is what became of an interrupt: Python wraps what is raised while it makes a class."""
    seen: BaseException | None = problem
    while seen is not None and not isinstance(seen, KeyboardInterrupt):
        seen = seen.__cause__ or seen.__context__
    return seen is not None


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _listen() -> None:
    for number in _heeded:
        signal.signal(number, _interrupt)


def _interrupt(number: int, frame: object) -> None:
    ignore()
    raise KeyboardInterrupt


def _lost(problem: UnraisableHookArgs) -> None:
    """Listen again where an interrupt came while nothing could be raised, as in a finalizer, and was lost."""
    if issubclass(problem.exc_type, KeyboardInterrupt):
        _listen()
    else:
        sys.__unraisablehook__(problem)
