"""Raw arrays of several names, numbered from 0: Self-Forcing, CausVid and their like (utils/lmdb.py).

Keys are `NAME_%d_data` for every name (latents, prompts, ...); `NAME_shape` holds the shape of all of them as decimal
text, "N d1 d2", of which the first number is that of the records.
"""

from __future__ import annotations

from datacheck.conventions.interface import Convention, Count, StoreView
from datacheck.conventions.stored_values import Stored, stored
from datacheck.model.key_families import fold

BEFORE, AFTER = b"_", b"_data"
MOST_AXES = 32
"""A shape of more sizes is none."""


def recognise(store: StoreView) -> Convention | None:
    """Return the convention where the records of a name have a shape beside them."""
    parts = [it for it in store.patterns if it.before.endswith(BEFORE) and it.after == AFTER and it.width == 1]
    counts = []
    shapes = {}
    for part in parts:
        key = part.before + b"shape"
        raw = store.value(key)
        if raw is not None:
            said = stored(raw)
            counts.append(Count(key, said, raw, None if said is not None and said.form == "decimal" else 0))
            shape = _shape(said)
            if shape is not None:
                shapes[fold(part.key(0))] = shape
    if not counts:
        return None
    own = frozenset(it.key for it in counts)
    return Convention("latents", tuple(parts), tuple(counts), base=0, own=own, shapes=shapes)


def _shape(said: Stored | None) -> tuple[int, ...] | None:
    """Return the shape of one record, None where the store tells none."""
    sizes = None if said is None else said.value
    if not isinstance(sizes, list) or not 1 < len(sizes) <= MOST_AXES or not all(type(it) is int for it in sizes):
        return None
    return tuple(sizes[1:]) if min(sizes[1:]) > 0 else None
