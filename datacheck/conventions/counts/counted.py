"""Number of records under a key of its own, such as `length`, `num_examples`, `total_number` or `__len__`."""

from __future__ import annotations

from datacheck.conventions.counts.count_names import EVERY, LOOSE, METADATA, NAMES, OWN_NAMES, UNMISTAKABLE, WITHIN
from datacheck.conventions.interface import Convention, Count, StoreView
from datacheck.conventions.keys.parts import pieces_of
from datacheck.conventions.values.per_record import with_numbers
from datacheck.conventions.values.stored_values import FORMS, other_reading, stored_count

LONGEST = 256
"""Longest value that can be a number in any form, in bytes."""
LOOKED_AT = 4
"""Number of other records that are read to tell a count from a record."""


def recognise(store: StoreView) -> Convention | None:
    """Return the convention if a count is stored under one of NAMES or in a mapping of metadata, or None.

    Under an unmistakable name it is recognised even if it cannot be read.
    """
    counts = []
    for name in NAMES:
        raw = store.value(name)
        if raw is None:
            continue
        parsed = stored_count(raw)
        alone = parsed is not None and type(parsed.value) is list and len(parsed.value) == 1
        other = other_reading(raw)
        count = Count(name, parsed, raw, item=0 if alone else None, form=form_of(raw), otherwise=other)
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
    """Return whether a count is a record like the others: in a vocabulary, `length` is a word.

    If at least half of the keys carry numbers, the store is not a vocabulary. Otherwise a few of the other records must
    hold values of the same type as the count.
    """
    if sum(store.patterns[it] for it in store.frequent) * 2 >= len(store.keys):
        return False
    others = [it for it in sorted(store.keys) if it not in NAMES and it not in METADATA]
    probed = [store.stored(it) for it in others[:: max(1, len(others) // LOOKED_AT)][:LOOKED_AT]]
    kind = type(None if count.said is None else count.said.value)
    return bool(probed) and all(it is not None and type(it.value) is kind for it in probed)


def metadata_counts(store: StoreView) -> list[Count]:
    """Return the count in each mapping of metadata that holds one, with others there that have the same number."""
    counts = []
    for key in METADATA:
        parsed = store.listed(key)
        if parsed is None or not isinstance(parsed.value, dict):
            continue
        candidates = [Count(key, parsed, store.value(key) or b"", item=it) for it in WITHIN if it in parsed.value]
        numbered = [it for it in candidates if it.number is not None and (not parsed.in_part or _can_be_written(it))]
        counts += numbered[:1]
        counts += (it for it in numbered[1:] if it.number == numbered[0].number and it.called in EVERY)
    return counts


def _can_be_written(count: Count) -> bool:
    """Return whether another number can be written into a mapping that is read in part."""
    assert isinstance(count.item, str)
    assert count.number is not None
    return with_numbers(count.raw, {count.item: (count.number, count.number - 1)}) is not None


def form_of(raw: bytes) -> str:
    """Return the form for rewriting a number that cannot be read: pickle if it begins like one, otherwise decimal."""
    name = f"pickle {raw[1]}" if raw[:1] == b"\x80" and len(raw) > 1 else ""
    return name if name in FORMS else "decimal"
