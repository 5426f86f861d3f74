"""Decide for which families of keys an array is meant that is given without one, as by `--array f4:3,64,64`.

Not for labels beside such arrays: of the values of their family, none has as many bytes as the array.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING

from datacheck.decoders import JOINT, SIDE_DECODERS
from datacheck.decoders.raw import itemsize
from datacheck.model.forced import Forced, is_raw
from datacheck.model.profile import EMPTY, UNKNOWN
from datacheck.model.sample_sets import SETS
from datacheck.model.settings import Array

if TYPE_CHECKING:
    from datacheck.scanning.profile.recognition import Look

NEARLY_ALL = 0.9
FEWEST = 16
"""Minimum number of values of a family that show that the array is not meant for it."""
_WORD = re.compile("[A-Za-z]+")


def not_meant(families: Mapping[str, Sequence[Look]], others: Sequence[Look], forced: Forced) -> frozenset[str | None]:
    """Return the families whose values are no such arrays, if there is another family whose values are.

    These are families of which no value has the size of the array, and families of another format, but not another set
    of such arrays. `others` are the values of no family, which are under None.
    """
    members: dict[str | None, Sequence[Look]] = dict(families.items())
    if others:
        members[None] = others
    array = None if forced.rest is None or not is_raw(forced.rest.decoder) else forced.rest.array
    if array is None or not array.dtype or len(members) < 2:
        return frozenset()
    asked = {name: seen for name, seen in members.items() if name not in forced.families}
    fitting = {name: sum(_fits(it, array) for it in seen) for name, seen in asked.items()}
    full = {name: sum(it.kind != EMPTY for it in seen) for name, seen in asked.items()}
    formats = {name: _format(seen) for name, seen in asked.items()}
    arrays = {it for it in asked if formats[it] is None and fitting[it] >= max(1, NEARLY_ALL * full[it])}
    if not arrays:
        return frozenset()
    of_sets = {_without_sets(it) for it in arrays if it is not None}
    apart = (it for it in asked if it not in arrays and full[it] >= FEWEST)
    apart = (it for it in apart if it is None or _without_sets(it) not in of_sets)
    return frozenset(it for it in apart if not fitting[it] or (array.shape is None and formats[it] is not None))


def _without_sets(family: str) -> str:
    """Return the name of a family without those of sets: train-# and val-# have the same arrays."""
    return _WORD.sub(lambda it: "" if it[0].lower().encode() in SETS else it[0], family)


def _fits(look: Look, array: Array) -> bool:
    """Return whether a value has as many bytes as the array takes, or is in a wrapper, so that its size is unknown."""
    item = itemsize(array.dtype)
    if JOINT in look.kind:
        return True
    return look.size > 0 and (not look.size % item if array.shape is None else look.size == item * prod(array.shape))


def _format(seen: Sequence[Look]) -> str | None:
    """Return the format of nearly all values, other than text or numbers, or None if it is not known."""
    kinds = Counter(it.kind for it in seen if it.kind != EMPTY)
    kind, count = kinds.most_common(1)[0] if kinds else (UNKNOWN, 0)
    known = kind != UNKNOWN and kind not in SIDE_DECODERS and not is_raw(kind)
    return kind if known and count >= NEARLY_ALL * kinds.total() else None
