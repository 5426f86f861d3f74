"""Decode JSON texts of one structure together: one is read like any record; of the others, only the values are used.

If two texts have the same keys in the same order, and items of the same kind and size at each place, then the results
for one apply to both, except for the values. Texts with anything that could make a difference unnoticed here, such as
an escape, a duplicate key or a number beyond 64 bits, are left to be read one by one.
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
from datacheck.decoders.trees.declared_arrays import declares_arrays
from datacheck.decoders.trees.leaves import MANY, MANY_KEYS
from datacheck.decoders.trees.references import may_lead
from datacheck.decoders.trees.within import FIRST_LETTERS, LONGEST_ID, NAN_TEXTS, is_suspect, stands_apart
from datacheck.model.batch import Batch
from datacheck.model.blocks import Block
from datacheck.model.profile import FamilyProfile

FEWEST = 4
"""Below this number of records of one structure, decoding them together is not worth its cost."""
TRIED = 64
"""Number of records after which the rest are skipped if structures and unsuitable records together exceed half."""
LARGEST = 1 << 18
"""Maximum size of a text in bytes: a block has too few larger ones, and each is in memory twice when compared."""
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
"""NumPy dtypes of lists whose items have these types, as everywhere in trees."""
NUMBERS: dict[type, Any] = {kind: (DTYPES[frozenset((kind,))], ()) for kind in (bool, int, float)}
"""The dtypes and shapes of numbers that are no items of lists."""
TEXT, EMPTY = "text", "empty"


class _Apart(Exception):
    """The record has to be read by itself."""


@dataclass(slots=True)
class _Outline:
    """The structure of a record, and the flat values of its leaves, or None for leaves without values."""

    kinds: list[Any] = field(default_factory=list)
    leaves: list[Any] = field(default_factory=list)
    values: list[list[Any] | None] = field(default_factory=list)
    strings: int = 0

    def take(self, it: Any) -> None:
        kind = type(it)
        if kind is dict:
            if len(it) > MANY_KEYS or ARRAY in it or declares_arrays(it):
                raise _Apart
            self.kinds += (len(it), *it)
            self.strings += len(it)
            for value in it.values():
                self.take(value)
        elif kind is list:
            self._list(it)
        elif kind is str:
            if is_suspect(it) and stands_apart(it):
                raise _Apart
            self.strings += 1
            self._leaf(TEXT, None)
        elif it is None:
            self.kinds.append(None)
        else:
            self._leaf(NUMBERS[kind], [it])

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
            if any(is_suspect(it) and stands_apart(it) for it in items):
                raise _Apart
            self.strings += len(items)
            self._leaf(TEXT, None)
        else:
            if len(items) > MANY:
                raise _Apart
            self.kinds.append(-len(items))
            for it in items:
                self.take(it)


_SUSPECT = FIRST_LETTERS.union(it[:2] for it in NAN_TEXTS)
LISTS, STRINGS = frozenset({list}), frozenset({str})
NONE = type(None)


_SCAN: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder().scan_once  # type: ignore[attr-defined]
SCALARS = frozenset({int, float, bool, str, NONE})


class _Group:
    """The records of one structure: their rows and the values of each."""

    def __init__(self, leaves: Sequence[Any]) -> None:
        self.leaves = leaves
        self.rows: list[int] = []
        self.values: list[Sequence[Any]] = []

    def flat(self, leaf: int) -> list[Any]:
        """Return the numbers of a leaf in all records, in order of the records."""
        return [*chain.from_iterable(values[leaf] or () for values in self.values)]

    def remove_apart(self) -> list[int]:
        """Remove the records that have to be read by themselves, and return their rows."""
        return []


class _Scalars(_Group):
    """Records that are a single object of numbers, texts and nulls, whose values need no flattening.

    `keys` and `types` are those of each record, `quotes` the number of its quotation marks if no key occurs twice.
    """

    def __init__(self, keys: tuple[str, ...], types: tuple[type, ...]) -> None:
        self.keys, self.types = keys, types
        self.places = [place for place, kind in enumerate(types) if kind is not NONE]
        self.texts = [place for place, kind in enumerate(types) if kind is str]
        self.quotes = 2 * (len(keys) + len(self.texts))
        super().__init__([TEXT if types[at] is str else NUMBERS[types[at]] for at in self.places])

    def flat(self, leaf: int) -> list[Any]:
        place = self.places[leaf]
        return [values[place] for values in self.values]

    def remove_apart(self) -> list[int]:
        apart: set[int] = set()
        for place in self.texts if self.rows else ():  # a group has no row yet if a key occurs twice in its first
            texts = [values[place] for values in self.values]
            beginnings, joined = {it[:2] for it in texts}, "\n".join(texts)
            if (
                max(map(len, texts)) > LONGEST_ID
                or not _SUSPECT.isdisjoint(beginnings)
                or "nan" in joined
                or "inf" in joined
            ):
                apart.update(at for at, it in enumerate(texts) if is_suspect(it) and stands_apart(it))
        if not apart:
            return []
        rows = [self.rows[at] for at in apart]
        self.rows = [row for at, row in enumerate(self.rows) if at not in apart]
        self.values = [values for at, values in enumerate(self.values) if at not in apart]
        return rows


class _Groups:
    """The groups of a block's records by structure."""

    def __init__(self) -> None:
        self._groups: dict[tuple[Any, ...], _Group] = {}
        self._last: _Scalars | None = None
        """The group of the object without containers that was added last: the next one often has its structure."""

    def __len__(self) -> int:
        return len(self._groups)

    def __iter__(self) -> Iterator[_Group]:
        return iter(self._groups.values())

    def add(self, row: int, value: Value) -> bool:
        """Add a record to the group of its structure; return False if it has to be read by itself."""
        if len(value) > LARGEST:
            return False
        raw = bytes(value)
        try:
            text = str(raw, "utf-8")
            it, end = _SCAN(text, 0)
            if b"\\" in raw or (end < len(text) and text[end:].strip(" \t\n\r")):
                return False
            if type(it) is not dict:
                return self._add_outline(row, it, raw.count(b'"'))
            types = (*map(type, values := [*it.values()]),)
            group = self._last
            if group is None or types != group.types or (*it,) != group.keys:
                group = self._scalars(it, types)
                if group is None:
                    return self._add_outline(row, it, raw.count(b'"'))
        except (_Apart, ValueError, StopIteration, RecursionError):
            return False
        if raw.count(b'"') != group.quotes:  # a key occurs twice
            return False
        group.rows.append(row)
        group.values.append(values)
        return True

    def _scalars(self, it: dict[str, Any], types: tuple[type, ...]) -> _Scalars | None:
        """Return the group of an object without containers, or None if it has any; raises _Apart."""
        if not SCALARS.issuperset(types):
            return None
        structure = (*it, *types)
        group = self._groups.get(structure)
        if not isinstance(group, _Scalars):
            if len(it) > MANY_KEYS or ARRAY in it or declares_arrays(it):
                raise _Apart
            group = self._groups[structure] = _Scalars((*it,), types)
        self._last = group
        return group

    def _add_outline(self, row: int, it: Any, quotes: int) -> bool:
        outline = _Outline()
        outline.take(it)
        if quotes != 2 * outline.strings:  # a key occurs twice
            return False
        structure = tuple(outline.kinds)
        group = self._groups.get(structure)
        if group is None:
            group = self._groups[structure] = _Group(outline.leaves)
        group.rows.append(row)
        group.values.append(outline.values)
        return True


