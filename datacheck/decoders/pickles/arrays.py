"""Rebuild NumPy's arrays, scalars and dtypes from pickles, in every form that NumPy has written.

The parts are defined in `numpy/_core/src/multiarray/methods.c` (array_reduce, array_setstate), `descriptor.c`
(arraydescr_reduce) and `numeric.py` (`_frombuffer`). They are checked against the bytes present; no dtype is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import prod
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from datacheck.decoders.pickles.parts import DType, Global
from datacheck.decoders.trees.storages import WIDENED, widened
from datacheck.decoders.trees.tree import ARRAY, Bytes, Flawed, Items, Keyed, Node, Opaque, Run

AXES = 64
FIELDS = 1 << 12
"""Maximum number of members of a structured dtype."""
ITEM_BYTES = 1 << 31
RECORDS = frozenset({"numpy.record", "numpy.void", "numpy.rec.record"})
"""The classes of the items of record arrays."""
_NAME = re.compile(r"[|<>=]?[biufcSaUVOMmd?]([0-9]{0,10})")
VERSIONS = frozenset(range(5))
"""Known versions of a dtype's state."""
_ORDERS = frozenset("<>=|")
_UNITS = frozenset({"Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as"})


def dtype(arguments: Sequence[Node]) -> Node:
    """Return the dtype that `numpy.dtype(...)` would make: by its name, or of a user's own class."""
    first = text(arguments[0]) if arguments else None
    if first is not None and (match := _NAME.fullmatch(first)) and int(match[1] or 0) < ITEM_BYTES:
        numpy_dtype = _numpy_dtype("V0" if first == "V" else first.replace("a", "S", 1))
        return DType(f"dtype {first}", numpy_dtype, broken=numpy_dtype is None)
    if first is not None:
        return DType(f"dtype {first[:40]}", widened=first if first in WIDENED else "", broken=first not in WIDENED)
    name = arguments[0].name if arguments and isinstance(arguments[0], Global) else str(first)
    if arguments and isinstance(arguments[0], Global) and arguments[0].kind in RECORDS:
        return DType(f"dtype {name}", np.dtype("V0"))  # its state has the members
    return DType(f"dtype {name}", widened=name if name in WIDENED else "")


def text(node: Node) -> str | None:
    """Return a text, which Python 2 stored as bytes, or None if the node is not a text."""
    if isinstance(node, (bytes, memoryview)) and len(node) <= 1 << 10:
        return bytes(node).decode("latin-1")
    return node if isinstance(node, str) else None


def is_integer(node: Node) -> TypeGuard[int]:
    """Check whether a node is an integer but not a boolean."""
    return isinstance(node, int) and not isinstance(node, bool)


def shape_of(node: Node) -> tuple[int, ...] | None:
    """Return a sequence of sizes as a tuple, or an integer as a tuple of one; None for anything else."""
    items = node.items if isinstance(node, Items) else [node]
    sizes = tuple(int(it) for it in items if is_integer(it) and 0 <= it < 1 << 62)
    return sizes if len(sizes) == len(items) <= AXES else None


def build_dtype(dtype_node: DType, state: Node) -> None:
    """Apply its state to a dtype: byte order, members, subarrays. It becomes broken if the state is not valid."""
    if dtype_node.made is not None:
        dtype_node.made = _with_state(dtype_node.made, state)
        dtype_node.broken = dtype_node.made is None


def _with_state(plain: np.dtype[Any], state: Node) -> np.dtype[Any] | None:
    items = state.items if isinstance(state, Items) else []
    if not 5 <= len(items) <= 9 or items[0] not in VERSIONS or not all(map(is_integer, items[5:8])):
        return None
    order = text(items[1])
    base, names, members = items[2:5]
    size = items[5] if len(items) > 5 else -1
    if order is None or order not in _ORDERS or (names is None) != (members is None):
        return None
    if names is not None:
        if not isinstance(names, Items) or not isinstance(members, Keyed):
            return None
        return _structured(names.items, members, size)
    if base is not None:
        return _subarray_dtype(base)
    if plain.kind in "Mm":
        return _time_dtype(plain, items[-1], order)
    if plain.kind in "SUV" and plain.itemsize == 0 and is_integer(size) and 0 <= size < ITEM_BYTES:
        plain = _numpy_dtype(f"{plain.kind}{size // 4 if plain.kind == 'U' else size}") or plain
    return plain if order in "=|" else plain.newbyteorder(">" if order == ">" else "<")


