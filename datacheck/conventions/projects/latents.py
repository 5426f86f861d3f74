"""Raw arrays under several names, numbered from 0: Self-Forcing, CausVid and similar projects (utils/lmdb.py).

Keys are `NAME_%d_data` for every name (latents, prompts, ...); `NAME_shape` holds the shape of all of them as decimal
text, "N d1 d2", where N is the number of records. Other writers store the shape of one record there, "d1 d2": the size
of a value tells which of the two it is.
"""

from __future__ import annotations

import math

from datacheck.conventions.interface import Convention, Count, StoreView
from datacheck.conventions.keys.numbered_keys import Pattern
from datacheck.conventions.values.stored_values import Stored, stored
from datacheck.model.key_families import fold

BEFORE, AFTER = b"_", b"_data"
MOST_AXES = 32
"""Maximum number of sizes in a shape."""
ITEM_BYTES = (1, 2, 4, 8)
"""Possible sizes in bytes of the items of an array."""


def recognise(store: StoreView) -> Convention | None:
    """Return the convention if a shape is stored for the records of any name, or None."""
    parts = [it for it in store.patterns if it.before.endswith(BEFORE) and it.after == AFTER and it.width == 1]
    counts = []
    shapes = {}
    own = set()
    for part in parts:
        key = part.before + b"shape"
        raw = store.value(key)
        if raw is None:
            continue
        own.add(key)
        parsed = stored(raw)
        sizes = _sizes(parsed)
        of_one = len(sizes) > 0 and _is_of_one(sizes, _value_size(part, store), _last_number(part, store))
        if not of_one:
            counts.append(Count(key, parsed, raw, None if parsed is not None and parsed.form == "decimal" else 0))
        shape = sizes if of_one else sizes[1:]
        if shape and min(shape) > 0:
            shapes[fold(part.key(0))] = shape
    if not own:
        return None
    return Convention("latents", tuple(parts), tuple(counts), base=0, own=frozenset(own), shapes=shapes)


def _sizes(parsed: Stored | None) -> tuple[int, ...]:
    """Return the sizes of a stored shape of at least two axes, or an empty tuple if it is none."""
    sizes = None if parsed is None else parsed.value
    if not isinstance(sizes, list) or not 1 < len(sizes) <= MOST_AXES or not all(type(it) is int for it in sizes):
        return ()
    return tuple(sizes)


def _is_of_one(sizes: tuple[int, ...], size: int | None, last: int) -> bool:
    """Check whether sizes are the shape of one value of `size` bytes, rather than of all values together.

    If it may be either, as 4 x 64 x 64 may be that of one value in float16 or of four in float64, it is that of one
    value where there are more values than that: `last` is the largest number that is known.
    """
    if size is None or min(sizes) <= 0:
        return False
    items = math.prod(sizes)
    return _are_items(items, size) and (not _are_items(items // sizes[0], size) or last >= sizes[0])


def _are_items(items: int, size: int) -> bool:
    """Check whether a value of `size` bytes can be an array with this number of items."""
    return size % items == 0 and size // items in ITEM_BYTES


def _last_number(part: Pattern, store: StoreView) -> int:
    """Return the largest number in the sampled keys of this pattern."""
    return max((number for it in store.keys if (number := part.number(it)) is not None), default=0)


def _value_size(part: Pattern, store: StoreView) -> int | None:
    """Return the size in bytes of a sampled value with a key of this pattern, or None if none could be read."""
    key = min((it for it in store.keys if part.number(it) is not None), default=None)
    value = None if key is None else store.value(key)
    return None if value is None else len(value)
