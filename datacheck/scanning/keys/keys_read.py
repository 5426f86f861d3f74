"""Read the keys of a store to sum them up, compare them with lists, and find incomplete samples; look up one value."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from datacheck.backends.interface import Peeking, Reader, WithDatabases
from datacheck.conventions.counts.clip_counts import Clips
from datacheck.conventions.counts.clip_totals import ClipFrames
from datacheck.conventions.counts.frame_counts import by_clip, count_kinds
from datacheck.conventions.interface import UNCOUNTED, ClipCounts, ClipTotals, KeyList, Listed
from datacheck.conventions.keys.account import Account, KeyWatch
from datacheck.conventions.keys.groups import CONFIRMED, ENOUGH, WHOLE, words
from datacheck.conventions.keys.numbered_keys import KeyTable, Pattern
from datacheck.conventions.keys.stems import BehindNames, StemGroups, Stems, Unpaired, UnpairedBehindNames
from datacheck.conventions.listed import KEYS, SET_WORDS
from datacheck.conventions.lists_within import keys_within
from datacheck.conventions.naming_records import IN_PART, Index
from datacheck.conventions.values.side_files import side_file
from datacheck.conventions.values.stored_values import FORMS, keys_in
from datacheck.errors import PartUnread
from datacheck.model.blocks import AnyBlock, Block, Position, Shard
from datacheck.model.escaping import escape
from datacheck.model.key_families import fold
from datacheck.scanning.blame import blamed, blaming
from datacheck.scanning.tasks import Job, begin_on_store
from datacheck.workers.interface import Watch

if TYPE_CHECKING:
    from datacheck.conventions.values.key_digests import KeyDigests

MOST_NAMED = 1 << 22
"""Number of keys named by records above which their presence is not checked."""
HELD = 1 << 18
"""Maximum number of records naming one other record that are remembered with the key they name."""
LOOKED_UP = 64
"""Maximum number of missing keys whose neighbours are looked up."""
OTHERS = 16
"""Maximum number of records that need no entry in a mapping of all records, such as those about the others."""
RELATIONS = frozenset({"parent", "parents", "children", "next", "prev", "previous", "neighbor", "neighbors", "ref"})
"""Words in the name of a mapping of records to others, which some have none of."""
NUMBER = re.compile(rb"(.*?)([0-9]+)([^0-9]*)", re.DOTALL)
"""Matches a key with its last number."""
SMALL = 1 << 20
"""Maximum size in bytes of a value that may name others."""
LARGEST = 1 << 30
"""Maximum size in bytes of a value that a convention is read from."""


def value_of(reader: Reader, key: bytes, part: str = "") -> bytes | None:
    """Return the value of a key of a database, or None if it is absent or too large for a convention.

    It also counts as absent if it may lie in a part that cannot be read: the scan reports what that costs.
    """
    try:
        with blaming("unreadable"):
            named = isinstance(reader, WithDatabases)
            shard = Shard(part, Position(key), Position(key, 1)) if named else reader.find(escape(key))
    except PartUnread:
        return None
    if shard is None:
        return None
    for block in blamed("unreadable", reader.blocks, shard):  # one record: a limit would only make it slower
        assert isinstance(block, Block)
        for found, value in zip(block.keys, block.values, strict=True):
            return bytes(value) if found == key and len(value) <= LARGEST else None
    return None


def small_value_of(reader: Reader, key: bytes, part: str) -> bytes | None:
    """Return the value of a key of a database, or None if it is absent or large.

    Of a key with several values it is the first.
    """
    shard = Shard(part, Position(key), Position(key, 1))
    for block in for_keys(reader, shard):
        if isinstance(block, Block) and block.keys:
            return bytes(block.values[0]) if block.keys[0] == key and len(block.values[0]) <= SMALL else None
    return None


def for_keys(reader: Reader, shard: Shard, limit: int | None = None) -> Iterator[AnyBlock]:
    """Yield the records of a shard for their keys. Readers that support it do not touch the values."""
    if isinstance(reader, Peeking):
        return blamed("unreadable", reader.peek, shard, limit)
    return blamed("unreadable", reader.blocks, shard, limit=limit)


def key_blocks(reader: Reader, shards: Iterable[Shard]) -> Iterator[Block]:
    """Yield the blocks of some shards for their keys, as `for_keys` does; rows of tables have none and are left out."""
    for shard in shards:
        yield from (block for block in for_keys(reader, shard) if isinstance(block, Block))


class TakeKeys(msgspec.Struct, frozen=True):
    """A task that returns the accounts of a shard's keys by database, without reading values."""

    shard: Shard
    watch: Mapping[str, KeyWatch]

    def run(self, job: Job, watch: Watch) -> dict[str, Account]:
        begin_on_store(job, watch)
        part, accounts = self.shard.part, dict[str, Account]()
        for block in key_blocks(job.reader, [self.shard]):
            if part in self.watch:
                accounts.setdefault(part, Account()).take(block.keys, self.watch[part], block.series)
        return accounts


