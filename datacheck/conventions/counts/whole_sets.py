"""Find counts of a whole set in a store that holds only a part of it, such as `total_samples` in one of its shards.

Such a count is larger than the number of records, and so is one after a loss. It is not called bad if its name says
that it is of everything and if something else shows that the store holds a part: the store's own name, a number of
shards beside it, a second count that is true, or numbers that begin behind those of other parts.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

from datacheck.conventions.counts.count_names import METADATA
from datacheck.conventions.counts.named_numbers import is_named_after
from datacheck.conventions.interface import Count, StoreView
from datacheck.conventions.keys.groups import words
from datacheck.conventions.listed import keys_without_digits

_WHOLE = "total totals full all global overall whole dataset original complete entire"
WHOLE = frozenset(_WHOLE.split())
"""Words in the names of counts that are of everything."""
_PARTS = "shard shards part parts partition partitions chunk chunks rank worker workers node nodes"
PARTS = frozenset(_PARTS.split())
"""Words for the parts of a set; a store has one in its name, with a number, or keeps their number or its own."""
_ABOUT_PARTS = "num n nb number of total count id idx index no world size"
ABOUT_PARTS = frozenset(_ABOUT_PARTS.split())
SHARES = frozenset(
    {"subset", "fraction", "sample_ratio", "sampling_ratio", "subset_ratio", "subset_size", "world_size"}
)
"""Names of what says how much of a set was taken."""
_ONE_OF = re.compile(r"(?<![0-9])[0-9]+[-_.]?of[-_.]?0*([1-9][0-9]*)(?![0-9])", re.IGNORECASE)
_PART = re.compile(rf"(?<![a-z])(?:{'|'.join(sorted(PARTS, key=len, reverse=True))})[-_.]?[0-9]+", re.IGNORECASE)


def is_of_whole(name: bytes) -> bool:
    """Return whether the name of a count says that it is of everything.

    >>> is_of_whole(b"total_train"), is_of_whole(b"num_samples")
    (True, False)
    """
    return not WHOLE.isdisjoint(words(name.decode("latin1")))


def is_share(name: str, view: StoreView) -> bool:
    """Return whether a store of this name says that it holds a part of a set."""
    one_of = _ONE_OF.search(name)
    if (one_of is not None and int(one_of[1]) > 1) or _PART.search(name):
        return True
    return any(_says_share(name_of_value, value) for name_of_value, value in _named_values(view))


def _named_values(view: StoreView) -> Iterator[tuple[str, Any]]:
    """Yield the name and value of each record without a number in its key, and of each entry of metadata."""
    for key in keys_without_digits(view):
        name = key.decode("latin1")
        if _is_about_share(name):
            stored = view.stored(key)
            yield name, None if stored is None else stored.value
    for key in METADATA:
        stored = view.stored(key)
        if stored is not None and isinstance(stored.value, dict):
            yield from ((str(name), value) for name, value in stored.value.items())


def _is_about_share(name: str) -> bool:
    return name.lower() in SHARES or is_named_after(name, PARTS, ABOUT_PARTS)


def _says_share(name: str, value: Any) -> bool:
    """Return whether a value under a name says that the store is a part; a store of one shard is whole."""
    counted = not words(name).isdisjoint(("num", "n", "nb", "number", "total", "count", "world")) or name[-1:] == "s"
    return _is_about_share(name) and not (counted and value in (0, 1))


def counts_whole(
    count: Count, others: Collection[Count], true_counts: Collection[int], first: int, *, share: bool
) -> bool:
    """Return whether a count may be that of a whole set, given the `true_counts` that the records here may have.

    `others` are the other counts, and `first` is the first number of a record.
    """
    declared = count.number
    if declared is None or declared <= max(true_counts, default=0) or not is_of_whole(count.called):
        return False
    exact = any(it.number in true_counts and not is_of_whole(it.called) for it in others if it is not count)
    return share or exact or first > 1
