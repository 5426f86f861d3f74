"""Handle the signals that end the command: the first one interrupts it, and no later one disturbs its clean-up."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

from datacheck.cli.output import INTERRUPTED
from datacheck.files.deferring import ENDING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

_heeded: list[signal.Signals] = []
_sentences: list[str] = []


def end_at_once() -> None:
    """Make Ctrl-C end the process at once, until `heed` is called.

    A program that starts in `datacheck.__main__` has done so already. That module cannot import this one, since the
    working directory is still on the import path there.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler and _in_main_thread():
        signal.signal(signal.SIGINT, lambda number, frame: os._exit(INTERRUPTED))


def heed() -> None:
    """Make the first of these signals raise KeyboardInterrupt; one that is ignored, as by nohup, stays ignored.

    SIGCHLD does not stay ignored: a process that ignores it does not learn how a worker ended.
    """
    _sentences.clear()
    if not _in_main_thread():
        return
    _heeded[:] = [number for number in ENDING if signal.getsignal(number) is not signal.SIG_IGN]
    _listen()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    sys.unraisablehook = _listen_if_lost


def ignore() -> None:
    """Ignore the signals from now on, so that what is under way is finished."""
    if _in_main_thread():
        for number in _heeded:
            signal.signal(number, signal.SIG_IGN)


def set_sentence(sentence: str) -> None:
    """Set what the command says from now on if it is interrupted: what it leaves, and what to do next."""
    _sentences[:] = [sentence]


def take_sentences() -> tuple[str, ...]:
    """Return the sentence that an interrupted command prints, if there is one, and forget it."""
    sentences = tuple(_sentences)
    _sentences.clear()
    return sentences


def is_caused_by_interrupt(problem: BaseException) -> bool:
    """Return whether an error comes from an interrupt: Python wraps exceptions raised while it makes a class."""
    error: BaseException | None = problem
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _listen() -> None:
    for number in _heeded:
        signal.signal(number, _interrupt)


def _interrupt(number: int, frame: object) -> None:
    ignore()
    raise KeyboardInterrupt


def _listen_if_lost(problem: UnraisableHookArgs) -> None:
    """Listen again after an interrupt was lost because it came where nothing can be raised, as in a finalizer."""
    if issubclass(problem.exc_type, KeyboardInterrupt):
        _listen()
    else:
        sys.__unraisablehook__(problem)
