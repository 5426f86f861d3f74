"""Parse msgpack to a tree, including the arrays of msgpack-numpy.

Sources: the msgpack specification (github.com/msgpack/msgpack, spec.md) and msgpack-numpy's `encode`. The parser keeps
its own stack and does not allocate what a header declares: every item takes at least one byte, so no more items can be
read than there are bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.decoders.trees.number_lists import empty, sizes_of
from datacheck.decoders.trees.storages import array_of
from datacheck.decoders.trees.tree import Flawed, Items, Keyed, Node, Opaque, Parsed, Run
from datacheck.model.finding import Finding, found

DEPTH = 128
"""Maximum nesting depth of lists and maps."""
CONTAINERS = 1 << 20
"""Maximum number of lists and maps per record; each is an object in memory."""
RUN = 8
"""Minimum length of lists that are checked for numbers of equal width."""
SMALL = 64
"""Bytes up to this size are copied; longer ones are views."""
SINGLE = 0xCA
"""The mark of a 32-bit float; this width is kept in lists only if they are read as a run."""
NUMBERS: dict[int, tuple[Callable[..., tuple[Any, ...]], int]] = {
    mark: (struct.Struct(f">{code}").unpack_from, size)
    for mark, code, size in (
        (0xCA, "f", 4), (0xCB, "d", 8), (0xCC, "B", 1), (0xCD, "H", 2), (0xCE, "I", 4), (0xCF, "Q", 8),
        (0xD0, "b", 1), (0xD1, "h", 2), (0xD2, "i", 4), (0xD3, "q", 8),
    )
}  # fmt: skip
RUNS = {
    mark: np.dtype([("mark", "u1"), ("value", kind)])
    for mark, kind in (
        (0xCA, ">f4"), (0xCB, ">f8"), (0xCC, "u1"), (0xCD, ">u2"), (0xCE, ">u4"), (0xCF, ">u8"),
        (0xD0, "i1"), (0xD1, ">i2"), (0xD2, ">i4"), (0xD3, ">i8"),
    )
}  # fmt: skip
"""The marks of numbers, and the memory layout of a run of such numbers."""
WORDS = {
    0xC0: None,
    0xC2: False,
    0xC3: True,
    **{it: it if it < 128 else it - 256 for it in (*range(128), *range(224, 256))},
}
"""The values of single bytes."""
BIN, EXT, STR, ARRAY, MAP = "bytes", "an extension", "a text", "a list", "a map"
FIXED = {
    **{0x80 + it: (MAP, it) for it in range(16)},
    **{0x90 + it: (ARRAY, it) for it in range(16)},
    **{0xA0 + it: (STR, it) for it in range(32)},
    **{0xD4 + it: (EXT, 1 << it) for it in range(5)},
}
"""The marks that include the length."""
SIZED = {
    0xC4: (BIN, 1), 0xC5: (BIN, 2), 0xC6: (BIN, 4), 0xC7: (EXT, 1), 0xC8: (EXT, 2), 0xC9: (EXT, 4),
    0xD9: (STR, 1), 0xDA: (STR, 2), 0xDB: (STR, 4), 0xDC: (ARRAY, 2), 0xDD: (ARRAY, 4), 0xDE: (MAP, 2), 0xDF: (MAP, 4),
}  # fmt: skip
"""The marks that are followed by a length, with the size of that length in bytes."""
TIMESTAMP = 0xFF
ANNOUNCED, ANNOUNCEMENT = 5, 160
"""Number of entries in a map that msgpack-numpy writes for an array, and of bytes within which its values begin."""
BIN_WIDTHS = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4}


class Wrong(Exception):
    """The bytes cannot be read, for the reason in the finding."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding)
        self.finding = finding


def is_msgpack(value: bytes | memoryview) -> bool:
    """Check whether a value is a msgpack map or list that ends where the value does.

    There is no magic, and nearly any byte begins some item, so only values that parse up to the last byte are accepted.
    """
    if len(value) < 2 or not (0x80 <= value[0] <= 0x9F or 0xDC <= value[0] <= 0xDF):
        return False
    try:
        _, end = walk(memoryview(value))
    except Wrong:
        return False
    return end == len(value)


