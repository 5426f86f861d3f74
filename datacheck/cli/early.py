"""Start the process that forks the workers of a command before the command line is loaded and parsed.

What it loads decides when the first record is read, and it can begin without knowing the sources.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

ONE_THREAD = ("OPENBLAS_NUM_THREADS", "1")
"""Environment variable that the command sets: each thread takes memory, and there is nothing for it to do."""
COMMANDS = frozenset({"scan", "rebuild", "info", "show", "compare", "checksum"})
"""Commands that read stores in workers."""
WITHOUT_WORKERS = ("-h", "--help", "--schema", "--engine", "--if-changed")
"""Options with which a command may need no workers on this machine."""


def start_template(arguments: Sequence[str], collecting: tuple[int, ...]) -> Callable[[], None] | None:
    """Start the process if these are the arguments of a command that reads stores.

    Return the function that ends it, or None if it was not started. `collecting` are the thresholds at which Python
    collects garbage by default. If the process cannot be started, whoever needs it first reports that.
    """
    if not may_be_needed(arguments):
        return None
    os.environ.setdefault(*ONE_THREAD)
    from datacheck.workers.templates import WORKER_BYTES, own_template, start_template

    def probably_needed() -> list[str]:
        from datacheck.scanning.loading import loading

        return loading([it for it in arguments[1:] if not it.startswith("-")])

    return start_template(WORKER_BYTES, lambda memory: own_template(memory, collecting, probably_needed))


def may_be_needed(arguments: Sequence[str]) -> bool:
    """Check whether a command with these arguments will need workers on this machine.

    >>> may_be_needed(["scan", "train_lmdb"]), may_be_needed(["scan", "--help"]), may_be_needed(["explain", "nan"])
    (True, False, False)
    """
    command, *others = arguments or [""]
    return command in COMMANDS and bool(others) and not any(it.startswith(WITHOUT_WORKERS) for it in others)
