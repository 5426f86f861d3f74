"""Find counts in one database that name the database whose records they count: `num_train` beside a database `train`.

They lie in the main database or in one of metadata, such as `train` in a database `counts`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

import msgspec

from datacheck.conventions.counts.clip_counts import counts_records_of
from datacheck.conventions.counts.counted import LONGEST
from datacheck.conventions.counts.whole_sets import is_of_whole
from datacheck.conventions.interface import Convention, Count, Known, StoreView
from datacheck.conventions.listed import keys_without_digits
from datacheck.conventions.values.rewriting import is_lossless
from datacheck.conventions.values.stored_values import stored_count

FEW = 64
"""Maximum number of sampled keys of a database that may hold such counts."""
MOST_READ = 1024
"""Maximum number of values that are read to find mappings, those of databases with the fewest keys first."""
LEFT = 0.5
"""Minimum ratio between a number and that of the records (the smaller to the larger) for it to be their count."""
LEFT_OF_LENGTH = 0.9
"""Minimum of this ratio for a length or a size: it may be that of each record."""
CLOSE = 0.01
"""Share by which a length or a size may differ and is still certainly a count; or by one."""
_LENGTHS = re.compile(rb"len|size", re.IGNORECASE)


def with_database_counts(
    followed: Mapping[str, tuple[Convention, ...]], views: Mapping[str, StoreView]
) -> dict[str, tuple[Convention, ...]]:
    """Return the conventions of each database, with the counts that another database holds under its name."""
    result = dict(followed)
    for part, count in _database_counts(followed, views):
        first, *further = result[part] or (Convention("", views[part].parts, named=False),)
        if first.named and all(it.number != count.number for it in first.counts):
            continue  # it may count the records, of which a sample has several
        result[part] = (msgspec.structs.replace(first, counts=(*first.counts, count)), *further)
        assert count.kept_in is not None
        result[count.kept_in] = (*result[count.kept_in], Convention("", own=frozenset({count.key}), named=False))
    return result


def _database_counts(
    followed: Mapping[str, tuple[Convention, ...]], views: Mapping[str, StoreView]
) -> Iterator[tuple[str, Count]]:
    """Yield each database that another one counts by name, and the count."""
    with_mappings = _may_hold_mappings(views)
    for holder, view in views.items():
        if len(view.keys) > FEW:
            continue
        for key in keys_without_digits(view) if holder in with_mappings else ():
            yield from _counts_in_mapping(key, holder, views)
        known = frozenset().union(*(it.own for it in followed[holder]))
        for key in sorted(set(view.keys) - known):
            named = [it for it in views if it not in ("", holder) and _counts(it, key, holder)]
            raw = view.value(key) if len(named) == 1 else None
            if raw is None or len(raw) > LONGEST:
                continue
            count = Count(key, stored_count(raw), raw, kept_in=holder)
            if count.number is not None and count.number >= 0:
                yield named[0], count


def _may_hold_mappings(views: Mapping[str, StoreView]) -> set[str]:
    """Return the databases in which values are read to find mappings: none in a store that has a single one.

    Only some are read if they are many, so that many small ones do not take minutes.
    """
    names: set[str] = set()
    left = MOST_READ
    numbers = {name: len(keys_without_digits(view)) for name, view in views.items()} if len(views) > 1 else {}
    for name in sorted(numbers, key=lambda it: (numbers[it], it)):
        left -= numbers[name]
        if left < 0:
            break
        names.add(name)
    return names


def _counts(part: str, key: bytes, holder: str) -> bool:
    """Check whether a key says that it counts the records of a database, or the name of its own database says it."""
    name = part.encode()
    return counts_records_of(name, key) or (key == name and counts_records_of(name, holder.encode() + b"/" + key))


def _counts_in_mapping(key: bytes, holder: str, views: Mapping[str, StoreView]) -> Iterator[tuple[str, Count]]:
    """Yield each database that a mapping under a key has a number for, and the number: `{"train": 50, "val": 10}`."""
    parsed, raw = views[holder].stored(key), views[holder].value(key)
    if parsed is None or raw is None or not isinstance(parsed.value, dict) or not is_lossless(raw, parsed):
        return
    found: dict[str, list[Count]] = {}
    for item, number in parsed.value.items():
        if not isinstance(item, str) or type(number) is not int or number < 0:
            continue
        counted = [it for it in views if it not in ("", holder) and (it == item or _says_so(it, item.encode()))]
        if len(counted) == 1:
            found.setdefault(counted[0], []).append(Count(key, parsed, raw, item, kept_in=holder))
    yield from ((part, counts[0]) for part, counts in found.items() if len(counts) == 1)


def _says_so(part: str, name: bytes) -> bool:
    return counts_records_of(part.encode(), name)


def without_chance(databases: Mapping[str, Known], numbers: Mapping[str, Collection[int]]) -> dict[str, Known]:
    """Return what is known of each database without numbers in mappings that are not shown to be counts.

    They are if their names say it, as `num_train` does or `train` in `counts`, or if all but one of several are true.
    """
    result = dict(databases)
    mappings: dict[tuple[str, bytes], list[tuple[str, Count]]] = {}
    for part, known in databases.items():
        for count in (it for one in known.conventions for it in one.counts):
            if count.kept_in is not None and isinstance(count.item, str) and not _is_named_so(part, count):
                mappings.setdefault((count.kept_in, count.key), []).append((part, count))
    for counts in mappings.values():
        exact = sum(it.number in numbers[part] for part, it in counts)
        for part, count in counts if len(counts) < 2 or exact < len(counts) - 1 else ():
            conventions = tuple(
                msgspec.structs.replace(one, counts=tuple(it for it in one.counts if it is not count))
                for one in result[part].conventions
            )
            result[part] = msgspec.structs.replace(result[part], conventions=conventions)
    return result


def _is_named_so(part: str, count: Count) -> bool:
    within = b"/".join((*([count.kept_in.encode()] if count.kept_in else []), count.key, count.called))
    return _says_so(part, count.called) or _says_so(part, count.key + b"/" + count.called) or _says_so(part, within)


def as_judged(count: Count, part: str, number: int) -> Count | None:
    """Return a count of a database that has this number of records, marked if it is doubtful; None if it is none."""
    declared = count.number or 0
    is_length = _LENGTHS.search(count.called if count.called != part.encode() else count.key) is not None
    if min(declared, number) < (LEFT_OF_LENGTH if is_length else LEFT) * max(declared, number):
        return None
    may_be_of_each = is_length and abs(declared - number) > max(1, CLOSE * number)
    if may_be_of_each or (declared > number and is_of_whole(count.key + b" " + count.called)):
        return msgspec.structs.replace(count, near=(part, number))
    return count
