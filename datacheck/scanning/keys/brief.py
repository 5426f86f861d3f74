"""Recognise what the databases of a store keep that were not examined: of very many databases only some are.

Their counts and lists are read, but they are not compared with other databases.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import NamedTuple

import msgspec

from datacheck.backends.interface import Reader, WithDatabases
from datacheck.conventions.interface import Convention, Known
from datacheck.conventions.recognising import recognised
from datacheck.model.blocks import Block, Layout, Shard
from datacheck.scanning.blame import Blamed, blaming
from datacheck.scanning.keys.keys_read import for_keys
from datacheck.scanning.keys.sample_keys import FEWEST_KEYS, KEYS_A_PROBE
from datacheck.scanning.keys.views import view_of
from datacheck.scanning.tasks import Job, Task, own_seconds, run_all
from datacheck.workers.interface import PATIENCE, Death, Engine, Watch

MOST_BRIEF = 16_384
"""Maximum number of databases that are examined briefly; each costs half a millisecond or more."""
PARTS_A_TASK = 256
"""Maximum number of databases that a task examines briefly, so that all workers take part."""
NEARLY = 0.9
"""Minimum share of the examined databases that must keep a key of a convention for the others to keep it too."""


class Brief(NamedTuple):
    """What is known of some databases that were examined briefly, and the names of all conventions they follow."""

    kept: dict[str, Known]
    met: frozenset[str]


def recognise_briefly(
    pool: Engine[Task], layout: Layout, examined: Collection[str], sizes: Mapping[str, int]
) -> Brief | Death:
    """Return what is known of the databases of a store that are not examined, or the Death of reading them.

    At most MOST_BRIEF of them are read, evenly spread. `sizes` are the numbers of records, as far as they are known.
    """
    left = _others(layout, examined)
    step = max(1, len(left) / MOST_BRIEF)
    some = [it for number, it in enumerate(left) if number % step < 1]
    chunks = [some[at : at + PARTS_A_TASK] for at in range(0, len(some), PARTS_A_TASK)]
    pool.grow(len(chunks))
    kept: dict[str, Known] = {}
    met: set[str] = set()
    for result in run_all(pool, [RecogniseBriefly({it: sizes.get(it) for it in parts}) for parts in chunks]):
        if isinstance(result, Death):
            return result
        kept |= result.kept
        met |= result.met
    return Brief({it: kept[it] for it in some if it in kept}, frozenset(met))


class RecogniseBriefly(msgspec.Struct, frozen=True):
    """A task that returns what is known of some databases, which it maps to their number of records if it is known."""

    records: Mapping[str, int | None]

    def run(self, job: Job, watch: Watch) -> Brief:
        watch.timeout, watch.patience = own_seconds(job.settings), PATIENCE
        watch.note(None)
        kept: dict[str, Known] = {}
        met: set[str] = set()
        wanted = job.settings.conventions
        several: Mapping[str, bool] = {}
        if isinstance(job.reader, WithDatabases):
            try:
                with blaming("unreadable"):
                    several = job.reader.databases()
            except Blamed:  # the store is damaged or being written to, which the scan itself reports
                return Brief({}, frozenset())
        for part, records in self.records.items():
            watch.note(None)
            try:
                kept[part] = Known() if several.get(part) else _known_of(job.reader, watch, part, records, wanted, met)
            except Blamed:  # as above, and it says nothing about the other databases
                kept[part] = Known(brief=True)
        return Brief(kept, frozenset(met))


def _others(layout: Layout, known: Collection[str]) -> list[str]:
    """Return the databases of a store that are not known, in their order."""
    return [it for it in dict.fromkeys(shard.part for shard in layout.shards) if it not in known]


def _known_of(
    reader: Reader, watch: Watch, part: str, records: int | None, wanted: tuple[str, ...], met: set[str]
) -> Known:
    """Return the conventions of a database that have records of their own; `records` is how many it has, if known."""
    limit = KEYS_A_PROBE if records is not None and records <= KEYS_A_PROBE else FEWEST_KEYS
    keys: set[bytes] = set()
    for block in for_keys(reader, Shard(part), limit):
        if not isinstance(block, Block):
            return Known(brief=True)
        keys.update(block.keys)
        if len(keys) >= limit:
            break
    whole = len(keys) == records
    view = view_of(reader, watch, part, frozenset(keys), whole=whole)
    found = recognised(view, wanted, met) if keys else []
    return Known(tuple(it for it in found if it.own), brief=not whole)


def with_unread(kept: Mapping[str, Known], layout: Layout) -> dict[str, Known]:
    """Return what is known of each database, with those that nobody looked into.

    Nearly all databases may keep a count under one key. Such a record is then no sample in the others either.
    """
    left = _others(layout, kept)
    counts = Counter(key for known in kept.values() for key in known.own)
    own = frozenset(key for key, count in counts.items() if count >= NEARLY * len(kept))
    if not left or not own:
        return dict(kept)
    known = Known((Convention("", own=own, named=False),))
    return {**kept, **dict.fromkeys(left, known)}
