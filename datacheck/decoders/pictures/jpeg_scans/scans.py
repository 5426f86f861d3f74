"""A compiled walk over all scans of a picture at once: calling compiled code takes longer than reading a scan."""

from __future__ import annotations

from typing import Any

from datacheck.decoders.pictures.compiled import compiled
from datacheck.decoders.pictures.jpeg_scans.bands import ac_scan, greatest_excess
from datacheck.decoders.pictures.jpeg_scans.kernels import interleaved, unstuffed
from datacheck.decoders.pictures.jpeg_scans.terms import (
    ACROSS,
    COMPONENT,
    DOWN,
    FINAL_MEAN,
    FIRST,
    LEFT_OVER,
    LINES,
    LOW,
    MCU,
    MCU_LINES,
    NUMBER,
    RESTART,
    RESTARTS,
    ROW_OF,
    SCAN,
    SOUND,
    STRIDE,
    TALL,
    TOO_FEW,
    UNIT,
    UNITS,
    WIDE,
    WRONG,
)


@compiled
def walk_scans(
    value: Any, places: Any, scans: Any, units: Any, components: Any, tables: Any, max_sizes: Any,
    max_sizes_before: Any, means: Any, quants: Any, waves: Any, used: Any, out: Any, progressive: int, data: Any,
    marks: Any, small: Any, half: Any, dc: Any, nonzero: Any, coefficients: Any,
) -> int:  # fmt: skip
    """Walk the scans that lie at `places`; return what is wrong.

    `out` receives the same, with the scan and the MCU in which it is, and a number for the message.

    See `kernels.interleaved` for the other arguments and results. `data` is room for the longest scan with its padding,
    and `marks` for the three results of `unstuffed`, by row. `dc`, `nonzero` and `coefficients` must be zero.
    """
    last = small[2]
    for number in range(len(components)):
        last[number] = -1
    error, number, mcu, detail = SOUND, 0, 0, 0
    for number in range(len(scans)):
        scan, start, stop = scans[number], places[number, 0], places[number, 1]
        expected = (scan[ACROSS] * scan[DOWN] + scan[RESTART] - 1) // scan[RESTART]
        max_intervals = min(expected, (stop - start) // 2 + 1) + 1  # a restart marker takes two bytes
        starts, sizes, markers = marks[0, :max_intervals], marks[1, :max_intervals], marks[2, :max_intervals]
        count = unstuffed(value, start, stop, data, starts, sizes, markers)
        intervals = min(count + 1, expected)
        if scan[FIRST] == 0:
            error, mcu, detail = interleaved(
                data, starts, sizes, intervals, scan, units, tables, max_sizes, max_sizes_before, means, quants, waves,
                used, out, dc, small, half,
            )  # fmt: skip
            for unit in range(scan[UNIT], scan[UNIT] + scan[UNITS]):
                last[units[unit, 0]] = number
        else:
            component = scan[COMPONENT]
            error, mcu, detail = ac_scan(
                data, starts, sizes, intervals, scan, components[component], tables, max_sizes[component], used,
                nonzero, coefficients,
            )  # fmt: skip
        if error in (SOUND, TOO_FEW, LEFT_OVER) and not _restarts_in_order(count, expected, sizes, markers):
            error = RESTARTS
        if error != SOUND:
            break
    if error == SOUND:
        number, mcu, detail = 0, 0, 0
        if progressive:
            error, number, mcu, detail = _judge_progressive(
                scans, components, last, means, quants, waves, used, out, dc, coefficients, small[1], half
            )
    out[WRONG], out[SCAN], out[MCU], out[NUMBER] = error, number, mcu, detail
    return error


@compiled
def _restarts_in_order(count: int, expected: int, sizes: Any, markers: Any) -> Any:
    """Check that the restart markers are in order and as many as expected; the last one may be one too many."""
    orderly = count == expected - 1 or (count == expected and sizes[expected] == 0)
    for number in range(min(count, len(markers))):
        orderly &= markers[number] == number & 7
    return orderly


@compiled
def _judge_progressive(
    scans: Any, components: Any, last: Any, means: Any, quants: Any, waves: Any, used: Any, out: Any, dc: Any,
    coefficients: Any, block: Any, half: Any,
) -> tuple[int, int, int, int]:  # fmt: skip
    """Judge the result of all scans of a progressive picture."""
    for component in range(len(components)):
        scan, it = last[component], components[component]
        if scan >= 0 and component == 0:
            out[0], out[1] = _extremes(dc, it)
        if scan < 0 or scans[scan, LOW] > 0:  # the last bits of DC are missing
            continue
        count = it[STRIDE] * it[LINES]
        for row in range(it[ROW_OF], it[ROW_OF] + count):
            if dc[row] < means[component, 0] or dc[row] > means[component, 1]:
                return FINAL_MEAN, scan, 0, (row - it[ROW_OF]) // it[STRIDE] // it[MCU_LINES]
            if dc[row] < means[component, 2] or dc[row] > means[component, 3]:
                out[2] += 1
        if used is not None:
            out[3] = max(
                out[3], greatest_excess(coefficients, dc, it[ROW_OF], count, quants[component], waves, block, half)
            )
    return SOUND, 0, 0, 0


@compiled
def _extremes(dc: Any, component: Any) -> tuple[int, int]:
    """Return the least and greatest DC of a component's blocks."""
    least = greatest = dc[component[ROW_OF]]
    for line in range(component[TALL]):
        row = component[ROW_OF] + line * component[STRIDE]
        for at in range(row, row + component[WIDE]):
            least, greatest = min(least, dc[at]), max(greatest, dc[at])
    return least, greatest
