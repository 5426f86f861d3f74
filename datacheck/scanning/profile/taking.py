"""Take the profile of a store in a worker: read the probes, elect decoders, decode the sampled values.

Each record that may take long is noted before it is touched, and the result of each probe is sent at once, so that a
death loses nothing of the other probes. Light to import: the caller keeps the results as bytes, without decoding them.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Generator, Iterator, Mapping
from itertools import takewhile
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from datacheck.errors import DatacheckError
from datacheck.model.blocks import Block, Position, RowBlock, Shard
from datacheck.model.forced import Forced
from datacheck.model.profile import Profile
from datacheck.scanning.blame import blamed
from datacheck.scanning.profile.side_records import is_side_record
from datacheck.scanning.tasks import Job, ended_by
from datacheck.workers.interface import PATIENCE, Death, Watch

if TYPE_CHECKING:
    from datacheck.model.blocks import AnyBlock
    from datacheck.scanning.profile.profiling import Sums
    from datacheck.scanning.profile.recognition import Families, Look

T = TypeVar("T")
ALONE_BYTES = 64 << 10
"""Size in bytes above which values are decoded one at a time, each with an alarm of its own."""
FURTHER_PROBES = 128
"""Maximum number of probes added because families have too few values."""
NAMES = 1000
"""Maximum number of family names that are returned."""
KEY_LETTERS = 1000
"""Maximum number of characters of a key in a note."""
READING, DECODING = "reading", "decoding"


class Probe(msgspec.Struct, frozen=True):
    """What is known of a probe: the pieces that may be read of it, and its results, pickled.

    `looks` has the looks of its values, `part` what their decoders made of them so far. After a death, it is read
    record by record if `careful`, and decoded one value at a time if `apart`, without the values in `skip`.
    """

    pieces: tuple[Shard, ...]
    careful: bool = False
    apart: bool = False
    skip: frozenset[int] = frozenset()
    looks: bytes | None = None
    part: bytes | None = None
    done: bool = False


class Part(msgspec.Struct):
    """The sums over the records of a probe by family or table, and the positions of the records that are included."""

    sums: dict[str | None, Sums] = msgspec.field(default_factory=dict)
    seen: set[int] = msgspec.field(default_factory=set)
    tables: set[str] = msgspec.field(default_factory=set)


class Left(msgspec.Struct, frozen=True):
    """A record that could not be used for the profile, if its `place` or its `key` is known, or else a whole probe.

    If it was not `seen`, it is the record that follows the place, whose key is unknown.
    """

    probe: int
    shard: Shard
    death: Death
    place: Position | None = None
    key: str | None = None
    seen: bool = True


class Taken(msgspec.Struct, frozen=True):
    """A profile, and what was `left` out of it.

    `undecided` has the families with a decoder of which nothing could be used. `unused` probes were not read
    completely, since too much had died already; `last` is the last death. `strays` is set if some values are of
    families that are not in the profile. `families` has the names of all families with values in the sample, or the
    first of them. `keys` has the keys of the sampled records of a key-value store, by database.
    """

    profile: Profile
    undecided: tuple[str | None, ...] = ()
    left: tuple[Left, ...] = ()
    unused: int = 0
    last: Death | None = None
    strays: bool = False
    families: tuple[str, ...] = ()
    keys: Mapping[str, frozenset[bytes]] = msgspec.field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether no probe could be used, although there are some."""
        return self.last is not None and not self.undecided and not any(it.sampled for it in self.profile.every)


class TakeProfile(msgspec.Struct, frozen=True):
    """A task that returns the Taken from probes, read in this `order`, and yields the result of each probe at once.

    The first `planned` probes are the layout's; those after them were added because a family had too few values.
    Without `pixels`, the profile has no centre of pictures, which only sums over their pixels need. To `finish` means
    to add up the results so far without touching any record.
    """

    probes: tuple[Probe, ...]
    order: tuple[int, ...]
    planned: int
    pixels: bool = True
    finish: bool = False

    def run(self, job: Job, watch: Watch) -> Generator[Given, None, Taken | Death]:
        return (yield from _caught(lambda: _Taking(self, job, watch).steps(), job, watch))


