"""Decide what a store is meant to hold, from a fixed, evenly spread sample of its records.

What a probe contributes adds up: first what its values look like (`Votes`), which decides the decoder of each family,
then what that decoder makes of them (`Sums`). So a probe that dies takes nothing of the others with it.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

import numpy as np

from datacheck.backends.interface import Reader
from datacheck.decoders import DECODERS, SIDE_DECODERS, decoder, kind, value_decoders
from datacheck.errors import UsageError
from datacheck.model.batch import Batch
from datacheck.model.blocks import AnyBlock, Block, RowBlock, Shard
from datacheck.model.profile import UNKNOWN, FamilyProfile, FieldProfile, Profile
from datacheck.scanning.blame import blamed, blaming

T = TypeVar("T")

RECORDS_A_PROBE = 16
PROBE_BYTES = 4 << 20
"""The values of a probe may have so many bytes together, or it has one value."""
SAMPLE_BYTES = 64 << 20
"""So much of all probes is kept in memory; what is beyond that is read once more when it is to be decoded."""
FAMILIES = 32
TOGETHER = 1024
"""Records of up to so many values have their means taken all at once."""
EMPTY, FOREIGN = "", "?"
"""The kinds of values of no bytes, and of those that no decoder knows."""


def sample(reader: Reader, probe: Shard) -> AnyBlock | None:
    """Return the first records of a probe, in memory of their own."""
    for block in blamed("unreadable", reader.blocks, probe, limit=RECORDS_A_PROBE):
        return copied(block) if isinstance(block, Block) else block
    return None


def copied(block: Block) -> Block:
    """Return the first records of a block, as many as a probe may have, in memory of their own."""
    keys: list[bytes] = []
    values: list[bytes | memoryview] = []
    size = 0
    for key, value in islice(zip(block.keys, block.values, strict=True), RECORDS_A_PROBE):
        size += len(value)
        if values and size > PROBE_BYTES:
            break
        keys.append(key)
        values.append(memoryview(bytes(value)))  # so that what is cut out of it is not copied again
    return Block(keys, values, database=block.database)


Votes = Counter[tuple[str, str]]
"""How many values of each family there are of each kind: a decoder's name, EMPTY or FOREIGN."""


def votes(block: Block, forced: str | None) -> Votes:
    """Return what the values of a block look like; with a decoder that is `forced` nobody asks."""
    with blaming("undecodable"):
        kinds = [EMPTY if not len(value) else forced or kind(value) or FOREIGN for value in block.values]
    return Counter((block.family(row), name) for row, name in enumerate(kinds))


@dataclass
class FieldSums:
    """What was seen of one field: how many records have which shape, format and dtype, and the mean of each record."""

    shapes: Counter[tuple[int, ...]] = field(default_factory=Counter)
    formats: Counter[str] = field(default_factory=Counter)
    dtypes: Counter[str] = field(default_factory=Counter)
    encoded: bool = False
    means: list[float] = field(default_factory=list)

    def take(self, batch: Batch) -> None:
        self.shapes[batch.shape] += len(batch.rows)
        self.formats[batch.format] += len(batch.rows)
        self.dtypes[str(batch.values.dtype)] += len(batch.rows)
        self.encoded |= batch.encoded
        self.means += _means(batch)

    def add(self, other: FieldSums) -> None:
        self.shapes += other.shapes
        self.formats += other.formats
        self.dtypes += other.dtypes
        self.encoded |= other.encoded
        self.means += other.means

    def profile(self, records: int) -> FieldProfile:
        """Return what the field is meant to hold, having been looked for in so many records."""
        count = sum(self.shapes.values())
        varies = self.encoded and len(self.shapes) > 1
        return FieldProfile(
            shape=None if varies or not count else _most(self.shapes),
            dtype=_most(self.dtypes),
            format=_most(self.formats),
            share=round(count / records, 4) if records else 0.0,
            centre=float(np.float32(math.fsum(self.means) / len(self.means))) if self.means else 0.0,
        )


@dataclass
class Sums:
    """What a decoder made of some records of one family, or rows of one table."""

    records: int = 0
    fields: dict[str, FieldSums] = field(default_factory=dict)

    def take(self, batches: Iterable[Batch], records: int) -> None:
        """Add what `records` records were decoded to."""
        self.records += records
        for batch in batches:
            self.fields.setdefault(batch.field, FieldSums()).take(batch)

    def add(self, other: Sums) -> None:
        self.records += other.records
        for name, sums in other.fields.items():
            self.fields.setdefault(name, FieldSums()).add(sums)

    def profile(self, name: str, sampled: int) -> FamilyProfile:
        made = {name: self.fields[name].profile(self.records) for name in sorted(self.fields)}
        return FamilyProfile(name, sampled, made)


def added(parts: Iterable[Mapping[str | None, Sums]]) -> dict[str | None, Sums]:
    """Return the sums of several probes as one."""
    whole: dict[str | None, Sums] = defaultdict(Sums)
    for part in parts:
        for family, sums in part.items():
            whole[family].add(sums)
    return dict(whole)


def of_rows(block: RowBlock) -> Sums:
    """Return the sums of the rows of a table."""
    made = Sums()
    items = blamed("undecodable", decoder("rows").decode, block, range(len(block)), None)
    made.take((it for it in items if isinstance(it, Batch)), len(block))
    return made


