"""Find out which conventions a store keeps, and hold them against what its keys add up to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from datacheck.backends.interface import Reader
from datacheck.conventions import recognised
from datacheck.conventions.account import Account, KeyWatch
from datacheck.conventions.conclusions import conclude, samples
from datacheck.conventions.interface import Convention, StoreView
from datacheck.conventions.numbered_keys import patterns
from datacheck.model.blocks import Block, Shard
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding
from datacheck.scanning.blame import blamed
from datacheck.scanning.tasks import Job, opening_seconds
from datacheck.workers.interface import Watch

KEYS_A_PROBE = 256
LARGEST = 1 << 30
"""Bytes of a value that a convention is read from."""


@dataclass(frozen=True)
class Recognise:
    """Return the conventions that a store of keys and values keeps; none for any other."""

    probes: tuple[Shard, ...]

    def run(self, job: Job, watch: Watch) -> tuple[Convention, ...]:
        watch.timeout, watch.patience = opening_seconds(job.reader), 2
        watch.note(None)
        keys: set[bytes] = set()
        for probe in self.probes:
            keys.update(_first_keys(job.reader, probe))
        if not keys:
            return ()
        return tuple(recognised(StoreView(patterns(keys), lambda key: _value(job.reader, key))))


def _first_keys(reader: Reader, probe: Shard) -> Iterator[bytes]:
    """Yield the first keys of a probe, where it is one of the main database."""
    count = 0
    for block in blamed("unreadable", reader.blocks, probe, limit=KEYS_A_PROBE):
        if not isinstance(block, Block) or block.database is not None:
            return
        yield from block.keys
        count += len(block)
        if count >= KEYS_A_PROBE:
            return


def _value(reader: Reader, key: bytes) -> bytes | None:
    shard = reader.find(escape(key))
    if shard is None:
        return None
    for block in blamed("unreadable", reader.blocks, shard, limit=1):
        assert isinstance(block, Block)
        for found, value in zip(block.keys, block.values, strict=True):
            return bytes(value) if found == key and len(value) <= LARGEST else None
    return None


@dataclass(frozen=True)
class TakeKeys:
    """Return the account of the keys of a shard, whose values are not looked at."""

    shard: Shard
    watch: KeyWatch

    def run(self, job: Job, watch: Watch) -> Account:
        watch.timeout, watch.patience = opening_seconds(job.reader), 2
        watch.note(None)
        account = Account()
        for block in blamed("unreadable", job.reader.blocks, self.shard):
            if isinstance(block, Block) and block.database is None:
                account.take(block.keys, self.watch)
        return account


def watch_of(conventions: tuple[Convention, ...]) -> KeyWatch | None:
    """Return what a scan is to note for conventions, None where that is nothing."""
    if not conventions:
        return None
    parts = dict.fromkeys(part for convention in conventions for part in convention.parts)
    return KeyWatch(tuple(parts), frozenset().union(*(convention.own for convention in conventions)))


def kept(conventions: tuple[Convention, ...], account: Account) -> Iterator[Finding]:
    """Yield what of the conventions a store does not keep."""
    for convention in conventions:
        yield from conclude(convention, account)


def groups(conventions: tuple[Convention, ...], account: Account) -> int | None:
    """Return how many samples of several records there are, None where a record is a sample."""
    for convention in conventions:
        made = samples(convention, account)
        if made.groups is not None:
            return len(made.groups.all)
    return None
