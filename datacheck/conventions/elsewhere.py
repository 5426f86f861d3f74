"""Counts that one database of a store keeps of the records in another: `length` in a database of metadata.

Which records such a count is of, only their numbers tell: it is that of the database that has as many. Where none has,
and only one comes near, it is that one's, and not true. A number that is near to none is no count of records, unless
it has a name that leaves no doubt.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import msgspec

from datacheck.conventions.account import Account
from datacheck.conventions.conclusions import samples
from datacheck.conventions.counted import UNMISTAKABLE
from datacheck.conventions.interface import Convention, Count, Known, StoreView

FEW = 16
"""A database of no more records than this, beside the counts, is one of metadata."""
NEAR = 0.1
"""A count that differs by no more than this share may be meant for a database."""


def elsewhere(
    kept: Mapping[str, tuple[Convention, ...]], views: Mapping[str, StoreView]
) -> dict[str, tuple[Convention, ...]]:
    """Return the conventions of each database, and what is to be noted of the others where something counts.

    Another database may count their records, or may have its numbers closed up, which theirs are perhaps the same as.
    """
    if len(kept) < 2 or not any(one.counts for of in kept.values() for one in of):
        return dict(kept)
    made = dict(kept)
    for part, view in views.items():
        if not kept[part] and view.frequent:
            made[part] = (Convention("", view.frequent, named=False),)
    return made


def counting(kept: Mapping[str, Known], accounts: Mapping[str, Account]) -> dict[str, Known]:
    """Return what is known of each database, with the counts that lie in a database of metadata where they belong."""
    made = dict(kept)
    numbers = {it: set(_numbers(known, accounts.get(it) or Account())) for it, known in made.items()}
    for part, known in kept.items():
        account = accounts.get(part) or Account()
        if account.records - account.own > FEW or len(kept) < 2:
            continue
        for convention in known.conventions:
            for count in convention.counts:
                if count.of_list is None and not count.next and count.number is not None:
                    _place(made, numbers, part, count)
    return made


def _place(made: dict[str, Known], numbers: Mapping[str, Collection[int]], part: str, count: Count) -> None:
    """Move a count to the database whose records it counts; take it away if it counts none."""
    others = {it: of for it, of in numbers.items() if it != part}
    if count.number in numbers[part]:
        return
    if count.number == sum(1 for it in others if it):  # a database is a sequence, or a class, and these are counted
        _put(made, part, count, None)
        return
    exact = [it for it, of in others.items() if count.number in of]
    near = exact or [it for it, of in others.items() if any(_near(count, number) for number in of)]
    if not exact and count.number == sum(map(max, others.values())):
        _put(made, part, count, msgspec.structs.replace(count, of_all=True))
    elif exact or len(near) == 1:
        _put(made, part, count, None)
        first, *further = made[near[0]].conventions or (Convention("", named=False),)
        moved = msgspec.structs.replace(count, kept_in=part)
        first = msgspec.structs.replace(first, counts=(*first.counts, moved))
        made[near[0]] = msgspec.structs.replace(made[near[0]], conventions=(first, *further))
    else:
        doubtful = msgspec.structs.replace(count, of_none=True)
        _put(made, part, count, doubtful if count.key in UNMISTAKABLE else None)


def _put(made: dict[str, Known], part: str, count: Count, by: Count | None) -> None:
    """Put another count in the place of one, or none."""
    its = []
    for convention in made[part].conventions:
        counts = tuple(by if it is count else it for it in convention.counts)
        its.append(msgspec.structs.replace(convention, counts=tuple(it for it in counts if it is not None)))
    made[part] = msgspec.structs.replace(made[part], conventions=tuple(its))


def _near(count: Count, number: int) -> bool:
    assert count.number is not None
    return number > FEW and abs(count.number - number) <= NEAR * number


def _numbers(known: Known, account: Account) -> Iterator[int]:
    """Yield what may be the number of a database's records: all of them, or the samples that they make."""
    yield account.records - account.own
    for convention in known.conventions:
        made = samples(convention, account)
        if made.groups is not None:
            yield len(made.groups.all)
            yield len(made.groups.whole)
