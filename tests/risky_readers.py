"""A reader whose layout kills the process that takes it at risk, in a module of its own, since workers import it."""

import os
import signal
import time
from pathlib import Path

import msgspec

from datacheck.model.blocks import Layout


class RiskyReader(msgspec.Struct, frozen=True):
    """`end` says how its layout ends at risk; each way of taking it leaves a file in the folder `path`."""

    path: Path
    end: str = ""
    backend: str = "risky"

    def layout(self):
        (self.path / "guarded").touch()
        return Layout([], [], 3, None)

    def layout_at_risk(self):
        (self.path / "at risk").touch()
        match self.end:
            case "crash":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "hang":
                signal.setitimer(signal.ITIMER_PROF, 0.1)
                while True:
                    time.monotonic()
            case "raise":
                raise ValueError("no")
        return Layout([], [], 3, None)
