"""Find the other records of a record's sample: if one is missing, the sample is wrong, whatever the record holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from datacheck.conventions.interface import Convention, Known
from datacheck.conventions.keys.groups import NEARLY, needed_parts
from datacheck.conventions.keys.numbered_keys import Pattern
from datacheck.model.blocks import Position, Shard
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.sample_sets import SETS
from datacheck.scanning.blame import Blamed
from datacheck.scanning.keys.keys_read import for_keys
from datacheck.scanning.tasks import Job
from datacheck.workers.interface import PATIENCE, Watch

AROUND, ENOUGH = 16, 8
"""Limits for looking up the numbers around that of a record.

AROUND numbers are looked up on each side, and at least ENOUGH of them must have such a record.
"""

Exists = Callable[[bytes], bool]
"""A function that returns whether there is a record with a key."""


class FindPartners(msgspec.Struct, frozen=True):
    """A task that returns findings of the parts that a record's sample lacks, by the conventions of its database.

    Only a scan can tell how many samples lack a part, and so how bad that is, unless a named convention says it.
    """

    shard: Shard
    known: Known

    def run(self, job: Job, watch: Watch) -> list[Finding]:
        watch.timeout, watch.patience = job.settings.timeout, PATIENCE
        watch.note(None)
        part = self.shard.part

        def exists(key: bytes) -> bool:
            wanted = Shard(part, Position(key), Position(key, 1))
            return any(len(block) for block in for_keys(job.reader, wanted, 1))

        assert self.shard.start is not None
        key = self.shard.start.key
        if not isinstance(key, bytes) or key in self.known.own:
            return []
        try:
            return list(_missing_parts(key, self.known, exists))
        except Blamed:  # a part of the store cannot be read: the scan says which
            return []


def _missing_parts(key: bytes, known: Known, exists: Exists) -> Iterator[Finding]:
    for convention in known.conventions:
        split = None if convention.stems is None else convention.stems.split(key)
        if split is not None and convention.stems is not None:
            keys = convention.stems.keys(split[0])
            yield from _missing_finding([it for it in keys if not exists(it)], certain=False)
            return
        pattern = next((it for it in convention.parts if it.number(key) is not None), None)
        if pattern is not None:
            yield from _missing_by_number(convention, pattern, pattern.number(key) or 0, exists)
            return


def _missing_by_number(convention: Convention, pattern: Pattern, number: int, exists: Exists) -> Iterator[Finding]:
    others = [it for it in needed_parts(convention.parts) if it != pattern]
    missing = [it for it in others if not exists(it.key(number))]
    required = [it for it in missing if convention.named and it in convention.parts[:2] and pattern in convention.parts]
    yield from _missing_finding([it.key(number) for it in required], certain=True)
    numbers = [at for at in range(max(0, number - AROUND), number + AROUND + 1) if at != number]
    neighbours = [at for at in numbers if exists(pattern.key(at))] if len(required) < len(missing) else []
    if len(neighbours) >= ENOUGH and not any(it.before.strip(b"-_/.").lower() in SETS for it in (pattern, *others)):
        expected = [it for it in missing if it not in required and _mostly_exists(it, neighbours, exists)]
        yield from _missing_finding([it.key(number) for it in expected], certain=False)


def _mostly_exists(pattern: Pattern, numbers: list[int], exists: Exists) -> bool:
    return sum(exists(pattern.key(it)) for it in numbers) >= NEARLY * len(numbers)


def _missing_finding(missing: list[bytes], *, certain: bool) -> Iterator[Finding]:
    if missing:
        names = list(map(escape, missing))
        text = f"{', '.join(names)} is not there"
        text += "" if certain else ", and is of other samples; a scan tells how many lack it"
        yield found("unpaired", text, verdict=None if certain else "unverifiable", missing=names)
