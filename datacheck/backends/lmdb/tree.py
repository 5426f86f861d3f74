"""A database of an LMDB environment as the stretches of keys that its pages have."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Generic, Literal, TypeVar

import msgspec

from datacheck.backends.lmdb.format import Database

T = TypeVar("T")


class Entry(msgspec.Struct, frozen=True):
    """A stretch of a tree, from its low key on and below its high key: a branch page above leaves, a leaf, or a hole.

    `doubt` marks a leaf that no branch reaches, of which it is not certain that it belongs to this commit.
    """

    low: bytes | None
    high: bytes | None
    page: int
    kind: Literal["branch", "leaf", "hole", "orphan"]
    doubt: bool = False
    fault: int = -1
    """Of a hole: the place of its fault in the list of all."""


class Tree(msgspec.Struct):
    """One database: its record, and its stretches in key order."""

    part: str
    record: Database
    entries: list[Entry] = msgspec.field(default_factory=list)
    branches: int = 0
    names: int = 0
    """How many of its records are the names of other databases."""
    nameless: bool = False
    """Whether its record is lost, and made up from its pages."""


def in_order(record: Database, entries: Iterable[Entry]) -> list[Entry]:
    """Return stretches in the order of their low keys: what fills a hole may lie between those around it."""
    order = record.order()
    known = list(entries)
    first = [entry for entry in known if entry.low is None]
    return first + sorted((it for it in known if it.low is not None), key=lambda it: order(it.low or b""))


class Span(msgspec.Struct, Generic[T], frozen=True):
    """A leaf's first and last key, as they are ordered, its first key as it is, and what stands for the leaf."""

    first: Any
    last: Any
    key: bytes
    item: T


def overlapping(spans: Iterable[Span[T]]) -> list[list[Span[T]]]:
    """Return spans in order of their first keys, those that overlap together; of equal ones the order stays."""
    groups: list[list[Span[T]]] = []
    last: Any = None
    for span in sorted(spans, key=lambda it: it.first):
        if not groups or span.first > last:
            groups.append([])
            last = span.last
        groups[-1].append(span)
        last = max(last, span.last)
    return groups
