"""Convert one record to Python's arrays, numbers, texts and bytes. Runs in a worker.

Nothing is unpickled: containers become lists and dicts, whatever class they had.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from datacheck.decoders import JOINT, decoder, kind
from datacheck.decoders.pictures.picture import sniff
from datacheck.decoders.trees.leaves import unboxed
from datacheck.decoders.trees.lists import rectangle
from datacheck.decoders.trees.paths import spelled
from datacheck.decoders.trees.tree import Flawed, Items, Keyed, Node, Opaque, Run, Widened
from datacheck.model.batch import Batch
from datacheck.model.blocks import Block, RowBlock
from datacheck.model.cells import RAGGED
from datacheck.model.finding import Finding, found
from datacheck.model.forced import Forced
from datacheck.model.profile import UNKNOWN, FamilyProfile, Profile
from datacheck.scanning.judging.columns import CellBlock, cell_blocks, full_and_empty, ragged_batches
from datacheck.showing.describing import payload_of
from datacheck.showing.fields import Parsing

if TYPE_CHECKING:
    from numpy.typing import NDArray

BARE = frozenset({"picture", "npy", "raw", "decimal", "text", "byte"})
"""Payloads that are one value, and no mapping of fields."""
DEEPEST = 100
"""Maximum depth of nesting that is converted; Python's own recursion limit is not far beyond it."""
REPEATED, LEAST = 16, 1 << 16
"""Limits of repetition in a record.

Its parts, counted as often as they occur, may be REPEATED times as many as its distinct nodes. Up to LEAST parts are
always allowed.
"""
FIRM = 1 << 60
"""Integer keys of this size and larger become texts: for chosen ones, a dict takes time quadratic in their number."""
ARRAYS = "biufcSUVMm"
"""The kinds of dtype that arrays may have."""