def _subarray_dtype(base: Node) -> np.dtype[Any] | None:
    """Return a dtype whose items are arrays, from (dtype, shape), or None if that is not valid."""
    if not isinstance(base, Items) or len(base.items) != 2:
        return None
    item, shape = base.items[0], shape_of(base.items[1])
    if not isinstance(item, DType) or item.made is None or shape is None:
        return None
    return _numpy_dtype((item.made, shape))


def _time_dtype(plain: np.dtype[Any], state: Node, order: str) -> np.dtype[Any] | None:
    """Return the dtype of times with the unit in the state (None, (unit, count, 1, 1))."""
    unit = state.items[1] if isinstance(state, Items) and len(state.items) == 2 else None
    if not isinstance(unit, Items) or len(unit.items) < 2 or not is_integer(unit.items[1]):
        return plain
    name, count = text(unit.items[0]) or "", unit.items[1]
    if name not in _UNITS or not 0 < count < 1 << 31:
        return plain
    result = _numpy_dtype(f"{plain.kind}8[{count}{name}]")
    return result.newbyteorder(">") if result is not None and order == ">" else result


def _structured(names: Sequence[Node], members: Keyed, size: Node) -> np.dtype[Any] | None:
    """Return a structured dtype, or None if its members do not fit in the item."""
    by_name = {text(key): value for key, value in members.pairs[: 2 * FIELDS]}
    formats, offsets, titles = [], [], [text(name) for name in names]
    if len(names) > FIELDS or type(size) is not int or not 0 <= size < ITEM_BYTES or None in titles:
        return None
    for name in titles:
        member = by_name.get(name)
        if not isinstance(member, Items) or len(member.items) < 2:
            return None
        item, offset = member.items[:2]
        if not isinstance(item, DType) or item.made is None or not is_integer(offset):
            return None
        if not 0 <= offset <= size - item.made.itemsize:
            return None
        formats.append(item.made)
        offsets.append(offset)
    return _numpy_dtype({"names": titles, "formats": formats, "offsets": offsets, "itemsize": size})


def _numpy_dtype(spec: Any) -> np.dtype[Any] | None:
    result: np.dtype[Any]
    try:
        result = np.dtype(spec)
    except (TypeError, ValueError, OverflowError):  # beyond NumPy's own limits
        return None
    return result


def byte_count(dtype_node: DType, sizes: Sequence[int]) -> int:
    """Return the size in bytes of an array's values."""
    return 0 if dtype_node.made is None else prod(sizes) * dtype_node.made.itemsize


def array(dtype_node: Node, shape: Node, raw: Node, *, fortran: bool = False, axes: Node = None) -> Node:
    """Make an array from a dtype, a shape, and the bytes or objects of its values; Flawed if they do not match."""
    if isinstance(dtype_node, (Opaque, Keyed)) and not isinstance(dtype_node, DType):  # a user-defined dtype
        return Flawed(
            "unknown-payload", f"an array of {dtype_node.kind or 'an unknown dtype'}, which datacheck does not read"
        )
    if not isinstance(dtype_node, DType) or dtype_node.broken:
        return Flawed("undecodable", "an array whose dtype is none that NumPy has")
    sizes = shape_of(shape)
    if sizes is None:
        return Flawed("undecodable", f"an array whose shape is {_shape_text(shape)}")
    if isinstance(raw, Items):  # objects
        count = prod(sizes)
        stored = sum(len(it.values) if isinstance(it, Run) else 1 for it in raw.items)
        if stored == count:
            return Items(raw.items, ARRAY) if sizes else raw.items[0]
        return Flawed("size-mismatch", f"{stored} objects, an array of {_sizes_text(sizes)} has {count}")
    if not isinstance(raw, (bytes, memoryview)):
        return Flawed("unknown-payload", f"an array of {dtype_node.kind} whose values are not in the record")
    return _values(dtype_node, sizes, raw, fortran=fortran, axes=shape_of(axes) if isinstance(axes, Items) else None)


