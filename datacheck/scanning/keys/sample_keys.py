"""Read some evenly spread keys of each database of a store, to recognise its conventions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec

from datacheck.backends.interface import Peeking, Reader
from datacheck.model.blocks import Block, Layout, Shard
from datacheck.scanning.keys.keys_read import for_keys
from datacheck.scanning.tasks import Job
from datacheck.workers.interface import PATIENCE, Watch

KEYS_A_PROBE = 256
"""Maximum number of keys taken of a probe."""
KEYS = 4096
"""Approximate number of keys of all probes together; with many probes, fewer keys of each are taken."""
FEWEST_KEYS = 8
"""Minimum number of keys taken of a probe. If records are large, fewer probes are read instead."""
SAMPLE_BYTES = 32 << 20
"""Maximum size in bytes of the values of all these keys together. Some stores cannot return keys without values."""
BYTES_A_PROBE = 4 << 20
"""Size in bytes of the values after which a probe ends, if its records are larger than most."""

Keys = Mapping[str, frozenset[bytes]]
"""Sampled keys by their database."""


def probe_limits(layout: Layout) -> tuple[int, int]:
    """Return how many probes of a store to read, spread evenly, and how many keys of each."""
    count = len(layout.probes)
    if not count or not layout.size or not layout.records:
        return count, min(KEYS_A_PROBE, KEYS // max(1, count))
    each = max(1, layout.size // layout.records)
    limit = max(FEWEST_KEYS, min(KEYS_A_PROBE, KEYS // count, SAMPLE_BYTES // (count * each)))
    return max(1, min(count, SAMPLE_BYTES // (limit * each))), limit


class SampleKeys(msgspec.Struct, frozen=True):
    """A task that returns the first keys of some probes, by database.

    Each probe comes with its number, which is noted while the probe is read. All keys are taken of the databases in
    `small`, which maps them to their number of records.
    """

    probes: tuple[tuple[int, Shard], ...]
    limit: int
    small: Mapping[str, int] = msgspec.field(default_factory=dict)

    def run(self, job: Job, watch: Watch) -> Keys:
        watch.timeout, watch.patience = job.settings.timeout, PATIENCE
        if job.reader.backend == "hdf5" or not self.probes:
            return {}  # HDF5 records that have keys are datasets, whose keys are their paths
        number, probe = self.probes[0]
        watch.note(number)
        first, size = self._keys(job.reader, probe, min(self.limit, FEWEST_KEYS))
        probes, limit = self._affordable(size // max(1, len(first)))
        keys: dict[str, set[bytes]] = {}
        for number, probe in probes:
            part_keys = keys.setdefault(probe.part, set())
            if len(part_keys) >= self.small.get(probe.part, math.inf):
                continue  # the previous probe has read the database to its end
            watch.note(number)
            part_keys.update(self._keys(job.reader, probe, KEYS_A_PROBE if probe.part in self.small else limit)[0])
        return {part: frozenset(keys[part]) for part in sorted(keys) if keys[part]}

    def _affordable(self, each: int) -> tuple[Sequence[tuple[int, Shard]], int]:
        """Return the probes to read and the number of keys of each, if values to be read have `each` bytes.

        At least one probe of every database is among them.
        """
        count = len(self.probes)
        if not each or each * count * self.limit <= SAMPLE_BYTES:
            return self.probes, self.limit
        limit = max(min(self.limit, FEWEST_KEYS), SAMPLE_BYTES // (each * count))
        count = max(1, min(count, SAMPLE_BYTES // (each * limit)))
        chosen = {at * len(self.probes) // count for at in range(count)}
        firsts = {probe.part: at for at, (_, probe) in reversed([*enumerate(self.probes)])}
        return [self.probes[at] for at in sorted({*chosen, *firsts.values()})], limit

    def _keys(self, reader: Reader, probe: Shard, limit: int) -> tuple[list[bytes], int]:
        """Return the first keys of a probe and the size of their values, or 0 if keys can be read without values."""
        keys: list[bytes] = []
        size = 0
        free = isinstance(reader, Peeking)
        for block in for_keys(reader, probe, limit):
            if not isinstance(block, Block):
                break
            keys += block.keys
            size += 0 if free else sum(map(len, block.values))
            if len(keys) >= limit or size >= BYTES_A_PROBE:
                break
        return keys, size