def parse_msgpack(value: bytes | memoryview) -> Parsed:
    """Return the tree of one msgpack value."""
    findings: list[Finding] = []
    try:
        tree, end = walk(memoryview(value))
    except Wrong as wrong:
        return Parsed(None, [wrong.finding])
    rest = len(value) - end
    if rest and (isinstance(tree, int | float | None) or (rest >= end and bytes(value[end:]).strip(b"\0"))):
        message = f"not msgpack: it begins with {bytes(value[:8]).hex(' ')}"
        return Parsed(None, [found("undecodable", message, offset=end)])
    if rest:
        message = f"{rest} bytes after the end of the msgpack value"
        findings.append(found("trailing-data", message, offset=end, size=rest))
    return Parsed(tree, findings)


@dataclass(frozen=True, slots=True)
class Reading:
    """How a walk reads single bytes, numbers by their mark, texts and bytes, and lists of numbers."""

    words: dict[int, Any]
    numbers: dict[int, tuple[Callable[..., tuple[Any, ...]], int]]
    leaf: Callable[[memoryview, str, int, int], Node]
    run: Callable[[memoryview, int, int], tuple[Items, int] | None]


def walk(view: memoryview, reading: Reading | None = None, start: int = 0) -> tuple[Node, int]:
    """Return the tree of the value at an offset, and the offset behind it; raises Wrong."""
    tables = PLAIN if reading is None else reading
    words, numbers, leaf, run = tables.words, tables.numbers, tables.leaf, tables.run
    at, size = start, len(view)
    items: list[Any] = []
    remaining, keyed = 1, False
    containers = 0
    stack: list[tuple[list[Any], int, bool]] = []
    while True:
        while not remaining:
            if not stack:
                return items[0], at
            container = _mapping(items) if keyed else Items(items)
            items, remaining, keyed = stack.pop()
            items.append(container)
        if at >= size:
            raise Wrong(_truncated(size, "where an item is expected"))
        mark = view[at]
        at += 1
        remaining -= 1
        if mark in words:
            items.append(words[mark])
            continue
        if mark in numbers:
            unpack, width = numbers[mark]
            if at + width > size:
                raise Wrong(_truncated(size, "inside a number"))
            items.append(unpack(view, at)[0])
            at += width
            continue
        kind, length, at = _header(view, mark, at)
        if kind not in (ARRAY, MAP):
            items.append(leaf(view, kind, at, length))
            at += length + (kind == EXT)
            continue
        part_and_end: tuple[Node, int] | None
        part_and_end = run(view, at, length) if kind == ARRAY else _numpy_array(view, at, length)
        if part_and_end is not None:
            part, at = part_and_end
            items.append(part)
            continue
        stack.append((items, remaining, keyed))
        items, remaining, keyed = [], length << (kind == MAP), kind == MAP
        containers += 1
        if len(stack) > DEPTH or containers > CONTAINERS:
            raise Wrong(_too_large(len(stack)))


def _header(view: memoryview, mark: int, at: int) -> tuple[str, int, int]:
    """Return the kind that the mark before `at` stands for, its length, and the offset of its content; raises Wrong."""
    if mark in FIXED:
        kind, length = FIXED[mark]
    elif mark in SIZED:
        kind, width = SIZED[mark]
        if at + width > len(view):
            raise Wrong(_truncated(len(view), f"inside the length of {kind}"))
        length = int.from_bytes(view[at : at + width], "big")
        at += width
    else:
        raise Wrong(found("undecodable", f"not msgpack: the byte c1 at {at - 1}, which means nothing", offset=at - 1))
    least = length << (kind == MAP)  # an item takes at least one byte
    if at + least + (kind == EXT) > len(view):
        raise Wrong(_truncated(len(view), f"inside {kind} of {length} {'items' if kind in (ARRAY, MAP) else 'bytes'}"))
    return kind, length, at


def leaf(view: memoryview, kind: str, at: int, length: int) -> Node:
    if kind == EXT:
        return Opaque("datetime.datetime") if view[at] == TIMESTAMP else _extension(view[at + 1 : at + 1 + length])
    if kind == STR:
        try:
            return str(view[at : at + length], "utf-8")
        except UnicodeDecodeError:
            pass  # bytes, which were stored as texts before msgpack 2.0
    part = view[at : at + length]
    return bytes(part) if length <= SMALL else part


