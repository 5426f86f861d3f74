"""Make what a store keeps of its records true in a copy: whole samples, numbers without gaps, counts."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datacheck.backends.copy_plan import Change
from datacheck.conventions.account import Account, KeyWatch
from datacheck.conventions.conclusions import Samples, samples
from datacheck.conventions.going import Going
from datacheck.conventions.interface import Convention, Count, Listed, Value
from datacheck.conventions.numbered_keys import KeyTable, Pattern
from datacheck.conventions.runs import Runs
from datacheck.conventions.side_files import beside
from datacheck.conventions.stems import StemGroups, Stems
from datacheck.conventions.stored_values import FORMS, keys_in, with_keys
from datacheck.model.blocks import Block
from datacheck.model.replacing import replace

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Repair:
    """What becomes of the records of a store whose samples are numbered, beside what becomes of each by itself.

    Records of `patterns` whose number is in `dropped` go. Where they are `renumbered`, the numbers that are `left` are
    closed up from `base` on. `values` are what the convention's own records are to hold, by key. `lists` are the forms
    of lists of keys, by key: they lose the keys in `gone`, those of no record or of one that goes. `added` are records
    of the convention's that the source lacks. `side_files` are the forms of lists of keys in files, by their names.
    `lengths` are what counts the keys in a list, which is known as the list is written. Of `stems` those in
    `gone_stems` go, with all of their records. Records with the keys in `also` go, whatever they are.
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

    @property
    def ordered(self) -> bool:
        return not self.renumbered

    def of(self, block: Block, value: Value) -> Change:
        """Return what becomes of neighbouring records; `value` returns that of any key of the source."""
        keys = block.keys
        leaves: list[int] = []
        renamed: dict[int, bytes] = {}
        table = KeyTable(keys)
        for pattern in self.patterns if self.dropped or self.renumbered else ():
            rows, numbers = pattern.numbers(table)
            if not len(rows):
                continue
            places, inside = self._places(numbers)
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
        return Change(frozenset(leaves), renamed, self._new_values(block, value))

    def files(self, folder: Path) -> dict[str, bytes]:
        """Return what files beside the store are to hold in the copy, by name; those of the source lie in `folder`."""
        made = {}
        for name, form in self.side_files.items():
            raw = beside(folder, name)
            if raw is not None:
                made[os.fsdecode(name)] = FORMS[form].write(with_keys(FORMS[form].read(raw), self.key))
        return made

    def key(self, key: bytes) -> bytes | None:
        """Return the key that the record of a key has in the copy, None where it has none."""
        if key in self.gone or key in self.also:
            return None
        split = None if self.stems is None else self.stems.split(key)
        if split is not None and split[0] in self.gone_stems:
            return None
        for pattern in self.patterns:
            number = pattern.number(key)
            if number is not None:
                place = self._place(number)
                return None if place is None else pattern.key(place)
        return key

    def _new_values(self, block: Block, value: Value) -> dict[int, bytes]:
        made = {}
        lengths = {it.key: it for it in self.lengths}
        watch = KeyWatch(own=frozenset(self.values.keys() | self.lists.keys() | lengths.keys()))
        for row in watch.own_rows(block.keys, block.series):
            key = block.keys[row]
            if key in self.values:
                made[row] = self.values[key]
            elif key in self.lists:
                form = FORMS[self.lists[key]]
                old = form.read(bytes(block.values[row]))
                new = with_keys(old, self.key)
                if new != old:
                    made[row] = form.write(new)
            else:
                count = lengths[key]
                assert count.of_list is not None
                old = FORMS[self.lists[count.of_list]].read(value(count.of_list) or b"")
                number = sum(1 for _ in keys_in(with_keys(old, self.key)))
                if number != count.number:
                    made[row] = count.written(number)
        return made

    def _place(self, number: int) -> int | None:
        """Return the new number of a sample, None where it goes."""
        if not self.renumbered:
            return number if number in self.left else None
        at = bisect_right(self.left.spans, number, key=lambda span: span[0]) - 1
        if at < 0 or number >= self.left.spans[at][1]:
            return None
        starts, _, places = self._table
        return int(places[at] + number - starts[at])

    def moves(self, numbers: Runs) -> Iterator[tuple[int, int, int]]:
        """Yield each run of these numbers that is renumbered: its first, its last, and the new number of the first."""
        if not self.renumbered:
            return
        place = self.base
        for start, stop in self.left.spans:
            if start != place:
                for first, end in (Runs([(start, stop)]) & numbers).spans:
                    yield first, end - 1, place + first - start
            place += stop - start

    def _places(self, numbers: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the new number of each, and whether it stays at all."""
        import numpy as np

        starts, stops, places = self._table
        if not len(starts):
            return numbers, np.zeros(len(numbers), bool)
        at = np.searchsorted(starts, numbers, "right") - 1
        inside = (at >= 0) & (numbers < stops[at])
        return places[at] + numbers - starts[at], inside

    @cached_property
    def _table(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """The runs of numbers that are left: where each begins, ends, and what its first number becomes."""
        import numpy as np

        spans = np.array(self.left.spans, np.int64).reshape(-1, 2)
        sizes = spans[:, 1] - spans[:, 0]
        return spans[:, 0], spans[:, 1], self.base + np.cumsum(sizes) - sizes


NO_CONVENTION = Convention("none", named=False)


@dataclass(frozen=True)
class Outcome:
    """A repair, and what it comes to: `dropped` counts all records that go, those that go by themselves included.

    `samples` counts the samples of several records that go, None where a record is a sample. `with_others` are the
    numbers, by pattern, of the records that go for what is wrong with another one of their sample. `elsewhere` are
    values that a record of another database is to hold, by that one and the key.
    """

    repair: Repair
    dropped: int
    samples: int | None
    with_others: Mapping[Pattern, Runs]
    stems_with_others: tuple[bytes, ...] = ()
    elsewhere: Mapping[tuple[str, bytes], bytes] = field(default_factory=dict)

    def keys_with_others(self) -> Iterator[bytes]:
        """Yield the keys of the records that go for what is wrong with another one."""
        for pattern, numbers in self.with_others.items():
            yield from map(pattern.key, numbers)
        yield from sorted(it for it in self.repair.also if all(one.number(it) is None for one in self.with_others))
        yield from self.stems_with_others


def repaired(
    conventions: Sequence[Convention],
    account: Account,
    gone: Iterable[tuple[bytes, bool]],
    *,
    also: frozenset[bytes] = frozenset(),
    listed: Sequence[Listed] = (),
    stems: StemGroups | None = None,
    renumber: bool | None = None,
) -> Outcome | None:
    """Return how a copy without the records whose keys are `gone` is made true; None where nothing is to be done.

    With each key comes whether its record goes for what is wrong with itself, and not for a part that its sample lacks.
    The first of the conventions that knows of numbers says what goes together. `renumber` says whether numbers are
    closed up; None leaves it to the store: it is done where the store counts. `listed` is what comparing the lists of
    keys came to. Records with the keys in `also` go too, in a store without any conventions as well.
    """
    if not conventions and not also:
        return None
    conventions = conventions or (NO_CONVENTION,)
    all_samples = [(it, samples(it, account)) for it in conventions]
    main, made = next(((it, made) for it, made in all_samples if _patterns(it, made)), all_samples[0])
    patterns = _patterns(main, made)
    going = Going(patterns, stems)
    every = [it for convention in conventions for it in convention.lists]
    lists = {it.key: it.form for it in every if not it.file}
    files = {it.key: it.form for it in every if it.file}
    absent = {key for it in listed for key in it.missing}
    for key, itself in chain(gone, ((key, False) for key in also)):
        if every:
            absent.add(key)
        going.take(key, itself=itself)
    numbers = Runs()
    for pattern in patterns:
        numbers += account.numbers.get(pattern, Runs())
    dropped = Runs((number, number + 1) for number in going.numbers) & numbers
    left = numbers - dropped
    base = made.base if made.base is not None else numbers.first if numbers else 0
    counted = made.base is not None and main.deleted is None and stems is None
    close = counted if renumber is None else renumber
    renumbered = close and left.spans not in ([], [(base, base + len(left))])
    records = sum(len(account.numbers.get(pattern, Runs()) & dropped) for pattern in patterns)
    records += going.alone + going.of_stems
    kept = replace(made, numbers=left)
    values, elsewhere = _counts(conventions, lambda it: _true(it, made, kept, account, records, going.left_stems))
    added: dict[bytes, bytes] = {}
    if main.deleted is not None and (dropped or made.gone):
        new = FORMS[main.deleted.form].write(list(Runs([*made.deleted.spans, *dropped.spans, *made.gone.spans])))
        (values if main.deleted.key in main.own else added)[main.deleted.key] = new
    anew = bool(absent or dropped or renumbered or going.stems or also)
    lengths = _lengths(conventions, anew=anew)
    if not anew and not values and not files and not lengths and not elsewhere:
        return None
    with_others = {it: (account.numbers.get(it, Runs()) & dropped) - going.by_themselves(it) for it in patterns}
    changed = lists if anew or lengths else {}
    repair = Repair(
        patterns, dropped, left, base, renumbered, values, changed, frozenset(absent), added, files, lengths, also=also
    )
    if stems is not None:
        repair = replace(repair, stems=stems.stems, gone_stems=frozenset(going.stems))
    whole = len(going.stems) if stems is not None else len(dropped) if made.groups else None
    return Outcome(repair, records, whole, with_others, going.stems_with_others, elsewhere)


@dataclass(frozen=True)
class Outcomes:
    """What becomes of the records of each database that is not copied as it is; `dropped` counts those of all."""

    of: Mapping[str, Outcome]
    dropped: int

    @property
    def samples(self) -> int | None:
        counts = [it.samples for it in self.of.values() if it.samples is not None]
        return sum(counts) if counts else None

    @property
    def renumbered(self) -> bool:
        return any(it.repair.renumbered for it in self.of.values())

    @property
    def repairs(self) -> dict[str, Repair]:
        return {part: it.repair for part, it in self.of.items()}

    def keys_with_others(self) -> Iterator[tuple[str, bytes]]:
        """Yield database and key of the records that go for what is wrong with another one."""
        for part, outcome in self.of.items():
            for key in outcome.keys_with_others():
                yield part, key


def only_values(values: Mapping[bytes, bytes], dropped: int) -> Outcome:
    """Return the outcome of a database of which no more changes than what some records hold."""
    return Outcome(Repair((), Runs(), Runs(), 0, renumbered=False, values=values), dropped, None, {})


def _counts(
    conventions: Sequence[Convention], true: Callable[[Count], bytes]
) -> tuple[dict[bytes, bytes], dict[tuple[str, bytes], bytes]]:
    """Return what counts are to hold that do not hold it, by key; and those in other databases, by that one and key."""
    values: dict[bytes, bytes] = {}
    elsewhere: dict[tuple[str, bytes], bytes] = {}
    for count in (it for convention in conventions for it in convention.counts):
        if count.of_list is not None or count.of_all or count.of_none or (new := true(count)) == count.raw:
            continue
        if count.kept_in is None:
            values[count.key] = new
        else:
            elsewhere[count.kept_in, count.key] = new
    return values, elsewhere


def _lengths(conventions: Sequence[Convention], *, anew: bool) -> list[Count]:
    """Return what counts the keys in lists, where these are written anew or the count is not true."""
    made = []
    for convention in conventions:
        entries = {it.key: it.entries for it in convention.lists}
        made += [it for it in convention.counts if it.of_list and (anew or it.number != entries[it.of_list])]
    return made


def _patterns(convention: Convention, made: Samples) -> tuple[Pattern, ...]:
    if made.groups is not None:
        return made.groups.patterns
    counted = convention.counts or convention.dense
    return convention.parts[:1] if len(convention.parts) == 1 and counted else ()


def _true(count: Count, made: Samples, kept: Samples, account: Account, dropped: int, stems: int | None) -> bytes:
    """Return what a count is to hold, in the form it had."""
    if count.next:
        return count.raw if count.number == made.last + 1 else count.written(made.last + 1)
    records = account.records - account.own
    if stems is not None:
        return count.written(records - dropped if count.number == records else stems)
    of_records = not made.numbers or count.number == records != len(made.numbers)
    return count.written(records - dropped if of_records else len(kept.numbers))
