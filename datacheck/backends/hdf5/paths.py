"""Go up from a path to the groups above it, and hold sets of paths that pickle in sorted order."""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Any


class Paths(frozenset[bytes]):
    """A set of paths that pickles as a sorted list, so that the pickled results of a file are the same each time."""

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        return Paths, (sorted(self),)


def with_groups_above(path: bytes) -> Iterator[bytes]:
    """Yield a path, and those of the groups above it except /, from the inside out.

    >>> list(with_groups_above(b"/data/demo_1/actions"))
    [b'/data/demo_1/actions', b'/data/demo_1', b'/data']
    """
    while path:
        yield path
        path = path.rpartition(b"/")[0]


def nearest(path: bytes, groups: Container[bytes]) -> bytes:
    """Return the innermost of some groups that is or contains what lies at a path, or an empty path if none does.

    >>> nearest(b"/data/demo_1/actions", {b"/data", b"/data/demo_1"}), nearest(b"/mask", {b"/data"})
    (b'/data/demo_1', b'')
    """
    return next((it for it in with_groups_above(path) if it in groups), b"")
