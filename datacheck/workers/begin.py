"""Parse the arguments of a worker's or a template's process, and start it."""

from __future__ import annotations

from collections.abc import Sequence

from datacheck.workers.forking import fork_workers
from datacheck.workers.serve import ENDS, serve


def begin(arguments: Sequence[str], collecting: tuple[int, ...]) -> None:
    """Run as the kind of process that the first argument names, with the descriptors and the limit that follow it."""
    if arguments[0] == "template":
        channel, life, by_main, memory = map(int, arguments[1:5])
        fork_workers(channel, life, bool(by_main), memory, collecting, arguments[5:])
        return
    *ends, by_main, memory = map(int, arguments[1 : ENDS + 3])
    serve(ends, bool(by_main), memory, collecting, arguments[ENDS + 3 :])
