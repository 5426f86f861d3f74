"""Walk a tree into its leaves by path: without recursion, each shared part only once, and within limits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from datacheck.decoders.npy_bytes import TIMES, no_times_finding, void_message
from datacheck.decoders.pictures.in_arrays import picture_bytes
from datacheck.decoders.trees.data_frames import columns_of
from datacheck.decoders.trees.lists import NOTHING, NUMBERS, is_number, number, rectangle, row
from datacheck.decoders.trees.paths import ROOT, child_path, spelled
from datacheck.decoders.trees.tree import STREAM, Box, Flawed, Items, Keyed, Node, Opaque, Run, Unboxed, Widened
from datacheck.decoders.trees.within import is_suspect, stands_apart
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found

LEAVES = 1 << 13
"""Maximum number of leaves per record; large lists and mappings of similar parts are one leaf each."""
DEPTH = 32
"""Maximum depth to which nested parts are read."""
MANY = 64
"""Longer lists are folded: their numbers, texts and arrays that are alike become a leaf each, at the list's path."""
MANY_KEYS = 256
"""Mappings with more keys are folded in the same way."""
STACKED = 1 << 28
"""Maximum total size in bytes of the arrays of a long list that are stacked."""
SMALL_BYTES = 64
"""Bytes up to this size may be shared by accident, and are never taken for a part that was seen before."""
UNSPELLED = {
    "torch_geometric.": frozenset({"_store", "_mapping", "_global_store", "_node_store_dict", "_edge_store_dict"})
}
"""Attributes that are left out of paths, by prefix of the class name: such objects keep their contents in them."""
PRIVATE = frozenset({"_parent", "_key", "_edge_attr_cls", "_tensor_attr_cls", "_slice_dict", "_inc_dict"})
"""Internal attributes of such objects, which are skipped."""
CALL = "a call of "
"""The beginning of the kind of an object that another object made, as a batch of graphs is."""


class Leaf(msgspec.Struct, frozen=True):
    """A part of a record that has no parts of its own, or that is treated as a whole.

    `kind` is "array", "number", "list", "text", "bytes", "other", or the name of a dtype that NumPy does not have.
    `values` are its numbers, empty if it has none; `raw` are its bytes; `node` is the number, text, list or object
    itself.
    """

    path: str
    kind: str
    values: NDArray[Any]
    raw: bytes | memoryview = b""
    node: Node = None


class Leaves(msgspec.Struct):
    """The leaves of a record; `again` has the paths of broken or repeated parts, `nothing` those of None."""

    leaves: list[Leaf] = msgspec.field(default_factory=list)
    again: list[str] = msgspec.field(default_factory=list)
    nothing: list[str] = msgspec.field(default_factory=list)
    findings: list[Finding] = msgspec.field(default_factory=list)


Parts = Iterator[tuple[str, Node]]


def leaves(tree: Node) -> Leaves:
    """Return the leaves of a tree, in order."""
    return _Walk().walk(tree)


def too_many(name: str) -> Finding:
    """Return the finding about the parts of a record from this one on, which are not judged."""
    message = f"more than {LEAVES} parts; those from {name} on were not judged"
    return found("too-large", message, field=name, verdict="unverifiable")


def unboxed(node: Node) -> Unboxed:
    """Return the content of a box, or of boxes inside it; None if there are more than BOXES."""
    for _ in range(BOXES):
        if not isinstance(node, Box):
            return node
        node = node.node
    return None


BOXES = 8