def _extension(content: memoryview) -> Node:
    """Return the array that Flax packs into an extension, as a list of shape, dtype and bytes; else the bytes."""
    if len(content) > 4 and content[0] == 0x93:
        with suppress(Wrong):
            tree, end = walk(content, Reading(WORDS, NUMBERS, _flat_leaf, run))
            if isinstance(tree, Items) and end == len(content) and len(tree.items) == 3:
                shape, dtype, raw = tree.items
                sizes, name = sizes_of(shape), dtype if isinstance(dtype, str) else ""
                if sizes is not None and isinstance(raw, bytes | memoryview):
                    made = array_of(name, sizes, raw)
                    return content if made is None else made
    return bytes(content) if len(content) <= SMALL else content


def _flat_leaf(view: memoryview, kind: str, at: int, length: int) -> Node:
    """Return a text or bytes; extensions in an extension are not followed."""
    return None if kind == EXT else leaf(view, kind, at, length)


def run(view: memoryview, at: int, length: int) -> tuple[Items, int] | None:
    """Return the numbers of a list whose items all have the same mark, and the offset behind them, or None.

    Integers become int64, whatever their stored width; if one is too large for int64, all become float64.
    """
    if length < RUN and (not length or view[at] != SINGLE):
        return None
    mark = view[at]
    if mark < 0x80 or mark >= 0xE0:
        small = np.frombuffer(view, np.int8, length, at)
        return (Items([Run(small.astype(np.int64))]), at + length) if small.min() >= -32 else None
    kind = RUNS.get(mark)
    if kind is None or at + length * kind.itemsize > len(view):
        return None
    pairs = np.frombuffer(view, kind, length, at)
    if (pairs["mark"] != mark).any():
        return None
    values = pairs["value"]
    if kind["value"].kind == "f":
        return Items([Run(values.astype(kind["value"].newbyteorder("=")))]), at + pairs.nbytes
    wide = kind["value"].kind == "u" and kind["value"].itemsize == 8 and values.max() >= 1 << 63
    return Items([Run(values.astype(np.float64 if wide else np.int64))]), at + pairs.nbytes


