"""The command on a terminal of its own, as a person sees it."""

import errno
import os
import pty
import select
import sys
from pathlib import Path

COMMAND = Path(sys.executable).with_name("datacheck")


def on_terminal(*args, columns=100, **environment):
    """Run the command on a terminal; return its status and all that came."""
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
