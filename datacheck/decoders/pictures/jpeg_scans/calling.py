"""Call the compiled loops, from kept code or as numba compiles them, and manage the memory that they work in."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from ctypes import (
    CFUNCTYPE,
    POINTER,
    byref,
    c_char_p,
    c_double,
    c_int16,
    c_int32,
    c_int64,
    c_uint8,
    c_uint64,
    c_void_p,
    cast,
)
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from datacheck.decoders.pictures import kept
from datacheck.decoders.pictures.jpeg_scans.terms import BLOCK, ENTRIES, OUT, PADDING, SIDE, SMALL

if TYPE_CHECKING:
    from datacheck.decoders.pictures.jpeg_scans.plans import Plan

BYTES, WORDS, INTS, NUMBER = "CPointer(uint8)", "CPointer(int64)", "CPointer(int32)", "int64"
FLOATS, SETS, SHORTS = "CPointer(float64)", "CPointer(uint64)", "CPointer(int16)"
BUILD = (BYTES, NUMBER, WORDS, NUMBER, INTS, INTS)
WALK = (
    *(BYTES, NUMBER, WORDS, WORDS, NUMBER, WORDS, NUMBER, WORDS, NUMBER, WORDS, WORDS, WORDS, WORDS, NUMBER),
    *(FLOATS, INTS, NUMBER, WORDS, WORDS, BYTES, NUMBER, WORDS, NUMBER, WORDS, FLOATS, WORDS, SETS, SHORTS, NUMBER),
)
"""The parameter types of the functions of `entries`, all of which return a number."""
KINDS: dict[str, Any] = {
    BYTES: c_uint8, WORDS: c_int64, INTS: c_int32, FLOATS: c_double, SETS: c_uint64, SHORTS: c_int16
}  # fmt: skip
MODULE = f"{__package__}.entries"
SIGNATURES = {"build": BUILD, "walk": WALK, "count": WALK}
AT_HAND = 1 << 22
"""Largest work memory, in bytes, that is kept and used again."""
INITIALLY: list[c_int64 | int] = [1 << 20, -(1 << 20), 0, 0, 0, 0, 0, 0]

_lock = threading.Lock()
_functions: dict[str, tuple[Callable[..., int], object]] = {}


def build_tables(value: bytes, places: NDArray[np.int64], tables: NDArray[np.int32]) -> bool:
    """Build the Huffman tables of a picture, as `codes.build_tables` does; return whether all codes fit."""
    buffer, value = (c_int32 * ENTRIES)(), bytes(value)  # copies a memoryview
    return bool(_function("build")(value, len(value), places.ctypes.data, len(tables), tables.ctypes.data, buffer))


def walk_scans(
    value: bytes, plan: Plan, places: Sequence[tuple[int, int]], used: NDArray[np.int64] | None
) -> Iterable[int]:
    """Walk the scans of a plan, which lie at `places`, as `scans.walk_scans` does; return what that puts into `out`.

    The result stays valid until the next call in this thread. Symbols are counted in `used` unless it is None.
    """
    script = plan.script
    if len(places) != len(script.scans):
        raise ValueError("the plan is of another number of scans")
    longest = max([stop - start for start, stop in places])
    max_intervals = min(script.intervals, longest // 2 + 1) + 1  # a restart marker takes two bytes
    memory = _memory if longest + 24 * max_intervals <= AT_HAND else _Memory()
    data, marks = memory.fitting(longest + PADDING, 3 * max_intervals)
    out, value = memory.out, bytes(value)
    out[:] = INITIALLY
    rows = script.rows if script.progressive else 0
    counted = rows if used is not None else 0
    dc, nonzero, coefficients = _zeros(rows, 8), _zeros(rows, 8), _zeros(counted * BLOCK, 2)
    _function("walk" if used is None else "count")(
        value, len(value), (c_int64 * (2 * len(places)))(*[it for place in places for it in place]), *script.arguments,
        plan.tables_at, len(plan.tables), None if used is None else used.ctypes.data, out, data, longest + PADDING,
        marks, max_intervals, memory.small, memory.half, _address(dc), _address(nonzero), _address(coefficients), rows,
    )  # fmt: skip
    return out


def _zeros(count: int, size: int) -> NDArray[np.uint8] | None:
    return np.zeros(count * size, np.uint8) if count else None


def _address(array: NDArray[Any] | None) -> int | None:
    return None if array is None else array.ctypes.data


class _Memory(threading.local):
    """The work memory of a walk, separate for each thread."""

    def __init__(self) -> None:
        self.out = (c_int64 * OUT)()
        self.small = (c_int64 * (SMALL * BLOCK))()
        self.half = (c_int64 * (SIDE * SIDE))()
        self._data = np.empty(1 << 16, np.uint8)
        self._marks = np.empty(1 << 8, np.int64)
        self._addresses = self._data.ctypes.data, self._marks.ctypes.data

    def fitting(self, data: int, marks: int) -> tuple[int, int]:
        """Return the addresses of room for `data` bytes, and for `marks` words."""
        if len(self._data) < data or len(self._marks) < marks:
            self._data = np.empty(max(data, len(self._data)), np.uint8)
            self._marks = np.empty(max(marks, len(self._marks)), np.int64)
            self._addresses = self._data.ctypes.data, self._marks.ctypes.data
        return self._addresses


_memory = _Memory()


def _function(name: str) -> Callable[..., int]:
    """Return a function of `entries`, compiled here if no code of it is kept."""
    entry = _functions.get(name)
    if entry is None:
        with _lock:
            entry = _functions.get(name) or _functions.setdefault(name, _loaded(name))
    return entry[0]


def _loaded(name: str) -> tuple[Callable[..., int], object]:
    """Return a function of `entries`, and an object that must be held as long as the function is called."""
    address = kept.address_of(MODULE, name)
    if address is not None:
        return _callable(address, name), None
    with kept.compile_lock(MODULE):
        address = kept.address_of(MODULE, name)
        return _compiled(name) if address is None else (_callable(address, name), None)


def _compiled(name: str) -> tuple[Callable[..., int], object]:
    from datacheck.decoders.pictures.compiled import COMPILES, entry
    from datacheck.decoders.pictures.jpeg_scans import entries

    function, signature = getattr(entries, name), SIGNATURES[name]
    if not COMPILES:
        return _uncompiled(function, signature), None
    address, keeper = entry(function, f"{NUMBER}({', '.join(signature)})")
    return _callable(address, name), keeper


def _callable(address: int, name: str) -> Callable[..., int]:
    _, *others = (c_int64 if it == NUMBER else c_void_p for it in SIGNATURES[name])
    return CFUNCTYPE(c_int64, c_char_p, *others)(address)


def _uncompiled(function: Callable[..., int], signature: tuple[str, ...]) -> Callable[..., int]:
    """Return a function that calls `function` as if that were compiled."""
    null = c_int64()

    def call(*arguments: Any) -> int:
        pointers = (
            it if kind == NUMBER else cast(byref(null) if it is None else it, POINTER(KINDS[kind]))
            for it, kind in zip(arguments, signature, strict=True)
        )
        return function(*pointers)

    return call
