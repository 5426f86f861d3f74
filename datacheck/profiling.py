"""Decide what a store is meant to hold, from a fixed, evenly spread sample of its records."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import islice
from typing import TypeVar

import numpy as np

from datacheck.backends import Reader
from datacheck.batch import Batch
from datacheck.blame import blamed, blaming
from datacheck.decoders import SIDE_DECODERS, decoder, recognise
from datacheck.model import UNKNOWN, AnyBlock, Block, FamilyProfile, FieldProfile, Profile, RowBlock, Shard

T = TypeVar("T")

RECORDS_A_PROBE = 16
SAMPLE_BYTES = 64 << 20
FAMILIES = 32


def sample(reader: Reader, probe: Shard) -> AnyBlock | None:
    """Return the first records of a probe, in memory of their own."""
    for block in reader.blocks(probe, limit=RECORDS_A_PROBE):
        return _copied(block) if isinstance(block, Block) else block
    return None


def _copied(block: Block) -> Block:
    keys: list[bytes] = []
    values: list[bytes | memoryview] = []
    size = 0
    for key, value in islice(zip(block.keys, block.values, strict=True), RECORDS_A_PROBE):
        size += len(value)
        if values and size > SAMPLE_BYTES // RECORDS_A_PROBE:
            break
        keys.append(key)
        values.append(memoryview(bytes(value)))  # so that what is cut out of it is not copied again
    return Block(keys, values, database=block.database)


def profile(samples: Iterable[AnyBlock], forced: str | None = None, *, pixels: bool = True) -> Profile:
    """Return what most of the sampled records are; `forced` is the decoder's name, if the caller gave one.

    Without `pixels` the fields of pictures that were not seen have no centre.
    """
    rows: list[RowBlock] = []
    families: dict[str, list[bytes | memoryview]] = defaultdict(list)
    for block in samples:
        if isinstance(block, RowBlock):
            rows.append(block)
            continue
        for row, value in enumerate(block.values):
            families[block.family(row)].append(value)
    return _of_tables(rows) if rows else _of_families(families, partial(_family, forced=forced, pixels=pixels), forced)


def _of_families(
    families: dict[str, list[bytes | memoryview]],
    made_of: Callable[[Sequence[bytes | memoryview]], FamilyProfile],
    forced: str | None,
) -> Profile:
    records = sum(map(len, families.values()))
    order = sorted(families, key=lambda family: (-len(families[family]), family))
    large = [it for it in order[:FAMILIES] if len(families[it]) > 1 and len(families[it]) * 50 >= records]
    made = {family: made_of(families[family]) for family in sorted(large)}
    others = [value for family in sorted(families.keys() - set(large)) for value in families[family]]
    rest = made_of(others) if others and (not made or len(others) * 2 >= records) else None
    if forced is None and not any(it.decoder not in {UNKNOWN, *SIDE_DECODERS} for it in (*made.values(), rest) if it):
        unknown = {family: FamilyProfile(UNKNOWN, it.sampled) for family, it in made.items()}
        return Profile(unknown, FamilyProfile(UNKNOWN, len(others)))
    return Profile(made, rest)


def _family(values: Sequence[bytes | memoryview], forced: str | None, pixels: bool) -> FamilyProfile:
    full = [value for value in values if len(value)]
    with blaming("undecodable"):
        name = forced or recognise(full)
    if name is None:
        return FamilyProfile(UNKNOWN, len(values))
    block = Block([b""] * len(full), full)
    items = blamed(decoder(name).decode(block, range(len(full)), None, pixels=pixels), "undecodable")
    batches = [it for it in items if isinstance(it, Batch)]
    return FamilyProfile(name, len(values), fields(batches, len(full)))


def _of_tables(blocks: Sequence[RowBlock]) -> Profile:
    tables: dict[str, list[RowBlock]] = defaultdict(list)
    for block in blocks:
        tables[block.table].append(block)
    made = {}
    for table, of_table in sorted(tables.items()):
        batches = [
            it
            for block in of_table
            for it in blamed(decoder("rows").decode(block, range(len(block)), None), "undecodable")
            if isinstance(it, Batch)
        ]
        count = sum(map(len, of_table))
        made[table] = FamilyProfile("rows", count, fields(batches, count))
    return Profile(made)


def fields(batches: Sequence[Batch], records: int) -> dict[str, FieldProfile]:
    """Return the profile of each field that occurs in the batches of `records` records."""
    named: dict[str, list[Batch]] = defaultdict(list)
    for batch in batches:
        named[batch.field].append(batch)
    return {name: _field(named[name], records) for name in sorted(named)}


def _field(batches: Sequence[Batch], records: int) -> FieldProfile:
    shapes: Counter[tuple[int, ...]] = Counter()
    formats: Counter[str] = Counter()
    dtypes: Counter[str] = Counter()
    for batch in batches:
        shapes[batch.shape] += len(batch.rows)
        formats[batch.format] += len(batch.rows)
        dtypes[str(batch.values.dtype)] += len(batch.rows)
    count = sum(shapes.values())
    varies = any(batch.encoded for batch in batches) and len(shapes) > 1
    return FieldProfile(
        shape=None if varies or not count else _most(shapes),
        dtype=_most(dtypes),
        format=_most(formats),
        share=round(count / records, 4) if records else 0.0,
        centre=_centre(batches),
    )


def _most(counts: Counter[T]) -> T:
    return max(sorted(counts, key=str), key=lambda value: counts[value])


def _centre(batches: Sequence[Batch]) -> float:
    """Return the mean of the finite values, in float32's precision."""
    means = []
    for batch in batches:
        if batch.unseen:
            continue
        for record in batch.values:
            finite = record[np.isfinite(record)] if batch.floating else record
            if finite.size:
                means.append(float(np.clip(finite.mean(dtype=np.float64), -1e38, 1e38)))
    return float(np.float32(np.mean(means))) if means else 0.0