class NotConvertible(Exception):
    """Raised if there is no value for a record; `finding` says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding)
        self.finding = finding


def tree_of(block: Any, row: int, profile: Profile, forced: Forced) -> Any:
    """Return what the record at `row` of a block holds. Raises NotConvertible."""
    finding = next((it for at, it in block.findings if at == row and it.verdict != "suspicious"), None)
    if finding is not None:
        raise NotConvertible(finding)
    if isinstance(block, RowBlock):
        return _row_value(block.take([row]), profile)
    value = block.values[row]
    name, family = payload_of(block.take([row]), profile, forced)
    if not len(value):
        if name == "text":
            return ""
        raise NotConvertible(found("empty", "the value has zero bytes"))
    return _payload(block, row, name, family)


def _payload(block: Block, row: int, name: str | None, family: FamilyProfile | None) -> Any:
    """Return the content of a value that is a payload with this name."""
    value = block.values[row]
    if name is None or name.endswith(UNKNOWN):
        return bytes(value)
    *wrappers, inner = name.split(JOINT)
    if inner == "text":
        return _peel(wrappers, value).decode("utf-8", "surrogateescape")
    payload_decoder = decoder(inner)
    if isinstance(payload_decoder, Parsing):
        parsed = payload_decoder.parse(_peel(wrappers, value))
        _raise_if_unread(parsed.findings)
        return _Converter().convert(parsed.tree)
    fields: dict[str, Any] = {}
    for item in decoder(name).decode(block, [row], family):
        if isinstance(item, Batch):
            if len(item.rows):
                fields[item.field] = _array_value(item.values[0])
        else:
            _raise_if_unread([item[1]])
    if inner == "decimal" and (integer := re.fullmatch(rb"\s*([+-]?[0-9]+)\s*", _peel(wrappers, value))):
        return int(integer[1])
    if not fields:  # sound and video, which are walked and not decoded
        return _peel(wrappers, value)
    return next(iter(fields.values())) if inner in BARE and len(fields) == 1 else fields


def _peel(wrappers: Sequence[str], value: bytes | memoryview) -> bytes:
    from datacheck.decoders.wrappers.table import peel

    if not wrappers:
        return bytes(value)
    peeled = peel(tuple(wrappers), value)
    if not peeled.sound:
        raise NotConvertible(found("undecodable", f"the {wrappers[0]} around it is broken"))
    return bytes(peeled.value)


def _raise_if_unread(findings: Sequence[Finding]) -> None:
    """Raise NotConvertible for the first finding that says that the record could not be read to its end."""
    for it in findings:
        if it.verdict != "suspicious":
            raise NotConvertible(it)


def _row_value(block: RowBlock, profile: Profile) -> Any:
    """Return the columns of the one row of a block, or only the values if the row is of a dataset that is a record."""
    numbers, cells = cell_blocks(block, profile.families.get(block.table) or FamilyProfile("rows", 0))
    columns: dict[str, Any] = {name: _array_value(values[0]) for name, values in numbers.columns.items()}
    columns.update((cell.column, _cell_value(cell, profile, block.table)) for cell in cells)
    return next(iter(columns.values())) if block.called and len(columns) == 1 else columns


def _cell_value(cell: CellBlock, profile: Profile, table: str) -> Any:
    """Return what the one cell of a column holds, or None if it was never written, or is empty."""
    row_family = profile.families.get(table)
    family = None if row_family is None else row_family.columns.get(cell.column)
    full, _ = full_and_empty(cell)
    if not full:
        return None
    if cell.holds == RAGGED:
        return next((_array_value(it.values[0]) for it in ragged_batches(cell, full, family)), None)
    name = kind(cell.values[0]) if family is None or family.decoder == UNKNOWN else family.decoder
    return _payload(cell, 0, name, family)


def _array_value(values: NDArray[Any]) -> Any:
    """Return a copy of an array in the byte order of the machine; without axes it becomes a number or a text."""
    array = np.asarray(values)
    if array.dtype.kind not in ARRAYS:
        return Opaque(str(array.dtype))
    if array.ndim:
        return np.array(array, array.dtype.newbyteorder("="), order="C")
    scalar = array.item()
    return scalar.decode("utf-8", "surrogateescape") if isinstance(scalar, bytes) else scalar


class _Converter:
    """A conversion of the nodes of one record's tree to Python objects: shared parts stay shared, and are made once."""

    def __init__(self) -> None:
        self._converted: dict[int, tuple[Any, int]] = {}
        self._open: set[int] = set()
        self._kept_nodes: list[Node] = []
        """Nodes, which must live as long as their ids are looked up."""

    def convert(self, node: Node, depth: int = 0) -> Any:
        """Return the object for a node, with all that is in it. Raises NotConvertible."""
        return self._convert_sized(node, depth)[0]

    def _convert_sized(self, boxed: Node, depth: int) -> tuple[Any, int]:
        """Return the object for a node, and the number of parts in it, each counted as often as it occurs."""
        node = unboxed(boxed)
        if node is None or isinstance(node, (str, int, float, complex)):
            return node, 1
        if id(node) in self._converted:
            return self._converted[id(node)]
        if id(node) in self._open:
            raise NotConvertible(found("unsupported", "the record holds itself, so it is not a tree"))
        if depth > DEEPEST:
            raise NotConvertible(found("too-large", f"nested more than {DEEPEST} deep", verdict="unverifiable"))
        self._open.add(id(node))
        self._kept_nodes.append(node)
        result, size = (
            self._convert_container(node, depth + 1)
            if isinstance(node, Items | Keyed)
            else (self._convert_leaf(node), 1)
        )
        if size > max(LEAST, REPEATED * len(self._kept_nodes)):
            raise NotConvertible(
                found("too-large", "its parts repeat one another over and over", verdict="unverifiable")
            )
        self._open.remove(id(node))
        self._converted[id(node)] = result, size
        return result, size

    def _convert_container(self, node: Items | Keyed, depth: int) -> tuple[Any, int]:
        if isinstance(node, Keyed):
            return self._convert_mapping(node, depth)
        values = rectangle(node) if node.items else None
        if values is not None:
            return _array_value(values), 1
        return self._convert_list(node.items, depth)

    def _convert_list(self, nodes: Sequence[Node], depth: int) -> tuple[list[Any], int]:
        result: list[Any] = []
        size = 1
        for it in nodes:
            if isinstance(it, Run):
                result += it.values.tolist()
                size += 1
                continue
            value, parts = self._convert_sized(it, depth)
            result.append(value)
            size += parts
        return result, size + len(result)

    def _convert_mapping(self, node: Keyed, depth: int) -> tuple[Any, int]:
        """Return a dict; of several items with the same key the last is kept, as a loader would do."""
        items, size = self._convert_list(node.items, depth) if node.items else ([], 1)
        if items and not node.pairs:
            return (items[0] if len(items) == 1 else items), size
        result: dict[Any, Any] = {}
        for key, value in node.pairs:
            result[_mapping_key(key)], parts = self._convert_sized(value, depth)
            size += parts
        result.update((f"[{at}]", it) for at, it in enumerate(items))
        return result, size

    def _convert_leaf(self, node: Any) -> Any:
        """Return the object for a node without parts: the pixels of pictures in bytes, and opaque nodes as they are."""
        if isinstance(node, Flawed):
            raise NotConvertible(found(node.code, node.message))
        if isinstance(node, (Run, Widened)):
            return _array_value(node.values)
        if isinstance(node, (bytes, memoryview)):
            return _picture_array(bytes(node)) if sniff(node) else bytes(node)
        return node if isinstance(node, Opaque) else _array_value(node)


def _picture_array(raw: bytes) -> Any:
    return _payload(Block([b""], [raw]), 0, "picture", None)


def _mapping_key(boxed: Node) -> Any:
    """Return a key of a mapping: a text, bytes or a number that is not large; otherwise the spelling that paths use.

    A whole float would be the same key as an integer, so it becomes a text, too.
    """
    key = unboxed(boxed)
    if key is None or isinstance(key, (str, bytes)) or (isinstance(key, int) and abs(key) < FIRM):
        return key
    return bytes(key) if isinstance(key, memoryview) else spelled(key)
