"""Numbers in a mapping that count the keys of a list in it: `num_train` beside `train_keys`, or `num` beside `keys`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from datacheck.conventions.counts.list_counts import counts_list
from datacheck.conventions.values.rewriting import Place

Path = tuple[str, ...]
"""The names that lead to an entry of a mapping."""


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
