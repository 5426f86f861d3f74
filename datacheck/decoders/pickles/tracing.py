"""Find the bytes of a pickle that are only values: records of one layout differ in nothing else.

A record is walked once more, with numbers and texts that know their offsets. Those that end up as leaves of the tree,
and had no influence on how it was built (as a key, a shape, a name), may differ in another record of the same layout.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from datacheck.decoders.interface import Value
from datacheck.decoders.npy_bytes import objects_at
from datacheck.decoders.pickles.machine import Machine
from datacheck.decoders.pickles.opcodes import OPERATIONS
from datacheck.decoders.pickles.parts import Broken
from datacheck.decoders.trees.leaves import Leaf, leaves, unboxed
from datacheck.decoders.trees.places import NODES, Place, Traced, TracedFloat, TracedInt, TracedText, of_array
from datacheck.decoders.trees.tree import Box, Items, Keyed, Node


class Tracer(Machine):
    """A machine whose numbers and texts are Traced; `used` has the ids of those that affected the tree's structure."""

    operations: ClassVar[list[Callable[[Machine], None] | None]] = list(Machine.operations)

    def __init__(self, value: Value) -> None:
        super().__init__(value)
        self.used: set[int] = set()
        self.kept: list[Node] = []
        """The used nodes, kept alive so that their ids stay unique."""

    def use(self, *nodes: Node) -> None:
        """Record that these nodes, and all nodes inside them, influenced the result."""
        pending = [*nodes]
        seen: set[int] = set()
        self.kept += nodes
        while pending:
            node = pending.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            self.left -= 1
            if isinstance(node, Traced):
                self.used.add(id(node))
            elif isinstance(node, Box):
                pending.append(node.node)
            elif isinstance(node, Items):
                pending += node.items
            elif isinstance(node, Keyed):
                pending += node.items
                pending += [it for pair in node.pairs for it in pair]

    def call(self, function: Node, arguments: Node) -> Node:
        self.use(function, arguments)
        return super().call(function, arguments)


def _tracing_operation(code: int, kind: type[Any], size: int, dtype: str) -> Callable[[Machine], None]:
    """Return an operation that pushes a Traced value of `size` bytes, or of a text's length if `size` is 0."""
    plain = OPERATIONS[code]

    def operation(machine: Machine) -> None:
        start = machine.at
        plain(machine)
        traced = kind(machine.stack[-1])
        head = {0x58: 4, 0x8C: 1, 0x8D: 8}.get(code, 0)
        traced.at, traced.size, traced.dtype = start + head, size or machine.at - start - head, dtype
        machine.stack[-1] = traced

    return operation


def _using_operation(code: int, count: int) -> Callable[[Machine], None]:
    """Return an operation that is influenced by the `count` nodes at the top of the stack."""
    plain = OPERATIONS[code]

    def operation(machine: Machine) -> None:
        assert isinstance(machine, Tracer)
        machine.use(*machine.stack[-count:])
        plain(machine)

    return operation


for _code, _kind, _size, _dtype in (
    (0x4B, TracedInt, 1, "u1"), (0x4D, TracedInt, 2, "<u2"), (0x4A, TracedInt, 4, "<i4"),
    (0x47, TracedFloat, 8, ">f8"),
    (0x58, TracedText, 0, ""), (0x8C, TracedText, 0, ""), (0x8D, TracedText, 0, ""),
):  # fmt: skip
    Tracer.operations[_code] = _tracing_operation(_code, _kind, _size, _dtype)
for _code, _count in ((0x93, 2), (0x62, 2), (0x92, 3), (0x51, 1)):
    Tracer.operations[_code] = _using_operation(_code, _count)


def places(value: Value) -> tuple[list[Leaf], list[Place | None], NDArray[np.bool_]] | None:
    """Return a record's leaves, the places of their values (None if fixed) and which bytes are fixed.

    Return None if anything is wrong with the record or it has more than NODES leaves.
    """
    tracer = Tracer(value)
    tracer.at = objects_at(value) or 0
    try:
        tree = tracer.run()
    except Broken:
        return None
    walked = leaves(tree)
    if tracer.at != tracer.end or walked.findings or len(walked.leaves) > NODES:
        return None
    _use_keys(tracer, tree)
    raw = np.frombuffer(tracer.raw, np.uint8)
    fixed = np.ones(len(raw), np.bool_)
    found_places: list[Place | None] = []
    for leaf in walked.leaves:
        node = leaf.node
        place: Place | None = None
        if isinstance(node, Traced):
            if id(node) not in tracer.used:
                place = Place(node.at, node.size, node.dtype)
                fixed[place.at : place.at + place.size] = False
        elif leaf.values.size and leaf.values.dtype.kind in "biufc":
            place = of_array(leaf.values, raw)
            if place is not None:
                width = leaf.values.dtype.itemsize
                strides = (*place.strides, 1)
                as_strided(fixed[place.at :], (*place.shape, width), strides)[...] = False
        found_places.append(place)
    return walked.leaves, found_places, fixed


def _use_keys(tracer: Tracer, tree: Node) -> None:
    """Record the keys of all mappings in a tree as used, and values that occur in several places."""
    pending: list[Node] = [tree]
    seen: set[int] = set()
    while pending:
        node = unboxed(pending.pop())
        if id(node) in seen:
            if isinstance(node, Traced):
                tracer.use(node)
            continue
        seen.add(id(node))
        if isinstance(node, Items):
            pending += node.items
        elif isinstance(node, Keyed):
            tracer.use(*(key for key, _ in node.pairs))
            pending += node.items
            pending += [value for _, value in node.pairs]
