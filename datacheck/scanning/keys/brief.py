"""Recognise what the databases of a store keep that were not examined: of very many databases only some are.

Their counts and lists are read, but they are not compared with other databases.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping

from datacheck.backends.interface import Reader
from datacheck.conventions import recognised
from datacheck.conventions.interface import Convention, Known, StoreView
from datacheck.model.blocks import Block, Layout, Shard
from datacheck.scanning.keys.keys_read import for_keys
from datacheck.scanning.keys.sample_keys import FEWEST_KEYS, KEYS_A_PROBE

MOST_BRIEF = 2048
"""Maximum number of databases that are examined briefly; each costs a millisecond or more."""
NEARLY = 0.9
"""Minimum share of the examined databases that must keep a key of a convention for the others to keep it too."""

MakeView = Callable[[str, frozenset[bytes], bool], StoreView]
"""Returns the view of a database from its name, sampled keys, and whether these are all of its keys."""


def unexamined(layout: Layout, examined: Collection[str]) -> tuple[str, ...]:
    """Return the databases to examine briefly, evenly spread over those that are not examined."""
    left = _others(layout, examined)
    step = max(1, len(left) / MOST_BRIEF)
    return tuple(it for number, it in enumerate(left) if number % step < 1)


def _others(layout: Layout, known: Collection[str]) -> list[str]:
    """Return the databases of a store that are not known, in their order."""
    return [it for it in dict.fromkeys(shard.part for shard in layout.shards) if it not in known]


def known_of(
    reader: Reader, part: str, records: int | None, view: MakeView, wanted: tuple[str, ...], met: set[str]
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
    found = recognised(view(part, frozenset(keys), whole), wanted, met) if keys else []
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
