"""Sets of paths that are sent in their order, so that what is sent of a file is the same each time."""

from __future__ import annotations

from typing import Any


class Paths(frozenset[bytes]):
    """A set of paths that pickles as a sorted list, and not in the order of its hashes."""

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        return Paths, (sorted(self),)
