"""Run the command line in the test process, which takes a tenth of the time of a new process.

`datacheck` emulates everything about a new process except starting the interpreter. The arguments, working directory,
environment, standard streams (including the descriptors), warnings and signal handlers are those of a fresh command,
and are restored afterwards. `process` starts a real process, for tests about interpreter startup and shutdown,
signals, limits or unusual streams.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from datacheck.cli import entry, interrupts

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)
READ_AT_START = ("PYTHON", "LC_", "LANG", "LD_", "MALLOC_", "HDF5_", "MPL")
"""Prefixes of environment variables that the interpreter and the libraries read only at startup."""
PATIENCE = 300


STUB = """#!/bin/sh
printf '%s\\0' "$@" > "$DATACHECK_WORDS"
"""
"""Shell script that takes the place of the command and saves its arguments, each terminated by a zero byte."""


class Endless(BaseException):
    """Raised if a command does not end; a BaseException, so that no `except Exception` in the command catches it."""


def process(*words: object, **options: Any) -> subprocess.CompletedProcess[Any]:
    """Run the command line in a new process; `options` are those of `subprocess.run`."""
    given = {"capture_output": True, "text": True, "check": False, "timeout": PATIENCE, "stdin": subprocess.DEVNULL}
    if "input" in options:
        del given["stdin"]
    return subprocess.run([sys.executable, "-m", "datacheck", *map(_word, words)], **given | options)


def datacheck(
    *words: object,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    text: bool = True,
    timeout: int = PATIENCE,
    merged: bool = False,
    **options: Any,
) -> subprocess.CompletedProcess[Any]:
    """Run the command line in this process and return the result that a new process would give.

    Start a new process if there are further `options`, or if `env` changes a variable that is read only at startup.
    If `merged`, standard error goes where standard output goes.
    """
    if merged and _read_at_start(env):
        options |= {"capture_output": False, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    if options or _read_at_start(env):
        return process(*words, cwd=cwd, env=env, text=text, timeout=timeout, **options)
    argv = [os.fsdecode(_word(it)) for it in words]
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as complained:
        error = said if merged else complained
        with _surroundings(cwd, env), _streams(said.fileno(), error.fileno()), _patience(timeout):
            try:
                entry.main(argv)
            except SystemExit as exc:
                status = exc.code
        streams = [os.pread(it.fileno(), os.fstat(it.fileno()).st_size, 0) for it in (said, complained)]
    told = [io.TextIOWrapper(io.BytesIO(it), "utf-8").read() if text else it for it in streams]
    return subprocess.CompletedProcess(["datacheck", *argv], status, *told)


def shell(line: str, **options: Any) -> subprocess.CompletedProcess[Any]:
    """Let the shell parse a line with one datacheck command, then run the command here with the parsed arguments."""
    with tempfile.TemporaryDirectory() as folder:
        stub, words = Path(folder, "datacheck"), Path(folder, "words")
        stub.write_text(STUB)
        stub.chmod(0o755)
        env = {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "DATACHECK_WORDS": str(words)}
        said = subprocess.run(["sh", "-c", line], env=env, capture_output=True, timeout=PATIENCE, check=True)
        assert (said.stdout, said.stderr) == (b"", b"")
        given = words.read_bytes().split(b"\0")[:-1]
    return datacheck(*given, **options)


def _word(word: object) -> str | bytes:
    return word if isinstance(word, (str, bytes)) else os.fspath(word) if isinstance(word, os.PathLike) else str(word)


def _read_at_start(env: Mapping[str, str] | None) -> bool:
    names = {*env, *os.environ} if env is not None else ()
    return any(env.get(it) != os.environ.get(it) and it.startswith(READ_AT_START) for it in names)


@contextlib.contextmanager
def _patience(seconds: int) -> Iterator[None]:
    """Raise Endless if the block takes longer than `seconds`."""

    def over(number, frame):
        raise Endless(f"no end within {seconds} s")

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def _surroundings(cwd: Path | None, env: Mapping[str, str] | None) -> Iterator[None]:
    """Set the folder and environment, and the signal handlers and warning filters of a fresh interpreter."""
    before = dict(os.environ), os.open(".", os.O_RDONLY), sys.argv, sys.unraisablehook
    heeded = interrupts._heeded[:]
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        with warnings.catch_warnings():
            _as_python_has_them()
            if env is not None:
                os.environ.clear()
                os.environ.update(env)
            if cwd is not None:
                os.chdir(cwd)
            sys.argv = ["datacheck"]
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGHUP, signal.SIG_DFL)
            yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        interrupts._heeded[:] = heeded
        environment, folder, sys.argv, sys.unraisablehook = before
        os.fchdir(folder)
        os.close(folder)
        os.environ.clear()
        os.environ.update(environment)


def _as_python_has_them() -> None:
    """Show warnings as an interpreter without options does, since pytest turns them into errors."""

    def show(message, category, filename, number, file=None, line=None):
        sys.stderr.write(warnings.formatwarning(message, category, filename, number, line))

    warnings.resetwarnings()
    for category in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
        warnings.simplefilter("ignore", category)
    warnings.showwarning = show


@contextlib.contextmanager
def _streams(said: int, complained: int) -> Iterator[None]:
    """Redirect descriptors 1 and 2 to files and 0 to /dev/null, with Python's standard streams on top of them."""
    names = ("stdin", "stdout", "stderr")
    before = {name: getattr(sys, name) for name in (*names, *(f"__{it}__" for it in names))}
    for name in ("stdout", "stderr"):
        before[name].flush()
    kept = [os.dup(number) for number in range(3)]
    nothing = os.open(os.devnull, os.O_RDONLY)
    try:
        for number, target in enumerate((nothing, said, complained)):
            os.dup2(target, number)
        sys.stdin = sys.__stdin__ = os.fdopen(0, "r", encoding="utf-8", closefd=False)
        sys.stdout = sys.__stdout__ = os.fdopen(1, "w", encoding="utf-8", closefd=False)
        sys.stderr = sys.__stderr__ = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
        yield
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        for number, target in enumerate(kept):
            os.dup2(target, number)
            os.close(target)
        os.close(nothing)
        for name, stream in before.items():
            setattr(sys, name, stream)
