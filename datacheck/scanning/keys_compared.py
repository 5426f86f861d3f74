"""Compare what a store records about its own records with its keys, reading the keys once more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from datacheck.conventions.account import Account
from datacheck.conventions.frame_counts import true_to
from datacheck.conventions.interface import FrameCounts, Known, Listed
from datacheck.conventions.stems import StemGroups, agree, may_be
from datacheck.model.blocks import Shard
from datacheck.scanning.keys_read import CompareIndexes, CountFrames, FindUnpaired
from datacheck.workers.interface import Death


def named_by_records(
    known: Known, its: tuple[Shard, ...], shards: Sequence[Shard], do: Callable[[Any], Any]
) -> Sequence[Listed] | Death:
    """Compare the keys that other records name with the keys of a database, in the shards `its`; return the results."""
    if not known.indexes:
        return ()
    holding = {it.kept_in for it in known.indexes}
    of = tuple(it for it in shards if it.part in holding)
    return cast("Sequence[Listed] | Death", do(CompareIndexes(its, known.indexes, of)))


def frames_there(known: Known, its: tuple[Shard, ...], do: Callable[[Any], Any]) -> tuple[FrameCounts, ...] | Death:
    """Return the frame counts that a database keeps of its clips, with the numbers of frames that are there."""
    if not known.frames:
        return ()
    clips = frozenset(it if isinstance(it, bytes) else it.encode() for of in known.frames for it in of.said)
    there = do(CountFrames(its, clips))
    if isinstance(there, Death):
        return there
    return tuple(made for it in known.frames if (made := true_to(it, there)) is not None)


def stem_groups(
    known: Known, account: Account, shards: tuple[Shard, ...], do: Callable[[Any], Any]
) -> StemGroups | Death | None:
    """Return the samples of a database that are identified by stems, or None if there are none."""
    stems = next((it.stems for it in known.conventions if it.stems is not None), None)
    if stems is None or not may_be(stems, account.stems):
        return None
    if agree(stems, account.stems):
        return StemGroups(stems, account.stems[stems.endings[0]][0], {})
    return cast("StemGroups | Death | None", do(FindUnpaired(shards, stems)))
