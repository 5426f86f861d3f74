"""Compare stores that should hold the same keys: find records without a pair, and pictures of another scale."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from math import gcd

import msgspec

from datacheck.backends import BACKENDS, title
from datacheck.backends.interface import Reader
from datacheck.decoders.interface import Value
from datacheck.errors import DatacheckError, UsageError
from datacheck.files.place import identity_at
from datacheck.model.blocks import Block
from datacheck.model.codes import Verdict
from datacheck.model.escaping import escape, plain
from datacheck.model.finding import Finding, found
from datacheck.scanning.blame import blamed, blaming
from datacheck.scanning.tasks import Job, Task, ended_by, opening_seconds, run_all
from datacheck.workers.interface import PATIENCE, Death, Engine, Step, Watch

FEWEST = 20
"""Minimum number of pairs of pictures from which a common scale is determined."""
ALL, MOST = 0.99, 0.9
"""Share of pairs with one scale from which another scale is bad, and from which it is suspicious."""
LOOKED_AT = 4096
"""Number of pairs without pictures after which the others are not examined."""
SCALES = 1000
"""Maximum number of different scales; with more, the pictures have no common scale."""
STORES = "stores"
"""The detail of a finding that names the stores it was compared with."""

Size = tuple[int, int]
"""Height and width."""
Scale = tuple[int, int, int, int]
"""Heights of a pair of pictures divided by their greatest common divisor, then the widths, as in (1, 4, 1, 4)."""


def require_pairs(readers: Sequence[Reader]) -> None:
    """Raise UsageError unless the readers are of two or more stores of keys and values."""
    if len(readers) < 2:
        raise UsageError("--paired compares stores with each other; name two or more")
    for reader in readers:
        if BACKENDS.get(reader.backend) is None or BACKENDS[reader.backend].writer is None:
            message = f"{plain(str(reader.path))}: {title(reader.backend)}"
            raise UsageError(f"{message}; --paired compares the keys of LMDB and LevelDB stores")


def names_of(readers: Sequence[Reader]) -> list[str]:
    """Return names for stores: those of their folders or files if they differ, or else their paths."""
    names = [reader.path.name for reader in readers]
    return names if len(set(names)) == len(names) else [str(reader.path) for reader in readers]


class Pairing(msgspec.Struct, frozen=True):
    """A store among others that should hold the same keys: the others, their names, and the paths of all stores."""

    others: tuple[Reader, ...]
    names: tuple[str, ...]
    first: bool
    all: tuple[str, ...]

    def findings(
        self, pool: Engine[Task], own: frozenset[bytes], given_up: Callable[[Death, str], None]
    ) -> Iterator[Finding]:
        """Yield the findings of a comparison about the records of the store. `own` has the keys that are not samples.

        Pictures are compared with those of the first store only, which is the reference.
        """
        for number, (other, name) in enumerate(zip(self.others, self.names, strict=True)):
            sizes = number == 0 and not self.first
            done = 0
            for result in run_all(pool, [ComparePair(other, name, own, sizes)]):
                if isinstance(result, Step):  # those of a repeated task come again
                    before, findings = result.value
                    yield from findings[max(0, done - before) :]
                    done = max(done, before + len(findings))
                elif isinstance(result, Death):
                    given_up(result, f"comparing the keys with those of {plain(name)}")


def pairings(readers: Sequence[Reader]) -> list[Pairing]:
    """Return the pairing of each of these stores. Raises UsageError if they cannot be paired."""
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


class ComparePair(msgspec.Struct, frozen=True):
    """A task that compares a store with another one.

    It yields findings about records that the other store lacks, and about pictures of an unusual scale. Several at a
    time come with the number of findings before them.
    """

    other: Reader
    name: str
    own: frozenset[bytes]
    sizes: bool

    def run(self, job: Job, watch: Watch) -> Generator[tuple[int, list[Finding]], None, Death | None]:
        watch.timeout, watch.patience = opening_seconds(job.reader) + opening_seconds(self.other), 2
        watch.note(None)
        try:
            for reader in (job.reader, self.other):
                if not _is_ascending(reader, job, watch):
                    text = f"it is not compared with {plain(self.name)}: the keys of {plain(str(reader.path))} do not"
                    yield 0, [found("unsupported", f"{text} ascend", verdict="unverifiable")]
                    return None
            before = 0
            for findings in self._differences(job, watch):
                yield before, findings
                before += len(findings)
        except DatacheckError:
            raise
        except Exception as exc:  # noqa: BLE001  (as in Job)
            return ended_by(exc, watch)
        return None

    def _differences(self, job: Job, watch: Watch) -> Iterator[list[Finding]]:
        scales: Counter[Scale] = Counter()
        looked = 0
        for pair in self._block_pairs(job, watch):
            yield [self._unpaired_finding(pair.ours, key) for key in pair.alone if key not in self.own]
            if self.sizes and len(scales) <= SCALES and (scales or looked < LOOKED_AT):
                scales.update(_scale(*sizes) for _, sizes in pair.sizes())
                looked += len(pair.common)
        yield from self._odd_scales(job, watch, scales)

    def _odd_scales(self, job: Job, watch: Watch, scales: Counter[Scale]) -> Iterator[list[Finding]]:
        pairs = scales.total()
        if len(scales) < 2 or len(scales) > SCALES or pairs < FEWEST:
            return
        ((usual, count),) = scales.most_common(1)
        if count < MOST * pairs:
            return
        verdict: Verdict = "bad" if count >= ALL * pairs or pairs - count == 1 else "suspicious"
        for pair in self._block_pairs(job, watch):
            for key, sizes in pair.sizes():
                if _scale(*sizes) != usual:
                    other_size, own_size = (f"{width}x{height}" for height, width in sizes)
                    text = (
                        f"{own_size}, and {other_size} in {plain(self.name)}: "
                        f"{count:,} of {pairs:,} pairs are {_scale_text(usual)}"
                    )
                    yield [self._with_key(pair.ours, key, found("shape", text, verdict=verdict, stores=[self.name]))]

    def _unpaired_finding(self, ours: Block, key: bytes) -> Finding:
        message = f"{plain(self.name)} has no record of this key"
        finding = found("unpaired", message, verdict="bad", stores=[self.name], missing=[self.name])
        return self._with_key(ours, key, finding)

    def _with_key(self, ours: Block, key: bytes, finding: Finding) -> Finding:
        database = escape(_database(ours)) if ours.database else None
        return msgspec.structs.replace(finding, key=escape(key), database=database)

    def _block_pairs(self, job: Job, watch: Watch) -> Iterator[_BlockPair]:
        """Yield each block of the store with the blocks of the other store that share keys with it.

        Both stores are read once, side by side, with one block of each in memory.
        """
        theirs = _blocks(self.other, job, watch)
        block = next(theirs, None)
        for ours in _blocks(job.reader, job, watch):
            alone = dict.fromkeys(ours.keys)
            last = _database(ours), ours.keys[-1]
            while block is not None and (_database(block), block.keys[0]) <= last:
                common = alone.keys() & set(block.keys) if _database(block) == _database(ours) else set()
                if common:
                    for key in common:
                        del alone[key]
                    yield _BlockPair(ours, (), block, frozenset(common))
                if (_database(block), block.keys[-1]) > last:
                    break
                block = next(theirs, None)
            if alone:
                yield _BlockPair(ours, tuple(alone), None, frozenset())


class _BlockPair(msgspec.Struct, frozen=True):
    """A block with its keys that the other store lacks, or with a block of that store and the keys that both have."""

    ours: Block
    alone: tuple[bytes, ...]
    theirs: Block | None
    common: frozenset[bytes]

    def sizes(self) -> Iterator[tuple[bytes, tuple[Size, Size]]]:
        """Yield the keys of pairs of pictures, with the sizes of the other picture and of ours."""
        if self.theirs is None:
            return
        other = dict(zip(self.theirs.keys, self.theirs.values, strict=True))
        for key, value in zip(self.ours.keys, self.ours.values, strict=True):
            sizes = _picture_sizes(other[key], value) if key in self.common else None
            if sizes is not None:
                yield key, sizes


def _database(block: Block) -> bytes:
    return os.fsencode(block.database or "")


def _blocks(reader: Reader, job: Job, watch: Watch) -> Iterator[Block]:
    """Yield the blocks of keys and values of a store."""
    with blaming("unreadable"):
        layout = reader.layout()
    for shard in layout.shards:
        for block in blamed("unreadable", reader.blocks, shard):
            watch.timeout, watch.patience = job.settings.timeout, PATIENCE
            watch.note(None)
            if isinstance(block, Block) and block.keys:
                yield block


def _is_ascending(reader: Reader, job: Job, watch: Watch) -> bool:
    """Return whether the keys of a store ascend, so that it can be compared side by side with another store."""
    last: tuple[bytes, bytes] | None = None
    for block in _blocks(reader, job, watch):
        if (last is not None and (_database(block), block.keys[0]) < last) or block.keys != sorted(block.keys):
            return False
        last = _database(block), block.keys[-1]
    return True


def _picture_sizes(one: Value, other: Value) -> tuple[Size, Size] | None:
    """Return height and width of the pictures that two values are or hold, or None if one has no picture."""
    from datacheck.decoders.pictures.dimensions import dimensions

    first = dimensions(one)
    second = None if first is None else dimensions(other)
    return None if first is None or second is None else (first, second)


def _scale(one: Size, other: Size) -> Scale:
    heights, widths = (gcd(a, b) for a, b in zip(one, other, strict=True))
    return one[0] // heights, other[0] // heights, one[1] // widths, other[1] // widths


def _scale_text(scale: Scale) -> str:
    """Return a scale in words."""
    up, down = (scale[0], scale[2]), (scale[1], scale[3])
    if up == down:
        return "of one size"
    if up[0] * down[1] == up[1] * down[0]:
        return f"{up[0]}:{down[0]}"
    return f"{up[0]}:{down[0]} in height and {up[1]}:{down[1]} in width"
