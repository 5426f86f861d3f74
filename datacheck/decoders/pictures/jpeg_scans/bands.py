"""The loops over the bits of a progressive scan, compiled; ITU-T T.81, G.1.2 and G.2.

What reads a block returns the state of reading (see `kernels`), what is wrong, and the run of ends of bands that it
begins, with whether that is all there is in it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from datacheck.decoders.pictures.compiled import compiled
from datacheck.decoders.pictures.jpeg_scans.kernels import (
    BAND_PAST,
    JOINED,
    LARGE,
    MEAN,
    MOST_AC,
    NO_CODE,
    NOT_ONE,
    RUN_PAST,
    SOUND,
    TOO_FEW,
    UNDEFINED,
    ZEROS_LAST,
    difference,
    ended,
    excess,
    extended,
    filled,
    symbol_of,
    used_up,
    wrong_within,
)

PENDING = 900
"""libjpeg ends a run of bands early where about so many correction bits wait for it."""
LONGEST_RUN = 32767
LARGEST = 32767
"""What a coefficient's place can hold."""


@compiled
def dc_scan(
    data: Any, words: Any, starts: Any, sizes: Any, intervals: int, units: Any, shape: Any, restart: int,
    tables: Any, used: Any, high: int, low: int, coefficients: Any,
) -> tuple[int, int, int]:  # fmt: skip
    """Walk a progressive scan of DC, the first one (`high` 0) or one that adds a bit; fills in the coefficients.

    `shape` is MCUs across and down. `units` are the blocks of an MCU: (component, DC table, AC table, row of the first
    one, rows of blocks to the next MCU below, to the one on the right).
    """
    predicted = np.zeros(4, np.int64)
    mcu, mcus = 0, shape[0] * shape[1]
    for interval in range(intervals):
        predicted[:] = 0
        at, bits, have = starts[interval] >> 2, 0, 0
        last = min(mcus, mcu + restart)
        while mcu < last:
            for unit in range(len(units)):
                row = units[unit, 3] + mcu // shape[0] * units[unit, 4] + mcu % shape[0] * units[unit, 5]
                wrong = SOUND
                if high:
                    at, bits, have = filled(words, at, bits, have)
                    have -= 1
                    coefficients[row, 0] |= ((bits >> have) & 1) << low
                else:
                    which, dc = units[unit, 0], units[unit, 1]
                    at, bits, have, change, wrong = difference(words, at, bits, have, tables, dc, used)
                    predicted[which] += change
                    if abs(predicted[which]) << low > LARGEST:
                        wrong = MEAN if wrong == SOUND else wrong
                    else:
                        coefficients[row, 0] = predicted[which] << low
                left = 8 * sizes[interval] - used_up(at, have, starts[interval])
                if left < 0 or wrong != SOUND:
                    return wrong_within(wrong, left), mcu, 0
            mcu += 1
        wrong, number = ended(data, starts[interval], sizes[interval], used_up(at, have, starts[interval]))
        if wrong != SOUND:
            return wrong, mcu - 1, number
    return (TOO_FEW if mcu < mcus else SOUND), max(0, mcu - 1), 0


@compiled
def _run_of_bands(words: Any, at: int, bits: int, have: int, size: int) -> tuple[int, int, int, int]:
    """Read how many blocks an end of band stands for."""
    at, bits, have = filled(words, at, bits, have)
    have -= size
    return at, bits, have, (1 << size) + ((bits >> have) & ((1 << size) - 1))


@compiled
def _first_pass(
    words: Any, at: int, bits: int, have: int, tables: Any, table: int, most: Any, used: Any, band: Any, block: Any
) -> tuple[int, int, int, int, int, bool]:
    """Read a block of the first scan of a band; return the state, what is wrong, the run that it begins, and whether
    that is all there is in it.
    """
    low = band[2]
    k = band[0]
    zeros = False
    while k <= band[1]:
        at, bits, have = filled(words, at, bits, have)
        entry = symbol_of(tables, table, bits, have)
        if entry == 0:
            return at, bits, have, NO_CODE, 0, False
        symbol = entry & 255
        if used is not None:
            used[table, symbol] += 1
        run, size = symbol >> 4, symbol & 15
        have -= (entry >> 8) & 255
        if size == 0 and run < 15:
            at, bits, have, blocks = _run_of_bands(words, at, bits, have, run)
            return at, bits, have, (ZEROS_LAST if zeros else SOUND), blocks, k == band[0]
        if size == 0:
            k += 16
            zeros = True
            continue
        have -= size
        k += run
        if k > band[1]:
            return at, bits, have, RUN_PAST, 0, False
        if size + low > most[k]:
            return at, bits, have, (UNDEFINED if size > MOST_AC else LARGE), 0, False
        block[k] = extended((bits >> have) & ((1 << size) - 1), size) << low
        zeros = False
        k += 1
    return at, bits, have, (ZEROS_LAST if zeros else SOUND), 0, False


