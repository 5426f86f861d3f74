"""Check that two stores read side by side have their records in the same order: Caffe pairs them by position."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass

from datacheck.backends.interface import Reader
from datacheck.engines import start_engine
from datacheck.model.blocks import Block, Layout
from datacheck.model.codes import Verdict
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.settings import Settings
from datacheck.scanning.tasks import Job, TakeLayout, run_one
from datacheck.workers.interface import MakeEngine, Watch

KEYS = 1024
"""Number of keys at the beginning of each store that are compared."""
AT_ONCE = 64
"""Number of records in a block; it is small since their values are not used here."""
FEWEST = 8
"""Minimum number of names that must be in both stores before their places are compared."""
NUMBERED = re.compile(rb"\d{8}_(?=.)")
"""The number of the line, which convert_imageset puts before a name."""
CAFFE = (
    "pairs the records of both layers by their places, whatever their keys are: it trains in silence on pictures with "
    "the labels of others"
)


@dataclass(frozen=True)
class TakeKeys:
    """A task that returns the first keys of a store, in its order."""

    layout: Layout

    def run(self, job: Job, watch: Watch) -> list[bytes]:
        watch.timeout = job.settings.timeout
        watch.note(None)
        keys: list[bytes] = []
        for shard in self.layout.shards:
            for block in job.reader.blocks(shard, limit=AT_ONCE):
                if isinstance(block, Block):
                    keys += map(bytes, block.keys)
                if len(keys) >= KEYS:
                    return keys[:KEYS]
        return keys


def first_keys(reader: Reader, settings: Settings, engine: MakeEngine | None = None) -> list[bytes]:
    """Return the first keys of a store; none if they cannot be read, which the scan reports."""
    with start_engine(Job(reader, settings), 1, engine) as pool:
        layout = run_one(pool, TakeLayout())
        keys = run_one(pool, TakeKeys(layout)) if isinstance(layout, Layout) else None
        return keys if isinstance(keys, list) else []


def out_of_step(ours: Sequence[bytes], partner: str, others: Sequence[bytes]) -> Iterator[Finding]:
    """Yield a finding if the records at the same places do not belong together, as far as their keys show.

    A record is identified by its name without folder, suffix and the number of a list's line, or failing that by the
    last number in its key. Nothing is reported if the two stores have hardly any names, or numbers, in common. If all
    names are shifted by the same distance, that is only suspicious: the next frame may be what is to be predicted.
    """
    count = min(len(ours), len(others))
    for identity, share in ((_name_in, 0.0), (_last_number_in, 0.5)):
        shifts = _shifts(ours[:count], others[:count], identity, share)
        if shifts is None:
            continue
        shifted = [at for at, shift in shifts.items() if shift]
        same_shift = len(set(shifts.values())) == 1
        if shifted and not (share and same_shift):  # the numbers may start from another one
            first = shifted[0]
            verdict: Verdict = "suspicious" if share or same_shift else "bad"
            text = (
                f"{len(shifted):,} of the first {count:,} records stand beside others of {partner!r}: record {first}, "
                f"{escape(ours[first])}, beside {escape(others[first])}"
            )
            yield found("unpaired", text, verdict=verdict, first=first, count=len(shifted), caffe=CAFFE)
        return


def _shifts(
    ours: Sequence[bytes], others: Sequence[bytes], identity: Callable[[bytes], Hashable], share: float
) -> dict[int, int] | None:
    """Return, by our places, the distance to the record that belongs there; None if the keys do not tell."""
    our_names, other_names = list(map(identity, ours)), list(map(identity, others))
    places = {it: at for at, it in enumerate(other_names) if it is not None}
    if len(places) < len(other_names) or len(set(our_names)) < len(our_names) or None in our_names:
        return None
    shifts = {at: places[it] - at for at, it in enumerate(our_names) if it in places}
    return None if len(shifts) < max(FEWEST, share * len(our_names)) else shifts


def _name_in(key: bytes) -> Hashable:
    """Return the name in a key; None if it has none, but only a number."""
    stem = _stem(NUMBERED.sub(b"", key))
    return stem if stem and not stem.isdigit() else None


def _last_number_in(key: bytes) -> Hashable:
    numbers = re.findall(rb"\d+", _stem(key))
    return int(numbers[-1][:18]) if numbers else None


def _stem(key: bytes) -> bytes:
    """Return the last part of a path without its suffix."""
    name = key.rpartition(b"/")[2]
    return name.rpartition(b".")[0] or name
