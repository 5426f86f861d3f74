"""What a walk of each file has found, handed from the worker that took the layout to the others.

A walk opens every object of a file; what it found, packed, is read in a twentieth of that time.
"""

from __future__ import annotations

import pickle
import zlib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from datacheck.backends.hdf5.alike_files import KINDS
from datacheck.backends.hdf5.tables import Contents
from datacheck.model.unpickling import unpickled

MOST_BYTES = 16 << 20
"""Bytes of all that is handed over, packed; files beyond that are walked by whoever reads them."""
LEVEL = 1
OF_FILE = 32
"""Bytes that a file takes in what is handed over if its contents are those of another one."""


class Walked(NamedTuple):
    """A file as it was when it was walked, by its size and time, and what was found, packed."""

    size: int
    changed: int
    packed: bytes


@dataclass
class Packing:
    """Gathers what was found in each file, by its number, as far as there is room."""

    files: dict[int, Walked] = field(default_factory=dict)
    size: int = 0
    _packed: dict[int, tuple[Contents, bytes]] = field(default_factory=dict)
    """Contents that were packed before, by `id`: many files may share one."""

    def add(self, number: int, size: int, changed: int, contents: Contents) -> None:
        """Add what a file of that size and time holds."""
        if self.size >= MOST_BYTES:
            return
        _, packed = self._packed.get(id(contents), (None, None))
        if packed is None:
            packed = zlib.compress(pickle.dumps(contents, pickle.HIGHEST_PROTOCOL), LEVEL)
            if len(self._packed) < KINDS:
                self._packed[id(contents)] = contents, packed
            self.size += len(packed)
        self.size += OF_FILE
        if self.size < MOST_BYTES:
            self.files[number] = Walked(size, changed, packed)

    def done(self) -> bytes:
        """Return all of it as one."""
        return pickle.dumps(self.files, pickle.HIGHEST_PROTOCOL) if self.files else b""


def recalled(known: bytes, number: int, size: int, changed: int) -> Contents | None:
    """Return what was found in a file if it still has that size and time, and None if nobody knows."""
    there = _files(known).get(number) if known else None
    if there is None or (there.size, there.changed) != (size, changed):
        return None
    return _unpacked(there.packed)


@lru_cache(maxsize=2)
def _files(known: bytes) -> dict[int, Walked]:
    made: dict[int, Walked] = unpickled(known)
    return made


@lru_cache(maxsize=16)
def _unpacked(packed: bytes) -> Contents:
    made: Contents = unpickled(zlib.decompress(packed))
    return made
