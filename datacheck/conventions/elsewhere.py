"""Assign counts and key lists in one database of a store, such as one of metadata, to the database that they describe.

These are, for example, `length` or `__keys__`. Only the number of records tells which database a count belongs to: the
one that has exactly as many. If none has, and only one is near, the count belongs to that one and is not true. A number
that is near none is not a count of records, unless its name leaves no doubt. A list of keys belongs to the database
that has nearly all of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import msgspec

from datacheck.conventions.across import shared_namings
from datacheck.conventions.conclusions import samples_of
from datacheck.conventions.counts.count_names import DOUBTFUL, UNMISTAKABLE
from datacheck.conventions.counts.database_counts import as_judged, with_database_counts, without_chance
from datacheck.conventions.counts.whole_sets import counts_whole
from datacheck.conventions.interface import ALL_TOGETHER, Convention, Count, Known, StoreView
from datacheck.conventions.keys.account import Account
from datacheck.conventions.keys.spanning import Spanning
from datacheck.conventions.listed import lists_elsewhere
from datacheck.model.key_families import fold

FEW = 16
"""Maximum number of records of a database of metadata, not including the counts."""
NEAR = 0.1
"""Share by which a count may differ from the number of a database's records and still be meant for it."""
MANY_TIMES = 2
"""Factor by which a number in a mapping may differ from that of the records; beyond it, it may be of one sound clip."""
CLOSE = 0.01
"""Share by which a count may differ and is certainly meant for a database, unless its name is doubtful; or by one."""


def complete_conventions(
    followed: Mapping[str, tuple[Convention, ...]], views: Mapping[str, StoreView], *, asked: bool = False
) -> dict[str, tuple[Convention, ...]]:
    """Return the conventions of each database, including what must be noted of it because of the other databases.

    Another database may count its records or list its keys, or have records of the same samples. If certain conventions
    were `asked` for, only the numbers that these may count are noted.
    """
    if not asked:
        followed = with_database_counts(followed, views)
    result = dict(followed)
    counted = any(one.counts for conventions in followed.values() for one in conventions)
    if len(followed) < 2 or (asked and not counted):
        return result
    for part, view in views.items():
        if not followed[part] and view.parts and (counted or len(view.frequent) == 1):
            result[part] = (Convention("", view.parts, named=False),)
    if asked:
        return result
    for part, naming in shared_namings(views).items():
        first, *further = result[part] or (Convention("", named=False),)
        result[part] = (msgspec.structs.replace(first, naming=naming), *further)
    for part, convention in lists_elsewhere(followed, views):
        before = result[part]
        if not convention.lists:  # a count of the keys in a list counts no records
            before = tuple(_without_counts(it, convention.own) for it in before)
        result[part] = (*before, convention)
    return result


def _without_counts(convention: Convention, keys: frozenset[bytes]) -> Convention:
    counts = tuple(it for it in convention.counts if it.key not in keys)
    return msgspec.structs.replace(convention, counts=counts)


def with_placed_counts(databases: Mapping[str, Known], accounts: Mapping[str, Account]) -> dict[str, Known]:
    """Return what is known of each database, with the counts in a database of metadata moved to where they belong."""
    numbers = {it: [*_record_numbers(known, accounts.get(it) or Account())] for it, known in databases.items()}
    databases = without_chance(databases, numbers)
    result = dict(databases)
    for part, known in databases.items():
        account = accounts.get(part) or Account()
        of_others = account.records - account.own <= FEW and len(databases) > 1
        for count in (it for convention in known.conventions for it in convention.counts):
            if count.number and count.number in numbers[part]:
                continue  # comparing it with all databases would take minutes if there are thousands
            count = _nearer_reading(result, numbers, part, count)
            if count.of_list is not None or count.next or count.number is None:
                continue
            if of_others and count.kept_in is None:
                _place(result, numbers, part, count)
            elif count.number not in numbers[part]:
                _replace(result, part, count, _as_doubted(count, part, known, account, numbers[part]))
    return result


