"""Distinguish exceptions that a record's bytes cause in readers and decoders from mistakes of datacheck itself."""

from __future__ import annotations

import errno
import os
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

from datacheck.errors import DatacheckError
from datacheck.model.escaping import plain
from datacheck.model.finding import Finding, errno_details, found
from datacheck.model.slips import ENVIRONMENT, errno_of, is_slip

P = ParamSpec("P")
T = TypeVar("T")

TRACE = 4000
"""Number of characters that are kept of the end of a traceback."""
TRACEBACK = "DATACHECK_TRACEBACK"
"""Environment variable that makes the command show the traceback of a mistake of datacheck itself."""


class Blamed(Exception):
    """An exception that a reader or decoder raised while it was at a record.

    The exception itself is the cause; `code` is the code of the finding.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    @property
    def error(self) -> BaseException:
        return self if self.__cause__ is None else self.__cause__


@contextmanager
def blaming(code: str) -> Iterator[None]:
    """Turn the exceptions that readers and decoders raise within the context into Blamed.

    They are put down to hostile bytes of the record. Mistakes of datacheck itself (`datacheck.model.slips`) pass
    unchanged.
    """
    try:
        yield
    except (DatacheckError, Blamed):
        raise
    except Exception as exc:
        if is_slip(exc):
            raise
        raise Blamed(code) from exc


def blamed(code: str, function: Callable[P, Iterable[T]], *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
    """Yield what a function of a reader or a decoder yields, and raise its exceptions as Blamed."""
    with blaming(code):
        yield from function(*args, **kwargs)


def finding_of_exception(error: BaseException, doing: str, limit: str, code: str = "unreadable") -> Finding:
    """Return the finding for an exception that a reader or decoder raised."""
    return finding_of_raised(type(error).__name__, str(error), doing, limit, code, errno_of(error))


def finding_of_raised(
    kind: str, words: str, doing: str, limit: str, code: str = "unreadable", number: int | None = None
) -> Finding:
    """Return the finding for an exception with this type name and message.

    `limit` is the memory limit in words, `number` the errno if the exception has one.
    """
    suffix = f" ({plain(words)})" if words else ""
    if kind == "MemoryError" or number == errno.ENOMEM:
        return found("too-large", f"{doing} needs more memory than {limit}{suffix}", verdict="unverifiable")
    if kind == "NotRegular":  # the file has been replaced by something else meanwhile
        return found("unsupported", f"{doing} raised {kind}{suffix}", error=kind)
    if number in ENVIRONMENT:
        return found(
            "unreadable", f"{doing} raised {kind}{suffix}", verdict="unverifiable", error=kind, **errno_details(number)
        )
    return found(code, f"{doing} raised {kind}{suffix}", error=kind)


def own_slip(kind: str, words: str, trace: str, doing: str) -> Finding:
    """Return the finding for a mistake of datacheck itself, with its traceback."""
    suffix = f": {words}" if words else ""
    where = f"{doing}, " if doing else ""
    more: dict[str, Any] = {"traceback": trace} if trace else {}
    return found("internal-error", f"{where}datacheck failed with {kind}{suffix}", error=kind, **more)


def trace_of(error: BaseException) -> str:
    """Return the end of an exception's traceback."""
    return "".join(traceback.format_exception(error))[-TRACE:]


def lines_of(error: Exception) -> list[str]:
    """Return the lines that the command prints for an unexpected exception: one line, or more if TRACEBACK is set.

    An OSError, about a disk or a file, explains itself and is no internal error.
    """
    lines = "".join(traceback.format_exception(error)).splitlines() if os.environ.get(TRACEBACK) else []
    if isinstance(error, OSError):
        return [*lines, ": ".join(str(it) for it in (error.filename, error.strerror or error) if it is not None)]
    where = "the traceback above" if lines else f"the traceback, which {TRACEBACK}=1 in the environment shows"
    return [*lines, f"internal error: {type(error).__name__}: {error}; please report it with {where}"]
