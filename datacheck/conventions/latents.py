"""Raw arrays of several names, numbered from 0: Self-Forcing, CausVid and their like (utils/lmdb.py).

Keys are `NAME_%d_data` for every name (latents, prompts, ...); `NAME_shape` holds the shape of all of them as decimal
text, "N d1 d2", of which the first number is that of the records.
"""

from __future__ import annotations

from datacheck.conventions.interface import Convention, Count, StoreView
from datacheck.conventions.stored_values import stored

BEFORE, AFTER = b"_", b"_data"


def recognise(store: StoreView) -> Convention | None:
    """Return the convention where the records of a name have a shape beside them."""
    parts = [it for it in store.patterns if it.before.endswith(BEFORE) and it.after == AFTER and it.width == 1]
    counts = []
    for part in parts:
        key = part.before + b"shape"
        raw = store.value(key)
        if raw is not None:
            said = stored(raw)
            counts.append(Count(key, said, raw, None if said is not None and said.form == "decimal" else 0))
    if not counts:
        return None
    return Convention("latents", tuple(parts), tuple(counts), base=0, own=frozenset(it.key for it in counts))