def decode_alike(
    read: Callable[[Value], Reading], block: Block, rows: Sequence[int], profile: FamilyProfile | None
) -> tuple[list[Batch], list[int]]:
    """Return the batches of the records that share a structure with others, and the rows of the remaining records."""
    groups = _Groups()
    remaining: list[int] = []
    for number, row in enumerate(rows):
        if number == TRIED and len(groups) + len(remaining) > TRIED // 2:
            remaining += rows[number:]
            break
        if not groups.add(row, block.values[row]):
            remaining.append(row)
    batches: list[Batch] = []
    for group in groups:
        remaining += group.remove_apart()
        group_batches = (
            _group_batches(read(block.values[group.rows[0]]), group, profile) if len(group.rows) >= FEWEST else None
        )
        if group_batches is None:
            remaining += group.rows
        else:
            batches += group_batches
    return batches, sorted(remaining)


def _group_batches(reading: Reading, group: _Group, profile: FamilyProfile | None) -> list[Batch] | None:
    """Return the batches of a group whose first record was read as `reading`, or None if they cannot be made."""
    fields = reading.fields
    if reading.findings or reading.lacks or any(it.encoded for it in fields) or len(fields) != len(group.leaves):
        return None
    if may_lead(fields):
        return None  # their values are compared with each other
    columns: list[NDArray[Any]] = []
    for number, (it, kind) in enumerate(zip(fields, group.leaves, strict=True)):
        if type(kind) is not tuple:
            columns.append(np.repeat(it.values[np.newaxis], len(group.rows), axis=0))
            continue
        dtype, shape = kind
        try:
            column = np.array(group.flat(number), dtype).reshape(len(group.rows), *shape)
        except (OverflowError, ValueError):  # beyond 64 bits
            return None
        if column.dtype != it.values.dtype or not _is_same(column[0], it.values):
            return None
        columns.append(column)
    return [*_batches(fields, group.rows, columns, profile)]


def _is_same(first: NDArray[Any], second: NDArray[Any]) -> bool:
    return first.shape == second.shape and first.tobytes() == second.tobytes()


def _batches(
    fields: Sequence[Field], rows: Sequence[int], columns: Sequence[NDArray[Any]], profile: FamilyProfile | None
) -> Iterator[Batch]:
    for it, column in zip(fields, columns, strict=True):
        expected = None if profile is None else profile.fields.get(it.name)
        yield Batch(it.name, rows, column, format=it.format, label=it.label, leaf=it.leaf, expected=expected)
