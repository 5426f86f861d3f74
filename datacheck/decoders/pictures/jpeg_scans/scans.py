"""All scans of a picture walked in one go, compiled: it takes longer to call what is compiled than to read a scan."""

from __future__ import annotations

from typing import Any

import numpy as np

from datacheck.decoders.pictures.compiled import compiled
from datacheck.decoders.pictures.jpeg_scans.bands import ac_scan, worst
from datacheck.decoders.pictures.jpeg_scans.codes import PADDING
from datacheck.decoders.pictures.jpeg_scans.kernels import (
    ACROSS,
    COMPONENT,
    DOWN,
    FINAL_MEAN,
    FIRST,
    LEFT_OVER,
    LOW,
    RESTART,
    RESTARTS,
    SOUND,
    TOO_FEW,
    UNIT,
    UNITS,
    interleaved,
    unstuffed,
)

ROW, STRIDE, WIDE, TALL, LINES, MCU_LINES = range(6)
"""What a component is, by column: the row of its first block, rows of blocks from line to line, how many blocks are
coded if it is alone in a scan, lines of blocks with those that fill up MCUs, and how many of them an MCU has."""


@compiled
def walked(
    value: Any, places: Any, scans: Any, units: Any, components: Any, tables: Any, most: Any, within: Any, means: Any,
    quants: Any, waves: Any, used: Any, out: Any, progressive: bool,
) -> tuple[int, int, int, int]:  # fmt: skip
    """Walk scans that lie at these places; return what is wrong, in which scan and which MCU, and a number to say.

    See `kernels.interleaved` for what it takes, and what `out` gets.
    """
    longest = 0
    for number in range(len(places)):
        longest = max(longest, places[number, 1] - places[number, 0])
    data = np.empty(longest + PADDING, np.uint8)
    rows = 0
    for number in range(len(components)):
        rows += components[number, STRIDE] * components[number, LINES]
    rows = rows if progressive else 0
    dc, there = np.zeros(rows, np.int64), np.zeros(rows, np.uint64)
    coefficients = np.zeros((rows if used is not None else 0, 64), np.int16)
    last = np.full(len(components), -1, np.int64)
    for number in range(len(scans)):
        scan, start, stop = scans[number], places[number, 0], places[number, 1]
        expected = (scan[ACROSS] * scan[DOWN] + scan[RESTART] - 1) // scan[RESTART]
        room = min(expected, (stop - start) // 2 + 1) + 1  # a restart marker takes two bytes
        starts, sizes, markers = np.zeros(room, np.int64), np.zeros(room, np.int64), np.zeros(room, np.int64)
        count = unstuffed(value, start, stop, data, starts, sizes, markers)
        intervals = min(count + 1, expected)
        if scan[FIRST] == 0:
            wrong, mcu, left = interleaved(
                data, starts, sizes, intervals, scan, units, tables, most, within, means, quants, waves, used, out, dc
            )
            for unit in range(scan[UNIT], scan[UNIT] + scan[UNITS]):
                last[units[unit, 0]] = number
        else:
            which = scan[COMPONENT]
            wrong, mcu, left = ac_scan(
                data, starts, sizes, intervals, scan, components[which], tables, most[which], used, there, coefficients
            )
        if wrong in (SOUND, TOO_FEW, LEFT_OVER) and not _orderly(count, expected, sizes, markers):
            wrong = RESTARTS
        if wrong != SOUND:
            return wrong, number, mcu, left
    if not progressive:
        return SOUND, 0, 0, 0
    return _judged(scans, components, last, means, quants, waves, used, out, dc, coefficients)


@compiled
def _orderly(count: int, expected: int, sizes: Any, markers: Any) -> Any:
    """Say whether there are as many restart markers as there should be, in order; one more may be the last."""
    orderly = count == expected - 1 or (count == expected and sizes[expected] == 0)
    for number in range(min(count, len(markers))):
        orderly &= markers[number] == number & 7
    return orderly


@compiled
def _judged(
    scans: Any, components: Any, last: Any, means: Any, quants: Any, waves: Any, used: Any, out: Any, dc: Any,
    coefficients: Any,
) -> tuple[int, int, int, int]:  # fmt: skip
    """Judge what all scans of a progressive picture came to."""
    for which in range(len(components)):
        scan, it = last[which], components[which]
        if scan >= 0 and which == 0:
            out[0], out[1] = _extremes(dc, it)
        if scan < 0 or scans[scan, LOW] > 0:  # the last bits of DC are missing
            continue
        count = it[STRIDE] * it[LINES]
        for row in range(it[ROW], it[ROW] + count):
            if dc[row] < means[which, 0] or dc[row] > means[which, 1]:
                return FINAL_MEAN, scan, 0, (row - it[ROW]) // it[STRIDE] // it[MCU_LINES]
            if dc[row] < means[which, 2] or dc[row] > means[which, 3]:
                out[2] += 1
        if used is not None:
            out[3] = max(out[3], worst(coefficients, dc, it[ROW], count, quants[which], waves))
    return SOUND, 0, 0, 0


@compiled
def _extremes(dc: Any, component: Any) -> tuple[int, int]:
    """Return the least and greatest DC of a component's blocks."""
    least = most = dc[component[ROW]]
    for line in range(component[TALL]):
        row = component[ROW] + line * component[STRIDE]
        for at in range(row, row + component[WIDE]):
            least, most = min(least, dc[at]), max(most, dc[at])
    return least, most
