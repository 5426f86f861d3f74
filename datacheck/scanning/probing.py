"""Take the profile of a store in a worker: probe by probe, each with an alarm of its own, and on behind what kills.

What a probe gave is told at once, so that a death loses nothing of the others. Light to import: the caller keeps what
it is told as bytes, and does not look into it.
"""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import msgspec

from datacheck.backends.interface import Reader
from datacheck.errors import DatacheckError
from datacheck.model.blocks import Block, Layout, Position, RowBlock, Shard
from datacheck.model.finding import Finding, found
from datacheck.model.profile import Profile
from datacheck.reporting.tally import Tally
from datacheck.scanning.blame import blamed
from datacheck.scanning.tasks import Job, Task, ended_by
from datacheck.workers.interface import PATIENCE, Death, Engine, Step, Watch

if TYPE_CHECKING:
    from datacheck.model.blocks import AnyBlock
    from datacheck.scanning.profiling import Families, Sums

DEATHS = 8
"""So many deaths a profile may cost; it is then made of what the probes gave until then."""
RAISED = 64
"""So many exceptions, which cost no time."""
ALONE_BYTES = 64 << 10
"""Values of more bytes are decoded one at a time, each with an alarm of its own."""
KEY_LETTERS = 1000
"""A key that a note has to carry is cut to this."""
FIRST = (Position(b""), Position(0))
"""The places before all others, where a piece with an open start begins."""
READING, DECODING = "reading", "decoding"


@dataclass(frozen=True)
class Probe:
    """What is known of a probe: the pieces that may be read of it, and, pickled, what it gave.

    `votes` are what its values look like, `part` is what their decoders made of them so far. Where it died, it is read
    record by record if `careful`, and decoded so if `apart`, but for the values in `skip`.
    """

    pieces: tuple[Shard, ...]
    careful: bool = False
    apart: bool = False
    skip: frozenset[int] = frozenset()
    votes: bytes | None = None
    part: bytes | None = None
    done: bool = False


@dataclass
class Part:
    """What the records of a probe came to, by family or table, and the positions of those that were seen to."""

    sums: dict[str | None, Sums] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)


@dataclass(frozen=True)
class Left:
    """A record that could not be used for the profile, where its `place` or its `key` is known, or a whole probe."""

    probe: int
    shard: Shard
    death: Death
    place: Position | None = None
    key: str | None = None


@dataclass(frozen=True)
class Taken:
    """A profile, and what was `left` out of it.

    `undecided` are the families with a decoder of which nothing could be used. `unused` probes were not looked at to
    their end, since too much had died already; `last` is what died last. `strays` says that some values are of families
    that are not in the profile.
    """

    profile: Profile
    undecided: tuple[str | None, ...] = ()
    left: tuple[Left, ...] = ()
    unused: int = 0
    last: Death | None = None
    strays: bool = False

    @property
    def empty(self) -> bool:
        """Whether no probe could be used, although there are some."""
        families = (*self.profile.families.values(), *([self.profile.rest] if self.profile.rest else []))
        return self.last is not None and not self.undecided and not any(family.sampled for family in families)


@dataclass(frozen=True)
class TakeProfile:
    """Return the Taken that the probes give, looked at in this `order`; yields what each has given as it comes.

    Without `pixels` it has no centre of pictures, which only sums over their pixels need. To `finish` is to add up what
    was given before, and touch no record.
    """

    probes: tuple[Probe, ...]
    order: tuple[int, ...]
    pixels: bool = True
    finish: bool = False

    def run(self, job: Job, watch: Watch) -> Generator[Given, None, Taken | Death]:
        watch.timeout, watch.patience = job.settings.timeout, PATIENCE
        try:
            return (yield from _Taking(self, job, watch).steps())
        except DatacheckError:
            raise
        except Exception as exc:  # noqa: BLE001  (as in Job; what is left out is told)
            return ended_by(exc, watch)


Given = tuple[int, dict[str, Any]]
"""The number of a probe, and what is known of it now."""


