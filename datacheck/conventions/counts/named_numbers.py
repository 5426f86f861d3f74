"""Find whole numbers by their names: those of records without a digit in their keys, and of entries of metadata."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from datacheck.conventions.counts.count_names import METADATA
from datacheck.conventions.counts.counted import LONGEST
from datacheck.conventions.interface import Count, StoreView
from datacheck.conventions.keys.groups import words
from datacheck.conventions.listed import keys_without_digits
from datacheck.conventions.values.stored_values import stored_count

FEW = 64
"""Maximum number of sampled keys without a digit that are looked at."""


def named_numbers(view: StoreView, is_wanted: Callable[[str], bool]) -> Iterator[Count]:
    """Yield each number whose name is wanted. Only values under such names and those of metadata are read."""
    names = keys_without_digits(view)
    for key in names if len(names) <= FEW else ():
        raw = view.value(key) if is_wanted(key.decode("latin1")) else None
        said = stored_count(raw) if raw is not None and len(raw) <= LONGEST else None
        if said is not None and type(said.value) is int:
            yield Count(key, said, raw or b"")
    for key in METADATA:
        stored = view.stored(key)
        if stored is not None and isinstance(stored.value, dict):
            raw = view.value(key) or b""
            numbers = (name for name, it in stored.value.items() if type(it) is int and isinstance(name, str))
            yield from (Count(key, stored, raw, name) for name in numbers if is_wanted(name))


def is_named_after(name: str, things: frozenset[str], other_words: frozenset[str]) -> bool:
    """Return whether a name has one of the words for some things, and apart from them only such other words.

    >>> videos, counting = frozenset({"video", "videos"}), frozenset({"num", "of"})
    >>> [is_named_after(it, videos, counting) for it in ("num_videos", "num", "num_video_frames")]
    [True, False, False]
    """
    name_words = words(name)
    return not name_words.isdisjoint(things) and name_words <= things | other_words
