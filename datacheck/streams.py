"""The standard streams of the command: closed ones, full ones, and those that nobody reads any more."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Callable

COULD_NOT_RUN = 2


def prepare() -> None:
    """Make the streams take whatever comes.

    A closed one is opened on nothing, or the next file that is opened would become standard output; what an encoding
    lacks is escaped.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def complain(text: str) -> None:
    """Say one sentence on standard error, if there is one that takes it."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError):
            sys.stderr.write(f"datacheck: {text}\n")
            sys.stderr.flush()


def written(run: Callable[[], int]) -> int:
    """Return the status of a run, once all that it printed has reached standard output; say so where it cannot."""
    try:
        status = run()
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:  # whoever read it has left
        _say_no_more()
        return COULD_NOT_RUN
    except OSError as exc:
        where = "standard output" if exc.filename is None else os.fsdecode(exc.filename)
        complain(f"{where}: could not be written: {exc.strerror or exc}")
        _say_no_more()
        return COULD_NOT_RUN
    return status


def _say_no_more() -> None:
    """Let what is left in the buffers go nowhere: the interpreter tries to write it at its end."""
    if sys.stdout is not None:
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
