"""Work out what changes in a copy of a store, so that its counts, lists and numbers are true there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import msgspec

from datacheck.conventions.conclusions import Samples, expected_count, piece_counts, samples_of, unsure_counts
from datacheck.conventions.counts.list_counts import is_near
from datacheck.conventions.counts.written import written_into
from datacheck.conventions.dropped import DroppedRecords
from datacheck.conventions.interface import Convention, Count, Listed
from datacheck.conventions.keys.account import Account
from datacheck.conventions.keys.numbered_keys import Pattern
from datacheck.conventions.keys.runs import Runs
from datacheck.conventions.keys.spanning import Naming, Spanning
from datacheck.conventions.keys.stems import StemGroups
from datacheck.conventions.repair import Repair
from datacheck.conventions.values.stored_values import FORMS
from datacheck.model.replacing import replace


@dataclass(frozen=True)
class Shares:
    """What happens in one database to the samples that span several databases.

    If numbers identify the samples, those in `dropped` are dropped of all `numbers`, and the others are closed up from
    `base` on if they are `counted`. Otherwise `keys` are the keys of the records here that are dropped because of what
    is wrong in another database. `samples` is the number of dropped samples in one of the databases, and None in all
    others.
    """

    spanning: Spanning
    part: str
    numbers: Runs = field(default_factory=Runs)
    dropped: Runs = field(default_factory=Runs)
    base: int | None = None
    counted: bool = False
    keys: frozenset[bytes] = frozenset()
    samples: int | None = None

    @property
    def naming(self) -> Naming | None:
        return next((it.of for it in self.spanning.members_of(self.part) if isinstance(it.of, Naming)), None)


NO_CONVENTION = Convention("none", named=False)


@dataclass(frozen=True)
class Outcome:
    """A repair and its effects: `dropped` is the number of all records that are dropped, for whatever reason.

    `samples` is the number of dropped samples of several records, or None if a record is a sample. `with_others` are
    the numbers, by pattern, of the records that are dropped because of another record of their sample. `elsewhere` are
    the counts in other databases that change, with their new numbers, by database and key. `entries` are the keys of
    records that are dropped since they name a dropped one.
    """

    repair: Repair
    dropped: int
    samples: int | None
    with_others: Mapping[Pattern, Runs]
    stems_with_others: tuple[bytes, ...] = ()
    elsewhere: Mapping[tuple[str, bytes], Sequence[tuple[Count, int]]] = field(default_factory=dict)
    entries: tuple[bytes, ...] = ()

    def keys_with_others(self) -> Iterator[bytes]:
        """Yield the keys of the records that are dropped because of what is wrong with another one."""
        for pattern, numbers in self.with_others.items():
            yield from map(pattern.key, numbers)
        yield from sorted(it for it in self.repair.also if all(one.number(it) is None for one in self.with_others))
        yield from self.stems_with_others
        yield from self.entries


def outcome_without(
    conventions: Sequence[Convention],
    account: Account,
    dropped_keys: Iterable[tuple[bytes, bool]],
    *,
    also: frozenset[bytes] = frozenset(),
    listed: Sequence[Listed] = (),
    stems: StemGroups | None = None,
    shares: Shares | None = None,
    renumber: bool | None = None,
) -> Outcome | None:
    """Return how a copy without the records in `dropped_keys` is made true, or None if nothing has to be done.

    Each key comes with a flag that says whether its record is dropped for what is wrong with itself, rather than for a
    part that its sample lacks. The first convention with numbers determines which records are dropped together.
    `renumber` says whether numbers are closed up; with None, they are if the store counts. `listed` are the results of
    comparing the lists of keys. Records with the keys in `also` are dropped too, even in a store without any
    conventions. `shares` is what happens to samples that span several databases.
    """
    also |= frozenset() if shares is None else shares.keys
    if not conventions and not also:
        return None
    conventions = conventions or (NO_CONVENTION,)
    across = None if shares is None else shares.spanning
    all_samples = [(it, samples_of(it, account, across)) for it in conventions]
    numbering = _numbering(all_samples, stems, shares)
    samples, patterns = numbering.samples, numbering.patterns
    every = [it for convention in conventions for it in convention.lists if it.kept_in is None]
    lists = {it.key: it.form for it in every if not it.file}
    files = {it.key: it.form for it in every if it.file}
    drops = DroppedRecords(patterns, stems)
    absent = {key for it in listed if not it.unsure for key in it.missing}
    absent |= _take_dropped(drops, dropped_keys, also, with_keys=any(it.lists for it in conventions))
    numbers = _numbers(numbering, account, drops.numbers, shares)
    dropped = numbers.dropped
    renumbered = (numbering.counted if renumber is None else renumber) and numbers.has_holes
    records = sum(len(account.numbers.get(pattern, Runs()) & dropped) for pattern in patterns)
    records += drops.alone + drops.stem_records
    samples_left = replace(samples, numbers=numbers.left)
    doubtful = [count for it, samples in all_samples for count in unsure_counts(it, samples, account, across, stems)]
    values, elsewhere = _new_counts(
        conventions, doubtful, lambda it: _true_value(it, samples, samples_left, account, records, drops.stems_left)
    )
    added = _deleted_numbers(numbering.main, samples, dropped, values)
    anew = bool(absent or dropped or renumbered or drops.stems or also)
    lengths = _list_counts(conventions, anew=anew)
    if not anew and not values and not added and not files and not lengths and not elsewhere:
        return None
    with_others = {it: (account.numbers.get(it, Runs()) & dropped) - drops.by_themselves(it) for it in patterns}
    repair = Repair(
        patterns, dropped, numbers.left, numbers.base, renumbered,
        values=values, lists=lists if anew or lengths else {}, gone=frozenset(absent), added=added,
        side_files=files, lengths=lengths, stems=None if stems is None else stems.stems,
        gone_stems=frozenset(drops.stems), also=also, beside={it.key: it.beside for it in every if it.beside},
        naming=None if shares is None else shares.naming,
    )  # fmt: skip
    dropped_samples = _dropped_samples(samples, dropped, drops, shares)
    return Outcome(repair, records, dropped_samples, with_others, drops.stems_with_others, elsewhere)


def _dropped_samples(samples: Samples, dropped: Runs, drops: DroppedRecords, shares: Shares | None) -> int | None:
    """Return how many samples of several records are dropped, or None if a record is a sample."""
    if shares is not None:
        return shares.samples
    if drops.stems_left is not None:
        return len(drops.stems)
    return len(dropped) if samples.groups else None


@dataclass(frozen=True)
class _Numbering:
    """The records of a database that are numbered together, by their patterns: `main` is their convention.

    They are closed up from `base` on if a loader counts them (`counted`), unless the caller decides.
    """

    main: Convention
    samples: Samples
    patterns: tuple[Pattern, ...]
    base: int | None
    counted: bool


def _numbering(
    all_samples: Sequence[tuple[Convention, Samples]], stems: StemGroups | None, shares: Shares | None
) -> _Numbering:
    """Return the numbering of the first convention that has one, or that of samples which span several databases."""
    main, samples = next(((it, samples) for it, samples in all_samples if patterns_of(it, samples)), all_samples[0])
    if shares is not None and shares.numbers:
        patterns = shares.spanning.patterns(shares.part)
        return _Numbering(main, samples, patterns, shares.base, shares.base is not None)
    counted = samples.base is not None and main.deleted is None and stems is None
    return _Numbering(main, samples, patterns_of(main, samples), samples.base, counted)


def _take_dropped(
    drops: DroppedRecords, dropped_keys: Iterable[tuple[bytes, bool]], also: frozenset[bytes], *, with_keys: bool
) -> set[bytes]:
    """Add the keys of all dropped records to `drops`; return them if `with_keys`, for lists of keys."""
    others = ((key, itself) for key, itself in dropped_keys if itself or key not in also)
    keys = set()
    for key, itself in chain(others, ((key, False) for key in also)):
        drops.take(key, itself=itself)
        if with_keys:
            keys.add(key)
    return keys


class _Numbers(msgspec.Struct, frozen=True):
    """The numbers of samples that are dropped, and those that are left, which can be closed up from `base` on."""

    dropped: Runs
    left: Runs
    base: int

    @property
    def has_holes(self) -> bool:
        return bool(self.left) and (self.left.pieces > 1 or self.left.first != self.base)


def _numbers(
    numbering: _Numbering, account: Account, dropped_numbers: Iterable[int], shares: Shares | None
) -> _Numbers:
    """Return the numbers that are dropped and left; of samples that `shares` has, those of all databases are left."""
    numbers = Runs()
    for pattern in numbering.patterns:
        numbers += account.numbers.get(pattern, Runs())
    everything, elsewhere = numbers, Runs()
    if shares is not None and shares.numbers:
        everything, elsewhere = shares.numbers, shares.dropped
    dropped = Runs([*elsewhere.spans, *((number, number + 1) for number in dropped_numbers)]) & numbers
    base = numbering.base
    if base is None:
        base = everything.first if everything else 0
    return _Numbers(dropped, everything - dropped - elsewhere, base)


def _deleted_numbers(
    main: Convention, samples: Samples, dropped: Runs, values: dict[bytes, bytes]
) -> dict[bytes, bytes]:
    """Add the new list of deleted numbers to `values`; return it instead, by key, if the source keeps none yet."""
    if main.deleted is None or not (dropped or samples.missing):
        return {}
    new = FORMS[main.deleted.form].write(list(Runs([*samples.deleted.spans, *dropped.spans, *samples.missing.spans])))
    if main.deleted.key not in main.own:
        return {main.deleted.key: new}
    values[main.deleted.key] = new
    return {}


@dataclass(frozen=True)
class Outcomes:
    """The outcome of each database that is not copied as it is; `dropped` counts the dropped records of all."""

    by_database: Mapping[str, Outcome]
    dropped: int

    @property
    def samples(self) -> int | None:
        counts = [it.samples for it in self.by_database.values() if it.samples is not None]
        return sum(counts) if counts else None

    @property
    def renumbered(self) -> bool:
        return any(it.repair.renumbered for it in self.by_database.values())

    @property
    def lists(self) -> frozenset[tuple[str, bytes]]:
        """The database and the key of each value kept true that is, or contains, a list of other databases' keys."""
        return frozenset((part, key) for part, it in self.by_database.items() for key in it.repair.other_lists)

    @property
    def repairs(self) -> dict[str, Repair]:
        return {part: it.repair for part, it in self.by_database.items()}

    def keys_with_others(self) -> Iterator[tuple[str, bytes]]:
        """Yield database and key of the records that are dropped because of what is wrong with another one."""
        for part, outcome in self.by_database.items():
            for key in outcome.keys_with_others():
                yield part, key


