"""Find numbers that say that a writer left records out on purpose: `num_valid` is 58 beside `num_examples` of 60.

A loader that knows of them asks for no record that was left out, so the gaps in the numbering are no loss.
"""

from __future__ import annotations

from datacheck.conventions.counts.named_numbers import is_named_after, named_numbers
from datacheck.conventions.interface import LeftOut, StoreView

_COUNTING = "num n nb number count counts total of samples sample examples records items images frames entries"
COUNTING = frozenset(_COUNTING.split())
_KEPT = "valid kept keep written saved stored ok good success successful succeeded processed actual"
KEPT = frozenset(_KEPT.split())
_SKIPPED = "invalid skipped skip failed failures missing dropped removed broken corrupt bad errors"
SKIPPED = frozenset(_SKIPPED.split())


def kept_and_skipped(view: StoreView) -> LeftOut:
    """Return the numbers of records that were kept, and of those that were left out, as records or metadata say."""
    return LeftOut(
        tuple(named_numbers(view, lambda name: is_named_after(name, KEPT, COUNTING))),
        tuple(named_numbers(view, lambda name: is_named_after(name, SKIPPED, COUNTING))),
    )
