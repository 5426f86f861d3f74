"""Raw arrays under several names, numbered from 0: Self-Forcing, CausVid and similar projects (utils/lmdb.py).

Keys are `NAME_%d_data` for every name (latents, prompts, ...); `NAME_shape` holds the shape of all of them as decimal
text, "N d1 d2", where N is the number of records.
"""

from __future__ import annotations

from datacheck.conventions.interface import Convention, Count, StoreView
from datacheck.conventions.values.stored_values import Stored, stored
from datacheck.model.key_families import fold

BEFORE, AFTER = b"_", b"_data"
MOST_AXES = 32
"""Maximum number of sizes in a shape."""


def recognise(store: StoreView) -> Convention | None:
    """Return the convention if a shape is stored for the records of any name, or None."""
    parts = [it for it in store.patterns if it.before.endswith(BEFORE) and it.after == AFTER and it.width == 1]
    counts = []
    shapes = {}
    for part in parts:
        key = part.before + b"shape"
        raw = store.value(key)
        if raw is not None:
            parsed = stored(raw)
            counts.append(Count(key, parsed, raw, None if parsed is not None and parsed.form == "decimal" else 0))
            shape = _shape(parsed)
            if shape is not None:
                shapes[fold(part.key(0))] = shape
    if not counts:
        return None
    own = frozenset(it.key for it in counts)
    return Convention("latents", tuple(parts), tuple(counts), base=0, own=own, shapes=shapes)


def _shape(parsed: Stored | None) -> tuple[int, ...] | None:
    """Return the shape of one record, or None if the store does not give a valid one."""
    sizes = None if parsed is None else parsed.value
    if not isinstance(sizes, list) or not 1 < len(sizes) <= MOST_AXES or not all(type(it) is int for it in sizes):
        return None
    return tuple(sizes[1:]) if min(sizes[1:]) > 0 else None