def _values(
    dtype_node: DType, sizes: tuple[int, ...], raw: Bytes, *, fortran: bool, axes: tuple[int, ...] | None
) -> Node:
    plain = np.dtype(WIDENED[dtype_node.widened]) if dtype_node.widened else dtype_node.made
    if plain is None:
        return Flawed("unknown-payload", f"an array of {dtype_node.kind}, which datacheck does not read")
    if plain.hasobject:
        return Flawed("undecodable", "an array of objects whose values are bytes")
    count = prod(sizes)
    if count * plain.itemsize != len(raw):
        message = (
            f"{len(raw)} bytes of values, {_sizes_text(sizes)} {dtype_node.widened or plain} "
            f"takes {count * plain.itemsize}"
        )
        return Flawed("size-mismatch", message)
    if not len(raw):
        values: NDArray[Any] = np.empty(tuple(min(it, 1 << 16) for it in sizes) if 0 in sizes else 0, plain)
    else:
        values = np.frombuffer(raw, plain).reshape(sizes, order="F" if fortran else "C")
        if axes is not None:
            if sorted(axes) != list(range(len(sizes))):
                return Flawed("undecodable", f"an array of {len(sizes)} axes in the order {axes[:8]}")
            values = values.transpose(axes)
    return widened(values, dtype_node.widened) if dtype_node.widened else values


def scalar(arguments: Sequence[Node]) -> Node:
    """Return a NumPy scalar as an array without axes."""
    if len(arguments) < 2:
        return Flawed("undecodable", "a NumPy scalar without a value")
    dtype_node, raw = arguments[:2]
    if isinstance(dtype_node, DType) and dtype_node.made is not None and dtype_node.made.hasobject:
        return raw
    return array(dtype_node, Items([]), raw)


def from_buffer(arguments: Sequence[Node]) -> Node:
    """Return the array that `_frombuffer(buffer, dtype, shape, order, axes)` makes, as used by protocol 5."""
    if len(arguments) < 4:
        return Flawed("undecodable", "an array without a buffer, dtype, shape and order")
    raw, dtype_node, shape = arguments[:3]
    axes = arguments[4] if len(arguments) > 4 and text(arguments[3]) == "K" else None
    return array(dtype_node, shape, raw, fortran=text(arguments[3]) == "F", axes=axes)


def from_state(state: Node) -> Node:
    """Return the array of a BUILD state: (version, shape, dtype, fortran, values), or the same without version."""
    items = state.items if isinstance(state, Items) else []
    if len(items) == 4:
        items = [1, *items]
    if len(items) != 5:
        return Flawed("undecodable", "an array whose state is not shape, dtype, order and values")
    _, shape, dtype_node, fortran, raw = items
    return array(dtype_node, shape, raw, fortran=fortran is True or fortran == 1)


def masked(state: Node) -> Node:
    """Return the values of a masked array; masked values do not count and are replaced by a finite one, or by 0."""
    items = state.items if isinstance(state, Items) else []
    if len(items) < 6 or not isinstance(items[5], (bytes, memoryview)):
        return Opaque("numpy.ma.MaskedArray")
    values = from_state(Items(items[:5]))
    if not isinstance(values, np.ndarray) or values.size != len(items[5]) or values.dtype.names:
        return values
    order: Any = "F" if items[3] is True or items[3] == 1 else "C"
    hidden = np.frombuffer(items[5], np.bool_).reshape(values.shape, order=order)
    if not hidden.any():
        return values
    unmasked = values[~hidden]
    finite = unmasked[np.isfinite(unmasked)] if values.dtype.kind in "fc" else unmasked
    filled = values.copy()
    filled[hidden] = finite[0] if finite.size else np.zeros((), values.dtype)
    return filled


def _sizes_text(sizes: Sequence[int]) -> str:
    return " x ".join(map(str, sizes)) or "one"


def _shape_text(shape: Node) -> str:
    if isinstance(shape, Items):
        return (
            "(" + ", ".join(str(it) if is_integer(it) and abs(it) < 1 << 62 else "..." for it in shape.items[:8]) + ")"
        )
    return "none"