class SumProbes(msgspec.Struct, frozen=True):
    """A task that sums up the rows at the probes of tables with these numbers, and yields the result of each at once.

    Several workers can do so at a time; TakeProfile then makes the profile of the results.
    """

    probes: tuple[Probe, ...]
    numbers: tuple[int, ...]
    pixels: bool = True

    def run(self, job: Job, watch: Watch) -> Generator[Given, None, Death | None]:
        task = TakeProfile(self.probes, self.numbers, len(self.probes), self.pixels)
        return (yield from _caught(lambda: _Taking(task, job, watch).look_around(), job, watch))


def _caught(work: Callable[[], Generator[Given, None, T]], job: Job, watch: Watch) -> Generator[Given, None, T | Death]:
    """Do the work under the time limit of a record; return the Death that an exception stands for."""
    watch.timeout, watch.patience = job.settings.timeout, PATIENCE
    try:
        return (yield from work())
    except DatacheckError:
        raise
    except Exception as exc:  # noqa: BLE001  (as in Job; what is left out is told)
        return ended_by(exc, watch)


Given = tuple[int, dict[str, Any]]
"""The number of a probe, and its changed attributes. The number after the last one is that of an added probe."""


class _Taking:
    """The work of one TakeProfile."""

    def __init__(self, task: TakeProfile, job: Job, watch: Watch) -> None:
        self._task, self._job, self._watch = task, job, watch
        self._forced = Forced.by(job.settings)
        self._probes = list(task.probes)
        self._held: dict[int, list[Block]] = {}
        self._looks: dict[int, list[Look]] = {}
        self._count = self._seen_bytes = self._largest = self._held_bytes = 0
        self._parts: dict[int, Part] = {}
        self._passed: dict[str, set[bytes]] = {}
        for number, probe in enumerate(task.probes):
            if probe.looks is not None:
                self._keep(number, pickle.loads(probe.looks))  # noqa: S301  (our own worker's)
            if probe.part is not None:
                self._parts[number] = pickle.loads(probe.part)  # noqa: S301

    def steps(self) -> Generator[Given, None, Taken]:
        from datacheck.scanning.profile.profiling import added, profile_of_families, profile_of_tables, undecided
        from datacheck.scanning.profile.recognition import Families, families_of

        if not self._task.finish:
            yield from self.look_around()
            yield from self._look_further()
        self._watch.note(None)
        settings = self._job.settings
        families = Families.from_looks(self._all_looks(), self._forced, settings.label_field)
        for number in () if self._task.finish else [*self._looks]:
            if not self._probes[number].done:
                yield from self._decode(number, families)
        self._watch.note(None)
        sums = added(part.sums for part in self._parts.values())
        if sums and not any(self._looks.values()):
            return Taken(profile_of_tables(sums))
        seen = tuple(sorted(set(families_of(self._all_looks(), self._forced.families)))[:NAMES])
        profile = profile_of_families(families, sums)
        tables = {name for part in self._parts.values() for name in part.tables}
        if tables:  # a file has both rows and datasets that are records
            table_profile = profile_of_tables({name: sums[name] for name in tables})
            profile = Profile(table_profile.families | profile.families, profile.rest)
        return Taken(profile, undecided(families, sums), strays=families.strays, families=seen, keys=self._keys())

    def _keys(self) -> dict[str, frozenset[bytes]]:
        keys = {part: {*part_keys} for part, part_keys in self._passed.items() if part_keys}
        if self._job.reader.backend == "hdf5":
            return {}  # the keys of datasets that are records are paths
        for look in self._all_looks():
            keys.setdefault(look.database or "", set()).add(look.key)
        return {part: frozenset(keys[part]) for part in sorted(keys)}

    def _keep(self, number: int, looks: list[Look]) -> int:
        """Keep the looks of a probe's values, and return the size of these values in bytes."""
        self._looks[number] = looks
        size = sum(look.size for look in looks)
        self._seen_bytes += size
        self._largest = max(self._largest, *(look.size for look in looks), 0)
        self._count += len(looks)
        return size

    def _all_looks(self) -> list[Look]:
        return [look for number in sorted(self._looks) for look in self._looks[number]]

    def look_around(self) -> Generator[Given, None, None]:
        """Read the probes, in an order of which every prefix is spread evenly, until enough is known."""
        from datacheck.scanning.profile.profiling import PROFILE_BYTES
        from datacheck.scanning.profile.recognition import families_of, too_few

        for number in self._task.order:
            if self._probes[number].done or number in self._looks or number in self._parts:
                continue
            if self._seen_bytes >= PROFILE_BYTES and not too_few(families_of(self._all_looks(), self._forced.families)):
                yield number, {"done": True}
            else:
                yield from self._look_at(number)

    def _look_further(self) -> Iterator[Given]:
        """Read on after the probes while a family has too few values, adding further probes.

        Those after probes with values of such a family come first, since families lie together or alternate.
        """
        few, families = self._too_few()
        numbers = [number for number in self._task.order if number in self._looks]
        numbers.sort(key=lambda number: few.isdisjoint(families[number]))
        for number in numbers:  # added probes are appended, and may be continued too
            if not few or len(self._probes) >= self._task.planned + FURTHER_PROBES:
                return
            if (piece := self._behind(number)) is not None:
                numbers.append(len(self._probes))
                self._probes.append(Probe((piece,)))
                yield numbers[-1], {"pieces": (piece,)}
                yield from self._look_at(numbers[-1])
                few, families = self._too_few()

    def _too_few(self) -> tuple[frozenset[str], dict[int, set[str]]]:
        """Return the families with too few values, and the families of the values of each probe."""
        from datacheck.scanning.profile.recognition import families_of, too_few

        names = families_of(self._all_looks(), self._forced.families)
        of_probes: dict[int, set[str]] = {}
        at = 0
        for number in sorted(self._looks):
            of_probes[number] = set(names[at : at + len(self._looks[number])])
            at += len(self._looks[number])
        return too_few(names), of_probes

    def _behind(self, number: int) -> Shard | None:
        """Return the piece between the values of a probe and the next probe, or None if it is not known."""
        piece, seen = self._probes[number].pieces[-1], self._looks[number]
        following = self._probes[number + 1].pieces[:1] if number + 1 < self._task.planned else ()
        stop = following[0].start if following and following[0].part == piece.part else piece.stop
        if not seen or any(it is not None and not isinstance(it.key, bytes) for it in (piece.start, stop)):
            return None
        last = seen[-1].key
        values = sum(1 for _ in takewhile(lambda look: look.key == last, reversed(seen)))  # a key may have more
        if values == len(seen) and piece.start is not None and piece.start.key == last:
            values += piece.start.nth
        return Shard(piece.part, Position(last, values), stop)

    def _look_at(self, number: int) -> Iterator[Given]:
        """Determine the looks of a probe's values, or sum up its rows. Keep blocks in memory while there is room."""
        from datacheck.scanning.profile.profiling import SAMPLE_BYTES, Sums, sums_of_rows
        from datacheck.scanning.profile.recognition import looks

        blocks: list[Block] = []
        part = None
        for block in self._read(number):
            if isinstance(block, RowBlock):
                part = part or Part()
                part.tables.add(block.table)
                part.sums.setdefault(block.table, Sums()).add(sums_of_rows(block, pixels=self._task.pixels))
            else:
                blocks.append(block)
        if part is not None:
            self._parts[number] = part
            yield number, {"part": pickle.dumps(part), "done": True}
            return
        size = self._keep(number, [look for block in blocks for look in looks(block, self._forced)])
        if self._held_bytes + size <= SAMPLE_BYTES:
            self._held[number] = blocks
            self._held_bytes += size
        yield number, {"looks": pickle.dumps(self._looks[number])}

    def _limit(self, number: int) -> int:
        """Return the maximum number of records to read of a probe: as before, or as many as fit its share of bytes."""
        from datacheck.scanning.profile.sampled import PROBE_BYTES, RECORDS_A_PROBE

        if number in self._looks:
            return max(1, len(self._looks[number]))
        if number >= self._task.planned:
            return RECORDS_A_PROBE
        count, size = self._count, self._seen_bytes
        if count > 1:  # a single very large value is no reason to take few of the others
            count, size = count - 1, size - self._largest
        fitting = PROBE_BYTES * count // max(1, size) if count else RECORDS_A_PROBE
        return max(1, min(RECORDS_A_PROBE, fitting))

    def _read(self, number: int) -> Iterator[AnyBlock]:
        from datacheck.scanning.profile.sampled import FURTHER_BYTES, PROBE_BYTES, copied, sample

        probe, reader, watch = self._probes[number], self._job.reader, self._watch
        limit, room = self._limit(number), PROBE_BYTES if number < self._task.planned else FURTHER_BYTES
        if not probe.careful:
            watch.note((READING, number, 0, None, False))
            piece = probe.pieces[0]
            block = sample(reader, piece, limit, room, self._passed.setdefault(piece.part, set()))
            if block is not None:
                yield block
            return
        records = size = 0
        for at, piece in enumerate(probe.pieces):
            watch.note((READING, number, at, None, False))

            def note(place: Position, seen: bool, at: int = at) -> None:
                watch.note((READING, number, at, place, seen))

            for block in blamed("unreadable", reader.blocks, piece, limit=1, note=note):
                records += len(block)
                size += sum(map(len, block.values)) if isinstance(block, Block) else 0
                if records > 1 and size > room:
                    return
                yield copied(block, 1, room) if isinstance(block, Block) else block
                if records >= limit:
                    return

    def _decode(self, number: int, families: Families) -> Iterator[Given]:
        """Decode the values of a probe: large ones one at a time, small ones together unless the worker has died there.

        Results are yielded as they come.
        """
        from datacheck.scanning.profile.profiling import Sums, sums_of_values

        probe, watch, pixels = self._probes[number], self._watch, self._task.pixels
        part = self._parts.setdefault(number, Part())
        together: dict[str | None, list[tuple[int, bytes | memoryview]]] = {}

        def decode(family: str | None, values: list[bytes | memoryview]) -> None:
            vote = families.vote(family)
            assert vote is not None
            sums = sums_of_values(values, vote.decoder, pixels=pixels, label=vote.label, array=vote.array)
            part.sums.setdefault(family, Sums()).add(sums)

        blocks = self._held.pop(number, None) or self._read(number)
        values = (
            (block, row, family)
            for block in blocks
            if isinstance(block, Block) and len(block)
            for row, family in enumerate(block.named(range(len(block)), families.votes))
        )
        for at, (block, row, family) in enumerate(values):
            value = block.values[row]
            if families.decoder(family) is None or not len(value) or at in probe.skip or at in part.seen:
                continue
            rest = families.rest if family is None else None
            if rest is not None and not rest.forced and is_side_record(block.keys[row]):
                continue
            if not probe.apart and len(value) <= ALONE_BYTES:
                together.setdefault(family, []).append((at, value))
                continue
            watch.note((DECODING, number, at, _key(block, row)))
            decode(family, [value])
            part.seen.add(at)
            yield number, {"part": pickle.dumps(part)}
        for family, alike in together.items():
            watch.note((DECODING, number, None, None))
            decode(family, [value for _, value in alike])
            part.seen.update(at for at, _ in alike)
        yield number, {"part": pickle.dumps(part), "done": True}


def _key(block: Block, row: int) -> str:
    name = block.name(row)[:KEY_LETTERS]
    return name if block.database is None else f"{block.database}:{name}"
