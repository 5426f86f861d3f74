"""Find the samples whose records are spread over several databases of a store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from datacheck.conventions.across import agreeing_samples, named_groups, named_samples, numbered_samples
from datacheck.conventions.interface import Known
from datacheck.conventions.keys.account import Account
from datacheck.conventions.keys.numbered_keys import KeyTable
from datacheck.conventions.keys.spanning import Naming, Spanning
from datacheck.conventions.keys.stems import text_hashes
from datacheck.model.blocks import Shard
from datacheck.model.profile import Profile
from datacheck.scanning.keys.keys_read import key_blocks
from datacheck.scanning.tasks import Job, begin_on_store
from datacheck.workers.interface import Watch

if TYPE_CHECKING:
    from numpy.typing import NDArray

BUCKETS = 1 << 16
"""Number of buckets of name hashes. Only the names in buckets that differ between databases are kept in memory."""
HELD = 1 << 20
"""Maximum number of names kept in memory."""


def with_spanning(
    kept: Mapping[str, Known],
    accounts: Mapping[str, Account],
    shards: Sequence[Shard],
    profile: Profile,
    do: Callable[[Any], Any],
) -> dict[str, Known]:
    """Return what is known of each database, together with the samples that it shares with other databases.

    Keys are read by tasks that `do` runs; it raises TaskDied if one dies.
    """
    result = dict(kept)
    if len(result) < 2:
        return result
    found: list[Spanning | None] = [*numbered_samples(kept, accounts, _kinds(profile, kept))]
    spanned = {part for it in found if it is not None for part in it.parts}
    others = {part: known for part, known in kept.items() if part not in spanned}
    for namings in named_groups(others, accounts):
        spanning = agreeing_samples(namings, accounts)
        if spanning is None:
            part_shards = {part: tuple(it for it in shards if it.part == part) for part in namings}
            spanning = do(FindLacking(part_shards, namings, {part: others[part].own for part in namings}))
        found.append(spanning)
    for one in found:
        for part in () if one is None else one.parts:
            result[part] = msgspec.structs.replace(result[part], across=one)
    return result


def _kinds(profile: Profile, parts: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """Return the decoders of the records of each database."""
    kinds: dict[str, set[str]] = {part: set() for part in parts}
    for name, family in profile.families.items():
        part = next((it for it in parts if it and name.startswith(f"{it}:")), "")
        if part in kinds:
            kinds[part].add(family.decoder)
    return {part: frozenset(names) for part, names in kinds.items()}


class FindLacking(msgspec.Struct, frozen=True):
    """A task that returns the samples identified by names, with those that a database lacks.

    It returns None if too many differ.
    """

    shards: Mapping[str, tuple[Shard, ...]]
    namings: Mapping[str, Naming]
    own: Mapping[str, frozenset[bytes]]

    def run(self, job: Job, watch: Watch) -> Spanning | None:
        import numpy as np

        begin_on_store(job, watch)
        sums = {part: np.zeros((2, BUCKETS), np.uint64) for part in self.namings}
        for part, names in self._names(job):
            ones, others = text_hashes(names)
            places = (others % np.uint64(BUCKETS)).astype(np.int64)
            np.add.at(sums[part][0], places, ones)
            np.add.at(sums[part][1], places, np.uint64(1))
        first, *further = sums.values()
        differ = np.zeros(BUCKETS, bool)
        for one in further:
            differ |= (one != first).any(axis=0)
        parts_by_name: dict[bytes, set[str]] = {}
        for part, names in self._names(job):
            chosen = names[differ[(text_hashes(names)[1] % np.uint64(BUCKETS)).astype(np.int64)]]
            for name in chosen:
                parts_by_name.setdefault(name.tobytes(), set()).add(part)
            if len(parts_by_name) > HELD:
                return None
        alike = int(first[1][~differ].sum())
        lacking = {
            name: tuple(it for it in self.namings if it not in parts)
            for name, parts in parts_by_name.items()
            if len(parts) < len(self.namings)
        }
        return named_samples(self.namings, alike + len(parts_by_name), lacking)

    def _names(self, job: Job) -> Iterator[tuple[str, NDArray[Any]]]:
        """Yield the names of neighbouring records with their database."""
        for part, shards in self.shards.items():
            own = self.own[part]
            for block in key_blocks(job.reader, shards):
                table = KeyTable([key for key in block.keys if key not in own] if own else block.keys)
                for names in self.namings[part].names(table):
                    yield part, names
