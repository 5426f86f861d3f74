"""Parse msgpack values that lie behind each other, as `msgpack.Packer` writes them to one stream."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from datacheck.decoders.interface import Value
from datacheck.decoders.trees.msgpack import CONTAINERS, Wrong, walk
from datacheck.decoders.trees.series import SERIES, too_many
from datacheck.decoders.trees.tree import STREAM, Items, Keyed, Node, Parsed
from datacheck.model.finding import Finding, found
from datacheck.model.replacing import replace

FEW = 16
"""Maximum number of numbers and texts by themselves in a stream that begins with a map or an array."""
_WIDE = re.compile(rb"[\xa0-\xdf]")
"""Matches the mark of a text, a float or anything else but small numbers; raw arrays of one value have none of them."""


def parse_stream(value: Value) -> Parsed:
    """Return the trees of the msgpack values that lie behind each other in a value, as a list.

    The list ends before one that is broken. All of them together have at most CONTAINERS lists and maps.
    """
    view = memoryview(value)
    trees: list[Node] = []
    findings: list[Finding] = []
    at, containers = 0, 0
    while at < len(view):
        if len(trees) == SERIES:
            findings.append(too_many("msgpack values"))
            break
        if containers > CONTAINERS:
            text = f"more than {CONTAINERS} lists and maps in one value; the others are not read"
            findings.append(found("too-large", text, field=f"[{len(trees)}]", verdict="unverifiable"))
            break
        try:
            tree, at = walk(view, start=at)
        except Wrong as wrong:
            findings.append(replace(wrong.finding, field=f"[{len(trees)}]"))
            break
        trees.append(tree)
        containers += _containers(tree)
    return Parsed(Items(trees if _is_likely(trees) else [], STREAM), findings)


def is_stream(value: Value) -> bool:
    """Check whether a value is several msgpack values, of which the last one ends where the value does.

    Nearly any byte begins some value of msgpack, so all values have to be lists or maps. A few numbers and texts may be
    among them if the first one is an array, or a map whose first key is a name.
    """
    if len(value) < 4 or not (0x80 < value[0] <= 0x9F or 0xDC <= value[0] <= 0xDF):
        return False
    if _WIDE.search(value) is None:
        return False
    parsed = parse_stream(value)
    return isinstance(parsed.tree, Items) and len(parsed.tree.items) > 1 and not parsed.findings


def _is_likely(trees: Sequence[Node]) -> bool:
    if not trees or not _holds_something(trees[0]):
        return False
    others = sum(not _holds_something(it) for it in trees)
    return not others or (others <= FEW and _is_named(trees[0]))


def _holds_something(tree: Node) -> bool:
    """Check whether a value is an array, or a list or map that is not empty."""
    if isinstance(tree, Keyed):
        return bool(tree.pairs)
    return bool(tree.items) if isinstance(tree, Items) else isinstance(tree, np.ndarray)


def _is_named(tree: Node) -> bool:
    """Check whether a value is an array or a map whose first key is a name."""
    if not isinstance(tree, Keyed):
        return isinstance(tree, np.ndarray)
    key = tree.pairs[0][0]
    return isinstance(key, str) and key[:1].isalpha()


def _containers(tree: Node) -> int:
    """Return the number of lists and maps in a tree."""
    count, pending = 0, [tree]
    while pending:
        it = pending.pop()
        if isinstance(it, Items):
            count += 1
            pending += [part for part in it.items if isinstance(part, (Items, Keyed))]
        elif isinstance(it, Keyed):
            count += 1
            pending += [part for pair in it.pairs for part in pair if isinstance(part, (Items, Keyed))]
    return count
