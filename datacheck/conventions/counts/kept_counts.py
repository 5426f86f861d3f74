"""Find numbers that say that a writer left records out on purpose: `num_valid` is 58 beside `num_examples` of 60.

A loader that knows of them asks for no record that was left out, so the gaps in the numbering are no loss.
"""

from __future__ import annotations

from collections.abc import Iterator

from datacheck.conventions.counts.counted import METADATA
from datacheck.conventions.interface import Count, LeftOut, StoreView
from datacheck.conventions.keys.groups import words
from datacheck.conventions.values.stored_values import stored_count

_COUNTING = "num n nb number count counts total of samples sample examples records items images frames entries"
COUNTING = frozenset(_COUNTING.split())
_KEPT = "valid kept keep written saved stored ok good success successful succeeded processed actual"
KEPT = frozenset(_KEPT.split())
_SKIPPED = "invalid skipped skip failed failures missing dropped removed broken corrupt bad errors"
SKIPPED = frozenset(_SKIPPED.split())
LONGEST = 256
"""Longest value that can be a number in any form, in bytes."""
FEW = 64
"""Maximum number of sampled keys without a digit that are looked at."""


def kept_and_skipped(view: StoreView) -> LeftOut:
    """Return the numbers of records that were kept, and of those that were left out, as records or metadata say."""
    counts = [(words(it.called.decode("latin1")), it) for it in _named_numbers(view)]
    return LeftOut(
        tuple(it for name, it in counts if name & KEPT and name <= KEPT | COUNTING),
        tuple(it for name, it in counts if name & SKIPPED and name <= SKIPPED | COUNTING),
    )


def _named_numbers(view: StoreView) -> Iterator[Count]:
    names = sorted(it for it in view.keys if not any(map(str.isdigit, it.decode("latin1"))))
    for key in names if len(names) <= FEW else ():
        raw = view.value(key) if words(key.decode("latin1")) & (KEPT | SKIPPED) else None
        said = stored_count(raw) if raw is not None and len(raw) <= LONGEST else None
        if said is not None and type(said.value) is int:
            yield Count(key, said, raw or b"")
    for key in METADATA:
        stored = view.stored(key)
        if stored is not None and isinstance(stored.value, dict):
            raw = view.value(key) or b""
            numbers = (name for name, it in stored.value.items() if type(it) is int and isinstance(name, str))
            yield from (Count(key, stored, raw, name) for name in numbers)
