"""What the headers of a JPEG say of its scans, made ready for the loops that walk them. ITU-T T.81, annex B."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from math import ceil, floor, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.decoders.pictures.jpeg_markers import DHT, FRAMES, SOS, Walk
from datacheck.decoders.pictures.jpeg_scans.kernels import MOST_AC, ROW, built

DQT, DRI = 0xDB, 0xDD
BASELINE, EXTENDED, PROGRESSIVE = 0xC0, 0xC1, 0xC2
ZIGZAG = tuple(
    row * 8 + column
    for row, column in sorted(
        ((y, x) for y in range(8) for x in range(8)),
        key=lambda it: (sum(it), it[0] if sum(it) % 2 else it[1]),
    )
)
"""The place (row * 8 + column) of each coefficient in the order in which they are coded."""
WAVES: NDArray[np.float64] = np.array(
    [[sqrt((2 if u else 1) / 8) * np.cos((2 * x + 1) * u * np.pi / 16) for x in range(8)] for u in range(8)]
)
REACH: tuple[float, ...] = tuple(float(it) for it in np.abs(WAVES).sum(axis=1))
"""How large a coefficient of samples between -1 and 1 may be, along one side."""
OVERSHOT = 32
"""mozjpeg lets the samples of white areas go so far beyond white, since a decoder cuts them and their ringing off."""
TOLERATED = 61
"""DC beyond its range by less than this (8 times a grey level) is odd, but not impossible."""
MOST_UNITS = 10
"""Blocks of an MCU of several components."""


@dataclass(frozen=True)
class Bounds:
    """What the coefficients of a component may be; see `kernels.sequential` for the arrays."""

    most: NDArray[np.int64]
    means: NDArray[np.int64]
    quants: NDArray[np.int64]


@dataclass(frozen=True)
class Component:
    """A component of the frame: its sampling and quantizers, how many blocks are coded if it is alone in a scan.

    Those of MCUs, which may be more, lie from `first` on among all blocks: `lines` of `stride` blocks.
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
        """Return which of all blocks is the one at a place."""
        return self.first + line * self.stride + column


@dataclass(frozen=True, eq=False)
class Scan:
    """A scan: where its data is, its components with their (DC, AC) tables, and the band and the bits that it has."""

    start: int
    stop: int
    components: tuple[tuple[int, int, int], ...]
    band: tuple[int, int, int, int]
    restart: int
    across: int
    down: int
    units: NDArray[np.int64]
    most: NDArray[np.int64]
    means: NDArray[np.int64]
    quants: NDArray[np.int64]

    def means_of(self, component: int) -> bool:
        """Say whether a component's DC is in this scan."""
        return self.band[0] == 0 and any(which == component for which, _, _ in self.components)

    @property
    def mcus(self) -> int:
        return self.across * self.down

    @property
    def intervals(self) -> int:
        return ceil(self.mcus / self.restart) if self.restart else 1


@dataclass
class Plan:
    """All scans of a picture. `tables` are the Huffman tables in the order of their definitions, a row for each."""

    progressive: bool
    components: tuple[Component, ...]
    rows: int
    scans: list[Scan] = field(default_factory=list)
    tables: NDArray[Any] = field(default_factory=lambda: np.zeros((1, ROW), np.int32))

    @property
    def whole(self) -> bool:
        """Whether each component of a sequential picture has its scan, and only one."""
        there = sorted(which for scan in self.scans for which, _, _ in scan.components)
        return not self.progressive and there == list(range(len(self.components)))


class _Unjudged(Exception):
    """The headers say what is not walked here, or nonsense, which the decoder has words for."""


def plan(value: bytes, steps: Walk) -> Plan | None:
    """Return the scans of an 8-bit picture in Huffman codes; None of any other, and where the headers are broken."""
    try:
        return _Planning(value, steps).made()
    except (_Unjudged, IndexError):
        return None


