"""Decode the JSON texts of one structure together: one of them is read as any record is, of the others only the values.

Where two texts have the same keys in the same order, and at each place a thing of the same kind and size, what is said
of one holds for both, but for the values. What could make a difference that is not seen here, as an escape, a key that
is there twice, a number beyond 64 bits, is left to who reads them one by one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.decoders.interface import Field, Reading, Value
from datacheck.decoders.trees.leaves import MANY, MANY_KEYS
from datacheck.model.batch import Batch
from datacheck.model.blocks import Block
from datacheck.model.profile import FamilyProfile

FEWEST = 4
"""Fewer records of one structure are not worth it."""
TRIED = 64
"""Where among so many records nearly each had a structure of its own, the others are not looked at."""
LARGEST = 1 << 18
"""Of larger texts a block has too few, and each is in memory twice while its structure is looked for."""
AXES = 4
ARRAY = "__ndarray__"
DTYPES: dict[frozenset[type], str] = {
    frozenset({bool}): "u1",
    frozenset({int}): "i8",
    frozenset({bool, int}): "i8",
    frozenset({float}): "f8",
    frozenset({float, int}): "f8",
    frozenset({float, bool}): "f8",
    frozenset({float, int, bool}): "f8",
}
"""What lists of these types become, as everywhere in trees."""
TEXT, EMPTY = "text", "empty"


class _Apart(Exception):
    """A record that is left to who reads them one by one."""


@dataclass(slots=True)
class _Outline:
    """What a record is made of, and the values of its leaves, flat: None for those that have none."""

    kinds: list[Any] = field(default_factory=list)
    leaves: list[Any] = field(default_factory=list)
    values: list[list[Any] | None] = field(default_factory=list)
    strings: int = 0

    def take(self, it: Any) -> None:
        kind = type(it)
        if kind is dict:
            if len(it) > MANY_KEYS or ARRAY in it:
                raise _Apart
            self.kinds += (len(it), *it)
            self.strings += len(it)
            for held in it.values():
                self.take(held)
        elif kind is list:
            self._list(it)
        elif kind is str:
            self.strings += 1
            self._leaf(TEXT, None)
        elif it is None:
            self.kinds.append(None)
        else:
            self._leaf((DTYPES[frozenset((kind,))], ()), [it])

    def _leaf(self, kind: Any, values: list[Any] | None) -> None:
        self.kinds.append((kind,))
        self.leaves.append(kind)
        self.values.append(values)

    def _list(self, items: list[Any]) -> None:
        if not items:
            self._leaf(EMPTY, None)
            return
        shape, flat = [len(items)], items
        types = frozenset(map(type, flat))
        while types == LISTS and len(shape) < AXES:
            sizes = set(map(len, flat))
            if len(sizes) > 1 or 0 in sizes:
                break
            shape.append(sizes.pop())
            flat = [*chain.from_iterable(flat)]
            types = frozenset(map(type, flat))
        dtype = DTYPES.get(types)
        if dtype is not None:
            self._leaf((dtype, tuple(shape)), flat)
        elif types == STRINGS and len(shape) == 1:
            self.strings += len(items)
            self._leaf(TEXT, None)
        else:
            if len(items) > MANY:
                raise _Apart
            self.kinds.append(-len(items))
            for it in items:
                self.take(it)


LISTS, STRINGS = frozenset({list}), frozenset({str})


def _outline(value: Value) -> _Outline | None:
    """Return the outline of a text, None where it is one that may not be what it looks like."""
    if len(value) > LARGEST:
        return None
    raw = bytes(value)
    made = _Outline()
    try:
        made.take(json.loads(str(raw, "utf-8")))
    except (_Apart, ValueError, RecursionError):
        return None
    return made if b"\\" not in raw and raw.count(b'"') == 2 * made.strings else None


def decode_alike(
    read: Callable[[Value], Reading], block: Block, rows: Sequence[int], profile: FamilyProfile | None
) -> tuple[list[Batch], list[int]]:
    """Return the batches of those records that have a structure in common with others, and the rows that are left."""
    groups: dict[tuple[Any, ...], tuple[list[Any], list[int], list[list[list[Any] | None]]]] = {}
    left: list[int] = []
    for number, row in enumerate(rows):
        if number == TRIED and len(groups) + len(left) > TRIED // 2:
            left += rows[number:]
            break
        outline = _outline(block.values[row])
        if outline is None:
            left.append(row)
            continue
        _, at, values = groups.setdefault(tuple(outline.kinds), (outline.leaves, [], []))
        at.append(row)
        values.append(outline.values)
    batches: list[Batch] = []
    for leaves, at, values in groups.values():
        made = _together(read(block.values[at[0]]), leaves, at, values, profile) if len(at) >= FEWEST else None
        if made is None:
            left += at
        else:
            batches += made
    return batches, sorted(left)


def _together(
    reading: Reading,
    leaves: Sequence[Any],
    rows: Sequence[int],
    values: Sequence[list[list[Any] | None]],
    profile: FamilyProfile | None,
) -> list[Batch] | None:
    """Return the batches of records of one structure, of which the first was read; None where they cannot be made."""
    fields = reading.fields
    if reading.findings or reading.lacks or any(it.encoded for it in fields) or len(fields) != len(values[0]):
        return None
    columns: list[NDArray[Any]] = []
    for number, (it, kind) in enumerate(zip(fields, leaves, strict=True)):
        if type(kind) is not tuple:
            columns.append(np.repeat(it.values[np.newaxis], len(rows), axis=0))
            continue
        dtype, shape = kind
        try:
            flat = np.array([*chain.from_iterable(of[number] or () for of in values)], dtype)
            column = flat.reshape(len(rows), *shape)
        except (OverflowError, ValueError):  # beyond 64 bits
            return None
        if column.dtype != it.values.dtype or not _same(column[0], it.values):
            return None
        columns.append(column)
    return [*_batches(fields, rows, columns, profile)]


def _same(one: NDArray[Any], other: NDArray[Any]) -> bool:
    return one.shape == other.shape and one.tobytes() == other.tobytes()


def _batches(
    fields: Sequence[Field], rows: Sequence[int], columns: Sequence[NDArray[Any]], profile: FamilyProfile | None
) -> Iterator[Batch]:
    for it, column in zip(fields, columns, strict=True):
        expected = None if profile is None else profile.fields.get(it.name)
        yield Batch(it.name, rows, column, format=it.format, label=it.label, leaf=it.leaf, expected=expected)
