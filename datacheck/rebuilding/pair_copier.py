"""Copy the records of a key-value store that passed into a new store, of the same kind or another."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.backends import BACKENDS, load_class, open_store, title, writable
from datacheck.backends.copy_plan import Change, Changing, Copied, Copying, Drops, Plan, Verifying
from datacheck.backends.interface import Reader, Sparing, Writer
from datacheck.decoders.datum.message import filled
from datacheck.digests.hashing import Hasher
from datacheck.files.disk import flush
from datacheck.model.blocks import Block, Shard
from datacheck.model.escaping import unescape
from datacheck.model.finding import full_name, key_name
from datacheck.scanning.keys.keys_read import value_of

Pairs = list[tuple[bytes, bytes | memoryview]]


class PairDigest:
    """An order-independent digest: the sum, modulo 2**128, of the XXH3 of each record with its database's name."""

    NAME = "xxh3-128-sum:"

    def __init__(self, total: int = 0) -> None:
        self._sum = total

    def add(self, part: str, key: bytes, value: bytes | memoryview) -> None:
        hasher = Hasher(f"{part}\0{len(key)}\0".encode())
        hasher.update(key)
        hasher.update(value)
        self._sum = (self._sum + hasher.intdigest()) % (1 << 128)

    @classmethod
    def joined(cls, digests: Sequence[str]) -> PairDigest:
        """Return the digest of all records from the digests of several parts of them."""
        return cls(sum(int(digest.removeprefix(cls.NAME), 16) for digest in digests) % (1 << 128))

    def __str__(self) -> str:
        return f"{self.NAME}{self._sum:032x}"


@dataclass(frozen=True)
class PairCopier:
    """A copier into a store of the kind `to`. It ignores `lost`: damaged parts are not among the records."""

    to: str
    lost: frozenset[tuple[str | None, str]] = frozenset()
    acceptable = False

    def objections(self, reader: Reader, *, changed: bool = True) -> list[str]:
        if BACKENDS[self.to].writer is None:
            instead = " or ".join(f"--to {name}" for name in writable())
            return [f"datacheck reads {title(self.to)} and does not write it; choose {instead}"]
        return self._writer().refusals(reader)

    def fills(self, decoders: Collection[str]) -> bool:
        return "datum" in decoders

    def copy(self, reader: Reader, plan: Plan) -> Copying:
        digest = PairDigest()
        index = kept = altered = quarantined = 0
        lists: set[str] = set()
        drops, fills = plan.drops.indexes(), _indexes(plan.fills)
        avoid = frozenset(map(unescape, plan.drops.deadly))
        with ExitStack() as stack:
            target = stack.enter_context(self._writer().like(reader, plan.target))
            quarantine = None
            if plan.quarantine is not None:
                quarantine = stack.enter_context(self._writer().like(reader, plan.quarantine))
            # before any block is read, since some stores can be open only once
            looked_up = {
                part: {key: value_of(reader, key, part) for key in one.looked_up} for part, one in plan.changing.items()
            }
            for shard in reader.layout().shards:
                changing = plan.changing.get(shard.part)
                values = looked_up.get(shard.part, {}).get
                for block in _blocks(reader, shard, avoid):
                    change = Change() if changing is None else changing.changes_to(block, values)
                    lists.update(full_name(it, shard.part) if it else shard.part for it in change.lists)
                    leaves = _rows_among(drops, index, len(block)) | change.leaves
                    changes = _rows_among(fills, index, len(block)) - leaves
                    pairs = _kept_pairs(block, leaves, changes, plan.fill, change)
                    for key, value in pairs:
                        digest.add(shard.part, key, value)
                    _put(target, shard.part, pairs, changing)
                    if quarantine is not None and leaves:
                        left = _dropped_pairs(block, leaves, plan.drops)
                        quarantine.put(shard.part, left)
                        quarantined += len(left)
                    index += len(block)
                    kept += len(pairs)
                    altered += len(changes)
                    yield index
            added = [(part, *pair) for part, one in plan.changing.items() for pair in one.added.items()]
            for part, key, value in sorted(added):
                digest.add(part, key, value)
                target.put(part, [(key, value)], ordered=False)
            target.finish()
            if quarantine is not None:
                quarantine.finish()
        lists.update(_write_beside(reader, plan))
        _flush_all(plan)
        return Copied(kept, index - kept, altered, quarantined, str(digest), len(added), frozenset(lists))

    def joined(self, digests: Sequence[str]) -> str | None:
        return str(PairDigest.joined(digests))

    def verify(self, reader: Reader, plan: Plan, share: int = 0, shares: int = 1) -> Verifying:
        digest, count = PairDigest(), 0
        copy = open_store(plan.target, self.to)
        for shard in copy.layout().shards[share::shares]:
            for block in copy.blocks(shard):
                assert isinstance(block, Block)
                for key, value in zip(block.keys, block.values, strict=True):
                    digest.add(shard.part, key, value)
                count += len(block)
                yield count
            self._writer().let_go(plan.target)
        return count, str(digest)

    def _writer(self) -> type[Writer]:
        place = BACKENDS[self.to].writer
        assert place is not None  # otherwise `objections` is not empty
        writer: type[Writer] = load_class(place)
        return writer


