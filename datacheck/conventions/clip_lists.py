"""Lists of a clip's frames by number, `[0, 4, 8]` beside `clip/000004`, and lists in an entry of a mapping."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from datacheck.conventions.naming_records import IN_PART
from datacheck.conventions.values.rewriting import Place, is_lossless
from datacheck.conventions.values.sibling_counts import sibling_counts, without
from datacheck.conventions.values.standing import stand_alone
from datacheck.conventions.values.stored_lists import stored_list
from datacheck.conventions.values.stored_values import LARGEST, Stored, is_key_list, key_of, stored

ALL = 0.9
"""Minimum share of the sampled frames of a clip that a list of numbers must have: others may be a first and a last."""
FIELDS = 16
"""Maximum number of entries of a mapping that are looked at."""
BINARY = frozenset({"pickle", "msgpack", "npy", "npz"})
"""The forms of values that are read in part, such as arrays, and may list frames."""
_NUMBER = re.compile(rb"([0-9]{1,18})([^0-9].*)?", re.DOTALL)


def clip_lists(raw: bytes, whole: Sequence[tuple[str, list[bytes]]]) -> Iterator[tuple[str, str, list[Any]]]:
    """Yield the form of each list that a value may have of a clip's frames, the entry that it is, and its items.

    `whole` are the lists of texts that the value may be.
    """
    yield from ((form, "", items) for form, items in whole if items)
    parsed = None if whole else stored(raw) or stored_list(raw)
    if parsed is None or (parsed.in_part and parsed.form not in BINARY):
        return
    form = IN_PART + parsed.form if parsed.in_part else parsed.form
    if are_numbers(parsed.value):
        yield form, "", parsed.value
    elif parsed.in_part and isinstance(parsed.value, list) and len(parsed.value) > 1 and is_key_list(parsed.value):
        yield form, "", list(map(key_of, parsed.value))
    for name, items in list(parsed.value.items())[:FIELDS] if isinstance(parsed.value, dict) else ():
        if isinstance(name, str) and are_numbers(items):
            yield form, name, items
        elif isinstance(name, str) and isinstance(items, list) and len(items) > 1 and is_key_list(items):
            yield form, name, list(map(key_of, items))


def are_numbers(items: Any) -> bool:
    """Return whether these are several different numbers."""
    if not isinstance(items, list) or len(items) < 2 or not all(type(it) is int for it in items):
        return False
    return min(items) >= 0 and max(items) < LARGEST and len(set(items)) == len(items)


def number_forms(rests: Collection[bytes]) -> list[tuple[bytes, int]]:
    """Return what follows the numbers of frames in keys, each with the number of digits that they are padded to.

    >>> number_forms([b"0001.jpg", b"0002.jpg"]), number_forms([b"9", b"10"])
    ([(b'.jpg', 1), (b'.jpg', 4)], [(b'', 1)])
    """
    least: dict[bytes, int] = {}
    for match in map(_NUMBER.fullmatch, rests):
        if match is not None:
            after, width = match[2] or b"", len(match[1])
            least[after] = min(width, least.get(after, width))
    return sorted({(after, width) for after, fewest in least.items() for width in (1, fewest)})


def lists_all(names: Collection[bytes], after: bytes, rests: Collection[bytes]) -> bool:
    """Return whether a list has nearly all sampled frames of a clip, by what follows their names in keys."""
    frames = [it for it in rests if (match := _NUMBER.fullmatch(it)) is not None and (match[2] or b"") == after]
    listed = frozenset(it + after for it in names)
    return len(frames) > 1 and sum(it in listed for it in frames) >= ALL * len(frames)


def can_be_rewritten(raw: bytes, form: str, field: str) -> bool:
    """Return whether nothing else in a value depends on the list in this entry, and the value can be written again."""
    if form.startswith(IN_PART):
        return False
    parsed = stored(raw) if field else None
    if parsed is None:
        return not field
    place = Place((field,), "items")
    apart = without(parsed.value, [path for path, _ in sibling_counts(parsed.value, [place])])
    return is_lossless(raw, Stored(parsed.value, parsed.form)) and stand_alone(apart, [place], "")