def of_values(values: Sequence[bytes | memoryview], name: str, *, pixels: bool) -> Sums:
    """Return the sums of values that a decoder is to decode. Without `pixels`, pictures not looked at have no mean."""
    made = Sums()
    block = Block([b""] * len(values), values)
    items = blamed("undecodable", decoder(name).decode, block, range(len(values)), None, pixels=pixels)
    made.take((it for it in items if isinstance(it, Batch)), len(values))
    return made


@dataclass(frozen=True)
class Families:
    """Which decoder each main family has, and `rest` all other keys together; UNKNOWN where no decoder knows them."""

    votes: Votes
    decoders: Mapping[str, str]
    rest: str | None

    @classmethod
    def of(cls, votes: Votes, forced: str | None) -> Families:
        """Decide by the votes of all probes; `forced` is the decoder's name, if the caller gave one.

        Raises UsageError for a decoder of rows, where there are keys and values.
        """
        if votes and forced is not None and forced not in value_decoders():
            known = ", ".join(value_decoders())
            raise UsageError(f"the decoder {forced} is not for keys and values; there are {known}")
        kinds: dict[str, Votes] = defaultdict(Counter)
        for (family, name), count in votes.items():
            kinds[family][family, name] += count
        counts = {family: of_family.total() for family, of_family in kinds.items()}
        records = sum(counts.values())
        order = sorted(counts, key=lambda family: (-counts[family], family))
        large = [it for it in order[:FAMILIES] if counts[it] > 1 and counts[it] * 50 >= records]
        decoders = {family: forced or _elected(kinds[family]) for family in sorted(large)}
        others: Votes = Counter()
        for family in kinds.keys() - decoders.keys():
            others += kinds[family]
        alone = others and (not decoders or others.total() * 2 >= records)
        rest = (forced or _elected(others)) if alone else None
        if forced is None and not {*decoders.values(), rest} - {UNKNOWN, None, *SIDE_DECODERS}:
            return cls(votes, dict.fromkeys(decoders, UNKNOWN), UNKNOWN)
        return cls(votes, decoders, rest)

    @property
    def strays(self) -> bool:
        """Whether some values are of families that are too small to have a decoder, and of no rest."""
        return self.rest is None and any(family not in self.decoders for family, _ in self.votes)

    def group(self, family: str) -> tuple[str | None, str | None]:
        """Return whose values a family's are counted among (None: all the rest), and what is to decode them if any."""
        among = family if family in self.decoders else None
        return among, self.decoder(among)

    def decoder(self, family: str | None) -> str | None:
        """Return what is to decode the values of a family, or (None) of all the rest; None if nothing is."""
        name = self.rest if family is None else self.decoders[family]
        return None if name == UNKNOWN else name

    def profile(self, sums: Mapping[str | None, Sums]) -> Profile:
        """Return the profile, of the values that were decoded and of those that need not be."""
        counts: Counter[str | None] = Counter()
        for (family, kind_of), count in self.votes.items():
            among = family if family in self.decoders else None
            counts[among] += count if kind_of == EMPTY or self.decoder(among) is None else 0

        def made(family: str | None, name: str) -> FamilyProfile:
            of_family = sums.get(family, Sums())
            return of_family.profile(name, counts[family] + of_family.records)

        rest = None if self.rest is None else made(None, self.rest)
        return Profile({family: made(family, name) for family, name in self.decoders.items()}, rest)

    def undecided(self, sums: Mapping[str | None, Sums]) -> list[str | None]:
        """Return the families of whose values none was decoded, although there are some to be."""
        full = {family if family in self.decoders else None for family, kind_of in self.votes if kind_of != EMPTY}
        return [it for it in (*self.decoders, None) if it in full - sums.keys() and self.decoder(it) is not None]


def _elected(votes: Votes) -> str:
    """Return the decoder that knows most of the values, UNKNOWN where none knows any."""
    names: Counter[str] = Counter()
    for (_, name), count in votes.items():
        if name not in (EMPTY, FOREIGN):
            names[name] += count
    return max(names, key=lambda name: (names[name], -list(DECODERS).index(name))) if names else UNKNOWN


def of_tables(sums: Mapping[str | None, Sums]) -> Profile:
    """Return the profile of tables by the sums of their rows."""
    tables = {name: it for name, it in sums.items() if name is not None}
    return Profile({name: tables[name].profile("rows", tables[name].records) for name in sorted(tables)})


def _most(counts: Counter[T]) -> T:
    return max(sorted(counts, key=str), key=lambda value: counts[value])


def _means(batch: Batch) -> Iterator[float]:
    """Yield the mean of each record's finite values, in float32's range."""
    if batch.pixels_skipped or not batch.width:
        return
    if isinstance(batch.values, np.ndarray) and batch.width <= TOGETHER:
        means = batch.values.reshape(len(batch.values), -1).mean(axis=1, dtype=np.float64)
        if np.isfinite(means).all():
            yield from np.clip(means, -1e38, 1e38).tolist()
            return
    for record in batch.values:
        finite = record[np.isfinite(record)] if batch.floating else record
        if finite.size:
            yield float(np.clip(finite.mean(dtype=np.float64), -1e38, 1e38))
