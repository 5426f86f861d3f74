"""Rebuild pyarrow arrays from pickles; data frames of pandas use them for texts since pandas 3.

The parts are defined in `pyarrow/array.pxi` (`_restore_array`) and `types.pxi` (`type_for_alias`): type, length, number
of nulls, offset, buffers (the first has a bit for each value that is not null), children, dictionary.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from datacheck.decoders.pickles.arrays import is_integer, text
from datacheck.decoders.trees.tree import Flawed, Items, Keyed, Node, Opaque

NUMBERS = {
    "double": "<f8", "float": "<f4", "halffloat": "<f2",
    **{f"{sign}int{8 * size}": f"<{sign or 'i'}{size}" for sign in ("", "u") for size in (1, 2, 4, 8)},
}  # fmt: skip
"""NumPy dtypes of the numeric types, by Arrow name."""
TEXTS = {"string": "<i4", "large_string": "<i8"}
"""NumPy dtypes of the offsets of texts, by Arrow name."""
NESTED = 8
COPIED = 16
"""Number of copied values that count as one unit of the work that a record may cause."""
COPIED_BYTES = 64
"""Number of copied bytes of texts that do."""

Work = Callable[[int], None]


class ArrowType(Opaque, eq=False):
    """An Arrow type; `name` is its spelling."""

    name: str = ""


def named_type(arguments: Sequence[Node]) -> Node | None:
    """Return the type that `type_for_alias` would return, or None if the argument is not a name."""
    name = text(arguments[0]) if len(arguments) == 1 else None
    return None if name is None else ArrowType(f"pyarrow {name[:40]}", name=name)


def restored(parts: Node, work: Work) -> Node | None:
    """Return the content of an array: its numbers or texts, or those of its children; times have nothing to check.

    `work` is called with the amount of work done, which counts towards the limit of the record.
    """
    return _restored(parts, work, {}, 0)


def _restored(parts: Node, work: Work, restored_parts: dict[tuple[int, int], Node | None], depth: int) -> Node | None:
    """Return the content of an array. Children may occur many times, but are restored only once per depth."""
    key = id(parts), depth
    if key not in restored_parts:
        work(1)
        restored_parts[key] = _array(parts, work, restored_parts, depth)
    return restored_parts[key]


def _array(parts: Node, work: Work, restored_parts: dict[tuple[int, int], Node | None], depth: int) -> Node | None:
    if not isinstance(parts, Items) or len(parts.items) < 6:
        return None
    dtype, length, nulls, offset, buffers, children = parts.items[:6]
    kind = dtype.kind if isinstance(dtype, (Opaque, Keyed)) else "pyarrow array"
    if (
        not isinstance(buffers, Items)
        or not isinstance(children, Items)
        or not (is_integer(length) and is_integer(offset))
    ):
        return None
    if isinstance(dtype, ArrowType) and dtype.name in NUMBERS:
        return _numbers(NUMBERS[dtype.name], length, offset, nulls, buffers.items, work)
    if isinstance(dtype, ArrowType) and dtype.name in TEXTS:
        return _texts(TEXTS[dtype.name], length, offset, buffers.items, work)
    if depth == NESTED:
        return Opaque(kind)
    work(len(children.items))
    contents = [_restored(it, work, restored_parts, depth + 1) for it in children.items]
    return Keyed(kind=kind, items=contents) if contents else Opaque(kind)


def _numbers(dtype: str, length: int, offset: int, nulls: Node, buffers: Sequence[Node], work: Work) -> Node:
    """Return the numbers of an array; nulls do not count and are replaced by a value that is not null, or by 0."""
    raw = buffers[1] if len(buffers) == 2 else None
    plain = np.dtype(dtype)
    if length == 0:
        return np.empty(0, plain)
    if (
        not isinstance(raw, (bytes, memoryview))
        or min(length, offset) < 0
        or (offset + length) * plain.itemsize > len(raw)
    ):
        return Flawed("size-mismatch", f"an array of pyarrow whose {plain} values are not {length} from {offset} on")
    values = np.frombuffer(raw, plain, length, offset * plain.itemsize)
    bits = buffers[0]
    if nulls == 0 or not isinstance(bits, (bytes, memoryview)) or 8 * len(bits) < offset + length:
        return values
    work(length // COPIED)
    valid = np.unpackbits(np.frombuffer(bits, np.uint8), count=offset + length, bitorder="little")[offset:] == 1
    if valid.all():
        return values
    filled = values.copy()
    filled[~valid] = values[valid][0] if valid.any() else 0
    return filled


def _texts(dtype: str, length: int, offset: int, buffers: Sequence[Node], work: Work) -> Node:
    """Return the texts of an array; a null is a text of no letters, whose place is not looked at."""
    if length == 0:
        return Items()
    flaw = Flawed("size-mismatch", f"an array of pyarrow whose texts are not {length} from {offset} on")
    offsets, raw = (buffers[1], buffers[2]) if len(buffers) == 3 else (None, None)
    plain = np.dtype(dtype)
    if raw is None:  # all texts are of no letters
        raw = b""
    if not isinstance(offsets, (bytes, memoryview)) or not isinstance(raw, (bytes, memoryview)):
        return flaw
    if min(length, offset) < 0 or (offset + length + 1) * plain.itemsize > len(offsets):
        return flaw
    places = np.frombuffer(offsets, plain, length + 1, offset * plain.itemsize)
    if places[0] < 0 or places[-1] > len(raw) or (places[1:] < places[:-1]).any():
        return Flawed("dangling", f"texts of pyarrow from {places[0]} to {places[-1]} of {len(raw)} bytes")
    work(length + int(places[-1] - places[0]) // COPIED_BYTES)
    whole = bytes(raw[int(places[0]) : int(places[-1])])
    try:
        if whole.isascii():
            text, ends = whole.decode(), (places - places[0]).tolist()
            return Items([text[start:stop] for start, stop in pairwise(ends)])
        ends = places.tolist()
        return Items([str(bytes(raw[start:stop]), "utf-8") for start, stop in pairwise(ends)])
    except UnicodeDecodeError as error:
        return Flawed("undecodable", f"a text of pyarrow is not UTF-8: {error.reason}")
