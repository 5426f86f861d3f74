"""Records numbered from 0 as plain decimal text, and their number beside them: what several projects have in common.

A loader asks for every number below the one that is kept.
"""

from __future__ import annotations

from collections.abc import Callable

from datacheck.conventions.interface import Convention, Count, KeyList, StoreView
from datacheck.conventions.stored_values import stored

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
    """Return a convention of this name where what counts the records lies under `key`, and fits.

    It may be damaged, and the first record may be gone; a store whose last record has the number that is kept begins
    with 1, and is another's.
    """
    raw, part = store.value(key), store.pattern(b"")
    if raw is None or part is None or part.width > 1 or not fits(raw):
        return None
    count = Count(key, stored(raw), raw, form=f"pickle {raw[1]}" if is_pickle(raw) else "decimal")
    if store.value(b"0") is None and (count.number is None or store.value(b"%d" % count.number) is not None):
        return None
    kept = frozenset({key, *own, *(it.key for it in lists)})
    return Convention(name, (part,), (count,), lists, base=0, own=kept)


def is_pickle(raw: bytes) -> bool:
    """Say whether a value begins as a pickle of protocol 2 to 5 does."""
    return raw[:1] == PICKLED and len(raw) > 1 and 2 <= raw[1] <= 5
