"""Find numbers that count the keys of one list of several: `num_train` beside the list `train_keys`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from datacheck.conventions.counts.counted import LONGEST
from datacheck.conventions.interface import Convention, Count, KeyList, StoreView
from datacheck.conventions.keys.groups import words
from datacheck.conventions.values.sibling_counts import COUNTING, LISTING, counts_list
from datacheck.conventions.values.stored_values import stored_count
from datacheck.model.codes import Verdict
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.listing import there_are

MOST = 64
"""Maximum number of names that are looked at."""
NEAR, FAR = 0.9, 0.5
"""Minimum ratio between a number and that of the keys (the smaller to the larger) for it to be meant for it, and to be
compared with it at all."""


def list_counts(lists: Collection[KeyList], names: Collection[bytes], store: StoreView) -> Iterator[Count]:
    """Yield the numbers under some of these names that count the keys of a list by that name.

    If the name may mean something else, such as a size, only the number of the keys is one.
    """
    listed = {it.key: it.key.decode("latin1") for it in lists}
    for key in (it for it in names if it not in listed) if len(names) <= MOST else ():
        name = key.decode("latin1")
        fitting = [it for it in lists if words(listed[it.key]) - LISTING and counts_list(name, listed[it.key])]
        raw = store.value(key) if fitting else None
        said = stored_count(raw) if raw is not None and len(raw) <= LONGEST else None
        if said is None or raw is None:
            continue
        number = Count(key, said, raw).number or 0
        same = [it for it in fitting if it.entries == number]
        sure = len(fitting) == 1 and not words(name).isdisjoint(COUNTING)
        if same or (sure and FAR * max(number, fitting[0].entries) <= min(number, fitting[0].entries)):
            of_list = (same or fitting)[0]
            yield Count(key, said, raw, of_list=of_list.key, kept_in=of_list.kept_in, exact=True)


def is_near(count: Count, entries: int) -> bool:
    """Return whether a number is so near the number of keys that it must be meant as their count."""
    number = count.number or 0
    return NEAR * max(number, entries) <= min(number, entries)


def exact_findings(convention: Convention, missing: Mapping[bytes, int]) -> Iterator[Finding]:
    """Yield a finding for each such number that is not that of the keys in its list.

    It may be that of the keys that lead to records; `missing` is how many of each list do not. It may also be that of
    the different keys, if some are repeated, and half of the keys may be that of samples that have two keys each.
    """
    lists = {it.key: it for it in convention.lists}
    for count in (it for it in convention.counts if it.exact and it.number is not None):
        key_list = lists[count.of_list or b""]
        listed = key_list.entries
        lost = missing.get(key_list.key, 0)
        if count.number not in (listed, listed - lost, key_list.number, key_list.number - lost, listed / 2):
            text = f"{count.name} says {count.number:,}, {there_are(listed, 'key')} in {escape(key_list.key)}"
            verdict: Verdict | None = None if is_near(count, listed) else "suspicious"
            yield found("count", text, verdict=verdict, key=escape(count.key), said=count.number, found=listed)
