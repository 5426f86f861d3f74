"""Compare stores that are to hold the same keys: records without a pair, and pictures of another scale."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from math import gcd
from typing import Any

import msgspec

from datacheck.backends import BACKENDS, title
from datacheck.backends.interface import Reader
from datacheck.errors import DatacheckError, UsageError
from datacheck.files.place import identity_at
from datacheck.model.blocks import Block
from datacheck.model.codes import Verdict
from datacheck.model.escaping import escape, plain
from datacheck.model.finding import Finding, found
from datacheck.scanning.blame import blamed, blaming
from datacheck.scanning.tasks import Job, Task, ended_by, opening_seconds
from datacheck.workers.interface import PATIENCE, Death, Engine, Step, Watch

FEWEST = 20
"""Of so many pairs at least the pictures have a scale."""
ALL, MOST = 0.99, 0.9
"""Where so many pairs have one scale, another one is bad; where only so many have, it is suspicious."""
SCALES = 1000
"""Of more different scales than this the pictures have none."""
AT_ONCE = 1000
"""So many findings are told at a time."""
STORES = "stores"
"""The detail of a finding that names the stores it was compared with."""

Size = tuple[int, int]
"""Height and width."""
Scale = tuple[int, int, int, int]
"""Heights of a pair of pictures by their greatest common divisor, and widths: (1, 4, 1, 4)."""


def require_pairs(readers: Sequence[Reader]) -> None:
    """Raise UsageError unless these are two stores of keys and values, or more."""
    if len(readers) < 2:
        raise UsageError("--paired compares stores with each other; name two or more")
    for reader in readers:
        if BACKENDS.get(reader.backend) is None or BACKENDS[reader.backend].writer is None:
            said = f"{plain(str(reader.path))}: {title(reader.backend)}"
            raise UsageError(f"{said}; --paired compares the keys of LMDB and LevelDB stores")


def names_of(readers: Sequence[Reader]) -> list[str]:
    """Return what to call these stores: by the names of their folders or files where those differ."""
    names = [reader.path.name for reader in readers]
    return names if len(set(names)) == len(names) else [str(reader.path) for reader in readers]


@dataclass(frozen=True)
class Pairing:
    """A store among others that are to hold the same keys: the others, their names, and the paths of all."""

    others: tuple[Reader, ...]
    names: tuple[str, ...]
    first: bool
    all: tuple[str, ...]

    def findings(
        self, pool: Engine[Task], own: frozenset[bytes], given_up: Callable[[Death, str], None]
    ) -> Iterator[Finding]:
        """Yield what a comparison finds of the records of the store; `own` are keys that are no samples.

        Pictures are compared with those of the first of all stores, whose own are the measure.
        """
        for number, (other, name) in enumerate(zip(self.others, self.names, strict=True)):
            sizes = number == 0 and not self.first
            for _, result in pool.run([ComparePair(other, name, own, sizes)]):
                if isinstance(result, Step):
                    yield from result.value
                elif isinstance(result, Death):
                    given_up(result, f"comparing the keys with those of {plain(name)}")


def pairings(readers: Sequence[Reader]) -> list[Pairing]:
    """Return the pairing of each of these stores. Raises UsageError where they cannot be paired."""
    require_pairs(readers)
    places = [identity_at(reader.path) for reader in readers]
    if len(set(places)) < len(places):
        raise UsageError("--paired compares stores with each other; one of them is named twice")
    names = names_of(readers)
    everyone = tuple(str(reader.path) for reader in readers)
    return [
        Pairing((*readers[:at], *readers[at + 1 :]), (*names[:at], *names[at + 1 :]), first=at == 0, all=everyone)
        for at in range(len(readers))
    ]


@dataclass(frozen=True)
class ComparePair:
    """Yield the findings of the records of a store that another one lacks, and of pictures of another scale there."""

    other: Reader
    name: str
    own: frozenset[bytes]
    sizes: bool

    def run(self, job: Job, watch: Watch) -> Generator[list[Finding], None, Death | None]:
        watch.timeout, watch.patience = opening_seconds(job.reader) + opening_seconds(self.other), 2
        watch.note(None)
        try:
            for reader in (job.reader, self.other):
                if not _ascending(reader, job, watch):
                    said = f"it is not compared with {plain(self.name)}: the keys of {plain(str(reader.path))} do not"
                    yield [found("unsupported", f"{said} ascend", verdict="unverifiable")]
                    return None
            yield from self._compared(job, watch)
        except DatacheckError:
            raise
        except Exception as exc:  # noqa: BLE001  (as in Job)
            return ended_by(exc, watch)
        return None

    def _compared(self, job: Job, watch: Watch) -> Iterator[list[Finding]]:
        scales: Counter[Scale] = Counter()
        made: list[Finding] = []
        for ours, theirs in self._pairs(job, watch):
            if theirs is None:
                made.append(self._unpaired(ours))
            elif self.sizes and len(scales) <= SCALES and (sizes := _sizes(theirs, ours)):
                scales[_reduced(*sizes)] += 1
            if len(made) >= AT_ONCE:
                yield made
                made = []
        yield made
        yield from self._of_another_scale(job, watch, scales)

    def _of_another_scale(self, job: Job, watch: Watch, scales: Counter[Scale]) -> Iterator[list[Finding]]:
        pairs = scales.total()
        if len(scales) < 2 or len(scales) > SCALES or pairs < FEWEST:
            return
        ((usual, count),) = scales.most_common(1)
        if count < MOST * pairs:
            return
        verdict: Verdict = "bad" if count >= ALL * pairs or pairs - count == 1 else "suspicious"
        for ours, theirs in self._pairs(job, watch):
            if theirs is None:
                continue
            sizes = _sizes(theirs, ours)
            if sizes is None or _reduced(*sizes) == usual:
                continue
            there, here = (f"{width}x{height}" for height, width in sizes)
            said = f"{here}, and {there} in {plain(self.name)}: {count:,} of {pairs:,} pairs are {_of(usual)}"
            yield [self._placed(ours, found("shape", said, verdict=verdict, stores=[self.name]))]

    def _unpaired(self, ours: _Record) -> Finding:
        said = f"{plain(self.name)} has no record of this key"
        return self._placed(ours, found("unpaired", said, verdict="bad", stores=[self.name], missing=[self.name]))

    def _placed(self, ours: _Record, finding: Finding) -> Finding:
        database = escape(ours.database) if ours.database else msgspec.UNSET
        return msgspec.structs.replace(finding, key=escape(ours.key), database=database)

    def _pairs(self, job: Job, watch: Watch) -> Iterator[tuple[_Record, _Record | None]]:
        """Yield each record of the store, without its conventions' own, with that of its key in the other one."""
        theirs = _Keys(self.other, job, watch)
        for ours in _Keys(job.reader, job, watch).each():
            if ours.key in self.own:
                continue
            yield ours, theirs.seek(ours)


