"""Find out which conventions a store keeps, and hold them against what its keys add up to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

import msgspec

from datacheck.backends.interface import Peeking, Reader, WithDatabases
from datacheck.conventions import recognised, require_met
from datacheck.conventions.account import Account, KeyWatch
from datacheck.conventions.conclusions import conclude, conclude_list, samples
from datacheck.conventions.elsewhere import counting, elsewhere
from datacheck.conventions.interface import KeyList, Known, Listed, StoreView
from datacheck.conventions.numbered_keys import patterns
from datacheck.conventions.side_files import beside
from datacheck.conventions.stems import StemGroups, Stems, Unpaired, agree, may_be
from datacheck.conventions.stored_values import FORMS, keys_in
from datacheck.errors import PartUnread
from datacheck.model.blocks import AnyBlock, Block, Layout, Position, Shard
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding
from datacheck.scanning.blame import Blamed, blamed, blaming
from datacheck.scanning.probing import probes_of_keys
from datacheck.scanning.taking import Taken
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
REMEMBERED = 64 << 10
"""Values up to so many bytes, and keys that are not there, are looked up once: several conventions ask for the same."""
LARGEST = 1 << 30
"""Bytes of a value that a convention is read from."""
MOST_ASKED = 64
"""Of so many databases values are looked for at most; each costs milliseconds."""
DEATHS = 4
"""So often it is tried to read them, each time without the probe that failed."""


Kept = dict[str, Known]
"""What is known of the conventions of each database of a store, "" the main one."""
Keys = Mapping[str, frozenset[bytes]]
"""Sampled keys by the database that they are in."""


def recognise(pool: Engine[Task], layout: Layout, taken: Taken) -> Kept | Death:
    """Return the conventions that a store keeps, by the keys at its probes; or the Death of looking at their values.

    The keys that the profile was `taken` from will do where they are enough; otherwise more are read.
    Probes that it left out are left out, as one is that fails: what is wrong there the scan finds by itself. But where
    there was no time for any, as on a slow disk, nobody knows what the store keeps: that Death is returned.
    Where the profile is empty since nothing could be read for it, it is not tried: that is said already.
    """
    if taken.empty or not probes_of_keys(layout.probes):
        return {}
    if _enough(taken.keys, layout):
        return _by_keys(pool, layout, taken.keys)
    without = {left.probe for left in taken.left}
    count, limit = fitting(layout)
    chosen = {at * max(0, len(layout.probes) - 1) // max(1, count - 1): None for at in range(count)}
    firsts = {probe.part: number for number, probe in reversed([*enumerate(layout.probes)])}
    numbers = [number for number in sorted({*chosen, *firsts.values()}) if number not in without]
    sizes = _sizes(layout) if len(firsts) > 1 else {}
    small = frozenset(it for it, records in sizes.items() if records <= KEYS_A_PROBE)
    read: Any = None
    for _ in range(DEATHS):
        ((_, read),) = pool.run([SampleKeys(tuple((it, layout.probes[it]) for it in numbers), limit, small)])
        if not isinstance(read, Death):
            break
        if read.note in numbers:
            numbers.remove(read.note)
    if isinstance(read, Death):
        return read if read.timed_out else {}
    return _by_keys(pool, layout, read) if read else {}


def _enough(keys: Keys, layout: Layout) -> bool:
    """Say whether so many keys of each database, or all that there are, show what the store keeps."""
    there = {it.part for it in layout.probes}
    if not keys or (len(there) > 1 and there != keys.keys()):
        return False
    enough, whole = min(ENOUGH_KEYS, layout.records or ENOUGH_KEYS), _whole(keys, layout)
    return all(part in whole or len(of) >= enough for part, of in keys.items())


def _sizes(layout: Layout) -> dict[str, int]:
    """Return how many records there are in the databases of which that is known."""
    sizes: dict[str, int] = {}
    unknown = {it.part for it in layout.shards if it.records is None}
    for shard in layout.shards:
        if shard.records is not None and shard.part not in unknown:
            sizes[shard.part] = sizes.get(shard.part, 0) + shard.records
    return sizes


def _whole(keys: Keys, layout: Layout) -> frozenset[str]:
    """Return the databases of which every key is known."""
    if sum(map(len, keys.values())) == layout.records:
        return frozenset(keys)
    sizes = _sizes(layout)
    return frozenset(part for part, of in keys.items() if len(of) == sizes.get(part))


def _by_keys(pool: Engine[Task], layout: Layout, keys: Keys) -> Kept | Death:
    whole = _whole(keys, layout)
    asked = sorted(keys.keys() - whole)[:MOST_ASKED]
    ((_, result),) = pool.run([Recognise({it: keys[it] for it in keys if it in whole or it in asked}, whole)])
    return cast("Kept | Death", result)


def not_looked_at(layout: Layout, kept: Kept) -> int:
    """Return of how many databases nobody has looked at what they keep of their records: of very many only some."""
    there = {it.part for it in layout.probes}
    return len(there - kept.keys()) if len(there) > MOST_ASKED else 0


def fitting(layout: Layout) -> tuple[int, int]:
    """Return how many probes of a store to look at, spread evenly, and how many keys of each."""
    count = len(layout.probes)
    if not count or not layout.size or not layout.records:
        return count, min(KEYS_A_PROBE, KEYS // max(1, count))
    each = max(1, layout.size // layout.records)
    limit = max(FEWEST_KEYS, min(KEYS_A_PROBE, KEYS // count, SAMPLE_BYTES // (count * each)))
    return max(1, min(count, SAMPLE_BYTES // (limit * each))), limit


class SampleKeys(msgspec.Struct, frozen=True):
    """Return the first keys of some probes, which come with their numbers, by the database that they are in.

    Of `small` databases all keys are taken. The number of the probe that it is at is noted.
    """

    probes: tuple[tuple[int, Shard], ...]
    limit: int
    small: frozenset[str] = frozenset()

    def run(self, job: Job, watch: Watch) -> Keys:
        watch.timeout, watch.patience = job.settings.timeout, PATIENCE
        if job.reader.backend == "hdf5" or not self.probes:
            return {}  # datasets that are records have paths for keys
        number, probe = self.probes[0]
        watch.note(number)
        first, size = self._keys(job.reader, probe, min(self.limit, FEWEST_KEYS))
        probes, limit = self._affordable(size // max(1, len(first)))
        keys: dict[str, set[bytes]] = {}
        for number, probe in probes:
            watch.note(number)
            few = KEYS_A_PROBE if probe.part in self.small else limit
            keys.setdefault(probe.part, set()).update(self._keys(job.reader, probe, few)[0])
        return {part: frozenset(keys[part]) for part in sorted(keys) if keys[part]}

    def _affordable(self, each: int) -> tuple[Sequence[tuple[int, Shard]], int]:
        """Return the probes to look at, and how many keys of each, where values have so many bytes to be read.

        Of every database there is one at least.
        """
        count = len(self.probes)
        if not each or each * count * self.limit <= SAMPLE_BYTES:
            return self.probes, self.limit
        limit = max(min(self.limit, FEWEST_KEYS), SAMPLE_BYTES // (each * count))
        count = max(1, min(count, SAMPLE_BYTES // (each * limit)))
        chosen = {at * len(self.probes) // count for at in range(count)}
        firsts = {probe.part: at for at, (_, probe) in reversed([*enumerate(self.probes)])}
        return [self.probes[at] for at in sorted({*chosen, *firsts.values()})], limit

    def _keys(self, reader: Reader, probe: Shard, limit: int) -> tuple[list[bytes], int]:
        """Return the first keys of a probe, and the size of their values, 0 where these need not be read for that."""
        keys: list[bytes] = []
        size = 0
        free = isinstance(reader, Peeking)
        for block in _for_keys(reader, probe, limit):
            if not isinstance(block, Block):
                break
            keys += block.keys
            size += 0 if free else sum(map(len, block.values))
            if len(keys) >= limit or size >= BYTES_A_PROBE:
                break
        return keys, size


class Recognise(msgspec.Struct, frozen=True):
    """Return the conventions that each database of a store keeps, by some of its keys; of `whole` ones by all."""

    keys: Keys
    whole: frozenset[str] = frozenset()

    def run(self, job: Job, watch: Watch) -> Kept:
        watch.timeout, watch.patience = job.settings.timeout, PATIENCE
        watch.note(None)
        wanted = job.settings.conventions
        met: set[str] = set()
        try:
            with blaming("unreadable"):
                several = job.reader.databases() if isinstance(job.reader, WithDatabases) else {}
            views = {part: self._view(job.reader, watch, part) for part in self.keys if not several.get(part)}
            kept = {part: tuple(recognised(views[part], wanted, met)) if part in views else () for part in self.keys}
        except Blamed:  # of a damaged store, or one that is being written, which the scan says itself
            return {}
        require_met(wanted, met)
        return {part: Known(of) for part, of in elsewhere(kept, views).items()}

    def _view(self, reader: Reader, watch: Watch, part: str) -> StoreView:
        keys = self.keys[part]
        read: dict[bytes, bytes | None] = {}

        def value(key: bytes) -> bytes | None:
            if key in read:
                return read[key]
            watch.note(None)
            made = None if part in self.whole and key not in keys else value_of(reader, key, part)
            if made is None or len(made) <= REMEMBERED:
                read[key] = made
            return made

        def file(name: bytes) -> bytes | None:
            return None if part else beside(reader.path, name)

        return StoreView(patterns(keys), value, file, keys)


def value_of(reader: Reader, key: bytes, part: str = "") -> bytes | None:
    """Return the value of a key of a database; None where it is not there, or too large for a convention's.

    Where it may lie in a part that cannot be read it is not there either: the scan says what that costs.
    """
    try:
        with blaming("unreadable"):
            named = isinstance(reader, WithDatabases)
            shard = Shard(part, Position(key), Position(key, 1)) if named else reader.find(escape(key))
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
    """Return the accounts of the keys of a shard, whose values are not looked at, by the database that they are in."""

    shard: Shard
    watch: Mapping[str, KeyWatch]

    def run(self, job: Job, watch: Watch) -> dict[str, Account]:
        watch.timeout, watch.patience = opening_seconds(job.reader), 2
        watch.note(None)
        accounts: dict[str, Account] = {}
        for block in _for_keys(job.reader, self.shard):
            part = self.shard.part
            if isinstance(block, Block) and part in self.watch:
                accounts.setdefault(part, Account()).take(block.keys, self.watch[part], block.series)
        return accounts


class CompareLists(msgspec.Struct, frozen=True):
    """Return what comparing each list of keys with the keys of its database comes to: `shards` are all of that."""

    part: str
    shards: tuple[Shard, ...]
    lists: tuple[KeyList, ...]
    own: frozenset[bytes]

    def run(self, job: Job, watch: Watch) -> list[Listed]:
        watch.timeout, watch.patience = opening_seconds(job.reader), 2
        watch.note(None)
        wanted = [(it, _listed(job.reader, it, self.part)) for it in self.lists]
        missing = [set(keys) for _, keys in wanted]
        unlisted = [0] * len(wanted)
        for shard in self.shards:
            for block in _for_keys(job.reader, shard):
                if not isinstance(block, Block):
                    continue
                keys = set(block.keys) - self.own
                for place, (_, listed) in enumerate(wanted):
                    missing[place] -= keys
                    unlisted[place] += len(keys - listed)
        return [
            Listed(it.key, it.number, tuple(sorted(missing[place] - self.own)), 0 if it.partial else unlisted[place])
            for place, (it, _) in enumerate(wanted)
        ]


def _listed(reader: Reader, of: KeyList, part: str) -> set[bytes]:
    raw = beside(reader.path, of.key) if of.file else value_of(reader, of.key, part)
    return set(keys_in(FORMS[of.form].read(raw or b"") or []))


class FindUnpaired(msgspec.Struct, frozen=True):
    """Return the samples of a database whose records are told by stems, and which of them lack a part."""

    shards: tuple[Shard, ...]
    stems: Stems

    def run(self, job: Job, watch: Watch) -> StemGroups | None:
        watch.timeout, watch.patience = opening_seconds(job.reader), 2
        watch.note(None)
        made = Unpaired(self.stems)
        for shard in self.shards:
            for block in _for_keys(job.reader, shard):
                if isinstance(block, Block) and not made.failed:
                    made.take(block.keys)
        return made.groups()


def compared(
    kept: Kept, accounts: Mapping[str, Account], shards: Sequence[Shard], do: Callable[[Any], Any]
) -> Kept | Death:
    """Return what is known of the conventions of a store, now that its keys are; or the Death that was met.

    Keys are read once more, by tasks that `do` runs, where lists name them, or where the sums of stems say that parts
    of samples are gone.
    """
    made: Kept = {}
    for part, known in counting(kept, accounts).items():
        its = tuple(it for it in shards if it.part == part)
        lists = tuple(it for convention in known.conventions for it in convention.lists)
        listed = do(CompareLists(part, its, lists, own_keys(known))) if lists else ()
        if isinstance(listed, Death):
            return listed
        stems = _stem_groups(known, accounts.get(part) or Account(), its, do)
        if isinstance(stems, Death):
            return stems
        made[part] = msgspec.structs.replace(known, listed=listed, stems=stems)
    return made


def _stem_groups(
    known: Known, account: Account, shards: tuple[Shard, ...], do: Callable[[Any], Any]
) -> StemGroups | Death | None:
    """Return the samples of a database that are told by stems, None where there are none."""
    stems = next((it.stems for it in known.conventions if it.stems is not None), None)
    if stems is None or not may_be(stems, account.stems):
        return None
    if agree(stems, account.stems):
        return StemGroups(stems, account.stems[stems.endings[0]][0], {})
    return cast("StemGroups | Death | None", do(FindUnpaired(shards, stems)))


def own_keys(known: Known) -> frozenset[bytes]:
    """Return the keys of the records that are the conventions' of a database."""
    return frozenset().union(*(convention.own for convention in known.conventions))


