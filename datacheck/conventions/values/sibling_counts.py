"""Numbers in a mapping that count the keys of a list in it: `num_train` beside `train_keys`, or `num` beside `keys`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from datacheck.conventions.keys.groups import words
from datacheck.conventions.values.rewriting import Place

COUNTING = frozenset(["num", "nums", "n", "nb", "nr", "number", "numbers", "of", "count", "counts", "total"])
SIZING = frozenset(["len", "length", "size"])
"""Words that may mean other things, such as the size of pictures, unless the number is that of the keys."""
_LISTING = (
    "key keys id ids list lists name names split set index indices idx sample samples example examples record records "
    "item items entry entries image images instance instances data"
)
LISTING = frozenset(_LISTING.split())
Path = tuple[str, ...]
"""The names that lead to an entry of a mapping."""


def counts_list(name: str, of_list: str) -> bool:
    """Return whether a number is named after a list.

    >>> counts_list("num_train", "train_keys"), counts_list("num_train_layers", "train_keys"), counts_list("n", "keys")
    (True, False, True)
    """
    own = words(name)
    return not own.isdisjoint(COUNTING | SIZING) and own - COUNTING - SIZING - LISTING == words(of_list) - LISTING


def sibling_counts(value: Any, places: Iterable[Place]) -> Iterator[tuple[Path, Place]]:
    """Yield the path of each number that is named after a list beside it and is that of its keys, and its place."""
    lists = {it.names: it for it in places if it.kind == "items" and it.names}
    for names, place in lists.items():
        mapping = _at(value, names[:-1])
        listed = mapping.get(names[-1]) if isinstance(mapping, dict) else None
        if not isinstance(listed, list):
            continue
        for name, number in mapping.items():
            if type(number) is int and number == len(listed) and isinstance(name, str) and counts_list(name, names[-1]):
                yield (*names[:-1], name), place


def without(value: Any, paths: Sequence[Path]) -> Any:
    """Return a value without the entries of mappings at these paths."""
    for path in paths:
        value = _changed(value, path, lambda mapping, name: {of: it for of, it in mapping.items() if of != name})
    return value


def with_number(value: Any, path: Path, number: int) -> Any:
    """Return a value with another number at a path."""
    return _changed(value, path, lambda mapping, name: {of: number if of == name else it for of, it in mapping.items()})


def _at(value: Any, names: Sequence[str]) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _changed(value: Any, path: Path, change: Any) -> Any:
    if len(path) == 1:
        return change(value, path[0])
    return {of: _changed(it, path[1:], change) if of == path[0] else it for of, it in value.items()}
