"""Compiled loops over the bits of a progressive AC scan; ITU-T T.81, G.1.2 and G.2.

Only whether a coefficient is nonzero matters here, so a set of 64 bits records that for each block. Values are read
only if symbols are counted in `used`; they go into the block's row of `coefficients`.

The functions that read a block return the position after it, the error code (see `terms`), the set, the length of the
end-of-band run that the block begins, and whether that run is all that is in the block.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from datacheck.decoders.pictures.compiled import compiled
from datacheck.decoders.pictures.jpeg_scans.codes import (
    ZEROS,
    ahead_of,
    bit,
    bits_after,
    bits_between,
    count_ones,
    extended,
    lowest,
    symbol_of,
)
from datacheck.decoders.pictures.jpeg_scans.kernels import LARGEST, check_end, error_within, excess
from datacheck.decoders.pictures.jpeg_scans.terms import (
    ACROSS,
    BAND_PAST,
    DOWN,
    FIRST,
    HIGH,
    JOINED,
    LARGE,
    LAST,
    LOW,
    MOST_AC,
    NO_CODE,
    NOT_ONE,
    RESTART,
    RUN_PAST,
    SOUND,
    TABLE,
    TOO_FEW,
    UNDEFINED,
    ZEROS_LAST,
)

PENDING = 900
"""libjpeg ends an end-of-band run early once about this many correction bits are waiting for it."""
LONGEST_RUN = 32767

_NONE, _ONE = np.uint64(0), np.uint64(1)


@compiled
def _first_pass(
    data: Any, at: int, tables: Any, scan: Any, max_sizes: Any, used: Any, nonzero: Any, coefficients: Any, row: int
) -> tuple[int, int, Any, int, bool]:
    """Read a block of the first scan of a band."""
    k, last, low, table = scan[FIRST], scan[LAST], scan[LOW], scan[TABLE]
    zeros = False
    while k <= last:
        ahead = ahead_of(data, at)
        length, symbol = symbol_of(tables, table, ahead)
        if length == 0:
            return at, NO_CODE, nonzero, 0, False
        if used is not None:
            used[table, symbol] += 1
        run, size = symbol >> 4, symbol & 15
        at += length + size
        if symbol == ZEROS:
            k += 16
            zeros = True
            continue
        if size == 0:
            begun = (1 << run) + bits_after(ahead, length, run)
            return at + run, (ZEROS_LAST if zeros else SOUND), nonzero, begun, k == scan[FIRST]
        k += run
        if k > last:
            return at, RUN_PAST, nonzero, 0, False
        if size + low > max_sizes[k]:
            return at, (UNDEFINED if size > MOST_AC else LARGE), nonzero, 0, False
        nonzero |= bit(k)
        if used is not None:
            coefficients[row, k] = extended(bits_after(ahead, length, size), size) << low
        zeros = False
        k += 1
    return at, (ZEROS_LAST if zeros else SOUND), nonzero, 0, False


@compiled
def _apply_corrections(data: Any, at: int, low: int, passed: Any, used: Any, coefficients: Any, row: int) -> Any:
    """Skip a correction bit for each coefficient of a set; return how many there are.

    If symbols are counted, the bits are also applied to the coefficients.
    """
    if used is not None:
        remaining = passed
        while remaining != _NONE:
            k = lowest(remaining)
            value, step = np.int64(coefficients[row, k]), 1 << low
            if bits_after(ahead_of(data, at), 0, 1) and abs(value) & step == 0 and abs(value) + step <= LARGEST:
                coefficients[row, k] = value + step if value > 0 else value - step
            at += 1
            remaining &= remaining - _ONE
    return count_ones(passed)


@compiled
def _zeros_after(nonzero: Any, k: int, last: int, run: int) -> Any:
    """Return a set whose lowest member is the zero coefficient after `run` others from `k` on, if there is one."""
    band = bits_between(k, last)
    if nonzero & band == _NONE:
        return bit(k + run) if k + run <= last else _NONE
    free = ~nonzero & band
    for _ in range(run):
        free &= free - _ONE
    return free


@compiled
def _refining_pass(
    data: Any, at: int, tables: Any, scan: Any, used: Any, nonzero: Any, coefficients: Any, row: int
) -> tuple[int, int, Any, int, bool, int]:
    """Read a block of a scan that adds a bit to a band; return also how many bits wait for a run that it begins."""
    k, last, low, table = scan[FIRST], scan[LAST], scan[LOW], scan[TABLE]
    zeros, alone = False, True
    while k <= last:
        ahead = ahead_of(data, at)
        length, symbol = symbol_of(tables, table, ahead)
        if length == 0:
            return at, NO_CODE, nonzero, 0, False, 0
        if used is not None:
            used[table, symbol] += 1
        run, size = symbol >> 4, symbol & 15
        at += length
        band = bits_between(k, last)
        if size == 0 and symbol != ZEROS:
            begun = (1 << run) + bits_after(ahead, length, run)
            count = _apply_corrections(data, at + run, low, nonzero & band, used, coefficients, row)
            return at + run + count, (ZEROS_LAST if zeros else SOUND), nonzero, begun, alone, count
        if size > 1:
            return at, NOT_ONE, nonzero, 0, False, 0
        at += size
        free = _zeros_after(nonzero, k, last, run)
        if free == _NONE:
            k = last + 1
            at += _apply_corrections(data, at, low, nonzero & band, used, coefficients, row)
            if size == 1:
                return at, RUN_PAST, nonzero, 0, False, 0
        else:
            place = lowest(free)
            at += _apply_corrections(data, at, low, nonzero & bits_between(k, place), used, coefficients, row)
            if size == 1:
                nonzero |= bit(place)
                if used is not None:
                    coefficients[row, place] = (1 if bits_after(ahead, length, 1) else -1) << low
            k = place + 1
        zeros, alone = size == 0, False
    return at, (ZEROS_LAST if zeros else SOUND), nonzero, 0, False, 0


@compiled
def ac_scan(  # noqa: C901  (a function more in the innermost loops costs)
    data: Any, starts: Any, sizes: Any, intervals: int, scan: Any, component: Any, tables: Any, max_sizes: Any,
    used: Any, nonzero: Any, coefficients: Any,
) -> tuple[int, int, int]:  # fmt: skip
    """Walk a progressive AC scan and fill in `nonzero`. Return the same as `interleaved`.

    `component` holds the row of its first block, and the number of rows from line to line.
    """
    row_length, blocks = scan[ACROSS], scan[ACROSS] * scan[DOWN]
    refines, band = scan[HIGH] > 0, bits_between(scan[FIRST], scan[LAST])
    number, row, in_line = 0, component[0], row_length
    twice, long_ones = -1, False
    for interval in range(intervals):
        at, stop = 8 * starts[interval], starts[interval] + sizes[interval]
        last = min(blocks, number + scan[RESTART])
        run, pending, just_ended, free = 0, 0, False, False
        while number < last:
            error, begun, alone = SOUND, 0, False
            if run > 0:
                count = _apply_corrections(data, at, scan[LOW], nonzero[row] & band, used, coefficients, row)
                at += count
                pending += count
            elif refines:
                at, error, nonzero[row], begun, alone, pending = _refining_pass(
                    data, at, tables, scan, used, nonzero[row], coefficients, row
                )
            else:
                at, error, nonzero[row], begun, alone = _first_pass(
                    data, at, tables, scan, max_sizes, used, nonzero[row], coefficients, row
                )
            if at > 8 * stop or error != SOUND:
                return error_within(error, 8 * stop - at), number, 0
            if begun > 0:
                if just_ended and alone and twice < 0:
                    twice = number
                long_ones |= begun > 1
                if number + begun > last:
                    return BAND_PAST, number, begun
                run, free = begun, begun == LONGEST_RUN
            just_ended = False
            blocks_passed = 1
            if run > 0:
                if not refines:
                    blocks_passed, run = run, 1
                run -= 1
                just_ended = run == 0 and not free and pending < PENDING
            number += blocks_passed
            while blocks_passed >= in_line:
                row += in_line + component[1] - row_length
                blocks_passed -= in_line
                in_line = row_length
            row += blocks_passed
            in_line -= blocks_passed
        error, bytes_left = check_end(data, at, stop)
        if error != SOUND:
            return error, number - 1, bytes_left
    if number < blocks:
        return TOO_FEW, max(0, number - 1), 0
    return (JOINED if long_ones and twice >= 0 else SOUND), max(0, twice), 0


@compiled
def greatest_excess(
    coefficients: Any, dc: Any, first: int, count: int, quants: Any, waves: Any, block: Any, half: Any
) -> int:  # fmt: skip
    """Return the greatest excess of `count` blocks."""
    greatest = 0
    for row in range(first, first + count):
        for k in range(64):
            block[k] = coefficients[row, k]
        block[0] = dc[row]
        greatest = max(greatest, excess(block, quants, waves, half))
    return greatest
