"""The standard streams of the command: closed ones, full ones, and those that nobody reads any more."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Callable

COULD_NOT_RUN = 2


class Standard(io.TextIOWrapper):
    """Standard output, which remembers that it could not be written: other files may fail in the same way."""

    failed: OSError | None = None

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError as exc:
            self.failed = exc
            raise

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as exc:
            self.failed = exc
            raise


def prepare() -> None:
    """Make the streams take whatever comes.

    A closed one is opened on nothing, or the next file that is opened would become standard output; what an encoding
    lacks is escaped.
    """
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
        if descriptor and getattr(sys, name) is None:  # that there is no input is for its reader to say
            setattr(sys, name, os.fdopen(descriptor, "w", encoding="utf-8", closefd=False))
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr.reconfigure(errors="backslashreplace")
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout is sys.__stdout__:  # not what a caller put there
        now = sys.stdout
        name, by_line, at_once = now.encoding, now.line_buffering, now.write_through
        sys.stdout = Standard(now.detach(), name, "backslashreplace", None, by_line, at_once)


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
        said = exc.strerror or exc
        if getattr(sys.stdout, "failed", None) is exc:
            complain(f"standard output: could not be written: {said}")
        else:
            complain(f"could not go on: {said}{f': {exc.filename!r}' if exc.filename else ''}")
        _say_no_more()
        return COULD_NOT_RUN
    return status


def _say_no_more() -> None:
    """Let what is left in the buffers go nowhere: the interpreter tries to write it at its end."""
    if sys.stdout is not None:
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