class _Taking:
    """The work of one TakeProfile."""

    def __init__(self, task: TakeProfile, job: Job, watch: Watch) -> None:
        self._task, self._job, self._watch = task, job, watch
        self._forced = job.settings.decoder
        self._held: dict[int, list[Block]] = {}
        self._votes: dict[int, Counter[tuple[str, str]]] = {}
        self._parts: dict[int, Part] = {}
        for number, probe in enumerate(task.probes):
            if probe.votes is not None:
                self._votes[number] = pickle.loads(probe.votes)  # noqa: S301  (our own worker's)
            if probe.part is not None:
                self._parts[number] = pickle.loads(probe.part)  # noqa: S301

    def steps(self) -> Generator[Given, None, Taken]:
        from datacheck.scanning.profiling import SAMPLE_BYTES, Families, added, of_tables

        room = SAMPLE_BYTES
        order = () if self._task.finish else self._task.order
        for number in order:
            if number in self._votes or number in self._parts:
                continue
            blocks = self._look(number)
            size = sum(len(value) for block in blocks for value in block.values)
            if size <= room:
                self._held[number], room = blocks, room - size
            if number in self._parts:
                yield number, {"part": pickle.dumps(self._parts[number]), "done": True}
            else:
                yield number, {"votes": pickle.dumps(self._votes[number])}
        self._watch.note(None)
        families = Families.of(sum(self._votes.values(), Counter()), self._forced)
        for number in order:
            if number in self._votes and not self._task.probes[number].done:
                yield from self._decode(number, families)
        self._watch.note(None)
        sums = added(part.sums for part in self._parts.values())
        if sums and not any(self._votes.values()):
            return Taken(of_tables(sums))
        return Taken(families.profile(sums), tuple(families.undecided(sums)), strays=families.strays)

    def _look(self, number: int) -> list[Block]:
        """Find out what the values of a probe look like, or what its rows come to; return blocks that were copied."""
        from datacheck.scanning.profiling import Sums, of_rows, votes

        blocks: list[Block] = []
        seen: Counter[tuple[str, str]] = Counter()
        part = None
        for block in self._read(number):
            if isinstance(block, RowBlock):
                part = part or Part()
                part.sums.setdefault(block.table, Sums()).add(of_rows(block))
            else:
                blocks.append(block)
                seen += votes(block, self._forced)
        if part is None:
            self._votes[number] = seen
        else:
            self._parts[number] = part
        return blocks

    def _read(self, number: int) -> Iterator[AnyBlock]:
        from datacheck.scanning.profiling import PROBE_BYTES, RECORDS_A_PROBE, copied, sample

        probe, reader, watch = self._task.probes[number], self._job.reader, self._watch
        if not probe.careful:
            watch.note((READING, number, 0, None, False))
            block = sample(reader, probe.pieces[0])
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
                if records > 1 and size > PROBE_BYTES:
                    return
                yield copied(block) if isinstance(block, Block) else block
                if records >= RECORDS_A_PROBE:
                    return

    def _decode(self, number: int, families: Families) -> Iterator[Given]:
        """Decode the values of a probe, large ones one at a time, small ones together unless something has died there.

        What was seen to is told as it comes.
        """
        from datacheck.scanning.profiling import Sums, of_values

        probe, watch, pixels = self._task.probes[number], self._watch, self._task.pixels
        part = self._parts.setdefault(number, Part())
        together: dict[tuple[str | None, str], list[tuple[int, bytes | memoryview]]] = {}
        blocks = self._held.pop(number, None) or self._read(number)
        values = ((block, row) for block in blocks if isinstance(block, Block) for row in range(len(block)))
        for at, (block, row) in enumerate(values):
            value = block.values[row]
            family, name = families.group(block.family(row))
            if name is None or not len(value) or at in probe.skip or at in part.seen:
                continue
            if not probe.apart and len(value) <= ALONE_BYTES:
                together.setdefault((family, name), []).append((at, value))
                continue
            watch.note((DECODING, number, at, _key(block, row)))
            part.sums.setdefault(family, Sums()).add(of_values([value], name, pixels=pixels))
            part.seen.add(at)
            yield number, {"part": pickle.dumps(part)}
        for (family, name), alike in together.items():
            watch.note((DECODING, number, None, None))
            part.sums.setdefault(family, Sums()).add(of_values([value for _, value in alike], name, pixels=pixels))
            part.seen.update(at for at, _ in alike)
        yield number, {"part": pickle.dumps(part), "done": True}


def _key(block: Block, row: int) -> str:
    name = block.name(row)[:KEY_LETTERS]
    return name if block.database is None else f"{block.database}:{name}"