class CompareLists(msgspec.Struct, frozen=True):
    """A task that compares each list of keys with the keys of its database and returns the results.

    `shards` are all shards of the database.
    """

    part: str
    shards: tuple[Shard, ...]
    lists: tuple[KeyList, ...]
    own: frozenset[bytes]

    def run(self, job: Job, watch: Watch) -> list[Listed]:
        begin_on_store(job, watch)
        import numpy as np

        from datacheck.conventions.values.key_digests import KeyDigests, digests_of

        wanted = [KeyDigests(_listed_keys(job.reader, it, self.part)) for it in self.lists]
        shares = [place for place, it in enumerate(self.lists) if it.share]
        unlisted = [0] * len(wanted)
        lacking: dict[int, list[bytes]] = {at: [] for at, it in enumerate(self.lists) if _has_entries(it)}
        numbered = {it.pattern: 0 for it in self.lists if it.pattern is not None}
        for block in key_blocks(job.reader, self.shards):
            for pattern in numbered:
                numbered[pattern] += len(pattern.numbers(KeyTable(block.keys))[0])
            keys = list(set(block.keys) - self.own)
            digests = digests_of(keys)
            listed = [it.find(digests) for it in wanted]
            for place, found in enumerate(listed):
                if place not in shares:
                    unlisted[place] += len(found) - int(found.sum())
                if place in lacking and len(lacking[place]) <= _most_lacking(len(wanted[place])) + OTHERS:
                    lacking[place] += (keys[row] for row in np.flatnonzero(~found))
            if shares:  # each of these lists has a share of the keys
                in_any = np.logical_or.reduce([listed[place] for place in shares])
                unlisted[shares[0]] += len(in_any) - int(in_any.sum())
        return [
            Listed(
                it.key,
                len(wanted[place]) if it.places else it.number,
                self._missing(job.reader, it, wanted[place], numbered),
                0 if it.partial else unlisted[place],
                it.kept_in,
                bool(it.places) and it.key != KEYS,
                sure=it.sure,
                numbers=it.pattern is not None,
                lacking=_without_entry(lacking.get(place, ()), job.reader, it, len(wanted[place]), self.part),
            )
            for place, it in enumerate(self.lists)
        ]

    def _missing(
        self, reader: Reader, key_list: KeyList, keys: KeyDigests, numbered: Mapping[Pattern, int]
    ) -> tuple[bytes, ...]:
        """Return the keys of a list that are not in the database; the list is read once more if there are any.

        If numbers may be positions among the records, rather than the numbers in their keys, none is missing.
        """
        if keys.are_all_found:
            return ()
        pattern = key_list.pattern
        if pattern is not None:
            listed = (pattern.number(it) for it in _listed_keys(reader, key_list, self.part))
            if all(it is not None and it < numbered[pattern] for it in listed):
                return ()
        return keys.missing(_listed_keys(reader, key_list, self.part), self.own)


def _has_entries(key_list: KeyList) -> bool:
    """Return whether the keys are the names of a single mapping, which may have an entry for each record.

    That of a set has none for the other sets, and the first or the last record has no parent or neighbour.
    """
    names = [key_list.key.decode("latin1"), *(it for place in key_list.places for it in place.names)]
    some = frozenset().union(*map(words, names))
    return [it.kind for it in key_list.places] == ["names"] and some.isdisjoint(SET_WORDS | RELATIONS)


def _most_lacking(number: int) -> int:
    """Return how many records may lack an entry in a mapping of this number for it to be one of all records."""
    return max(1, int((1 - WHOLE) * number)) if number >= ENOUGH else 0