@dataclass(frozen=True, slots=True)
class _Record:
    database: bytes
    key: bytes
    block: Block
    row: int

    def value(self) -> Any:
        return self.block.values[self.row]

    @property
    def place(self) -> tuple[bytes, bytes]:
        return self.database, self.key


class _Keys:
    """The records of a store, which are gone through once."""

    def __init__(self, reader: Reader, job: Job, watch: Watch) -> None:
        self._records = (
            _Record(os.fsencode(block.database or ""), key, block, row)
            for block in _blocks(reader, job, watch)
            for row, key in enumerate(block.keys)
        )
        self._at: _Record | None = None
        self._begun = False

    def each(self) -> Iterator[_Record]:
        return self._records

    def seek(self, wanted: _Record) -> _Record | None:
        """Go on to the record of a key, and return it, or None where there is none."""
        while not self._begun or (self._at is not None and self._at.place < wanted.place):
            self._begun = True
            self._at = next(self._records, None)
        return self._at if self._at is not None and self._at.place == wanted.place else None


def _blocks(reader: Reader, job: Job, watch: Watch) -> Iterator[Block]:
    """Yield the blocks of keys and values of a store."""
    with blaming("unreadable"):
        layout = reader.layout()
    for shard in layout.shards:
        for block in blamed("unreadable", reader.blocks, shard):
            watch.timeout, watch.patience = job.settings.timeout, PATIENCE
            watch.note(None)
            if isinstance(block, Block):
                yield block


def _ascending(reader: Reader, job: Job, watch: Watch) -> bool:
    """Say whether the keys of a store ascend, so that it can be compared side by side with another one."""
    last: tuple[bytes, bytes] | None = None
    for block in _blocks(reader, job, watch):
        database = os.fsencode(block.database or "")
        if block.keys:
            if (last is not None and (database, block.keys[0]) < last) or block.keys != sorted(block.keys):
                return False
            last = database, block.keys[-1]
    return True


def _sizes(one: _Record, other: _Record) -> tuple[Size, Size] | None:
    """Return height and width of the pictures that two values are or hold, None where one has none."""
    from datacheck.decoders.pictures.dimensions import dimensions

    first = dimensions(one.value())
    second = None if first is None else dimensions(other.value())
    return None if first is None or second is None else (first, second)


def _reduced(one: Size, other: Size) -> Scale:
    heights, widths = (gcd(a, b) for a, b in zip(one, other, strict=True))
    return one[0] // heights, other[0] // heights, one[1] // widths, other[1] // widths


def _of(scale: Scale) -> str:
    """Return what a scale comes to, in words."""
    up, down = (scale[0], scale[2]), (scale[1], scale[3])
    if up == down:
        return "of one size"
    if up[0] * down[1] == up[1] * down[0]:
        return f"{up[0]}:{down[0]}" if down[0] != 1 else f"{up[0]}:1"
    return f"{up[0]}:{down[0]} in height and {up[1]}:{down[1]} in width"
