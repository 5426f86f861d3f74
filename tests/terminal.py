"""Run the command on a pseudo-terminal, as a person sees it."""

import errno
import os
import pty
import select
import signal
import sys
import time
from pathlib import Path

COMMAND = Path(sys.executable).with_name("datacheck")


def typed(shell, keys, environment, folder, wanted, seconds=60):
    """Type keys into a shell on a terminal after its prompt `> `; return the output until `wanted` is in it."""
    pid, terminal = pty.fork()
    if not pid:
        os.chdir(folder)
        os.execvpe(shell[0], shell, environment)
    said, sent = b"", False
    end = time.monotonic() + seconds
    while time.monotonic() < end and not (sent and wanted in said.decode(errors="replace")):
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                said += os.read(terminal, 65536)
            except OSError:
                break
        if not sent and b"> " in said:
            os.write(terminal, keys.encode())
            said, sent = b"", True
    os.kill(pid, signal.SIGKILL)
    os.close(terminal)
    os.waitpid(pid, 0)
    return said.decode(errors="replace")


def on_terminal(*args, columns=100, **environment):
    """Run the command on a terminal; return its exit status and its whole output."""
    pid, terminal = pty.fork()
    if not pid:
        os.environ.update({"COLUMNS": str(columns), "TERM": "xterm", **environment})
        for name in ("NO_COLOR", "FORCE_COLOR"):
            if name not in environment:
                os.environ.pop(name, None)
        os.execv(COMMAND, ["datacheck", *map(str, args)])
    raw = b""
    while select.select([terminal], [], [], 60)[0]:
        try:
            piece = os.read(terminal, 65536)
        except OSError as exc:
            assert exc.errno == errno.EIO  # noqa: PT017
            break
        raw += piece
        if not piece:
            break
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), raw.decode().replace("\r\n", "\n")
