"""Read the lines of a log: of any length, gzipped or not, from a file or standard input, in bounded memory."""

from __future__ import annotations

import gzip
import shlex
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path
from typing import cast

from datacheck.errors import SourceUnknown, SourceUnreadable
from datacheck.files.near import source_missing
from datacheck.files.regular import PIPE, NotRegular, open_regular

STANDARD_INPUT = "-"
BLOCK = 1 << 17
LONGEST = 1 << 14
"""Maximum number of bytes kept of a line that does not end within a block."""
GZIP = b"\x1f\x8b"
TEXT = bytes([*b"\b\t\n\v\f\r\x1b", *range(0x20, 0x100)])
"""The bytes that occur in text; they include the escape with which a terminal's colours begin."""


@contextmanager
def open_log(path: str) -> Iterator[BufferedIOBase]:
    """Open a log, or standard input for "-". Raises a DatacheckError if it cannot be opened."""
    if path == STANDARD_INPUT:
        if sys.stdin is None:
            raise SourceUnreadable(path, "standard input is closed")
        yield cast(BufferedIOBase, sys.stdin.buffer)
        return
    if not path:
        raise SourceUnknown("''", "is an empty name, not a path")
    try:
        file = cast(BufferedIOBase, open_regular(Path(path)))
    except FileNotFoundError as exc:
        raise source_missing(path) from exc
    except IsADirectoryError as exc:
        raise SourceUnknown(path, "is a directory; name the log file in it") from exc
    except NotRegular as exc:
        hint = f"; to read what comes through it: datacheck log - < {shlex.quote(path)}" if exc.kind == PIPE else ""
        raise SourceUnknown(path, exc.clause + hint) from exc
    except (OSError, ValueError) as exc:
        raise SourceUnreadable(path, f"could not be opened: {getattr(exc, 'strerror', exc)}") from exc
    with file:
        yield file


def _unzipped(file: BufferedIOBase, path: str) -> BufferedIOBase:
    peek = getattr(file, "peek", None)
    try:
        if peek is None or peek(2)[:2] != GZIP:
            return file
    except OSError as exc:
        raise SourceUnreadable(path, f"could not be read: {exc.strerror}") from exc
    return gzip.GzipFile(fileobj=file)


class Lines:
    """The lines of an open log. Iterating yields lists of them, without line ends; empty lists in an endless line.

    `size` is the number of unzipped bytes read so far, `binary` whether some of them do not occur in text. `cut` is
    the last line if it lacks a line end: it may have been longer, so its last number cannot be trusted. A line that
    does not end within a block is kept up to LONGEST bytes.
    """

    def __init__(self, file: BufferedIOBase, path: str) -> None:
        self._file, self._path = file, path
        self.size = 0
        self.binary = False
        self.cut = b""

    def __iter__(self) -> Iterator[list[bytes]]:
        self._file = _unzipped(self._file, self._path)  # not before: a pipe may have nothing to read for long
        partial = b""
        while block := self._read():
            self.size += len(block)
            self.binary = self.binary or bool(block[:LONGEST].translate(None, TEXT))
            complete, newline, rest = block.rpartition(b"\n")
            if not newline:
                partial = (partial + block)[:LONGEST]
                yield []
                continue
            if partial:
                complete = partial + complete
            if b"\r" in complete:
                complete = complete.replace(b"\r\n", b"\n").removesuffix(b"\r")
            yield complete.split(b"\n")
            partial = rest[:LONGEST]
        self.cut = partial

    def _read(self) -> bytes:
        try:
            return self._file.read1(BLOCK)  # what can be read now, so that a later error loses none of it
        except (EOFError, gzip.BadGzipFile, zlib.error):
            return b""  # a zipped log that is cut or damaged ends where it cannot be read any further
        except OSError as exc:
            raise SourceUnreadable(self._path, f"could not be read: {exc.strerror}") from exc