@compiled
def _corrected(
    words: Any, at: int, bits: int, have: int, k: int, band: Any, skip: int, block: Any
) -> tuple[int, int, int, int, int]:
    """Pass over coefficients, those that are there each with its bit, up to the one behind `skip` that are zero.

    Returns the state, the place, and how many bits there were.
    """
    count = 0
    step = 1 << band[2]
    while k <= band[1]:
        value = block[k]
        if value == 0:
            if skip == 0:
                break
            skip -= 1
        else:
            at, bits, have = filled(words, at, bits, have)
            have -= 1
            count += 1
            if (bits >> have) & 1 and abs(value) & step == 0 and abs(value) + step <= LARGEST:
                block[k] = value + step if value > 0 else value - step
        k += 1
    return at, bits, have, k, count


@compiled
def _refined(
    words: Any, at: int, bits: int, have: int, tables: Any, table: int, used: Any, band: Any, block: Any
) -> tuple[int, int, int, int, int, bool, int]:
    """Read a block of a scan that adds a bit to a band; return as the first pass does, and the bits that waited."""
    k = band[0]
    zeros = False
    alone = True
    while k <= band[1]:
        at, bits, have = filled(words, at, bits, have)
        entry = symbol_of(tables, table, bits, have)
        if entry == 0:
            return at, bits, have, NO_CODE, 0, False, 0
        symbol = entry & 255
        if used is not None:
            used[table, symbol] += 1
        run, size = symbol >> 4, symbol & 15
        have -= (entry >> 8) & 255
        if size == 0 and run < 15:
            at, bits, have, blocks = _run_of_bands(words, at, bits, have, run)
            at, bits, have, k, count = _corrected(words, at, bits, have, k, band, 64, block)
            return at, bits, have, (ZEROS_LAST if zeros else SOUND), blocks, alone, count
        if size > 1:
            return at, bits, have, NOT_ONE, 0, False, 0
        positive = 0
        if size == 1:
            have -= 1
            positive = (bits >> have) & 1
        at, bits, have, k, _ = _corrected(words, at, bits, have, k, band, run, block)
        if size == 1:
            if k > band[1]:
                return at, bits, have, RUN_PAST, 0, False, 0
            block[k] = (1 if positive else -1) << band[2]
        zeros = size == 0
        alone = False
        k += 1
    return at, bits, have, (ZEROS_LAST if zeros else SOUND), 0, False, 0


@compiled
def ac_scan(  # noqa: C901  (a function more in the innermost loops costs)
    data: Any, words: Any, starts: Any, sizes: Any, intervals: int, shape: Any, restart: int, tables: Any,
    table: int, most: Any, used: Any, band: Any, coefficients: Any,
) -> tuple[int, int, int]:  # fmt: skip
    """Walk a progressive scan of AC; fills in the coefficients. As `sequential` it returns what is wrong.

    `shape` is blocks across and down, the row of the first block, and rows of blocks from line to line. `band` is the
    first and last place, the bit that the scan ends with, and whether it adds that one to what is there.
    """
    number, blocks = 0, shape[0] * shape[1]
    twice, long_ones = -1, False
    for interval in range(intervals):
        at, bits, have = starts[interval] >> 2, 0, 0
        last = min(blocks, number + restart)
        run, waiting, just_ended = 0, 0, False
        while number < last:
            block = coefficients[shape[2] + number // shape[0] * shape[3] + number % shape[0]]
            wrong, begun, alone = SOUND, 0, False
            if run > 0:
                at, bits, have, _, count = _corrected(words, at, bits, have, band[0], band, 64, block)
                waiting += count
            elif band[3]:
                at, bits, have, wrong, begun, alone, waiting = _refined(
                    words, at, bits, have, tables, table, used, band, block
                )
            else:
                at, bits, have, wrong, begun, alone = _first_pass(
                    words, at, bits, have, tables, table, most, used, band, block
                )
            left = 8 * sizes[interval] - used_up(at, have, starts[interval])
            if left < 0 or wrong != SOUND:
                return wrong_within(wrong, left), number, 0
            if begun > 0:
                if just_ended and alone and twice < 0:
                    twice = number
                long_ones |= begun > 1
                if number + begun > last:
                    return BAND_PAST, number, begun
                run = begun
                free = begun == LONGEST_RUN
            just_ended = False
            if run > 0:
                if not band[3]:
                    number += run - 1
                    run = 1
                run -= 1
                just_ended = run == 0 and not free and waiting < PENDING
            number += 1
        wrong, whole = ended(data, starts[interval], sizes[interval], used_up(at, have, starts[interval]))
        if wrong != SOUND:
            return wrong, number - 1, whole
    if number < blocks:
        return TOO_FEW, max(0, number - 1), 0
    return (JOINED if long_ones and twice >= 0 else SOUND), max(0, twice), 0


@compiled
def worst(coefficients: Any, first: int, count: int, quants: Any, waves: Any) -> int:
    """Return the greatest excess of so many blocks."""
    most = 0
    block = np.zeros(64, np.int64)
    for number in range(count):
        block[:] = coefficients[first + number]
        most = max(most, excess(block, quants, waves))
    return most