def _put(target: Writer, part: str, pairs: Pairs, changing: Changing | None) -> None:
    if changing is None or changing.ordered:
        target.put(part, pairs)
    else:
        target.put(part, pairs, ordered=False)


def _kept_pairs(
    block: Block, leaves: frozenset[int], changes: frozenset[int], fill: float | None, change: Change
) -> Pairs:
    """Return the kept records of a block, with the keys and values they have in the copy."""
    pairs = list(zip(block.keys, block.values, strict=True))
    if changes:
        assert fill is not None
        for row in changes:
            pairs[row] = (pairs[row][0], filled(pairs[row][1], fill))
    for row, value in change.values.items():
        pairs[row] = (pairs[row][0], value)
    for row, key in change.keys.items():
        pairs[row] = (key, pairs[row][1])
    return [pair for row, pair in enumerate(pairs) if row not in leaves] if leaves else pairs


def _dropped_pairs(block: Block, leaves: frozenset[int], drops: Drops) -> Pairs:
    """Return the dropped records of a block, except those that must not be read again."""
    rows = [row for row in sorted(leaves) if block.name(row) not in drops.deadly]
    return [(block.keys[row], block.values[row]) for row in rows]


def _blocks(reader: Reader, shard: Shard, avoid: frozenset[bytes]) -> Iterator[Block]:
    if avoid and isinstance(reader, Sparing):
        yield from reader.sparing(shard, avoid)
        return
    for block in reader.blocks(shard):
        assert isinstance(block, Block)
        yield block


def _write_beside(reader: Reader, plan: Plan) -> Iterator[str]:
    """Write the files beside the source that list its records, as they are true of the copy; yield their names."""
    for part, changing in plan.changing.items() if plan.target.is_dir() else ():
        for name, content in changing.files(reader.path).items():
            (plan.target / name).write_bytes(content)
            yield key_name(os.fsencode(name), part)


def _flush_all(plan: Plan) -> None:
    """Flush copy and quarantine to the disk, with the folders that they are in."""
    for path in filter(None, (plan.target, plan.quarantine)):
        for file in (*(path.iterdir() if path.is_dir() else ()), path, path.parent):
            flush(file)


def _indexes(drops: Drops | None) -> NDArray[Any]:
    return np.empty(0, np.int64) if drops is None else drops.indexes()


def _rows_among(indexes: NDArray[Any], start: int, count: int) -> frozenset[int]:
    """Return which rows of a block of `count` records, starting at index `start`, are among the indexes."""
    first, last = np.searchsorted(indexes, (start, start + count))
    return frozenset((indexes[first:last] - start).tolist())