def _without_entry(
    lacking: Collection[bytes], reader: Reader, key_list: KeyList, number: int, part: str
) -> tuple[bytes, ...]:
    """Return the records that lack an entry in a mapping of nearly all of them, if their keys are like the others'.

    Records of another kind, such as a list of classes, need none. Keys without a digit show no kind.
    """
    if not 0 < len(lacking) <= _most_lacking(number) + OTHERS:
        return ()
    forms = {_form_of(it) for it in _listed_keys(reader, key_list, part)}
    alike = sorted(it for it in lacking if NUMBER.match(it) and _form_of(it) in forms and it != key_list.key)
    return tuple(alike) if len(alike) <= _most_lacking(number) else ()


def _form_of(key: bytes) -> tuple[int, bytes]:
    """Return the length and the suffix, which are alike in the keys of records of one kind."""
    return len(key), key.rpartition(b".")[2] if b"." in key else b""


def _listed_keys(reader: Reader, key_list: KeyList, part: str) -> Iterator[bytes]:
    raw = (
        side_file(reader.path, key_list.key)
        if key_list.file
        else value_of(reader, key_list.key, part if key_list.kept_in is None else key_list.kept_in)
    )
    if key_list.places:
        return keys_within(raw or b"", key_list)
    return keys_in(FORMS[key_list.form].read(raw or b"") or [])


