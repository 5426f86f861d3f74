"""Sets of paths that pickle in sorted order, so that the pickled results of a file are the same each time."""

from __future__ import annotations

from typing import Any


class Paths(frozenset[bytes]):
    """A set of paths that pickles as a sorted list rather than in hash order."""

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        return Paths, (sorted(self),)
