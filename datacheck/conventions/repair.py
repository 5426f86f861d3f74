"""Make what a store says about its records true in a copy: whole samples, numbers without gaps, counts."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datacheck.backends.copy_plan import Change
from datacheck.conventions.counts.written import written_into
from datacheck.conventions.interface import Count, Value
from datacheck.conventions.keys.account import KeyWatch
from datacheck.conventions.keys.numbered_keys import KeyTable, Pattern
from datacheck.conventions.keys.runs import Runs
from datacheck.conventions.keys.spanning import Naming
from datacheck.conventions.keys.stems import Stems
from datacheck.conventions.naming_records import Index
from datacheck.conventions.values.aligned import with_keys
from datacheck.conventions.values.per_record import without_items
from datacheck.conventions.values.rewriting import Place, rewritten
from datacheck.conventions.values.sibling_counts import with_number
from datacheck.conventions.values.side_files import side_file
from datacheck.conventions.values.standing import keys_at
from datacheck.conventions.values.stored_values import FORMS, is_index, key_of, keys_in
from datacheck.model.blocks import Block
from datacheck.model.escaping import escape

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class OtherKeyList:
    """A list of keys of other databases: its form, the repairs of these databases, and the count of its keys, if any.

    `places` are the places of lists that lie within the value. A dropped item also drops the items at its position from
    the lists in `beside`. The entries in `counts` of the mapping that holds the list are the number of its keys. If it
    is a list of numbers, they are those in keys of the `pattern`. `numbers` are the paths of the numbers of keys in
    lists within the value, with the places of these lists. With `naming`, it lists names in keys.
    """

    form: str
    repairs: tuple[Repair, ...]
    count: Count | None = None
    places: tuple[Place, ...] = ()
    beside: tuple[bytes, ...] = ()
    counts: tuple[str, ...] = ()
    pattern: Pattern | None = None
    numbers: tuple[tuple[tuple[str, ...], Place], ...] = ()
    naming: Naming | None = None

    def key(self, key: bytes) -> bytes | None:
        """Return the key that a listed record has in the copy, or None if any of the databases leaves it out.

        If numbers are listed, take and return a number in digits; if names are, a name.
        """
        if self.naming is not None:
            moved = {it.key(self.naming.key(key)) for it in self.repairs}
            return None if None in moved or len(moved) > 1 else self.naming.name(moved.pop() or b"")
        old = key if self.pattern is None else self.pattern.key(int(key))
        new, *others = (it.key(old) for it in self.repairs)
        if new is None or None in others:
            return None
        return new if self.pattern is None else b"%d" % (self.pattern.number(new) or 0)

    def rewritten(self, value: Any, others: Sequence[Any] = ()) -> Any:
        """Return the list with the keys of the copy; `others` are the lists beside it."""
        if others and all(isinstance(it, list) and len(it) == len(value) for it in others):
            return with_keys(dict(enumerate((value, *others))), self.key, together=True)[0]
        if not self.places:
            return with_keys(value, self.key)
        new = rewritten(value, self.places, self.key)
        for path, place in self.numbers:
            new = with_number(new, path, len(keys_at(new, place)))
        number = sum(len(keys_at(new, it)) for it in self.places)
        return {of: number if of in self.counts else it for of, it in new.items()} if self.counts else new


def _with_list(key_list: OtherKeyList, raw: bytes, value: Value) -> bytes:
    """Return a value with the list of keys in it as it is in the copy."""
    form = FORMS[key_list.form]
    old = form.read(raw)
    new = key_list.rewritten(old, [form.read(value(it) or b"") for it in key_list.beside])
    return raw if new == old else form.write(new)


def _listed_number(key_list: OtherKeyList, raw: bytes, count: Count) -> int:
    """Return the number of keys, or of rows with keys, that the list in a value of the source has in the copy.

    Return that of the different keys if this is what the count says of the source.
    """
    value = FORMS[key_list.form].read(raw)
    if key_list.places:
        return len(key_list.rewritten(value))
    new = with_keys(value, key_list.key)
    if isinstance(value, dict) and not is_index(value) and count.number == len(value):
        return len(new)
    if count.exact and count.number != sum(1 for _ in keys_in(value)):
        from datacheck.conventions.values.key_digests import distinct_count  # loads NumPy

        if count.number == distinct_count(keys_in(value)):
            return distinct_count(keys_in(new))
    return sum(1 for _ in keys_in(new))


@dataclass(frozen=True)
class Repair:
    """The changes to the records of a store with numbered samples, apart from those decided for each record by itself.

    Records of `patterns` whose number is in `dropped` are left out. If `renumbered`, the numbers in `left` are closed
    up from `base` on. `values` are the new values of the convention's own records, by key. `lists` are the forms of
    lists of keys, by key; they lose the keys in `gone`, which belong to no record or to one that is left out. `added`
    are records of the convention that the source lacks. `side_files` are the forms of lists of keys in files, by file
    name. `lengths` are the counts of the keys in a list, which are known when the list is written. Of `stems`, those in
    `gone_stems` are left out with all of their records. Records with the keys in `also` are left out in any case.
    `other_lists` are lists, by key, of keys of other databases; `indexes` are records that name others. `naming`
    identifies samples that other databases have a part in. `beside` maps the key of a list to the lists whose items
    belong to its items. `positions` are the lengths of lists, by key, that have an item for each number in the
    source, or for each key in the list that is named.
    """

    patterns: tuple[Pattern, ...]
    dropped: Runs
    left: Runs
    base: int
    renumbered: bool
    values: Mapping[bytes, bytes] = field(default_factory=dict)
    lists: Mapping[bytes, str] = field(default_factory=dict)
    gone: frozenset[bytes] = frozenset()
    added: Mapping[bytes, bytes] = field(default_factory=dict)
    side_files: Mapping[bytes, str] = field(default_factory=dict)
    lengths: Sequence[Count] = ()
    stems: Stems | None = None
    gone_stems: frozenset[bytes] = frozenset()
    also: frozenset[bytes] = frozenset()
    other_lists: Mapping[bytes, OtherKeyList] = field(default_factory=dict)
    naming: Naming | None = None
    indexes: Sequence[tuple[Index, OtherKeyList]] = ()
    beside: Mapping[bytes, tuple[bytes, ...]] = field(default_factory=dict)
    positions: Mapping[bytes, tuple[int, bytes]] = field(default_factory=dict)

    @property
    def ordered(self) -> bool:
        moved = any(it.renumbered for index, key_list in self.indexes if not index.form for it in key_list.repairs)
        return not (self.renumbered or moved)

    @property
    def named_by(self) -> tuple[object, ...]:
        """The patterns, stems and naming that identify the samples of the records; users see them as text."""
        return tuple(it for it in (*self.patterns, self.stems, self.naming) if it is not None)

    @property
    def looked_up(self) -> frozenset[bytes]:
        """The keys of lists whose length another record holds, or whose positions match those of other lists."""
        counts = (*self.lengths, *(it.count for it in self.other_lists.values() if it.count is not None))
        others = chain(
            (of_list for _, of_list in self.positions.values() if of_list),
            *self.beside.values(),
            *(it.beside for it in self.other_lists.values()),
        )
        return frozenset((*(it.of_list for it in counts if it.of_list is not None), *others))

    def changes_to(self, block: Block, value: Value) -> Change:
        """Return the changes to the records of a block; `value` returns the value of a key in `looked_up`."""
        keys = block.keys
        leaves: list[int] = []
        renamed: dict[int, bytes] = {}
        table = KeyTable(keys)
        for pattern in self.patterns if self.dropped or self.renumbered else ():
            rows, numbers = pattern.numbers(table)
            if not len(rows):
                continue
            places, inside = self._new_numbers(numbers)
            leaves += rows[~inside].tolist()
            if self.renumbered:
                moved = inside & (places != numbers)
                new = zip(rows[moved].tolist(), places[moved].tolist(), strict=True)
                renamed.update((row, pattern.key(number)) for row, number in new)
        if self.stems is not None and self.gone_stems:
            split = self.stems.split
            leaves += [row for row, key in enumerate(keys) if (it := split(key)) and it[0] in self.gone_stems]
        if self.also:
            leaves += [row for row, key in enumerate(keys) if key in self.also]
        for index, key_list in ((index, key_list) for index, key_list in self.indexes if not index.form):
            leaves += [row for row in index.rows(block.keys) if key_list.key(bytes(block.values[row])) is None]
        values = self._new_own_values(block, value)
        changed = {escape(keys[row]) for row in values}
        for index, key_list in self.indexes:
            for row, new_value in self._new_values(index, key_list, block, values):
                values[row] = new_value
                changed.add(index.within)
        return Change(frozenset(leaves), renamed, values, frozenset(changed))

    def files(self, folder: Path) -> dict[str, bytes]:
        """Return the contents in the copy of files beside the store, by name; those of the source are in `folder`."""
        contents = {}
        for name, form in self.side_files.items():
            raw = side_file(folder, name)
            if raw is not None:
                contents[os.fsdecode(name)] = FORMS[form].write(with_keys(FORMS[form].read(raw), self.key))
        return contents

    def key(self, key: bytes) -> bytes | None:
        """Return the key that a record has in the copy, or None if the copy does not have it."""
        if key in self.gone or key in self.also:
            return None
        split = None if self.stems is None else self.stems.split(key)
        if split is not None and split[0] in self.gone_stems:
            return None
        for pattern in self.patterns:
            number = pattern.number(key)
            if number is not None:
                place = self._new_number(number)
                return None if place is None else pattern.key(place)
        return key

    def _new_own_values(self, block: Block, value: Value) -> dict[int, bytes]:
        """Return the new values of the conventions' own records in a block, such as counts and lists, by row."""
        result = {}
        own = {key: OtherKeyList(form, (self,), beside=self.beside.get(key, ())) for key, form in self.lists.items()}
        lists = {**own, **self.other_lists}
        counts: dict[bytes, list[Count]] = {}
        for count in (*self.lengths, *(it.count for it in self.other_lists.values() if it.count is not None)):
            counts.setdefault(count.key, []).append(count)
        watch = KeyWatch(own=frozenset(self.values.keys() | lists.keys() | counts.keys() | self.positions.keys()))
        for row in watch.own_rows(block.keys, block.series):
            key = block.keys[row]
            raw = bytes(block.values[row])
            new = self.values.get(key, raw)
            if key in lists:
                new = _with_list(lists[key], new, value)
            for count in counts.get(key, ()):
                assert count.of_list is not None
                number = _listed_number(lists[count.of_list], value(count.of_list) or b"", count)
                if number != count.number:
                    new = written_into(count, new, number)
            if key in self.positions:
                length, of_list = self.positions[key]
                new = without_items(new, length, self._kept_positions(value(of_list) or b"", of_list)) or new
            if new != raw:
                result[row] = new
        return result

    def _kept_positions(self, raw: bytes, of_list: bytes) -> list[int]:
        """Return the positions of the numbers, or of the keys in a list, that the copy has."""
        if not of_list:
            return [it - self.base for it in self.left]
        listed = FORMS[self.lists[of_list]].read(raw)
        return [at for at, it in enumerate(listed) if self.key(key_of(it)) is not None]

    def _new_values(
        self, index: Index, key_list: OtherKeyList, block: Block, values: Mapping[int, bytes]
    ) -> Iterator[tuple[int, bytes]]:
        """Yield the row and the new value of each record in a block that names others which have new keys or go.

        Other parts of some records have changed already, as in `values`.
        """
        for row in index.rows(block.keys):
            old = values.get(row) or bytes(block.values[row])
            # without a form, the value is a key: a record that names a dropped one is left out instead
            new = index.rewritten(block.keys[row], old, key_list.key) if index.form else key_list.key(old)
            if new is not None and new != old:
                yield row, new

    def _new_number(self, number: int) -> int | None:
        """Return the new number of a sample, or None if it is left out."""
        if not self.renumbered:
            return number if number in self.left else None
        at = bisect_right(self.left.starts, number) - 1
        if at < 0 or number >= self.left.stops[at]:
            return None
        starts, _, places = self._runs_left
        return int(places[at] + number - starts[at])

    def moves(self, numbers: Runs) -> Iterator[tuple[int, int, int]]:
        """Yield each run of these numbers that is renumbered: its first and last number, and the new first number."""
        if not self.renumbered:
            return
        place = self.base
        left = zip(self.left.starts, self.left.stops, strict=True)
        start, stop = 0, 0
        pieces = self.left & numbers
        for first, end in zip(pieces.starts, pieces.stops, strict=True):
            while stop <= first:
                place += stop - start
                start, stop = next(left)
            if start != place:
                yield first, end - 1, place + first - start

    def _new_numbers(self, numbers: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the new number of each sample, and whether the sample stays, as two arrays."""
        import numpy as np

        starts, stops, places = self._runs_left
        if not len(starts):
            return numbers, np.zeros(len(numbers), bool)
        at = np.searchsorted(starts, numbers, "right") - 1
        inside = (at >= 0) & (numbers < stops[at])
        return places[at] + numbers - starts[at], inside

    @cached_property
    def _runs_left(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """The runs of numbers that are left, as int64 arrays of the first number, the end, and the new first number."""
        import numpy as np

        starts, stops = np.array(self.left.starts, np.int64), np.array(self.left.stops, np.int64)
        sizes = stops - starts
        return starts, stops, self.base + np.cumsum(sizes) - sizes
