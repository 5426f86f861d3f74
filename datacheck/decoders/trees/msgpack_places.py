"""Find the bytes of a msgpack value that are only values: records of one layout differ in nothing else.

The value is walked once more, with numbers and texts that know their offsets. Keys, and the description of an array's
dtype and shape, are not leaves of the tree, and are fixed. A number of one byte is its own mark: it may be any other
one from 0 to 127.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from datacheck.decoders.interface import Value
from datacheck.decoders.trees import msgpack
from datacheck.decoders.trees.leaves import Leaf, leaves
from datacheck.decoders.trees.places import NODES, Place, Traced, TracedFloat, TracedInt, TracedText, of_array
from datacheck.decoders.trees.tree import Items, Keyed, Node, Run

OWN_MARK = "|u1"
"""The dtype of a number that is its own mark; a number of one byte after a mark has "u1"."""
LARGE = 0xCF
"""The mark of an unsigned 64-bit integer, which becomes a float if it does not fit a signed one."""
DECIDE = ("nd", b"nd", "complex", b"complex")
"""Keys of the maps that msgpack-numpy writes."""
WORDS: dict[int, Any] = {0xC0: None, 0xC2: False, 0xC3: True, **{mark: mark - 256 for mark in range(224, 256)}}


def _traced(mark: int) -> Callable[[memoryview, int], tuple[Any, ...]]:
    """Return a function that reads the number behind this mark and stores its place in it."""
    unpack, width = msgpack.NUMBERS[mark]
    dtype = msgpack.RUNS[mark]["value"].str.replace("|", "")

    def number(view: memoryview, at: int) -> tuple[Any, ...]:
        (value,) = unpack(view, at)
        return (_with_place((TracedFloat if isinstance(value, float) else TracedInt)(value), at, width, dtype),)

    return number


def _own_mark(view: memoryview, at: int) -> tuple[Any, ...]:
    return (_with_place(TracedInt(view[at - 1]), at - 1, 1, OWN_MARK),)


def _with_place(traced: Any, at: int, size: int, dtype: str) -> Any:
    traced.at, traced.size, traced.dtype = at, size, dtype
    return traced


NUMBERS: dict[int, tuple[Callable[..., tuple[Any, ...]], int]] = {
    **{mark: (_traced(mark), width) for mark, (_, width) in msgpack.NUMBERS.items() if mark != LARGE},
    LARGE: msgpack.NUMBERS[LARGE],
    **dict.fromkeys(range(128), (_own_mark, 0)),
}


def _leaf(view: memoryview, kind: str, at: int, length: int) -> Node:
    result = msgpack.leaf(view, kind, at, length)
    if isinstance(result, str):
        text: Node = _with_place(TracedText(result), at, length, "")
        return text
    return result


def _run(view: memoryview, at: int, length: int) -> tuple[Items, int] | None:
    """Return the numbers of a list as views of the record, if they are read as a run."""
    plain = msgpack.run(view, at, length)
    if plain is None or view[at] == LARGE:
        return plain
    kind = msgpack.RUNS.get(view[at])
    if kind is not None:
        return Items([Run(np.frombuffer(view, kind, length, at)["value"])]), plain[1]
    small = np.frombuffer(view, np.int8, length, at)
    return (Items([Run(small)]), plain[1]) if small.min() >= 0 else plain


TRACING = msgpack.Reading(WORDS, NUMBERS, _leaf, _run)


def places(value: Value) -> tuple[list[Leaf], list[Place | None], NDArray[np.bool_]] | None:
    """Return a record's leaves, the places of their values (None if fixed) and which bytes are fixed.

    Return None if anything is wrong with the record or it has more than NODES leaves.
    """
    view = memoryview(value)
    try:
        tree, end = msgpack.walk(view, TRACING)
    except msgpack.Wrong:
        return None
    walked = leaves(tree)
    if end != len(view) or walked.findings or len(walked.leaves) > NODES:
        return None
    deciding = _deciding_ids(tree)
    raw = np.frombuffer(view, np.uint8)
    fixed = np.ones(len(raw), np.bool_)
    found_places: list[Place | None] = []
    for leaf in walked.leaves:
        place = None
        if isinstance(leaf.node, Traced):
            node = leaf.node
            if id(node) not in deciding:
                place = Place(node.at, node.size, node.dtype, small=node.dtype == OWN_MARK)
        elif leaf.values.size and leaf.values.dtype.kind in "biufc":
            place = _list_place(leaf, raw, deciding) if leaf.kind == "list" else of_array(leaf.values, raw)
        if place is not None:
            strides, width = (*place.strides, 1), np.dtype(place.dtype or "u1").itemsize
            shape = (*place.shape, width if place.dtype else place.size)
            as_strided(fixed[place.at :], shape, strides)[...] = False
        found_places.append(place)
    return walked.leaves, found_places, fixed


def _list_place(leaf: Leaf, raw: NDArray[np.uint8], deciding: set[int]) -> Place | None:
    """Return the place of the numbers of a (nested) list, or None if they differ in kind or are unevenly spaced."""
    at: list[int] = []
    kinds: set[tuple[str, bool]] = set()
    pending: list[Node] = [leaf.node]
    while pending:
        node = pending.pop()
        if id(node) in deciding:
            return None
        if isinstance(node, Items):
            pending += reversed(node.items)
        elif isinstance(node, Run):
            run_place = of_array(node.values, raw)
            if run_place is None:
                return None
            at += range(run_place.at, run_place.at + node.values.size * run_place.strides[0], run_place.strides[0])
            kinds.add((run_place.dtype, run_place.strides[0] == 1))
        elif isinstance(node, Traced):
            at.append(node.at)
            kinds.add((node.dtype, node.dtype == OWN_MARK))
        else:
            return None
    shape = leaf.values.shape
    if len(kinds) != 1 or len(at) != leaf.values.size:
        return None
    dtype, marks_only = kinds.pop()
    grid = np.array(at).reshape(shape)
    strides = tuple(int(np.diff(grid, axis=axis).flat[0]) if size > 1 else 0 for axis, size in enumerate(shape))
    even = sum((place * stride for place, stride in zip(np.indices(shape), strides, strict=True)), np.zeros(shape, int))
    if (grid - grid.flat[0] != even).any():
        return None
    size = int(grid.flat[-1] - grid.flat[0]) + np.dtype(dtype).itemsize
    if marks_only and size != len(at):  # there are marks of lists between them
        return None
    return Place(at[0], size, dtype, shape, strides, small=marks_only)


def _deciding_ids(tree: Node) -> set[int]:
    """Return the ids of nodes in keys of maps, and of those in maps that could be an array or a complex number.

    Each value of such a map affects whether it is one.
    """
    pending: list[Node] = [tree]
    deciding: set[int] = set()
    deciding_nodes: list[Node] = []
    while pending:
        node = pending.pop()
        if isinstance(node, Items):
            pending += node.items
        elif isinstance(node, Keyed):
            deciding_nodes += (key for key, _ in node.pairs)
            if any(key in DECIDE for key, _ in node.pairs if isinstance(key, (str, bytes))):
                deciding_nodes += (it for _, it in node.pairs)
            pending += (it for _, it in node.pairs)
    while deciding_nodes:
        node = deciding_nodes.pop()
        deciding.add(id(node))
        if isinstance(node, Items):
            deciding_nodes += node.items
        elif isinstance(node, Keyed):
            deciding_nodes += (it for pair in node.pairs for it in pair)
    return deciding
