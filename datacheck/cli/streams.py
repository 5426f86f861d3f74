"""Handle standard streams that are closed, full, or no longer read."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Callable

COULD_NOT_RUN = 2


class Standard(io.TextIOWrapper):
    """Standard output that remembers its own write error, since other files may fail in the same way."""

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
    """Make the standard streams take any text.

    A closed stream is opened on the null device; otherwise the next file that is opened would become standard output.
    Characters that the encoding lacks are escaped.
    """
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it gets the lowest free number, this one
        if descriptor and getattr(sys, name) is None:  # whoever reads standard input reports that there is none
            setattr(sys, name, os.fdopen(descriptor, "w", encoding="utf-8", closefd=False))
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr.reconfigure(errors="backslashreplace")
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout is sys.__stdout__:  # not a caller's stream
        now = sys.stdout
        name, by_line, at_once = now.encoding, now.line_buffering, now.write_through
        sys.stdout = Standard(now.detach(), name, "backslashreplace", None, by_line, at_once)


def complain(text: str) -> None:
    """Print one sentence on standard error, if it is open and can be written."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError):
            sys.stderr.write(f"datacheck: {text}\n")
            sys.stderr.flush()


def written(run: Callable[[], int]) -> int:
    """Return the status of a run once its output is flushed, or COULD_NOT_RUN if either raises OSError.

    The error is reported on standard error, except for a pipe that is no longer read.
    """
    try:
        status = run()
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:  # the reader has left
        _discard_output()
        return COULD_NOT_RUN
    except OSError as exc:
        reason = exc.strerror or exc
        if getattr(sys.stdout, "failed", None) is exc:
            complain(f"standard output: could not be written: {reason}")
        else:
            complain(f"could not go on: {reason}{f': {exc.filename!r}' if exc.filename else ''}")
        _discard_output()
        return COULD_NOT_RUN
    return status


def _discard_output() -> None:
    """Discard what is left in the buffers, which the interpreter tries to write when it ends."""
    if sys.stdout is not None:
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
