"""The keys of the records in a list, from which a loader takes them: no number need be without gaps.

`__keys__` is one in Efficient-PyTorch, tensorpack and UNITER, `keys` in mmf; in CBraMod there is one for each set.
`__len__` beside it, where it is there, is their number.
"""

from __future__ import annotations

from datacheck.conventions.interface import Convention, Count, KeyList, StoreView
from datacheck.conventions.stored_values import is_key_list, keys_in, stored

NAMES = (b"__keys__", b"keys")
COUNT = b"__len__"


def recognise(store: StoreView) -> Convention | None:
    """Return the convention where a list of keys lies under such a name."""
    lists = []
    for name in NAMES:
        raw = store.value(name)
        said = None if raw is None else stored(raw)
        if said is not None and is_key_list(said.value):
            lists.append(KeyList(name, said.form, len(set(keys_in(said.value)))))
    if not lists:
        return None
    raw = store.value(COUNT)
    counts = () if raw is None else (Count(COUNT, stored(raw), raw),)
    own = frozenset({*(it.key for it in lists), *(it.key for it in counts)})
    return Convention("key-list", tuple(store.patterns), counts, tuple(lists), own=own, named=False)
