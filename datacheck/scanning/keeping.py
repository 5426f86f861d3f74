"""Find out which conventions a store keeps, and hold them against what its keys add up to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, cast

import msgspec

from datacheck.backends.interface import Peeking, Reader, WithDatabases
from datacheck.conventions import recognised
from datacheck.conventions.account import Account, KeyWatch
from datacheck.conventions.conclusions import conclude, conclude_list, samples
from datacheck.conventions.interface import Convention, KeyList, Listed, StoreView
from datacheck.conventions.numbered_keys import patterns
from datacheck.conventions.side_files import beside
from datacheck.conventions.stems import StemGroups, Stems, Unpaired, agree, may_be
from datacheck.conventions.stored_values import FORMS, keys_in
from datacheck.errors import PartUnread
from datacheck.model.blocks import AnyBlock, Block, Layout, Shard
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding
from datacheck.scanning.blame import Blamed, blamed, blaming
from datacheck.scanning.tasks import Job, Task, opening_seconds
from datacheck.workers.interface import PATIENCE, Death, Engine, Watch

ENOUGH_KEYS = 256
"""So many of the keys that the profile was made of show what the store keeps."""
KEYS_A_PROBE = 256
"""So many keys of a probe are taken at most,"""
KEYS = 4096
"""or fewer where there are many probes: about so many keys in all,"""
FEWEST_KEYS = 8
"""and so few at least, where records are large: then fewer probes are looked at."""
SAMPLE_BYTES = 32 << 20
"""So many bytes the values of all these keys may have, which some stores cannot give without."""
BYTES_A_PROBE = 4 << 20
"""A probe of larger records than most are ends here."""
LARGEST = 1 << 30
"""Bytes of a value that a convention is read from."""
DEATHS = 4
"""So often it is tried to read them, each time without the probe that failed."""


def recognise(
    pool: Engine[Task], layout: Layout, without: Collection[int] = (), keys: frozenset[bytes] = frozenset()
) -> tuple[Convention, ...] | Death:
    """Return the conventions that a store keeps, by the keys at its probes; or the Death of looking at their values.

    Those `keys` that the profile was made of will do where they are enough; otherwise more are read.
    Probes of these numbers are left out, as one is that fails: what is wrong there the scan finds by itself. But where
    there was no time for any, as on a slow disk, nobody knows what the store keeps: that Death is returned.
    """
    if keys and len(keys) >= min(ENOUGH_KEYS, layout.records or ENOUGH_KEYS):
        return _by_keys(pool, layout, keys)
    count, limit = fitting(layout)
    chosen = {at * max(0, len(layout.probes) - 1) // max(1, count - 1): None for at in range(count)}
    numbers = [number for number in chosen if number not in without]
    read: Any = None
    for _ in range(DEATHS):
        ((_, read),) = pool.run([SampleKeys(tuple((number, layout.probes[number]) for number in numbers), limit)])
        if not isinstance(read, Death):
            break
        if read.note in numbers:
            numbers.remove(read.note)
    if isinstance(read, Death):
        return read if read.timed_out else ()
    return _by_keys(pool, layout, read) if read else ()


def _by_keys(pool: Engine[Task], layout: Layout, keys: frozenset[bytes]) -> tuple[Convention, ...] | Death:
    ((_, result),) = pool.run([Recognise(keys, every=len(keys) == layout.records)])
    return cast("tuple[Convention, ...] | Death", result)


def fitting(layout: Layout) -> tuple[int, int]:
    """Return how many probes of a store to look at, spread evenly, and how many keys of each."""
    count = len(layout.probes)
    if not count or not layout.size or not layout.records:
        return count, min(KEYS_A_PROBE, KEYS // max(1, count))
    each = max(1, layout.size // layout.records)
    limit = max(FEWEST_KEYS, min(KEYS_A_PROBE, KEYS // count, SAMPLE_BYTES // (count * each)))
    return max(1, min(count, SAMPLE_BYTES // (limit * each))), limit


class SampleKeys(msgspec.Struct, frozen=True):
    """Return the first keys of some probes, which come with their numbers; none of a named database.

    The number of the probe that it is at is noted.
    """

    probes: tuple[tuple[int, Shard], ...]
    limit: int

    def run(self, job: Job, watch: Watch) -> frozenset[bytes]:
        watch.timeout, watch.patience = job.settings.timeout, PATIENCE
        keys: set[bytes] = set()
        if job.reader.backend == "hdf5" or not self.probes:
            return frozenset()  # datasets that are records have paths for keys
        number, probe = self.probes[0]
        watch.note(number)
        first, size = self._keys(job.reader, probe, min(self.limit, FEWEST_KEYS))
        probes, limit = self._affordable(size // max(1, len(first)))
        for number, probe in probes:
            watch.note(number)
            keys.update(self._keys(job.reader, probe, limit)[0])
        return frozenset(keys)

    def _affordable(self, each: int) -> tuple[tuple[tuple[int, Shard], ...], int]:
        """Return the probes to look at, and how many keys of each, where values have so many bytes to be read."""
        count = len(self.probes)
        if not each or each * count * self.limit <= SAMPLE_BYTES:
            return self.probes, self.limit
        limit = max(min(self.limit, FEWEST_KEYS), SAMPLE_BYTES // (each * count))
        count = max(1, min(count, SAMPLE_BYTES // (each * limit)))
        return tuple(self.probes[at * len(self.probes) // count] for at in range(count)), limit

    def _keys(self, reader: Reader, probe: Shard, limit: int) -> tuple[list[bytes], int]:
        """Return the first keys of a probe, and the size of their values, 0 where these need not be read for that."""
        keys: list[bytes] = []
        size = 0
        free = isinstance(reader, Peeking)
        for block in _for_keys(reader, probe, limit):
            if not isinstance(block, Block) or block.database is not None:
                break
            keys += block.keys
            size += 0 if free else sum(map(len, block.values))
            if len(keys) >= limit or size >= BYTES_A_PROBE:
                break
        return keys, size


class Recognise(msgspec.Struct, frozen=True):
    """Return the conventions that a store keeps of whose keys these are some, or `every` one."""

    keys: frozenset[bytes]
    every: bool = False

    def run(self, job: Job, watch: Watch) -> tuple[Convention, ...]:
        watch.timeout, watch.patience = job.settings.timeout, PATIENCE
        watch.note(None)
        reader = job.reader
        try:
            with blaming("unreadable"):
                if isinstance(reader, WithDatabases) and reader.databases().get(""):
                    return ()  # several records have one key

            absent: set[bytes] = set()

            def value(key: bytes) -> bytes | None:
                watch.note(None)
                if key in absent or (self.every and key not in self.keys):
                    return None
                found = value_of(reader, key)
                if found is None:
                    absent.add(key)
                return found

            view = StoreView(patterns(self.keys), value, lambda name: beside(reader.path, name), self.keys)
            return tuple(recognised(view, job.settings.conventions))
        except Blamed:  # of a damaged store, or one that is being written, which the scan says itself
            return ()


def value_of(reader: Reader, key: bytes) -> bytes | None:
    """Return the value of a key of the store; None where it is not there, or too large for a convention's.

    Where it may lie in a part that cannot be read it is not there either: the scan says what that costs.
    """
    try:
        with blaming("unreadable"):
            shard = reader.find(escape(key))
    except PartUnread:
        return None
    if shard is None:
        return None
    for block in blamed("unreadable", reader.blocks, shard, limit=1):
        assert isinstance(block, Block)
        for found, value in zip(block.keys, block.values, strict=True):
            return bytes(value) if found == key and len(value) <= LARGEST else None
    return None


def _for_keys(reader: Reader, shard: Shard, limit: int | None = None) -> Iterator[AnyBlock]:
    """Yield the records of a shard for their keys: where a reader can do so, none of their values is touched."""
    if isinstance(reader, Peeking):
        return blamed("unreadable", reader.peek, shard, limit)
    return blamed("unreadable", reader.blocks, shard, limit=limit)


class TakeKeys(msgspec.Struct, frozen=True):
    """Return the account of the keys of a shard, whose values are not looked at."""

    shard: Shard
    watch: KeyWatch

    def run(self, job: Job, watch: Watch) -> Account:
        watch.timeout, watch.patience = opening_seconds(job.reader), 2
        watch.note(None)
        account = Account()
        for block in _for_keys(job.reader, self.shard):
            if isinstance(block, Block) and block.database is None:
                account.take(block.keys, self.watch)
        return account


class CompareLists(msgspec.Struct, frozen=True):
    """Return what comparing each list of keys with the keys of the store comes to."""

    shards: tuple[Shard, ...]
    lists: tuple[KeyList, ...]
    own: frozenset[bytes]

    def run(self, job: Job, watch: Watch) -> list[Listed]:
        watch.timeout, watch.patience = opening_seconds(job.reader), 2
        watch.note(None)
        wanted = [(it, _listed(job.reader, it)) for it in self.lists]
        missing = [set(keys) for _, keys in wanted]
        unlisted = [0] * len(wanted)
        for shard in self.shards:
            for block in _for_keys(job.reader, shard):
                if not isinstance(block, Block) or block.database is not None:
                    continue
                keys = set(block.keys) - self.own
                for place, (_, listed) in enumerate(wanted):
                    missing[place] -= keys
                    unlisted[place] += len(keys - listed)
        return [
            Listed(it.key, it.number, tuple(sorted(missing[place] - self.own)), 0 if it.partial else unlisted[place])
            for place, (it, _) in enumerate(wanted)
        ]


def _listed(reader: Reader, of: KeyList) -> set[bytes]:
    raw = beside(reader.path, of.key) if of.file else value_of(reader, of.key)
    return set(keys_in(FORMS[of.form].read(raw or b"") or []))


class FindUnpaired(msgspec.Struct, frozen=True):
    """Return the samples of a store whose records are told by stems, and which of them lack a part."""

    shards: tuple[Shard, ...]
    stems: Stems

    def run(self, job: Job, watch: Watch) -> StemGroups | None:
        watch.timeout, watch.patience = opening_seconds(job.reader), 2
        watch.note(None)
        made = Unpaired(self.stems)
        for shard in self.shards:
            for block in _for_keys(job.reader, shard):
                if isinstance(block, Block) and block.database is None and not made.failed:
                    made.take(block.keys)
        return made.groups()


def stem_groups(
    conventions: tuple[Convention, ...], account: Account, shards: Sequence[Shard], do: Callable[[FindUnpaired], Any]
) -> Any:
    """Return the samples of a store that are told by stems, None where there are none, or the Death that was met.

    The keys are read once more, by a task that `do` runs, only where their sums say that parts are gone.
    """
    stems = next((it.stems for it in conventions if it.stems is not None), None)
    if stems is None or not may_be(stems, account.stems):
        return None
    if agree(stems, account.stems):
        return StemGroups(stems, account.stems[stems.endings[0]][0], {})
    return do(FindUnpaired(tuple(shards), stems))


def compare_lists(conventions: tuple[Convention, ...], shards: Sequence[Shard]) -> CompareLists | None:
    """Return the task that compares the lists of keys of conventions, None where there are none."""
    lists = tuple(it for convention in conventions for it in convention.lists)
    return CompareLists(tuple(shards), lists, _own(conventions)) if lists else None


def _own(conventions: tuple[Convention, ...]) -> frozenset[bytes]:
    return frozenset().union(*(convention.own for convention in conventions))


def watch_of(conventions: tuple[Convention, ...]) -> KeyWatch | None:
    """Return what a scan is to note for conventions, None where that is nothing."""
    if not conventions:
        return None
    parts = dict.fromkeys(part for convention in conventions for part in convention.parts)
    stems = next((it.stems for it in conventions if it.stems is not None), None)
    frames = next((it.frames for it in conventions if it.frames is not None), None)
    return KeyWatch(tuple(parts), _own(conventions), stems, frames)


def kept(
    conventions: tuple[Convention, ...], account: Account, listed: Sequence[Listed], stems: StemGroups | None
) -> Iterator[Finding]:
    """Yield what of the conventions a store does not keep."""
    if stems is not None:
        yield from stems.findings()
    for convention in conventions:
        yield from conclude(convention, account, listed, None if stems is None else stems.all)
    for one in listed:
        yield from conclude_list(one)


def groups(conventions: tuple[Convention, ...], account: Account, stems: StemGroups | None) -> int | None:
    """Return how many samples of several records there are, None where a record is a sample."""
    if stems is not None:
        return stems.all
    for convention in conventions:
        made = samples(convention, account)
        if made.groups is not None:
            return len(made.groups.all)
    return None
