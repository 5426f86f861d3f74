"""Checks that kill or hang the worker that runs them, in their own module for the same reason as `worker_jobs`."""

import os
import signal
from dataclasses import dataclass

import numpy as np

from datacheck.model.batch import Batch
from datacheck.model.finding import found


@dataclass(frozen=True)
class Deadly:
    """A check that kills its process at a record whose data has one of `numbers` at index `place`."""

    place: int
    numbers: tuple[float, ...]

    def __call__(self, batch):
        if batch.field == "data":
            there = np.asarray(batch.values).reshape(len(batch.rows), -1)[:, self.place]
            if np.isin(there, self.numbers).any():
                os.kill(os.getpid(), signal.SIGSEGV)
        yield from ()


@dataclass(frozen=True)
class Poison:
    """A validator that raises, finds, hangs, dies or eats memory (`how`) at records that begin with `pixel` and 0."""

    pixel: int
    how: str

    def __call__(self, batch: Batch):
        if batch.label or batch.values.ndim != 4:
            return
        for at, record in enumerate(batch.values):
            if record[0, 0, 0] == self.pixel and record[0, 0, 1] == 0:
                if self.how == "raise":
                    raise ValueError("my own mistake")
                if self.how == "find":
                    yield at, found("constant", "seen", field=batch.field)
                while self.how == "hang":
                    pass
                if self.how == "kill":
                    os.kill(os.getpid(), signal.SIGSEGV)
                if self.how == "eat":
                    np.zeros(1 << 40, np.uint8)[:] = 1