def watch_of(kept: Kept) -> dict[str, KeyWatch] | None:
    """Return what a scan is to note of each database for conventions, None where that is nothing."""
    if not any(known.conventions for known in kept.values()):
        return None
    made = {}
    for part, known in kept.items():
        parts = dict.fromkeys(it for convention in known.conventions for it in convention.parts)
        stems = next((it.stems for it in known.conventions if it.stems is not None), None)
        frames = next((it.frames for it in known.conventions if it.frames is not None), None)
        made[part] = KeyWatch(tuple(parts), own_keys(known), stems, frames)
    return made


def untrue(kept: Kept, accounts: Mapping[str, Account]) -> Iterator[Finding]:
    """Yield what of the conventions a store does not keep."""
    for part, known in kept.items():
        account = accounts.get(part) or Account()
        for finding in _untrue(known, account):
            yield msgspec.structs.replace(finding, database=part or None)


def _untrue(known: Known, account: Account) -> Iterator[Finding]:
    if known.stems is not None:
        yield from known.stems.findings()
    for convention in known.conventions:
        yield from conclude(convention, account, known.listed, None if known.stems is None else known.stems.all)
    for one in known.listed:
        yield from conclude_list(one)


def groups(kept: Kept, accounts: Mapping[str, Account]) -> int | None:
    """Return how many samples of several records there are, None where a record is a sample."""
    counts = [it for part, known in kept.items() if (it := _groups(known, accounts.get(part) or Account())) is not None]
    return sum(counts) if counts else None


def _groups(known: Known, account: Account) -> int | None:
    if known.stems is not None:
        return known.stems.all
    for convention in known.conventions:
        made = samples(convention, account)
        if made.groups is not None:
            return len(made.groups.all)
    return None