def _as_doubted(count: Count, part: str, known: Known, account: Account, numbers: Sequence[int]) -> Count | None:
    """Return a count that is none of the `numbers` of records of its database, marked if it may count something else.

    Return None if it is no count of these records.
    """
    if count.kept_in is not None:
        return as_judged(count, part, numbers[0])
    if _may_be_of_whole(known, account, count, numbers):
        return msgspec.structs.replace(count, near=("", numbers[-1]))
    if isinstance(count.item, str) and not _is_doubtful(count) and not _is_about(count, numbers):
        return msgspec.structs.replace(count, near=("", numbers[0]))
    if not _is_doubtful(count):
        return count
    near = next((it for it in numbers if _is_near(count, it)), None)
    return None if near is None else msgspec.structs.replace(count, near=("", near))


def _may_be_of_whole(known: Known, account: Account, count: Count, numbers: Collection[int]) -> bool:
    """Check whether a count may be that of a set of which the store holds only a part."""
    if any(one.named for one in known.conventions if count in one.counts):
        return False
    others = [it for convention in known.conventions for it in convention.counts]
    first = min((its.first for its in account.numbers.values() if its), default=0)
    return counts_whole(count, others, numbers, first, share=known.share)


def _nearer_reading(
    databases: dict[str, Known], numbers: Mapping[str, Collection[int]], part: str, count: Count
) -> Count:
    """Return a count whose bytes may mean two numbers, read as the one that is nearer to a number of records."""
    record_counts = [it for counts in numbers.values() for it in counts if it]
    if count.otherwise is None or not record_counts:
        return count
    other = msgspec.structs.replace(count, said=count.otherwise)
    off = [min(abs(it - (reading.number or 0)) / it for it in record_counts) for reading in (count, other)]
    if count.number is None and off[1] > NEAR:  # probably a float, which is no count
        if count.called not in UNMISTAKABLE:
            _replace(databases, part, count, None)
        return count
    if off[1] and count.key in DOUBTFUL:  # a doubtful name, and no number of records matches exactly
        return count
    own = [it for it in numbers[part] if it > FEW]
    if count.number is not None and off[1] and _is_doubtful(count):  # may count nothing, so digits are read as digits
        return count
    if count.number is not None and (off[0] <= off[1] or (off[1] and not any(_is_near(other, it) for it in own))):
        return count
    _replace(databases, part, count, other)
    return other


def _place(databases: dict[str, Known], numbers: Mapping[str, Sequence[int]], part: str, count: Count) -> None:
    """Move a count to the database whose records it counts, or remove it if it counts none."""
    others = {it: record_counts for it, record_counts in numbers.items() if it != part}
    if count.number in numbers[part]:
        return
    if count.number == sum(1 for it in others if it):  # each database is a sequence or a class, and these are counted
        _replace(databases, part, count, None)
        return
    exact = [it for it, record_counts in others.items() if count.number in record_counts]
    exact.sort(key=lambda it: abs(others[it][0] - (count.number or 0)))  # of parts of samples, the most complete one
    near = exact or [
        it for it, record_counts in others.items() if any(_is_near(count, number) for number in record_counts)
    ]
    across = databases[near[0]].across if near else None
    agreed = across is not None and across.parts.issuperset(near)
    is_one = len(near) == 1 or agreed
    if not exact and count.number in (sum(map(max, others.values())), _sample_total(databases, others)):
        _replace(databases, part, count, msgspec.structs.replace(count, of_all=True))
    elif exact or (is_one and _is_surely_meant(count, others[near[0]], agreed=agreed)):
        _replace(databases, part, count, None)
        first, *further = databases[near[0]].conventions or (Convention("", named=False),)
        moved = msgspec.structs.replace(count, kept_in=part)
        first = msgspec.structs.replace(first, counts=(*first.counts, moved))
        databases[near[0]] = msgspec.structs.replace(databases[near[0]], conventions=(first, *further))
    elif is_one and not _is_doubtful(count):
        number = max(it for it in others[near[0]] if _is_near(count, it))
        _replace(databases, part, count, msgspec.structs.replace(count, near=(near[0], number)))
    elif (total := _near_total(databases, others, count)) is not None:
        sure = len({fold(it.encode()) for it in others}) == 1 and _is_surely_meant(count, (total,), agreed=False)
        _replace(databases, part, count, msgspec.structs.replace(count, of_all=sure, near=(ALL_TOGETHER, total)))
    else:
        doubtful = msgspec.structs.replace(count, of_none=True)
        _replace(databases, part, count, doubtful if count.called in UNMISTAKABLE else None)


