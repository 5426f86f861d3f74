"""The standard streams of the command, some of which its caller may have closed, or may close."""

from __future__ import annotations

import os
import sys


def open_streams() -> None:
    """Open what the caller has closed of the standard streams, so that no other file gets their numbers."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w" if number else "r", encoding="utf-8"))  # noqa: SIM115, PTH123


def silence() -> None:
    """Keep the interpreter from failing at its end with what standard output does not take."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
