"""Describe a database of an LMDB environment as the stretches of keys on its pages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Generic, Literal, TypeVar

import msgspec

from datacheck.backends.lmdb.format import Database

T = TypeVar("T")


class Entry(msgspec.Struct, frozen=True):
    """A stretch of a tree, from `low` on and below `high`: a branch page above leaves, a leaf, or a hole.

    `doubt` marks a leaf that no branch reaches and that may not belong to this commit.
    """

    low: bytes | None
    high: bytes | None
    page: int
    kind: Literal["branch", "leaf", "hole", "orphan"]
    doubt: bool = False
    fault: int = -1
    """For a hole, the index of its fault in the list of all faults."""


class Tree(msgspec.Struct):
    """One database: its record, and its stretches in key order."""

    part: str
    record: Database
    entries: list[Entry] = msgspec.field(default_factory=list)
    branches: int = 0
    names: int = 0
    """Number of its records that are names of other databases."""
    nameless: bool = False
    """Whether its record is lost and was reconstructed from its pages."""


def in_order(record: Database, entries: Iterable[Entry]) -> list[Entry]:
    """Return stretches in the order of their low keys, since the filling of a hole may lie between its neighbours."""
    order = record.order()
    all_entries = list(entries)
    first = [entry for entry in all_entries if entry.low is None]
    return first + sorted((it for it in all_entries if it.low is not None), key=lambda it: order(it.low or b""))


class Span(msgspec.Struct, Generic[T], frozen=True):
    """A leaf's first and last key in sortable form, its first key itself, and an object that represents the leaf."""

    first: Any
    last: Any
    key: bytes
    item: T


def overlapping(spans: Iterable[Span[T]]) -> list[list[Span[T]]]:
    """Return spans by their first keys, overlapping ones in one group; equal ones keep their order."""
    groups: list[list[Span[T]]] = []
    last: Any = None
    for span in sorted(spans, key=lambda it: it.first):
        if not groups or span.first > last:
            groups.append([])
            last = span.last
        groups[-1].append(span)
        last = max(last, span.last)
    return groups