def _new_counts(
    conventions: Sequence[Convention], doubtful: Collection[Count], true: Callable[[Count], int]
) -> tuple[dict[bytes, bytes], dict[tuple[str, bytes], list[tuple[Count, int]]]]:
    """Return the new values of counts that change, by key, and the new numbers of those in other databases.

    Counts that are `doubtful` stay as they are.
    """
    values: dict[bytes, bytes] = {}
    elsewhere: dict[tuple[str, bytes], list[tuple[Count, int]]] = {}
    for count in (it for convention in conventions for it in convention.counts if it not in doubtful):
        if count.of_list is not None or not count.counts or count.written(number := true(count)) == count.raw:
            continue
        if count.kept_in is None:
            values[count.key] = written_into(count, values.get(count.key, count.raw), number)
        else:
            elsewhere.setdefault((count.kept_in, count.key), []).append((count, number))
    return values, elsewhere


def _list_counts(conventions: Sequence[Convention], *, anew: bool) -> list[Count]:
    """Return the counts of the keys in lists that are rewritten, or whose count is not true."""
    result = []
    for convention in conventions:
        entries = {it.key: it.entries for it in convention.lists}
        of_groups = {it.key: it.groups for it in convention.lists if it.groups != it.entries}
        counts = [it for it in convention.counts if it.of_list and it.kept_in is None]
        counts = [it for it in counts if anew or it.number != of_groups.get(it.of_list or b"")]
        counts = [it for it in counts if not it.exact or is_near(it, entries[it.of_list or b""])]
        different = {it.key: it.number for it in convention.lists}
        counts = [it for it in counts if anew or not it.exact or it.number != different[it.of_list or b""]]
        result += [it for it in counts if anew or it.number != entries[it.of_list or b""]]
    return result


def patterns_of(convention: Convention, samples: Samples) -> tuple[Pattern, ...]:
    """Return the patterns of the records that are numbered together; none if numbers do not identify samples."""
    if samples.groups is not None:
        return samples.groups.patterns
    counted = convention.counts or convention.dense
    return (samples.alone,) if samples.alone is not None and counted else ()


def _true_value(
    count: Count, samples: Samples, samples_left: Samples, account: Account, dropped: int, stems: int | None
) -> int:
    """Return the true number of a count."""
    if count.next:
        return samples.last + 1
    records = account.records - account.own
    records -= 0 if count.number == records else samples.aside
    if stems is not None:
        return records - dropped if count.number == records else stems
    counts = piece_counts(samples, account)
    if count.number in counts and count.number not in (len(samples.numbers), records):
        return piece_counts(samples_left, account)[counts.index(count.number)]
    asked_for = len(samples.numbers) + len(samples.missing)  # the count includes missing ones, which a loader asks for
    of_records = expected_count(count.number, samples, records) != len(samples.numbers) or not samples.numbers
    of_records &= not samples.missing or count.number != asked_for
    return records - dropped if of_records else len(samples_left.numbers)
