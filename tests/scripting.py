"""Run shell scripts whose `datacheck` commands run in the test process, as `commanding` does, not in new processes.

A stand-in for `datacheck` comes first in the script's PATH. It hands its arguments, folder and environment to the test
process, and then prints what the command printed there and returns its exit status. The standard input of the command
is empty.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import commanding

STAND_IN = """#!/bin/sh
here=$DATACHECK_ASKED/$$
mkfifo "$here.status"
printf '%s\\0' "$PWD" "$@" > "$here.words"
env -0 > "$here.env"
[ /dev/fd/1 -ef /dev/fd/2 ] && : > "$here.merged"
echo $$ > "$DATACHECK_ASKED/asked"
read -r status < "$here.status"
cat "$here.said"
cat "$here.complained" >&2
exit "$status"
"""

OF_THE_SHELL = ("DATACHECK_ASKED", "OLDPWD", "PATH", "PWD", "SHLVL", "_")
"""Environment variables that the shell or this module sets, and that are no business of the command."""


def run(
    script: str, cwd: Path, env: Mapping[str, str] | None = None, shell: str = "bash"
) -> subprocess.CompletedProcess[str]:
    """Run a script in a folder; return its exit status and what it printed to both streams."""
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        folder = Path(name)
        (folder / "datacheck").write_text(STAND_IN)
        (folder / "datacheck").chmod(0o755)
        env = {**(os.environ if env is None else env), "DATACHECK_ASKED": name}
        env["PATH"] = f"{name}{os.pathsep}{env['PATH']}"
        with (
            _asked(folder / "asked") as asked,
            _ending() as (alive, ended),
            subprocess.Popen(
                [shell, "-c", script], cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                pass_fds=[alive],
            ) as process,
        ):  # fmt: skip
            os.close(alive)
            try:
                _answer(folder, asked, ended)
            except BaseException:
                process.kill()
                raise
        said, complained = (os.pread(it.fileno(), os.fstat(it.fileno()).st_size, 0).decode() for it in (out, err))
    return subprocess.CompletedProcess(script, process.returncode, said, complained)


@contextlib.contextmanager
def _asked(path: Path) -> Iterator[int]:
    """Make the pipe through which commands ask to be run; open it for writing, too, so that it does not end."""
    os.mkfifo(path)
    descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _ending() -> Iterator[tuple[int, int]]:
    """Make a pipe that ends when everything has ended that inherited its first end."""
    ended, alive = os.pipe()
    try:
        yield alive, ended
    finally:
        os.close(ended)


def _answer(folder: Path, asked: int, ended: int) -> None:
    """Run the commands of a script until it has ended."""
    while True:
        ready, _, _ = select.select([asked, ended], [], [], commanding.PATIENCE)
        if asked in ready:
            for number in os.read(asked, 65536).split():
                _run_command(folder / os.fsdecode(number))
        elif ended in ready:
            return
        else:
            raise commanding.Endless(f"no end within {commanding.PATIENCE} s")


def _run_command(here: Path) -> None:
    cwd, *words = here.with_suffix(".words").read_bytes().split(b"\0")[:-1]
    variables = (it.partition("=") for it in os.fsdecode(here.with_suffix(".env").read_bytes()).split("\0")[:-1])
    env = {name: value for name, _, value in variables if name not in OF_THE_SHELL}
    env |= {name: os.environ[name] for name in OF_THE_SHELL if name in os.environ}
    merged = here.with_suffix(".merged").exists()
    done = commanding.datacheck(*words, cwd=Path(os.fsdecode(cwd)), env=env, text=False, merged=merged)
    here.with_suffix(".said").write_bytes(done.stdout)
    here.with_suffix(".complained").write_bytes(done.stderr or b"")
    here.with_suffix(".status").write_text(f"{done.returncode or 0}\n")