class _Walk:
    def __init__(self) -> None:
        self._result = Leaves()
        self._seen: set[int] = set()
        self._kept: list[Node] = []
        """Nodes made during the walk, kept alive so that their ids stay unique."""

    def walk(self, tree: Node) -> Leaves:
        result = self._result
        stack: list[Parts] = [iter([("", tree)])]
        deepest = False
        while stack:
            part = next(stack[-1], None)
            if part is None:
                stack.pop()
                continue
            if len(result.leaves) + len(result.again) >= LEAVES:
                result.findings.append(too_many(part[0] or ROOT))
                break
            parts = self._visit(*part)
            if parts is None:
                continue
            if len(stack) <= DEPTH:
                stack.append(parts)
            elif not deepest:
                deepest = True
                message = f"nested more than {DEPTH} deep; what lies below was not judged"
                result.findings.append(found("too-large", message, field=part[0], verdict="unverifiable"))
        return result

    def _visit(self, path: str, node: Node) -> Parts | None:
        """Record a node if it is a leaf, and return its parts if it has any, else None."""
        name = path or ROOT
        if isinstance(node, str):
            self._result.leaves.append(Leaf(name, "text", NOTHING, node=node))
            return None
        node = unboxed(node) if isinstance(node, Box) else node
        if node is None:
            self._result.nothing.append(name)
        elif isinstance(node, str):
            self._result.leaves.append(Leaf(name, "text", NOTHING, node=node))
        elif isinstance(node, (int, float, complex)):
            self._result.leaves.append(Leaf(name, "number", number(node), node=node))
        elif self._is_repeated(node):
            self._result.again.append(name)
        elif isinstance(node, (bytes, memoryview)):
            self._result.leaves.append(Leaf(name, "bytes", NOTHING, node))
        elif isinstance(node, Items):
            return self._list(path, node)
        elif isinstance(node, Keyed):
            columns = columns_of(node)
            if columns is None:
                return self._keyed(path, node)
            self._kept.append(columns)
            return self._keyed(path, columns) if isinstance(columns, Keyed) else iter([(path, columns)])
        else:
            self._bare(name, node)
        return None

    def _list(self, path: str, node: Items) -> Parts | None:
        """Record a list if all of it is texts or an array, and return its parts for any other list."""
        if node.kind == STREAM:
            return self._stream(path, node)
        if node.items and all(isinstance(it, str) for it in node.items):
            self._leaf(path or ROOT, "text", node=node)  # the number of texts is not compared
            return None
        values = rectangle(node)
        if values is None:
            return self._items(path, node.items)
        self._leaf(path or ROOT, "list", values, node)
        return None

    def _stream(self, path: str, node: Items) -> Parts:
        """Yield the payloads of a stream, including those that hold nothing: their number is compared."""
        for at, it in enumerate(node.items):
            if it is None or (isinstance(it, Items) and not it.items) or (isinstance(it, Keyed) and not it.pairs):
                it = Opaque("nothing")
                self._kept.append(it)
            yield f"{path}[{at}]", it

    def _bare(self, name: str, node: Opaque | Run | Widened | Flawed | NDArray[Any]) -> None:
        """Record a node that has no parts."""
        if isinstance(node, Flawed):
            self._flaw(name, node)
        elif isinstance(node, Opaque):
            self._leaf(name, "other", node=node)
        elif isinstance(node, Run):
            self._leaf(name, "list", node.values)
        elif isinstance(node, Widened):
            self._leaf(name, node.dtype, node.values)
        else:
            self._array(name, node)

    def _flaw(self, name: str, node: Flawed) -> None:
        self._result.findings.append(found(node.code, node.message, field=name))
        self._result.again.append(name)

    def _is_repeated(self, node: Unboxed) -> bool:
        """Check whether a part was seen before, and remember it."""
        if isinstance(node, (bytes, memoryview)) and len(node) <= SMALL_BYTES:
            return False
        if id(node) in self._seen:
            return True
        self._seen.add(id(node))
        return False

    def _leaf(self, name: str, kind: str, values: NDArray[Any] = NOTHING, node: Node = None) -> None:
        self._result.leaves.append(Leaf(name, kind, values, node=node))

    def _array(self, name: str, values: NDArray[Any]) -> None:
        """Record an array, or the members of a structured array as if they were keys."""
        pending = [(name, values)]
        while pending:
            name, values = pending.pop()
            if values.dtype.names and len(pending) + len(self._result.leaves) < LEAVES:
                start = "" if name == ROOT else name
                members = [(child_path(start, spelled(it)), values[it]) for it in values.dtype.names]
                pending += reversed(members)
            elif values.dtype.kind in NUMBERS:
                self._leaf(name, "array" if values.ndim else "number", values)
            elif values.dtype.kind == "V" and not values.ndim and values.nbytes > SMALL_BYTES:
                self._result.leaves.append(Leaf(name, "bytes", NOTHING, values.tobytes()))
            elif values.dtype.kind == "V" and not values.dtype.names and values.nbytes:
                self._flaw(name, Flawed("unknown-payload", void_message(values.dtype)))
            else:
                self._leaf(name, "other")
                if values.dtype.kind in TIMES and (finding := no_times_finding(values, name)) is not None:
                    self._result.findings.append(finding)

    def _items(self, path: str, items: Sequence[Node]) -> Parts:
        """Yield the parts of a list; in a long list, parts that are alike are combined first."""
        if len(items) <= MANY:
            for at, it in enumerate(items):
                yield f"{path}[{at}]", it
            return
        rest, together = self._combine(items)
        for it in together:
            self._kept.append(it)
            yield path, it
        for at in rest:
            yield f"{path}[{at}]", items[at]

    def _combine(self, items: Sequence[Node]) -> tuple[list[int], list[Node]]:
        """Return the positions of the items that stay separate, and the nodes that the others are combined to."""
        separate: list[int] = []
        numbers: list[Node] = []
        rows: list[Node] = []
        texts: list[Node] = []
        alike: dict[tuple[tuple[int, ...], np.dtype[Any]], list[NDArray[Any]]] = {}
        size = 0
        for at, boxed in enumerate(items):
            it = unboxed(boxed)
            if it is None:
                continue
            if is_number(it):
                numbers.append(it)
            elif isinstance(it, str):
                if is_suspect(it) and stands_apart(it):
                    separate.append(at)
                else:
                    texts.append(it)
            elif isinstance(it, (bytes, memoryview)) and 0 < len(it) <= SMALL_BYTES:
                texts.append(escape(bytes(it)))
            elif isinstance(it, np.ndarray) and picture_bytes(it, ROOT, None) is not None:
                separate.append(at)
            elif isinstance(it, np.ndarray) and it.dtype.kind in NUMBERS and size + it.nbytes <= STACKED:
                if not self._is_repeated(it):
                    alike.setdefault((it.shape, it.dtype), []).append(it)
                    size += it.nbytes
            elif isinstance(it, Items) and (of_row := row(it.items)) is not None:
                if not self._is_repeated(it):
                    rows.append(Run(of_row))
            else:
                separate.append(at)
        joined = [joined for nodes in (numbers, rows) if nodes and (joined := row(nodes)) is not None]
        stacked = [np.stack(nodes) for nodes in alike.values()]
        return separate, [*(Run(it) for it in joined), *([Items(texts)] if texts else []), *stacked]

    def _keyed(self, path: str, node: Keyed) -> Parts:
        """Yield the contents of a mapping or an object; of equal keys the last one counts, as it does for a loader."""
        kind = node.kind.removeprefix(CALL)
        skipped = next((it for start, it in UNSPELLED.items() if kind.startswith(start)), frozenset())
        chosen = self._values_by_name(path, node)
        names, values = list(chosen), list(chosen.values())
        rest: Sequence[int] = range(len(values))
        if len(chosen) > MANY_KEYS:
            rest, together = self._combine(values)
            for it in together:
                self._kept.append(it)
                yield path, it
        for at in rest:
            if not (skipped and names[at] in PRIVATE):
                yield path if names[at] in skipped else child_path(path, names[at]), values[at]
        yield from self._items(path, node.items)

    def _values_by_name(self, path: str, node: Keyed) -> dict[str, Node]:
        """Return the values by spelled key: the last of equal keys, but all of different keys spelled alike."""
        chosen: dict[str, Node] = {}
        keys: dict[str, Node] = {}
        alike: Counter[str] = Counter()
        for key, value in node.pairs:
            name = spelled(unboxed(key) if isinstance(key, Box) else key)
            if name in chosen:
                before = keys[name]
                if type(before) is type(key) and isinstance(key, (str, bytes, int, float)) and before == key:
                    if not any(it.code == "fields" for it in self._result.findings):
                        message = "the key is there twice; the last one counts"
                        self._result.findings.append(found("fields", message, field=child_path(path, name)))
                else:
                    alike[name] += 1
                    name = f"{name} ({alike[name] + 1})"
            chosen[name], keys[name] = value, key
        return chosen
