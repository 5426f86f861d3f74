"""Records numbered from 0 as plain decimal text, with a count of them, as several projects store them.

A loader asks for every number below the count.
"""

from __future__ import annotations

from collections.abc import Callable

from datacheck.conventions.interface import Convention, Count, KeyList, StoreView
from datacheck.conventions.values.stored_values import stored

PICKLED = b"\x80"


def from_zero(
    name: str,
    store: StoreView,
    key: bytes,
    fits: Callable[[bytes], bool],
    *,
    lists: tuple[KeyList, ...] = (),
    own: tuple[bytes, ...] = (),
) -> Convention | None:
    """Return a convention of this name if the value under `key` is the count and `fits` accepts it, or None.

    The count may be damaged, or record 0 may be missing, but not both. Without record 0, a record whose number is the
    count means that the numbering begins with 1, so that the store follows another convention.
    """
    raw, part = store.value(key), store.pattern(b"")
    if raw is None or part is None or part.width > 1 or not fits(raw):
        return None
    count = Count(key, stored(raw), raw, form=f"pickle {raw[1]}" if is_pickle(raw) else "decimal")
    if store.value(b"0") is None and (count.number is None or store.value(b"%d" % count.number) is not None):
        return None
    own_keys = frozenset({key, *own, *(it.key for it in lists)})
    return Convention(name, (part,), (count,), lists, base=0, own=own_keys)


def is_pickle(raw: bytes) -> bool:
    """Return whether a value begins like a pickle of protocol 2 to 5."""
    return raw[:1] == PICKLED and len(raw) > 1 and 2 <= raw[1] <= 5