def take_profile(pool: Engine[Task], layout: Layout, *, pixels: bool = False) -> Taken:
    """Return the profile, and what could not be used for it."""
    probes = [Probe((shard,)) for shard in layout.probes]
    order = [*range(len(probes))]
    left: list[Left] = []
    deaths = raised = lost = 0
    last: Death | None = None
    while probes:
        finish = deaths >= DEATHS or raised >= RAISED
        result: Any = None
        for _, result in pool.run([TakeProfile(tuple(probes), tuple(order), pixels, finish)]):
            if isinstance(result, Step):
                number, given = result.value
                probes[number] = replace(probes[number], **given)
        if isinstance(result, Taken):
            made = replace(result, left=tuple(left), unused=sum(not probe.done for probe in probes), last=last)
            return replace(made, profile=Profile()) if made.empty else made
        assert isinstance(result, Death)
        if result.trace and result.note is None:
            return Taken(Profile(), left=tuple(left), unused=len(probes), last=result)
        if result.trace or result.signal.startswith(("SIG", "signal", "exit", "an ")):
            deaths += 1
        else:
            raised += 1
        lost += result.note is None
        if finish or lost > 1:
            return Taken(Profile(), left=tuple(left), unused=len(probes), last=result)
        if last is None:
            order = _scattered(len(probes))  # so that those looked at before it is given up are spread evenly
        last = result
        if result.note is not None:
            _avoid(probes, left, result)
            order.append(order.pop(order.index(result.note[1])))  # what may die again comes last
    return Taken(Profile())


def _avoid(probes: list[Probe], left: list[Left], death: Death) -> None:
    """Change the probe that died so that it goes on behind what killed it.

    Where that is not known, all probes go on record by record: the time allowed is meant for one.
    """
    doing, number, *at = death.note
    probe = probes[number]
    if doing == DECODING:
        row, key = at
        if row is None:
            probes[:] = [replace(it, apart=True) for it in probes]
        else:
            probes[number] = replace(probe, skip=probe.skip | {row}, apart=True)
            left.append(Left(number, probe.pieces[0], death, key=key))
        return
    if not probe.careful:
        probes[:] = [replace(it, careful=True) for it in probes]
        return
    which, place, seen = at
    shard = probe.pieces[which]
    left.append(Left(number, shard, death, place=place))
    behind: list[Shard] = []
    if place is None:
        before = []
    else:
        before = [] if place == shard.start or (shard.start is None and place in FIRST) else [shard.before(place)]
        behind = [shard.since(Position(place.key, place.nth + 1))] if seen else []
    probes[number] = replace(probe, pieces=(*probe.pieces[:which], *before, *behind, *probe.pieces[which + 1 :]))


def _scattered(count: int) -> list[int]:
    """Return the numbers below `count` in an order of which every beginning is spread over all of them.

    >>> _scattered(8)
    [0, 4, 2, 6, 1, 5, 3, 7]
    """
    width = max(1, (count - 1).bit_length())
    return sorted(range(count), key=lambda number: int(f"{number:0{width}b}"[::-1], 2))


def undecided(taken: Taken, layout: Layout, reader: Reader, fatal: Callable[[Death, str], Finding]) -> Iterator[Tally]:
    """Yield what is to be said of a profile that could not be taken as it was meant; `fatal` tells of a death.

    Nothing of this is bad: a record that is has a finding of its own. A family of which nothing could be used is judged
    without knowing what it is meant to hold, so the scan is not complete.
    """

    def said(death: Death, doing: str, complete: bool, **details: Any) -> Tally:
        finding = fatal(death, doing)
        details = {**finding.details, **details}
        tally = Tally(complete=complete)
        tally.count([msgspec.structs.replace(finding, verdict="unverifiable", details=details)])
        return tally

    for left in taken.left:
        key = left.key
        if left.place is not None:
            key = reader.name(left.shard, left.place, found("crash", "")).key
        what = key or f"what lies at probe {left.probe + 1} of {len(layout.probes)}"
        doing = "decoding" if left.key else "reading"
        yield said(left.death, f"left out of the profile: {doing} {what}", True, probe=left.probe, key=key)
    if taken.last is None:
        return
    if taken.unused:
        count = f"{taken.unused} of {len(layout.probes)} probes"
        yield said(taken.last, f"{count} are not in the profile, since too many failed: the last", True, probe=None)
    for family in taken.undecided:
        of = f"{family!r}" if family else "all the other keys"
        doing = f"what the records of {of} are meant to hold is undecided, since no sample of them could be used: one"
        yield said(taken.last, doing, False, probe=None, family=family or "")
    if taken.empty:
        doing = "what the store is meant to hold is undecided, since no sample of it could be used: the last"
        yield said(taken.last, doing, False, probe=None)
