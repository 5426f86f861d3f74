"""Prepare the headers of a JPEG for the loops that walk its scans; ITU-T T.81, annex B.

Pictures of one store mostly have the same scans, but Huffman tables of their own. So what does not depend on the
tables' codes and on where scans lie is prepared once.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from datacheck.decoders.pictures.jpeg_markers import DHT, FRAMES, SOS, Walk
from datacheck.decoders.pictures.jpeg_scans.bounds import WAVES, Bounds, bounds
from datacheck.decoders.pictures.jpeg_scans.calling import build_tables
from datacheck.decoders.pictures.jpeg_scans.terms import ROW

DQT, DRI = 0xDB, 0xDD
BASELINE, EXTENDED, PROGRESSIVE = 0xC0, 0xC1, 0xC2
MOST_UNITS = 10
"""Maximum number of blocks in an MCU of several components."""
SLOTS = 8
"""Number of Huffman tables that can exist at a time.

A picture defines at most this many for each scan, and once before the first scan. Each takes up 300 times as much room
as the shortest definition of one.
"""
MOST_TABLES = 4096
MOST_PARTS = 1 << 16
"""Maximum size, in bytes, of the quantizers and headers from which a script is made and by which it is cached."""
PLAIN = b"\1" * 64
"""The quantizers of a component that no scan has."""
TOLERATED_SEGMENTS = frozenset({DHT, DRI, SOS})
"""The segments between scans that a decoder accepts without a warning if it can read them."""
Parts = tuple[tuple[int, bytes], ...]
"""Markers with the bytes that follow; for Huffman tables only the numbers of the tables."""


class Component(NamedTuple):
    """A component of the frame: its sampling, its quantizers, and the number of blocks coded if it is alone in a scan.

    The blocks of its MCUs, which may be more, lie from `first` on among all blocks: `lines` of `stride` blocks.
    """

    name: int
    across: int
    down: int
    table: int
    wide: int
    high: int
    first: int
    stride: int
    lines: int

    def row(self, line: int, column: int) -> int:
        """Return the index among all blocks of the one at a place."""
        return self.first + line * self.stride + column


class Scan(NamedTuple):
    """A scan, in the order of the columns in `terms`."""

    first: int
    last: int
    low: int
    high: int
    restart: int
    across: int
    down: int
    unit: int
    units: int
    table: int
    component: int

    @property
    def mcus(self) -> int:
        return self.across * self.down


class Script(NamedTuple):
    """The properties of all scans of a picture except where they lie, as arrays in the form that the loops take.

    `whole` says that each component of a sequential picture is in one and only one scan. `orderly` says that this is
    so, or that the scans of a progressive picture build on each other, and that a decoder does not warn between them.
    `joined` says for each table whether its entries stand for more than one symbol. `intervals` is the maximum number
    of restart intervals in a scan. `arguments` are the addresses of the arrays, as `entries` takes them.
    """

    progressive: bool
    whole: bool
    orderly: bool
    rows: int
    scans: tuple[Scan, ...]
    lines: NDArray[np.int64]
    units: NDArray[np.int64]
    components: NDArray[np.int64]
    bounds: Bounds
    joined: tuple[bool, ...]
    intervals: int
    arguments: tuple[int, ...]


class Plan(NamedTuple):
    """All scans of a picture: where they lie, and its Huffman tables in the order of their definitions, at an address.

    `adjoining` says that nothing lies between the segments and scans except what a decoder accepts without a warning.
    """

    script: Script
    places: list[tuple[int, int]]
    tables: NDArray[Any]
    tables_at: int
    adjoining: bool


class _Unjudged(Exception):
    """Raised if the headers declare something that is not walked here, or nonsense, which the decoder reports."""


def plan(value: bytes, steps: Walk) -> Plan | None:
    """Return the plan of an 8-bit picture in Huffman codes; None for any other, or if the headers are broken."""
    try:
        parts, tables = _parts(value, steps)
        script = _script(parts)
        places = np.array([[at, joined] for at, joined in zip(tables, script.joined, strict=True)], np.int64)
    except (_Unjudged, IndexError):
        return None
    huffman_tables = np.empty((len(tables), ROW), np.int32)
    if not build_tables(value, places, huffman_tables):
        return None
    return Plan(script, steps.scans, huffman_tables, huffman_tables.ctypes.data, _adjoining(steps))


def _parts(value: bytes, steps: Walk) -> tuple[Parts, list[int]]:
    """Return the parts that a script is made from, and the offset of each Huffman table in the value."""
    parts: list[tuple[int, bytes]] = []
    tables: list[int] = []
    max_tables, size = min(MOST_TABLES, SLOTS * (len(steps.scans) + 1)), 0
    for marker, start, stop in steps.segments:
        if stop > len(value):
            raise _Unjudged
        if marker == DHT:
            parts.append((marker, _codes(value, start, stop, tables)))
        elif marker in FRAMES or marker in (DQT, DRI, SOS):
            parts.append((marker, value[start:stop]))
            size += stop - start
        if len(tables) > max_tables or size > MOST_PARTS:
            raise _Unjudged
    return tuple(parts), tables


def _codes(value: bytes, start: int, stop: int, tables: list[int]) -> bytes:
    """Return the numbers of the tables in a segment, and append their offsets to `tables`."""
    at, numbers = start, bytearray()
    while at < stop:
        number = value[at]
        count = sum(value[at + 1 : at + 17])
        end = at + 17 + count
        if end > stop or count > 256 or number & 0xEC:
            raise _Unjudged
        if number < 16 and max(value[at + 17 : end], default=0) > 15:
            raise _Unjudged
        tables.append(at + 1)
        numbers.append(number)
        at = end
    return bytes(numbers)


def _adjoining(steps: Walk) -> bool:
    """Check that nothing lies between segments and scans, and nothing but tables after the first scan."""
    end, scans, first = 2, iter(steps.scans), True
    for marker, start, stop in steps.segments:
        if start - 4 != end:
            return False
        if not first and marker not in TOLERATED_SEGMENTS:
            return False
        end = stop
        if marker == SOS:
            first = False
            end = next(scans, (0, 0))[1]
    return steps.end is not None and steps.end - 2 == end


@lru_cache(maxsize=64)
def _script(parts: Parts) -> Script:
    """Return the script for the segments of a picture."""
    return _Scripting(parts).script()


class _Scripting:
    """The tables as they are defined so far, and what the scans have used and sent."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._quants: dict[int, bytes] = {}
        self._codes: dict[tuple[int, int], int] = {}
        self._defined: list[int] = []
        self._restart = 0
        self._frame: Frame | None = None
        self._scans: list[Scan] = []
        self._units: list[tuple[int, ...]] = []
        self._tables: dict[int, bytes] = {}
        """The quantizers of each component, as of its first scan."""
        self._sent: dict[tuple[int, int], int] = {}
        """The lowest bit that has been sent of each coefficient of each component."""
        self._orderly = True

    def script(self) -> Script:
        for marker, part in self._parts:
            if marker == DQT:
                self._take_quants(part)
            elif marker == DHT:
                for number in part:
                    self._codes[number >> 4, number & 15] = len(self._defined)
                    self._defined.append(number)
            elif marker == DRI:
                if len(part) != 2:
                    raise _Unjudged
                self._restart = int.from_bytes(part, "big")
            elif marker == SOS:
                self._take_scan(part)
            elif self._frame is not None or marker not in (BASELINE, EXTENDED, PROGRESSIVE):
                raise _Unjudged
            else:
                self._frame = _frame(marker == PROGRESSIVE, part)
        if self._frame is None or not self._scans or not self._defined:
            raise _Unjudged
        return self._assemble(self._frame)

    def _assemble(self, frame: Frame) -> Script:
        number_of = range(len(frame.components))
        coded_components = sorted(unit[0] for scan in self._scans for unit in {it[:1] for it in self._units_of(scan)})
        components = [(it.first, it.stride, it.wide, it.high, it.lines, it.down) for it in frame.components]
        whole = not frame.progressive and coded_components == list(number_of)
        building = frame.progressive and self._orderly and all((number, 0) in self._sent for number in number_of)
        # libjpeg counts a byte of ones left over before a restart marker when it comes to the next scan.
        counted = len(self._scans) > 1 and any(it.restart < it.mcus for it in self._scans)
        limits = [bounds(self._tables.get(it, PLAIN)) for it in number_of]
        if not all(limits):
            raise _Unjudged
        lines, units = np.array(self._scans, np.int64), np.array(self._units or [(0,) * 6], np.int64)
        blocks, stacked = np.array(components, np.int64), Bounds(*map(np.stack, zip(*limits, strict=True)))
        return Script(
            frame.progressive,
            whole,
            (whole or building) and not counted,
            frame.rows,
            tuple(self._scans),
            lines,
            units,
            blocks,
            stacked,
            tuple(not frame.progressive and number >= 16 for number in self._defined),
            max(-(-it.mcus // it.restart) for it in self._scans),
            (
                *(it for array in (lines, units, blocks) for it in (array.ctypes.data, len(array))),
                *(array.ctypes.data for array in stacked),
                int(frame.progressive),
                WAVES.ctypes.data,
            ),
        )

    def _units_of(self, scan: Scan) -> list[tuple[int, ...]]:
        return self._units[scan.unit : scan.unit + scan.units]

    def _take_quants(self, part: bytes) -> None:
        at = 0
        while at < len(part):
            size = 128 if part[at] >> 4 else 64
            if at + 1 + size > len(part) or part[at] >> 4 > 1 or part[at] & 15 > 3:
                raise _Unjudged
            self._quants[part[at] & 15] = part[at + 1 : at + 1 + size]
            at += 1 + size

    def _take_scan(self, part: bytes) -> None:
        frame, count = self._frame, part[0]
        if frame is None or not 1 <= count <= 4 or len(part) != 4 + 2 * count:
            raise _Unjudged
        band = (part[-3], part[-2], part[-1] & 15, part[-1] >> 4)
        numbers = {it.name: number for number, it in enumerate(frame.components)}
        try:
            named = [(numbers[part[at]], part[at + 1]) for at in range(1, len(part) - 3, 2)]
            for component, _ in named:
                self._tables.setdefault(component, self._quants[frame.components[component].table])
            dc_needed, ac_needed = band[0] == 0 and not band[3], band[1] > 0
            chosen = [
                (
                    component,
                    self._codes[0, ids >> 4] if dc_needed else 0,
                    self._codes[1, ids & 15] if ac_needed else 0,
                )
                for component, ids in named
            ]
        except KeyError as exc:
            raise _Unjudged from exc
        if len({it[0] for it in chosen}) < count or not _makes_sense(frame.progressive, band, count):
            raise _Unjudged
        across, down = frame.mcus
        only = frame.components[chosen[0][0]]
        if count == 1:
            across, down = only.wide, only.high
        units = _units(frame.components, chosen)
        first, last, low, high = band
        self._scans.append(
            Scan(
                first, last, low, high, self._restart or across * down, across, down, len(self._units), len(units),
                chosen[0][2], chosen[0][0],
            )
        )  # fmt: skip
        self._units += units
        self._send(chosen, band)

    def _send(self, chosen: list[tuple[int, int, int]], band: tuple[int, int, int, int]) -> None:
        """Record what is sent of each coefficient; a scan must begin where the one before it ended."""
        first, last, low, high = band
        for component, _, _ in chosen:
            if first > 0 and (component, 0) not in self._sent:
                self._orderly = False
            for k in range(first, last + 1):
                if self._sent.get((component, k), 0) != high:
                    self._orderly = False
                self._sent[component, k] = low


class Frame(NamedTuple):
    """The frame: its components, their total number of blocks, and the number of MCUs across and down."""

    progressive: bool
    components: tuple[Component, ...]
    rows: int
    mcus: tuple[int, int]


def _frame(progressive: bool, header: bytes) -> Frame:
    count = header[5]
    height, width = int.from_bytes(header[1:3], "big"), int.from_bytes(header[3:5], "big")
    if header[0] != 8 or not 1 <= count <= 4 or not height or not width or len(header) != 6 + 3 * count:
        raise _Unjudged
    factors = [
        (header[at], header[at + 1] >> 4, header[at + 1] & 15, header[at + 2]) for at in range(6, len(header), 3)
    ]
    if not all(1 <= across <= 4 and 1 <= down <= 4 for _, across, down, _ in factors):
        raise _Unjudged
    most_across, most_down = max(it[1] for it in factors), max(it[2] for it in factors)
    mcus = ceil(width / (8 * most_across)), ceil(height / (8 * most_down))
    components, first = [], 0
    for name, across, down, table in factors:
        wide = ceil(ceil(width * across / most_across) / 8)
        high = ceil(ceil(height * down / most_down) / 8)
        stride, lines = mcus[0] * across, mcus[1] * down
        components.append(Component(name, across, down, table, wide, high, first, stride, lines))
        first += stride * lines
    if len({it.name for it in components}) < count:
        raise _Unjudged
    return Frame(progressive, tuple(components), first, mcus)


def _makes_sense(progressive: bool, band: tuple[int, int, int, int], count: int) -> bool:
    """Check whether the band of a scan is one that exists."""
    first, last, low, high = band
    if not progressive:
        return band == (0, 63, 0, 0)
    if first == 0:
        return last == 0 and low <= 13 and high in (0, low + 1)
    return first <= last <= 63 and count == 1 and low <= 13 and high in (0, low + 1)


def _units(components: tuple[Component, ...], chosen: list[tuple[int, int, int]]) -> list[tuple[int, ...]]:
    """Return the blocks of an MCU: (component, DC table, AC table, first row, rows to the MCU below, to the right)."""
    if len(chosen) == 1:
        [(component, dc, ac)] = chosen
        return [(component, dc, ac, components[component].first, components[component].stride, 1)]
    units: list[tuple[int, ...]] = [
        (component, dc, ac, it.row(line, column), it.down * it.stride, it.across)
        for component, dc, ac in chosen
        for it in (components[component],)
        for line in range(it.down)
        for column in range(it.across)
    ]
    if len(units) > MOST_UNITS:
        raise _Unjudged
    return units
