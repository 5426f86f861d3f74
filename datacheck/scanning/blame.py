"""Tell what a record's bytes made somebody else's code raise from what is datacheck's own slip."""

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
"""Characters of a traceback that are kept: its end, where the mistake is."""
TRACEBACK = "DATACHECK_TRACEBACK"
"""Set in the environment, it has the command show the traceback of a mistake of datacheck's own."""


class Blamed(Exception):
    """What a reader or a decoder raised while it was at a record, which is its cause; `code` is that of the finding."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    @property
    def error(self) -> BaseException:
        return self if self.__cause__ is None else self.__cause__


@contextmanager
def blaming(code: str) -> Iterator[None]:
    """Mark the border to readers and decoders: what hostile bytes make them raise is Blamed on the record.

    What is a mistake of datacheck's own (`datacheck.model.slips`) goes through as it is.
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
    """Yield what a function of a reader or a decoder yields; what it raises is Blamed on the record."""
    with blaming(code):
        yield from function(*args, **kwargs)


def judged(error: BaseException, doing: str, limit: str, code: str = "unreadable") -> Finding:
    """Return the finding for an exception that a reader or decoder raised."""
    return raised(type(error).__name__, str(error), doing, limit, code, errno_of(error))


def raised(
    kind: str, words: str, doing: str, limit: str, code: str = "unreadable", number: int | None = None
) -> Finding:
    """Return the finding for an exception of this kind, which says `words`; `limit` is that of the memory, in words."""
    said = f" ({plain(words)})" if words else ""
    if kind == "MemoryError" or number == errno.ENOMEM:
        return found("too-large", f"{doing} needs more memory than {limit}{said}", verdict="unverifiable")
    if kind == "NotRegular":  # the file was replaced by something else meanwhile
        return found("unsupported", f"{doing} raised {kind}{said}", error=kind)
    if number in ENVIRONMENT:
        return found(
            "unreadable", f"{doing} raised {kind}{said}", verdict="unverifiable", error=kind, **errno_details(number)
        )
    return found(code, f"{doing} raised {kind}{said}", error=kind)


def own_slip(kind: str, words: str, trace: str, doing: str = "") -> Finding:
    """Return the finding for a mistake of datacheck's own, with its traceback."""
    said = f": {words}" if words else ""
    where = f"{doing}, " if doing else ""
    more: dict[str, Any] = {"traceback": trace} if trace else {}
    return found("internal-error", f"{where}datacheck failed with {kind}{said}", error=kind, **more)


def trace_of(error: BaseException) -> str:
    """Return the end of an exception's traceback."""
    return "".join(traceback.format_exception(error))[-TRACE:]


def lines_of(error: Exception) -> list[str]:
    """Return what the command says of an exception that nobody expected: one line, or with TRACEBACK set many.

    One of the system, for a disk or a file, says itself what is wrong.
    """
    lines = "".join(traceback.format_exception(error)).splitlines() if os.environ.get(TRACEBACK) else []
    if isinstance(error, OSError):
        return [*lines, ": ".join(str(it) for it in (error.filename, error.strerror or error) if it is not None)]
    where = "the traceback above" if lines else f"the traceback, which {TRACEBACK}=1 in the environment shows"
    return [*lines, f"internal error: {type(error).__name__}: {error}; please report it with {where}"]
