"""Find the first keys of each part of a store. Runs in a worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from datacheck.model.blocks import Block, Shard
from datacheck.model.finding import full_name
from datacheck.scanning.blame import Blamed, blamed
from datacheck.scanning.tasks import Job, opening_seconds
from datacheck.workers.interface import Watch

FIRST_KEYS = 8
PARTS = 32
"""Maximum number of databases or tables whose first keys are read."""


class Part(msgspec.Struct, frozen=True, omit_defaults=True):
    """A database or a table of a store, and its first keys; `name` is None if the store has no such parts.

    `records` is None if only reading all of them would tell. `unread` says why reading the keys failed.
    """

    name: str | None
    records: int | None
    first_keys: tuple[str, ...] = ()
    file: str | None = None
    unread: str | None = None


@dataclass(frozen=True)
class TakeParts:
    """A task that returns the first parts that shards belong to, with their first keys, and the number of the rest."""

    shards: tuple[Shard, ...]

    def run(self, job: Job, watch: Watch) -> tuple[list[Part], int]:
        watch.timeout, watch.patience = opening_seconds(job.reader), 2
        shards_by_part: dict[str, list[Shard]] = {}
        for shard in self.shards:
            shards_by_part.setdefault(shard.part, []).append(shard)
        chosen = list(shards_by_part.values())[:PARTS]
        parts = []
        for shards in chosen:
            watch.note(None)
            parts.append(_read_part(job, shards))
        return [it for it in parts if it is not None], len(shards_by_part) - len(chosen)


def _read_part(job: Job, shards: Sequence[Shard]) -> Part | None:
    """Return what is at the beginning of a part of a store, or None if the part is empty."""
    counts = [it.records for it in shards]
    records = None if None in counts else sum(it or 0 for it in counts)
    name = file = None
    keys: list[str] = []
    try:
        for shard in shards:
            for block in blamed("unreadable", job.reader.blocks, shard, limit=FIRST_KEYS):
                file = block.file
                database = block.database if isinstance(block, Block) else None
                name = database if isinstance(block, Block) else block.table or "/"
                names = block.names(range(min(len(block), FIRST_KEYS - len(keys))))
                keys += (full_name(it, file, database) for it in names)
                if len(keys) >= FIRST_KEYS:
                    return Part(name, records, tuple(keys), file)
    except Blamed as exc:
        return Part(name, records, tuple(keys), file, unread=str(exc.error))
    return Part(name, records, tuple(keys), file) if keys or records else None
