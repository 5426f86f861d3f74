"""Pictures in several sizes, numbered from 0: rosinality's StyleGAN2 and VQ-VAE-2.

Keys are `SIZE-%05d` for every size; `length` holds the number of pictures as decimal text (prepare_data.py).
"""

from __future__ import annotations

from datacheck.conventions.interface import Convention, Count, StoreView
from datacheck.conventions.values.stored_values import stored

COUNT = b"length"


def recognise(store: StoreView) -> Convention | None:
    """Return the convention if pictures exist in one or more sizes and `length` counts them, or None."""
    raw = store.value(COUNT)
    parts = [it for it in store.frequent if it.before[-1:] == b"-" and it.before[:-1].isdigit() and not it.after]
    if raw is None or not parts:
        return None
    parts.sort(key=lambda it: int(it.before[:-1]))
    return Convention("stylegan2", tuple(parts), (Count(COUNT, stored(raw), raw),), base=0, own=frozenset({COUNT}))
