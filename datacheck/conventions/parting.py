"""Find databases with the same numbers that closing up the numbers in one of them would part from each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set

from datacheck.conventions.conclusions import samples_of
from datacheck.conventions.interface import Known
from datacheck.conventions.keys.account import Account


def have_same_numbers(one: Account, other: Account) -> bool:
    """Return whether records of two databases have the same numbers, so that they may belong together."""
    number_sets = [
        {tuple(runs.spans) for runs in account.numbers.values() if len(runs) > 1} for account in (one, other)
    ]
    return not number_sets[0].isdisjoint(number_sets[1])


def parted_pair(
    keeps: Mapping[str, Known], account: Callable[[str], Account], losing: Set[str]
) -> tuple[str, str] | None:
    """Return two databases that would be parted from each other by closing up numbers, or None if there are none.

    Databases that are `losing` records are closed up if a loader counts their records.
    """
    for part in sorted(losing & keeps.keys()):
        known, own_account = keeps[part], account(part)
        bases = (samples_of(it, own_account, known.across).base for it in known.conventions if it.deleted is None)
        if known.stems is not None or all(it is None for it in bases):
            continue
        for other in sorted(keeps.keys() - {part} - (frozenset() if known.across is None else known.across.parts)):
            if have_same_numbers(own_account, account(other)):
                return part, other
    return None