class Named:
    """The keys that the records of an index name: how many times, in how many lists, and by which records."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self.keys: set[bytes] = set()
        self.times = self.lists = 0
        self.again: Counter[bytes] = Counter()
        self.entries: list[tuple[bytes, bytes]] = []

    def take(self, block: Block) -> None:
        """Add the keys that the records of a block name, up to MOST_NAMED."""
        for row in self.index.rows(block.keys):
            if len(self.keys) > MOST_NAMED:
                return
            value = bytes(block.values[row])
            for named in self.index.key_lists(block.keys[row], value):
                self.keys.update(named)
                self.times += len(named)
                self.lists += bool(self.index.form)
                if len(set(named)) < len(named):
                    self.again.update(Counter(named) - Counter(set(named)))
                if (not self.index.form or self.index.is_text) and len(self.entries) <= HELD:
                    self.entries += [(it, block.keys[row]) for it in named]

    @property
    def ordered(self) -> bool:
        """Return whether lists may be texts or windows, which name keys repeatedly, and in which positions matter."""
        return bool(self.again) or (self.times > len(self.keys) and 4 * self.lists > len(self.keys))

    @property
    def names_keys_once(self) -> bool:
        """Return whether each key is named once by lists or by records with several values.

        The lists of a class or a clip do so.
        """
        several = bool(self.index.form) or len({key for _, key in self.entries}) < len(self.entries)
        return several and self.times == len(self.keys)

    def listed(self, missing: set[bytes], is_there: Callable[[bytes], bool]) -> Listed:
        """Return the result of comparing the named keys with the existing ones, given the `missing` ones."""
        clip = self.index.clip
        others = self.index.others(missing, self.keys)
        if others:
            missing = missing - others
            self._leave_out(others)
        names_others = clip is not None and clip.names_others(missing, self.keys)
        if names_others and (self.index.of_all_clips or self.index.form.startswith(IN_PART)):
            missing = set()
        return Listed(
            b"",
            len(self.keys) if len(self.keys) <= MOST_NAMED else UNCOUNTED,
            tuple(sorted(missing)),
            0,
            of_records=self.index.name,
            entries=tuple(self.entries) if len(self.entries) <= HELD else (),
            ordered=self.ordered or (names_others and self.index.of_all_clips),
            unsure=bool(missing)
            and (names_others or not (self._are_few(missing) and self._are_lost(missing, is_there))),
        )

    def _leave_out(self, others: set[bytes]) -> None:
        """Forget keys that are named by records of something else, each by one of them."""
        self.keys -= others
        self.times -= len(others) + sum(self.again.pop(it, 0) for it in others)
        self.entries = [it for it in self.entries if it[0] not in others]

    def _are_few(self, missing: set[bytes]) -> bool:
        return len(missing) <= (1 - CONFIRMED) * max(ENOUGH, len(self.keys))

    def _are_lost(self, missing: set[bytes], is_there: Callable[[bytes], bool]) -> bool:
        """Return whether the missing keys once existed.

        A name such as "none" never did, nor did the key that follows the last one of a clip.
        """
        alike = {fold(it) for it in self.keys - missing}
        some = sorted(missing)[:LOOKED_UP]
        if any(NUMBER.fullmatch(it) is None or fold(it) not in alike for it in some):
            return False
        return self.names_keys_once or all(is_there(near) for it in some for near in beside_in_order(it))


def beside_in_order(key: bytes) -> list[bytes]:
    """Return the keys whose last number is one less, and one more, than that of a key.

    >>> beside_in_order(b"clip2/0010.jpg"), beside_in_order(b"0")
    ([b'clip2/0009.jpg', b'clip2/0011.jpg'], [b'-1', b'1'])
    """
    match = NUMBER.fullmatch(key)
    if match is None:
        return []
    before, digits, after = match.groups()
    return [b"%s%0*d%s" % (before, len(digits), int(digits) + step, after) for step in (-1, 1)]


class CompareIndexes(msgspec.Struct, frozen=True):
    """A task that compares the keys that records name with the keys of their database and returns the results.

    `shards` are all shards of that database; `holding` are those of the databases with the records that name keys.
    """

    shards: tuple[Shard, ...]
    indexes: tuple[Index, ...]
    holding: tuple[Shard, ...]

    def run(self, job: Job, watch: Watch) -> list[Listed]:
        begin_on_store(job, watch)
        every = [Named(it) for it in self.indexes]
        for shard in self.holding:
            in_shard = [it for it in every if it.index.kept_in == shard.part]
            for block in key_blocks(job.reader, [shard]) if in_shard else ():
                watch.note(None)
                for it in in_shard:
                    it.take(block)
        missing = [set(it.keys) if len(it.keys) <= MOST_NAMED else set() for it in every]
        for block in key_blocks(job.reader, self.shards):
            for keys in missing:
                keys.difference_update(block.keys)

        def is_there(key: bytes) -> bool:
            watch.note(None)
            return value_of(job.reader, key, self.shards[0].part) is not None

        return [it.listed(absent, is_there) for it, absent in zip(every, missing, strict=True)]


class CountFrames(msgspec.Struct, frozen=True):
    """A task that returns how many records of a database are frames of each of some clips."""

    shards: tuple[Shard, ...]
    clips: frozenset[bytes]

    def run(self, job: Job, watch: Watch) -> dict[bytes, int]:
        begin_on_store(job, watch)
        counts: Counter[tuple[bytes, str]] = Counter()
        for block in key_blocks(job.reader, self.shards):
            counts.update(count_kinds(block.keys, self.clips))  # adding counters goes through all clips
        return dict(by_clip(counts))


class CountClips(msgspec.Struct, frozen=True):
    """A task that returns the numbers of frames that records hold, with the numbers that exist, if they are counts."""

    shards: tuple[Shard, ...]
    counts: tuple[ClipCounts, ...]

    def run(self, job: Job, watch: Watch) -> tuple[ClipCounts, ...]:
        begin_on_store(job, watch)
        every = [Clips(it) for it in self.counts]
        for block in key_blocks(job.reader, self.shards):
            watch.note(None)
            for row, key in enumerate(block.keys):
                for clips in every:
                    clips.take(key, partial(_value_at, block, row))
        return tuple(counted for it in every if (counted := it.counts()) is not None)


class CountAllClips(msgspec.Struct, frozen=True):
    """A task that returns the numbers of clips that a database holds, with the frames of each, or None."""

    shards: tuple[Shard, ...]
    totals: ClipTotals

    def run(self, job: Job, watch: Watch) -> ClipTotals | None:
        begin_on_store(job, watch)
        clips = ClipFrames(self.totals)
        for block in key_blocks(job.reader, self.shards):
            watch.note(None)
            clips.take(block.keys)
        return clips.totals()


def _value_at(block: Block, row: int) -> bytes:
    return bytes(block.values[row])


class FindUnpaired(msgspec.Struct, frozen=True):
    """A task that returns the samples of a database identified by stems, and which of them lack a part."""

    shards: tuple[Shard, ...]
    stems: Stems
    apart: frozenset[bytes] = frozenset()

    def run(self, job: Job, watch: Watch) -> StemGroups | None:
        begin_on_store(job, watch)
        behind = isinstance(self.stems, BehindNames)
        unpaired = UnpairedBehindNames(self.stems) if behind else Unpaired(self.stems, self.apart)
        for block in key_blocks(job.reader, self.shards):
            if not unpaired.failed:
                unpaired.take(block.keys)
        return unpaired.groups()