def _numpy_array(view: memoryview, at: int, length: int) -> tuple[NDArray[Any], int] | None:
    """Return the array of a map whose items begin at `at`, and the offset behind it, if msgpack-numpy wrote it plainly.

    The arrays of a store begin with the same bytes, which are parsed only once. Return None for any other map.
    """
    if length != ANNOUNCED:
        return None
    head = bytes(view[at : at + ANNOUNCEMENT])
    where = head.find(b"data")
    if where < 0 or b"nd" not in head[:4]:
        return None
    start = where + 4
    width = BIN_WIDTHS.get(head[start] if start < len(head) else 0)
    announced = _announced(head[:start])
    if width is None or announced is None:
        return None
    dtype, sizes, size = announced
    begin = at + start + 1 + width
    if int.from_bytes(view[begin - width : begin], "big") != size or begin + size > len(view):
        return None
    return np.frombuffer(view, dtype, size // dtype.itemsize, begin).reshape(sizes), begin + size


PLAIN = Reading(WORDS, NUMBERS, leaf, run)


@lru_cache(maxsize=1024)
def _announced(head: bytes) -> tuple[np.dtype[Any], list[int], int] | None:
    """Return the dtype, shape and size in bytes of an array from its map's items up to the key "data", or None."""
    try:
        tree, end = walk(memoryview(b"\x9a" + head + b"\xc4\0"))
    except Wrong:
        return None
    if not isinstance(tree, Items) or end != len(head) + 3:
        return None
    names = [it.decode("latin-1") if isinstance(it, bytes) else it for it in tree.items[::2]]
    nd, type_name, kind, shape, data = tree.items[1::2]
    if names != ["nd", "type", "kind", "shape", "data"] or nd is not True or kind in ("O", b"O") or data != b"":
        return None
    dtype, sizes = _dtype(type_name), sizes_of(shape)
    if dtype is None or sizes is None or not prod(sizes) * dtype.itemsize:
        return None
    return dtype, sizes, prod(sizes) * dtype.itemsize


def _mapping(items: list[Any]) -> Node:
    """Return a map, or the array, number or complex number that msgpack-numpy writes as a map."""
    if len(items) in (4, 6, 8, 10):
        names = [
            it.decode("latin-1") if isinstance(it, bytes) else it for it in items[::2] if isinstance(it, (bytes, str))
        ]
        if len(names) == len(items) // 2 and ("nd" in names or "complex" in names):
            values = dict(zip(names, items[1::2], strict=True))
            result = _array(values) if "nd" in values else _complex(values)
            if result is not None:
                return result
    return Keyed(list(zip(items[::2], items[1::2], strict=True)))


def _complex(values: dict[Any, Any]) -> Node:
    text = values.get("data")
    text = text.decode("latin-1") if isinstance(text, bytes) else text
    if values.get("complex") is not True or not isinstance(text, str) or len(text) > SMALL:
        return None
    try:
        return complex(text)
    except ValueError:
        return None


def _array(values: dict[Any, Any]) -> Node:
    """Return the array or scalar that a map of msgpack-numpy represents, or None if it is not one of those."""
    data = values.get("data")
    if isinstance(data, str):
        data = data.encode()
    kind, shape = values.get("kind", ""), values.get("shape")
    if not isinstance(data, bytes | memoryview) or not isinstance(values["nd"], bool):
        return None
    if kind in ("O", b"O"):
        return data  # a pickle
    dtype = _dtype(values.get("type"))
    sizes = [] if not values["nd"] else sizes_of(shape)
    if dtype is None or sizes is None:
        return None
    if prod(sizes) * dtype.itemsize != len(data):
        shown = " x ".join(map(str, sizes)) or "one"
        expected = prod(sizes) * dtype.itemsize
        message = f"an array of {shown} {dtype} takes {expected} bytes, and has {len(data)}"
        return Flawed("size-mismatch", message)
    if not len(data):
        return empty(sizes, dtype)
    return np.frombuffer(data, dtype).reshape(sizes)


def _dtype(type_node: Node) -> np.dtype[Any] | None:
    """Return the dtype that msgpack-numpy stores as NumPy's `str`, or as `descr` if it is structured, or None."""
    if isinstance(type_node, bytes):
        type_node = type_node.decode("latin-1")
    if isinstance(type_node, str):
        return _named_dtype(type_node) if len(type_node) <= SMALL else None
    try:
        dtype = np.dtype(_descr(type_node, 0))
    except (TypeError, ValueError, SyntaxError):
        return None
    return None if dtype.hasobject else dtype


@lru_cache(maxsize=256)
def _named_dtype(name: str) -> np.dtype[Any] | None:
    try:
        dtype = np.dtype(name)
    except (TypeError, ValueError, SyntaxError):
        return None
    return None if dtype.hasobject else dtype


def _descr(type_node: Node, depth: int) -> Any:
    """Return the name of a dtype, or the dtype of a `descr` in NumPy's form: names, types and optional shapes."""
    if isinstance(type_node, bytes | str):
        return type_node.decode("latin-1") if isinstance(type_node, bytes) else type_node
    if not isinstance(type_node, Items) or depth > 8:
        raise TypeError
    fields: list[Any] = []
    for it in type_node.items:
        if not isinstance(it, Items) or len(it.items) not in (2, 3):
            raise TypeError
        name, kind = _descr(it.items[0], 9), _descr(it.items[1], depth + 1)
        sizes = sizes_of(it.items[2]) if len(it.items) == 3 else []
        if sizes is None or not isinstance(name, str) or prod(sizes) > 1 << 20:
            raise TypeError
        fields.append((name, kind, tuple(sizes)) if sizes else (name, kind))
    return _without_padding(np.dtype(fields), [name for name, *_ in fields])


def _without_padding(dtype: np.dtype[Any], names: list[str]) -> np.dtype[Any]:
    """Return a structured dtype without the members that have no name, which `descr` uses for padding."""
    kept = [
        (*places[:2], member)
        for name, (member, places) in zip(names, (dtype.fields or {}).items(), strict=True)
        if name
    ]
    if len(kept) == len(names):
        return dtype
    formats, offsets, members = zip(*kept, strict=True) if kept else ((), (), ())
    return np.dtype({"names": members, "formats": formats, "offsets": offsets, "itemsize": dtype.itemsize})


def _truncated(size: int, where: str) -> Finding:
    return found("truncated", f"ends at byte {size}, {where} of msgpack", size=size)


def _too_large(depth: int) -> Finding:
    deep = f"lists and maps lie in each other more than {DEPTH} deep"
    message = deep if depth > DEPTH else f"there are more than {CONTAINERS} lists and maps"
    return found("too-large", f"{message}, which is not followed", verdict="unverifiable")
