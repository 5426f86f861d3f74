"""A number of records under a name of its own: `length`, `num_examples`, `total_number`, `__len__` and their like."""

from __future__ import annotations

from datacheck.conventions.interface import Convention, Count, StoreView
from datacheck.conventions.parts import pieces_of
from datacheck.conventions.stored_values import FORMS, counted_otherwise, stored_count

UNMISTAKABLE = frozenset(
    {
        *(b"num-samples", b"num_samples", b"n_samples", b"nsamples", b"nSamples", b"num_sample", b"total_samples"),
        *(b"num_examples", b"num_records", b"num_entries", b"total_num", b"total_number"),
        *(b"__num_samples__", b"__num_examples__", b"num_graphs", b"_TOTAL_COUNT_"),
        *(b"dataset_size", b"dataset_length", b"__len__", b"__length__", b"__count__"),
    }
)
"""What lies under these names is no record, also where it cannot be read."""
LOOSE = (b"length", b"Length", b"len")
"""A number under these names that is far from that of the records may count something else: frames, words."""
THINGS = frozenset({b"num_images", b"num_frames"})
"""These count records that others, or another store, may name by key: their numbers are never closed up."""
DOUBTFUL = frozenset(
    {*(b"num", b"size", b"count", b"total", b"num_items", b"num_data"), *(b"num_instances", b"total_count"), *THINGS}
)
"""What lies under these names may be something else, as the size of pictures, unless it is the number of records."""
APART = (b"__metadata__", b"__meta__")
"""Metadata by its name: no samples, and on no list of keys."""
METADATA = (*APART, b"metadata", b"meta")
"""What lies under these names may be a mapping, with a number of records in it."""
WITHIN = (
    *sorted(map(bytes.decode, UNMISTAKABLE)),
    *map(bytes.decode, LOOSE),
    "nframes",
    *sorted(map(bytes.decode, DOUBTFUL)),
)
"""The names of a number of records in such a mapping, clear ones first; `length` may be that of a clip."""
NAMES = (*sorted(UNMISTAKABLE), *LOOSE, *sorted(DOUBTFUL))
"""The keys of counts, in the order in which they are tried."""
OWN_NAMES = UNMISTAKABLE | {*APART}
"""What lies under these names is no record of a vocabulary, whatever the other records hold."""
LOOKED_AT = 4
"""How many other records are looked at to tell a count from a record."""


def recognise(store: StoreView) -> Convention | None:
    """Return the convention where a whole number lies under such a name."""
    counts = []
    for name in NAMES:
        raw = store.value(name)
        count = (
            None
            if raw is None
            else Count(name, stored_count(raw), raw, form=form_of(raw), otherwise=counted_otherwise(raw))
        )
        if count is None:
            continue
        unread = count.said is None and (name in UNMISTAKABLE or count.otherwise is not None)
        unread |= name in (*UNMISTAKABLE, *LOOSE) and count.fraction is not None
        if count.number is not None or unread:
            counts.append(count)
    counts = [it for it in (*counts, *metadata_counts(store)) if it.key in OWN_NAMES or not _is_a_record(it, store)]
    if not counts:
        return None
    own = frozenset(it.key for it in counts)
    pieces = pieces_of(store.frequent) if store.parts else ()
    return Convention("count", store.parts, tuple(counts), own=own, named=False, further=pieces)


def _is_a_record(count: Count, store: StoreView) -> bool:
    """Say whether a count is a record like the others: in a vocabulary, `length` is a word.

    If most keys carry numbers, it is not a vocabulary; otherwise a few of the other records are looked at.
    """
    if sum(store.patterns[it] for it in store.frequent) * 2 >= len(store.keys):
        return False
    others = [it for it in sorted(store.keys) if it not in NAMES and it not in METADATA]
    some = [store.stored(it) for it in others[:: max(1, len(others) // LOOKED_AT)][:LOOKED_AT]]
    kind = type(None if count.said is None else count.said.value)
    return bool(some) and all(it is not None and type(it.value) is kind for it in some)


def metadata_counts(store: StoreView) -> list[Count]:
    """Return the count that each mapping of metadata holds, if any."""
    made = []
    for key in METADATA:
        said = store.stored(key)
        if said is None or not isinstance(said.value, dict):
            continue
        whole = (Count(key, said, store.value(key) or b"", item=it) for it in WITHIN if it in said.value)
        count = next((it for it in whole if it.number is not None), None)
        if count is not None:
            made.append(count)
    return made


def form_of(raw: bytes) -> str:
    """Return how a number is to be written that cannot be read: as pickled if it begins as a pickle does."""
    name = f"pickle {raw[1]}" if raw[:1] == b"\x80" and len(raw) > 1 else ""
    return name if name in FORMS else "decimal"