def _near_total(databases: Mapping[str, Known], numbers: Mapping[str, Sequence[int]], count: Count) -> int | None:
    """Return how many records or samples all databases have together, or None if the count is not near that."""
    if sum(1 for record_counts in numbers.values() if max(record_counts) > FEW) < 2 or count.key in DOUBTFUL:
        return None
    totals = {sum(map(max, numbers.values())), _sample_total(databases, numbers)}
    return min((it for it in totals if _is_near(count, it)), key=lambda it: abs(it - (count.number or 0)), default=None)


def _sample_total(databases: Mapping[str, Known], numbers: Mapping[str, Collection[int]]) -> int:
    """Return how many samples all databases have; a sample that spans several databases is counted once."""
    across: list[Spanning] = []
    total = 0
    for part, record_counts in numbers.items():
        spanning = databases[part].across
        if spanning is None:
            total += max(record_counts)
        elif all(it is not spanning for it in across):
            across.append(spanning)
    return total + sum(it.all for it in across)


def _is_surely_meant(count: Count, numbers: Collection[int], *, agreed: bool) -> bool:
    """Check whether a number that is near a number of records is certainly meant for it.

    `agreed` says that the databases have parts of the same samples. Their number is then what a length refers to.
    """
    assert count.number is not None
    if count.called in UNMISTAKABLE or (agreed and not _is_doubtful(count)):
        return True
    off = min(abs(count.number - it) / max(1, it) for it in numbers)
    return not _is_doubtful(count) and (off <= CLOSE or any(abs(count.number - it) == 1 for it in numbers))


def _is_about(count: Count, numbers: Collection[int]) -> bool:
    """Check whether a number may be an outdated count, rather than, for example, the thousands of samples of a clip."""
    assert count.number is not None
    return any(it <= MANY_TIMES * count.number and count.number <= MANY_TIMES * it for it in numbers)


def _is_doubtful(count: Count) -> bool:
    return count.called in DOUBTFUL or (isinstance(count.item, str) and count.called not in UNMISTAKABLE)


def _replace(databases: dict[str, Known], part: str, count: Count, new: Count | None) -> None:
    """Replace a count by another one, or remove it if `new` is None."""
    conventions = []
    for convention in databases[part].conventions:
        counts = tuple(new if it is count else it for it in convention.counts)
        conventions.append(msgspec.structs.replace(convention, counts=tuple(it for it in counts if it is not None)))
    databases[part] = msgspec.structs.replace(databases[part], conventions=tuple(conventions))


def _is_near(count: Count, number: int) -> bool:
    assert count.number is not None
    return number > FEW and abs(count.number - number) <= NEAR * number


def _record_numbers(known: Known, account: Account) -> Iterator[int]:
    """Yield the possible numbers of records of a database: first all records, then samples, then numbered records."""
    yield account.records - account.own
    yield from (account.records - account.own - len(it.aside) for it in known.conventions if it.aside)
    if known.across is not None:
        yield known.across.all
        yield known.across.whole
    for convention in known.conventions:
        samples = samples_of(convention, account)
        if samples.groups is not None:
            yield len(samples.groups.all)
            yield len(samples.groups.whole)
        elif samples.alone is not None:  # a few other records may have names instead of numbers
            yield len(samples.numbers)
