"""Rewrite lists of keys, where the items of some lists belong together by position.

A position is dropped from all lists that belong together or from none. Such lists are pairs,
`{"left": [...], "right": [...]}`, or an anchor, its positive and its negative. Lists of other lengths, or with names of
sets of samples, each lose only their own items.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from datacheck.conventions.keys.groups import words
from datacheck.conventions.values.standing import CLASSES, FOLD_WORDS
from datacheck.conventions.values.stored_values import MetaLine, OtherItems, OtherNames, is_index, key_of, same_kind
from datacheck.model.sample_sets import SETS

New = Callable[[bytes], "bytes | None"]

FEW = 4
"""Maximum number of lists that belong together by position; more are classes or sequences, unless named like views."""
PROBED = 16
"""Approximate number of positions that are compared."""
_SETS = "keys seen unseen known unknown labeled labelled unlabeled unlabelled gallery distractor distractors support"
SET_WORDS = frozenset({*(it.decode() for it in SETS), *_SETS.split()})
"""Words in the names of lists that each have their own samples; only lists with the same such words can be parts."""
_VIEWS = (
    "left right front rear back top bottom cam camera cameras view views img image images im pic picture photo frame "
    "crop anchor positive pos negative neg query reference ref source src target tgt input output gt lq hq lr hr x y a "
    "b rgb depth mask before after first second"
)
VIEWS = frozenset(_VIEWS.split())
"""Words in the names of the parts of one sample."""
_OPPOSITES = (
    "pos neg positive negative positives negatives real fake normal abnormal anomaly anomalous anomalies good bad ok "
    "ng defect defects benign malignant healthy sick ill live spoof bonafide attack genuine impostor forged yes no "
    "true false male female spam ham"
)
OPPOSITES = frozenset(_OPPOSITES.split())
"""Words for classes that exclude each other; if all lists have such names, each record is in only one of them."""
_NEUTRAL = "key keys id ids name names list lists sample samples image images img imgs example examples class"
NEUTRAL = frozenset(_NEUTRAL.split())
_DIGITS = re.compile(r"[0-9]+")
_FRAME = re.compile(rb"[/_.: -](?:[A-Za-z]{1,8}[_-]?)?[0-9]{1,18}(?:[._][A-Za-z0-9]{1,8})?")
"""What follows the name of a clip in the key of a frame: 000004.jpg, img_00004, frame-4."""


def with_keys(value: Any, new: New, *, together: bool = False) -> Any:
    """Return a list of keys, lists by the name of a set, or an index, with the keys that `new` returns.

    Keys for which it returns None are left out. Lists that are known to belong `together` lose the same positions.
    """
    if is_index(value):
        keys = {name: new(b"%d" % number) for name, number in value.items()}
        return _mapping_like(value, [(name, int(key)) for name, key in keys.items() if key is not None])
    if not isinstance(value, dict):
        return _without_dropped(value, [_new_item(item, new) for item in value])
    moved = {name: [_new_item(item, new) for item in items] for name, items in value.items()}
    for names in [tuple(value)] if together else aligned_names(value):
        for at, items in enumerate(zip(*(moved[name] for name in names), strict=True)):
            if None in items:
                for name in names:
                    moved[name][at] = None
    new_lists = {name: _without_dropped(items, moved[name]) for name, items in value.items()}
    emptied = set() if together else {it for it in value if value[it] and not new_lists[it] and _is_clip(it, value[it])}
    return _mapping_like(value, [(name, it) for name, it in new_lists.items() if name not in emptied])


def _is_clip(name: Any, keys: Sequence[str | bytes]) -> bool:
    """Return whether the keys are those of the numbered frames of a clip of this name.

    A copy without these frames has no such clip, while it still has the sets and the classes that the source has.

    >>> _is_clip("v3", [b"v3/000.jpg", b"v3/001.jpg"]), _is_clip("cat", [b"cat/00.jpg"]), _is_clip("val1", [b"val1/00"])
    (True, False, False)
    """
    if not isinstance(name, (str, bytes)):
        return False
    begin = key_of(name)
    name_words = words(begin.decode("latin1"))
    if not any(map(str.isdigit, name_words)) or not name_words.isdisjoint(SET_WORDS | CLASSES):
        return False
    raw = map(key_of, keys)
    return all(it.startswith(begin) and _FRAME.fullmatch(it, len(begin)) is not None for it in raw)


def _new_item(item: str | bytes, new: New) -> str | bytes | None:
    key = new(key_of(item))
    if key is None:
        return None
    if isinstance(item, MetaLine):
        return MetaLine(key.decode() + item[len(item.key.decode()) :])
    return key.decode("utf-8", "surrogatepass") if isinstance(item, str) else key


def _without_dropped(original: Any, items: Sequence[str | bytes | None]) -> Any:
    return same_kind(original, [it for it in items if it is not None])


def _mapping_like(original: Any, pairs: list[tuple[Any, Any]]) -> Any:
    return OtherNames(pairs, original.kind) if isinstance(original, OtherNames) else dict(pairs)


def aligned_names(lists: Mapping[Any, Any]) -> list[tuple[Any, ...]]:
    """Return the names of lists of keys whose items belong together by position, a tuple for each group of lists.

    >>> aligned_names({"left": ["a", "b"], "right": ["c", "d"], "train": ["a"]})
    [('left', 'right')]
    >>> aligned_names({"train": ["a", "b"], "val": ["c", "d"]})
    []
    >>> aligned_names({"cat": ["a", "b"], "dog": ["c", "d"], "owl": ["e"]})
    []
    """
    groups: dict[tuple[frozenset[str], int], list[Any]] = defaultdict(list)
    for name, items in lists.items():
        name_words = set(words(str(name)))
        if isinstance(items, OtherItems) and items.kind != "tuple":
            continue
        if name_words.isdisjoint(FOLD_WORDS):
            groups[frozenset(name_words & SET_WORDS), len(items)].append(name)
    if any(len(names) == 1 and not set_names for (set_names, _), names in groups.items()):
        return []
    return [tuple(it) for (_, size), it in groups.items() if size and len(it) > 1 and _are_parts(it, lists)]


def _are_parts(names: Sequence[Any], lists: Mapping[Any, Any]) -> bool:
    """Check whether lists of one length may be the parts of samples, rather than classes, sequences or shards."""
    views = all(not VIEWS.isdisjoint(words(str(it))) for it in names)
    if all(not OPPOSITES.isdisjoint(words(str(it))) and words(str(it)) <= OPPOSITES | NEUTRAL for it in names):
        return False
    if len({_DIGITS.sub("#", str(it)) for it in names}) < len(names):
        return views
    if views:
        return True
    if len({frozenset(map(key_of, lists[it])) for it in names}) < len(names):
        return False  # the same records in another order
    return len(names) <= FEW and not (_begin_with_names(names, lists) and _differ_beyond_names(names, lists))


def _begin_with_names(names: Sequence[Any], lists: Mapping[Any, Any]) -> bool:
    """Check whether the keys in each list contain its name, like those of a class with a folder of its own."""
    return all(str(name).encode() in it for name in names for it in _some_keys(lists[name]))


def _differ_beyond_names(names: Sequence[Any], lists: Mapping[Any, Any]) -> bool:
    """Check whether keys in the same position differ by more than the names of the lists."""
    rests = ([it.replace(str(name).encode(), b"") for it in _some_keys(lists[name])] for name in names)
    return any(len(set(keys)) > 1 for keys in zip(*rests, strict=True))


def _some_keys(items: Sequence[str | bytes]) -> Iterator[bytes]:
    return map(key_of, items[:: max(1, len(items) // PROBED)])


class Parallel(msgspec.Struct, frozen=True):
    """A list or an array that may have an item for each record: its key, its name inside the value, and its length.

    It is `of_records` if a name in the value says that there is one for each, and if items can be removed from all
    lists and arrays of this length in the value.
    """

    key: bytes
    name: str
    items: int
    of_records: bool = False
