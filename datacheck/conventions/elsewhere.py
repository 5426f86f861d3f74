"""What one database of a store keeps of the records in another: `length` or `__keys__` in a database of metadata.

Which records a count is of, only their numbers tell: it is that of the database that has as many. Where none has,
and only one comes near, it is that one's, and not true. A number that is near to none is no count of records, unless
it has a name that leaves no doubt. A list of keys is of the database that has nearly all of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import msgspec

from datacheck.conventions.account import Account
from datacheck.conventions.across import named_alike
from datacheck.conventions.conclusions import samples
from datacheck.conventions.counted import DOUBTFUL, UNMISTAKABLE
from datacheck.conventions.interface import ALL_TOGETHER, Convention, Count, Known, StoreView
from datacheck.conventions.listed import lists_elsewhere
from datacheck.conventions.spanning import Spanning
from datacheck.model.key_families import fold

FEW = 16
"""A database of no more records than this, beside the counts, is one of metadata."""
NEAR = 0.1
"""A count that differs by no more than this share may be meant for a database,"""
MANY_TIMES = 2
"""A number of samples in a mapping that differs by more than this may be that of one record (a clip of sound)."""
CLOSE = 0.01
"""and by no more than this, or one, it is, unless its name leaves any doubt."""


def elsewhere(
    kept: Mapping[str, tuple[Convention, ...]], views: Mapping[str, StoreView], *, asked: bool = False
) -> dict[str, tuple[Convention, ...]]:
    """Return the conventions of each database, and what is to be noted of the others for what they have to do with it.

    Another database may count their records or list their keys, or have records of the same samples. Where it was
    `asked` for certain conventions, only the numbers are noted that these may count.
    """
    made = dict(kept)
    counted = any(one.counts for of in kept.values() for one in of)
    if len(kept) < 2 or (asked and not counted):
        return made
    for part, view in views.items():
        if not kept[part] and view.parts and (counted or len(view.frequent) == 1):
            made[part] = (Convention("", view.parts, named=False),)
    if asked:
        return made
    for part, naming in named_alike(views).items():
        first, *further = made[part] or (Convention("", named=False),)
        made[part] = (msgspec.structs.replace(first, naming=naming), *further)
    for part, convention in lists_elsewhere(kept, views):
        before = made[part]
        if not convention.lists:  # what counts the keys in a list counts no records
            before = tuple(_without(it, convention.own) for it in before)
        made[part] = (*before, convention)
    return made


def _without(convention: Convention, keys: frozenset[bytes]) -> Convention:
    counts = tuple(it for it in convention.counts if it.key not in keys)
    return msgspec.structs.replace(convention, counts=counts)


def counting(kept: Mapping[str, Known], accounts: Mapping[str, Account]) -> dict[str, Known]:
    """Return what is known of each database, with the counts that lie in a database of metadata where they belong."""
    made = dict(kept)
    numbers = {it: [*_numbers(known, accounts.get(it) or Account())] for it, known in made.items()}
    for part, known in kept.items():
        account = accounts.get(part) or Account()
        of_others = account.records - account.own <= FEW and len(kept) > 1
        for count in (it for convention in known.conventions for it in convention.counts):
            count = _as_meant(made, numbers, part, count)
            if count.of_list is not None or count.next or count.number is None:
                continue
            if of_others:
                _place(made, numbers, part, count)
            elif count.number in numbers[part]:
                continue
            elif isinstance(count.item, str) and not _doubtful(count) and not _about(count, numbers[part]):
                _put(made, part, count, msgspec.structs.replace(count, near=("", numbers[part][0])))
            elif _doubtful(count):
                near = next((it for it in numbers[part] if _near(count, it)), None)
                _put(made, part, count, None if near is None else msgspec.structs.replace(count, near=("", near)))
    return made


def _as_meant(made: dict[str, Known], numbers: Mapping[str, Collection[int]], part: str, count: Count) -> Count:
    """Return a count as it is to be read where its bytes may say two numbers: as the one that is nearer to theirs."""
    there = [it for of in numbers.values() for it in of if it]
    if count.otherwise is None or not there:
        return count
    other = msgspec.structs.replace(count, said=count.otherwise)
    off = [min(abs(it - (of.number or 0)) / it for it in there) for of in (count, other)]
    if count.number is None and off[1] > NEAR:  # a float, as it looks: that is no count
        if count.called not in UNMISTAKABLE:
            _put(made, part, count, None)
        return count
    if off[1] and count.key in DOUBTFUL:  # a doubtful name and a number that is off: no count
        return count
    own = [it for it in numbers[part] if it > FEW]
    if count.number is not None and off[1] and _doubtful(count):  # a digit is one, where it need not count at all
        return count
    if count.number is not None and (off[0] <= off[1] or (off[1] and not any(_near(other, it) for it in own))):
        return count
    _put(made, part, count, other)
    return other


def _place(made: dict[str, Known], numbers: Mapping[str, Sequence[int]], part: str, count: Count) -> None:
    """Move a count to the database whose records it counts; take it away if it counts none."""
    others = {it: of for it, of in numbers.items() if it != part}
    if count.number in numbers[part]:
        return
    if count.number == sum(1 for it in others if it):  # a database is a sequence, or a class, and these are counted
        _put(made, part, count, None)
        return
    exact = [it for it, of in others.items() if count.number in of]
    exact.sort(key=lambda it: abs(others[it][0] - (count.number or 0)))  # of parts of samples the one that has most
    near = exact or [it for it, of in others.items() if any(_near(count, number) for number in of)]
    across = made[near[0]].across if near else None
    agreed = across is not None and across.parts.issuperset(near)
    one = len(near) == 1 or agreed
    if not exact and count.number in (sum(map(max, others.values())), _of_all(made, others)):
        _put(made, part, count, msgspec.structs.replace(count, of_all=True))
    elif exact or (one and _leaves_no_doubt(count, others[near[0]], agreed=agreed)):
        _put(made, part, count, None)
        first, *further = made[near[0]].conventions or (Convention("", named=False),)
        moved = msgspec.structs.replace(count, kept_in=part)
        first = msgspec.structs.replace(first, counts=(*first.counts, moved))
        made[near[0]] = msgspec.structs.replace(made[near[0]], conventions=(first, *further))
    elif one and not _doubtful(count):
        number = max(it for it in others[near[0]] if _near(count, it))
        _put(made, part, count, msgspec.structs.replace(count, near=(near[0], number)))
    elif (total := _total(made, others, count)) is not None:
        sure = len({fold(it.encode()) for it in others}) == 1 and _leaves_no_doubt(count, (total,), agreed=False)
        _put(made, part, count, msgspec.structs.replace(count, of_all=sure, near=(ALL_TOGETHER, total)))
    else:
        doubtful = msgspec.structs.replace(count, of_none=True)
        _put(made, part, count, doubtful if count.called in UNMISTAKABLE else None)


def _total(made: Mapping[str, Known], numbers: Mapping[str, Sequence[int]], count: Count) -> int | None:
    """Return how many records or samples all databases have together, where a count comes near, and None elsewhere."""
    if sum(1 for of in numbers.values() if max(of) > FEW) < 2 or count.key in DOUBTFUL:
        return None
    totals = {sum(map(max, numbers.values())), _of_all(made, numbers)}
    return min((it for it in totals if _near(count, it)), key=lambda it: abs(it - (count.number or 0)), default=None)


def _of_all(made: Mapping[str, Known], numbers: Mapping[str, Collection[int]]) -> int:
    """Return how many samples there are in all: those that several databases have records of count once."""
    across: list[Spanning] = []
    total = 0
    for part, of in numbers.items():
        its = made[part].across
        if its is None:
            total += max(of)
        elif all(it is not its for it in across):
            across.append(its)
    return total + sum(it.all for it in across)


def _leaves_no_doubt(count: Count, numbers: Collection[int], *, agreed: bool) -> bool:
    """Say whether a number that is near to that of some records is meant for it; `agreed` if several databases have it.

    What they have is the number of samples, then, and that is what a length is of.
    """
    assert count.number is not None
    if count.called in UNMISTAKABLE or (agreed and not _doubtful(count)):
        return True
    off = min(abs(count.number - it) / max(1, it) for it in numbers)
    return not _doubtful(count) and (off <= CLOSE or any(abs(count.number - it) == 1 for it in numbers))


def _about(count: Count, numbers: Collection[int]) -> bool:
    """Say whether a number may be an outdated count; a clip of sound has thousands of samples, for example."""
    assert count.number is not None
    return any(it <= MANY_TIMES * count.number and count.number <= MANY_TIMES * it for it in numbers)


def _doubtful(count: Count) -> bool:
    return count.called in DOUBTFUL or (isinstance(count.item, str) and count.called not in UNMISTAKABLE)


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
    """Yield what may be the number of a database's records: all of them, which come first, samples, numbered ones."""
    yield account.records - account.own
    yield from (account.records - account.own - len(it.aside) for it in known.conventions if it.aside)
    if known.across is not None:
        yield known.across.all
        yield known.across.whole
    for convention in known.conventions:
        made = samples(convention, account)
        if made.groups is not None:
            yield len(made.groups.all)
            yield len(made.groups.whole)
        elif made.alone is not None:  # beside numbered records a few may have names
            yield len(made.numbers)
