"""The command line, run in this process as a process of its own would run it, which takes a tenth of the time.

`datacheck` does all but start an interpreter: the arguments, folder, environment, standard streams (the descriptors
too), warnings and signal handlers are those of a fresh command, and are put back. `process` starts one. A test takes
it where the start and the end of the interpreter, signals, limits or strange streams are what it looks at.
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
"""How the names begin of variables that the interpreter and the libraries look at when they start."""
PATIENCE = 300


STUB = """#!/bin/sh
printf '%s\\0' "$@" > "$DATACHECK_WORDS"
"""
"""Stands for the command in a shell, and tells what it was called with."""


class Endless(BaseException):
    """A command did not end; no `except Exception` of its own may take this for one of its errors."""


def process(*words: object, **options: Any) -> subprocess.CompletedProcess[Any]:
    """Run the command line in a process of its own; `options` are those of `subprocess.run`."""
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
    **options: Any,
) -> subprocess.CompletedProcess[Any]:
    """Run the command line and return what a process of its own would, which it gets with any further `options`.

    So it does with an environment that the interpreter would have read at its start.
    """
    if options or _read_at_start(env):
        return process(*words, cwd=cwd, env=env, text=text, timeout=timeout, **options)
    argv = [os.fsdecode(_word(it)) for it in words]
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as complained:
        with _surroundings(cwd, env), _streams(said.fileno(), complained.fileno()), _patience(timeout):
            try:
                entry.main(argv)
            except SystemExit as exc:
                status = exc.code
        streams = [os.pread(it.fileno(), os.fstat(it.fileno()).st_size, 0) for it in (said, complained)]
    told = [io.TextIOWrapper(io.BytesIO(it), "utf-8").read() if text else it for it in streams]
    return subprocess.CompletedProcess(["datacheck", *argv], status, *told)


def shell(line: str, **options: Any) -> subprocess.CompletedProcess[Any]:
    """Have the shell read a line that is one command of datacheck, and run it here with the words that it gets."""
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
    """Give a command so long to end."""

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
    """Be in a folder and an environment, with the signals and warnings of a fresh interpreter."""
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
    """Show warnings as an interpreter without options does: pytest makes errors of them."""

    def show(message, category, filename, number, file=None, line=None):
        sys.stderr.write(warnings.formatwarning(message, category, filename, number, line))

    warnings.resetwarnings()
    for category in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
        warnings.simplefilter("ignore", category)
    warnings.showwarning = show


@contextlib.contextmanager
def _streams(said: int, complained: int) -> Iterator[None]:
    """Have descriptors 0, 1 and 2, and Python's streams on them, as a process has that is read through files."""
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
