"""Look at what small datasets and attributes hold while a file is walked, around what kills whoever looks."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.fork_guard import StepCounter
from datacheck.backends.hdf5.tables import Dataset
from datacheck.backends.hdf5.trouble import TROUBLE

LARGEST = 64 << 20
"""Bytes of a dataset that is read whole to see what it says."""


@dataclass(frozen=True)
class Looking:
    """Reads of an open file what says something of the rest; what cannot be read the scan names by itself."""

    h5: Any
    file: Any
    trail: StepCounter

    def number(self, path: bytes, name: bytes) -> int | None:
        """Return the whole number that an attribute of an object holds, None where there is none."""
        if self.trail.step() is not None:
            return None
        with contextlib.suppress(*TROUBLE):
            opened = self.h5.h5o.open(self.file, path)
            if not self.h5.h5a.exists(opened, name):
                return None
            attribute = self.h5.h5a.open(opened, name)
            if attribute.shape is not None and math.prod(attribute.shape) == 1 and attribute.dtype.kind in "iuf":
                value = np.empty(attribute.shape, attribute.dtype)
                attribute.read(value)
                held = value.reshape(-1)[0]
                return int(held) if float(held).is_integer() else None
        return None

    def values(self, dataset: Dataset) -> NDArray[Any] | None:
        """Return what a small dataset holds, None where it is large or cannot be read."""
        if not dataset.readable or dataset.bytes > LARGEST or not dataset.shape or self.trail.step() is not None:
            return None
        with contextlib.suppress(*TROUBLE, MemoryError):
            values = np.empty(dataset.shape, dataset.dtype)
            self.h5.h5d.open(self.file, dataset.path).read(self.h5.h5s.ALL, self.h5.h5s.ALL, values)
            return values
        return None
