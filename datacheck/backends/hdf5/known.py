"""Hand what the walk of each file found from the worker that took the layout to the other workers.

A walk opens every object of a file; unpacking its result takes a twentieth of that time.
"""

from __future__ import annotations

import pickle
import zlib
from functools import lru_cache
from typing import NamedTuple

import msgspec

from datacheck.backends.hdf5.alike_files import KINDS
from datacheck.backends.hdf5.tables import Contents
from datacheck.model.unpickling import unpickled

MOST_BYTES = 16 << 20
"""Maximum size of all packed results, in bytes. Workers that read further files walk them again."""
LEVEL = 1
"""Compression level of zlib."""
OF_FILE = 32
"""Overhead per file in bytes, which also counts for a file that shares its contents with another one."""


class Walked(NamedTuple):
    """The packed contents of a file, with its size and modification time (ns) when it was walked."""

    size: int
    changed: int
    packed: bytes


class Packing(msgspec.Struct):
    """The packed contents of each file, by file number, up to MOST_BYTES."""

    files: dict[int, Walked] = msgspec.field(default_factory=dict)
    size: int = 0
    _packed: dict[int, tuple[Contents, bytes]] = msgspec.field(default_factory=dict)
    """Contents that were packed before, by `id`, since many files may share one."""

    def add(self, number: int, size: int, changed: int, contents: Contents) -> None:
        """Add the contents of a file with this size and modification time."""
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

    def pickled(self) -> bytes:
        """Return all packed files as one pickle; empty if there are none."""
        return pickle.dumps(self.files, pickle.HIGHEST_PROTOCOL) if self.files else b""


def recalled(known: bytes, number: int, size: int, changed: int) -> Contents | None:
    """Return the contents of a file if they are known for this size and modification time, or None."""
    walked = _files(known).get(number) if known else None
    if walked is None or (walked.size, walked.changed) != (size, changed):
        return None
    return _unpacked(walked.packed)


@lru_cache(maxsize=2)
def _files(known: bytes) -> dict[int, Walked]:
    result: dict[int, Walked] = unpickled(known)
    return result


@lru_cache(maxsize=16)
def _unpacked(packed: bytes) -> Contents:
    result: Contents = unpickled(zlib.decompress(packed))
    return result
