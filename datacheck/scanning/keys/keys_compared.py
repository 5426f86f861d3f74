"""Compare what a store records about its own records with its keys, reading the keys once more.

The keys are read by tasks that `do` runs; it raises TaskDied if one dies.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, cast

import msgspec

from datacheck.conventions.conclusions import are_all_counted
from datacheck.conventions.counts.clip_counts import of_whole_sets
from datacheck.conventions.counts.frame_counts import confirmed_counts
from datacheck.conventions.interface import Known, Listed
from datacheck.conventions.keys.account import Account
from datacheck.conventions.keys.groups import CONFIRMED
from datacheck.conventions.keys.stems import StemGroups, have_same_stems, may_be_whole
from datacheck.conventions.set_stems import SetStems
from datacheck.model.blocks import Shard
from datacheck.scanning.keys.keys_read import CompareIndexes, CountAllClips, CountClips, CountFrames, FindUnpaired


def named_by_records(
    known: Known, part_shards: tuple[Shard, ...], shards: Sequence[Shard], do: Callable[[Any], Any]
) -> Sequence[Listed]:
    """Compare the keys that other records name with the keys of a database, whose shards are `part_shards`."""
    if not known.indexes:
        return ()
    holding = {it.kept_in for it in known.indexes}
    holding_shards = tuple(it for it in shards if it.part in holding)
    return cast("Sequence[Listed]", do(CompareIndexes(part_shards, known.indexes, holding_shards)))


def with_frame_counts(known: Known, part_shards: tuple[Shard, ...], do: Callable[[Any], Any]) -> Known:
    """Return what is known about a database, with the numbers of frames that its clips have."""
    frames, clips = known.frames, known.clips
    if frames:
        names = frozenset(it if isinstance(it, bytes) else it.encode() for counts in frames for it in counts.said)
        existing = do(CountFrames(part_shards, names))
        frames = tuple(counts for it in frames if (counts := confirmed_counts(it, existing)) is not None)
    if clips:
        clips = of_whole_sets(do(CountClips(part_shards, clips)), share=known.share)
    totals = None if known.totals is None else do(CountAllClips(part_shards, known.totals))
    return msgspec.structs.replace(known, frames=frames, clips=clips, totals=totals)


def stem_groups(
    known: Known, account: Account, shards: tuple[Shard, ...], do: Callable[[Any], Any], listed: Collection[int]
) -> StemGroups | None:
    """Return the samples of a database that are identified by stems, or None if there are none.

    A sample that lacks a part is bad if it is among those that the store counts, or that it lists: `listed` are the
    numbers of the samples in its lists.
    """
    groups = _stem_groups(known, account, shards, do)
    if groups is None:
        return None
    every = groups.all + len(groups.alone)
    if groups.alone and are_all_counted(known.conventions, groups.complete, every):
        unpaired = {**groups.unpaired, **groups.alone}
        groups = msgspec.structs.replace(groups, all=every, unpaired=unpaired, alone={})
    asked = are_all_counted(known.conventions, groups.complete, groups.all)
    asked |= groups.all in listed and groups.complete >= CONFIRMED * groups.all
    return msgspec.structs.replace(groups, asked=asked)


def _stem_groups(
    known: Known, account: Account, shards: tuple[Shard, ...], do: Callable[[Any], Any]
) -> StemGroups | None:
    stems = next((it.stems for it in known.conventions if it.stems is not None), None)
    if isinstance(stems, SetStems):
        return stems.groups(account.numbers)
    if stems is None or not may_be_whole(stems, account.stems):
        return None
    if not stems.some and have_same_stems(stems, account.stems):
        return StemGroups(stems, account.stems[stems.endings[0]][0], {})
    return cast("StemGroups | None", do(FindUnpaired(shards, stems, known.own | known.aside)))