class _Planning:
    """The tables as they are defined, and what the scans make of them."""

    def __init__(self, value: bytes, steps: Walk) -> None:
        self._value, self._steps = value, steps
        self._quants: dict[int, bytes] = {}
        self._codes: dict[tuple[int, int], int] = {}
        self._defined: list[tuple[bytes, bytes]] = []
        self._restart = 0
        self._plan: Plan | None = None
        self._mcus = (0, 0)

    def made(self) -> Plan:
        scans = iter(self._steps.scans)
        for marker, start, stop in self._steps.segments:
            if stop > len(self._value):
                raise _Unjudged
            if marker == DQT:
                self._take_quants(start, stop)
            elif marker == DHT:
                self._take_codes(start, stop)
            elif marker == DRI:
                if stop - start != 2:
                    raise _Unjudged
                self._restart = int.from_bytes(self._value[start:stop], "big")
            elif marker in FRAMES:
                self._take_frame(marker, start, stop)
            elif marker == SOS:
                self._take_scan(start, stop, *next(scans))
        if self._plan is None or not self._defined:
            raise _Unjudged
        self._plan.tables = np.empty((len(self._defined), ROW), np.int32)
        for (counts, symbols), row in zip(self._defined, self._plan.tables, strict=True):
            if not built(np.frombuffer(counts, np.uint8), np.frombuffer(symbols or b"\0", np.uint8), row):
                raise _Unjudged
        return self._plan

    def _take_quants(self, start: int, stop: int) -> None:
        at = start
        while at < stop:
            size = 128 if self._value[at] >> 4 else 64
            if at + 1 + size > stop or self._value[at] >> 4 > 1 or self._value[at] & 15 > 3:
                raise _Unjudged
            self._quants[self._value[at] & 15] = self._value[at + 1 : at + 1 + size]
            at += 1 + size

    def _take_codes(self, start: int, stop: int) -> None:
        at = start
        while at < stop:
            counts = self._value[at + 1 : at + 17]
            end = at + 17 + sum(counts)
            symbols = self._value[at + 17 : end]
            if end > stop or end - at > 17 + 256 or self._value[at] & 0xEC:
                raise _Unjudged
            if self._value[at] < 16 and max(symbols, default=0) > 15:
                raise _Unjudged
            self._codes[self._value[at] >> 4, self._value[at] & 15] = len(self._defined)
            self._defined.append((counts, symbols))
            at = end

    def _take_frame(self, marker: int, start: int, stop: int) -> None:
        if self._plan is not None or marker not in (BASELINE, EXTENDED, PROGRESSIVE):
            raise _Unjudged
        components, rows, self._mcus = _frame(self._value[start:stop])
        self._plan = Plan(marker == PROGRESSIVE, components, rows)

    def _take_scan(self, start: int, stop: int, begin: int, end: int) -> None:
        value, made = self._value, self._plan
        count = value[start]
        if made is None or not 1 <= count <= 4 or stop - start != 4 + 2 * count:
            raise _Unjudged
        band = (value[stop - 3], value[stop - 2], value[stop - 1] & 15, value[stop - 1] >> 4)
        numbers = {it.name: number for number, it in enumerate(made.components)}
        try:
            named = [(numbers[value[at]], value[at + 1]) for at in range(start + 1, stop - 3, 2)]
            quants = tuple(self._quants[made.components[which].table] for which, _ in named)
            dc_needed, ac_needed = band[0] == 0 and not band[3], band[1] > 0
            components = tuple(
                (
                    which,
                    self._codes[0, ids >> 4] if dc_needed else 0,
                    self._codes[1, ids & 15] if ac_needed else 0,
                )
                for which, ids in named
            )
        except KeyError as exc:
            raise _Unjudged from exc
        if len({it[0] for it in components}) < count or not _makes_sense(made.progressive, band, count):
            raise _Unjudged
        across, down = self._mcus
        if count == 1:
            only = made.components[components[0][0]]
            across, down = only.wide, only.high
        units = _units(made.components, components, alone=count == 1)
        made.scans.append(Scan(begin, end, components, band, self._restart, across, down, units, *limits(quants)))


@lru_cache(maxsize=64)
def _frame(header: bytes) -> tuple[tuple[Component, ...], int, tuple[int, int]]:
    """Return the components of a frame, how many blocks they have in all, and its MCUs across and down."""
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
    return tuple(components), first, mcus


def _makes_sense(progressive: bool, band: tuple[int, int, int, int], count: int) -> bool:
    """Say whether a scan is of a band that there is."""
    first, last, low, high = band
    if not progressive:
        return band == (0, 63, 0, 0)
    if first == 0:
        return last == 0 and low <= 13 and high in (0, low + 1)
    return first <= last <= 63 and count == 1 and low <= 13 and high in (0, low + 1)


@lru_cache(maxsize=64)
def _units(
    components: tuple[Component, ...], chosen: tuple[tuple[int, int, int], ...], *, alone: bool
) -> NDArray[np.int64]:
    """Return the blocks of an MCU: (component, DC table, AC table, first row, rows to the MCU below, to the right)."""
    made = []
    for number, (which, dc, ac) in enumerate(chosen):
        it = components[which]
        if alone:
            made.append((number, dc, ac, it.first, it.stride, 1))
            continue
        made += [
            (number, dc, ac, it.row(line, column), it.down * it.stride, it.across)
            for line in range(it.down)
            for column in range(it.across)
        ]
    if len(made) > MOST_UNITS:
        raise _Unjudged
    return np.array(made, np.int64)


@lru_cache(maxsize=64)
def bounds(table: bytes) -> Bounds:
    """Return what quantizers in zigzag, of 8 or 16 bits, leave to coefficients of 8-bit samples."""
    quants = np.frombuffer(table, np.uint8 if len(table) == 64 else ">u2").astype(np.int64)
    if not quants.all():
        raise _Unjudged
    most = np.zeros(64, np.int64)
    for k in range(64):
        reach = (128 + OVERSHOT) * REACH[ZIGZAG[k] >> 3] * REACH[ZIGZAG[k] & 7]
        largest = floor((reach + quants[k] / 2) / quants[k] + 1e-6)
        most[k] = min(MOST_AC, largest.bit_length())
    q = int(quants[0])
    least, greatest = -1024 - q / 2, 1016 + q / 2
    means = np.array(
        [
            ceil((least - TOLERATED) / q), floor((greatest + TOLERATED) / q), ceil(least / q), floor(greatest / q)
        ]
    )  # fmt: skip
    allowed = round(1000 * sqrt(float((quants**2).sum()) / 4))
    return Bounds(most, means, np.array([*quants, *ZIGZAG, allowed], np.int64))


@lru_cache(maxsize=64)
def limits(tables: tuple[bytes, ...]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the bounds of several components by their quantizers, one below the other."""
    most, means, quants = zip(*((it.most, it.means, it.quants) for it in map(bounds, tables)), strict=True)
    return np.stack(most), np.stack(means), np.stack(quants)
