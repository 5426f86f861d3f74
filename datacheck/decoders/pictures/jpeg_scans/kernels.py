"""Compiled loops over the bits of DC scans and of sequential scans; ITU-T T.81, F.2 and G.1.2.1.

The functions that read a block return the position after it, and the error code (see `terms`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from datacheck.decoders.pictures.compiled import compiled, inlined
from datacheck.decoders.pictures.jpeg_scans.codes import (
    AHEAD,
    END,
    PASSED,
    SIZE,
    ZEROS,
    ahead_of,
    bits_after,
    eight_bytes,
    entry_of,
    extended,
    shift_past,
    symbol_of,
)
from datacheck.decoders.pictures.jpeg_scans.terms import (
    ACROSS,
    DOWN,
    HIGH,
    LARGE,
    LAST,
    LEFT_OVER,
    LOW,
    MEAN,
    MOST_AC,
    MOST_DC,
    NO_CODE,
    PADDED,
    PADDING,
    QUICK,
    RESTART,
    RUN_PAST,
    SOUND,
    TOO_FEW,
    UNDEFINED,
    UNIT,
    UNITS,
    ZEROS_LAST,
)

LARGEST = 32767
"""Largest value of a coefficient that can be stored."""
SLACK = 40.0
"""How far the fast transform of libjpeg is from the exact one, at quality 100, where nothing else is rounded."""

_MARKED = 0xFF
_LOWER, _UPPER = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080)


@compiled
def _has_marker(ahead: Any) -> Any:
    """Check whether one of eight bytes is FF."""
    missing = ~ahead
    return ((missing - _LOWER) & ahead & _UPPER) != np.uint64(0)


@compiled
def unstuffed(value: Any, start: int, stop: int, out: Any, starts: Any, sizes: Any, markers: Any) -> int:
    """Copy a scan without its stuffed bytes and markers; return the number of restart markers.

    `starts` and `sizes` receive the beginning of each interval in the copy and its number of bytes, `markers` the
    numbers of the restart markers. Intervals that these have no room for are not recorded.
    """
    size, count, at = 0, 0, start
    starts[0] = 0
    while at < stop:
        while at + 8 <= stop:
            ahead = eight_bytes(value, at)
            if _has_marker(ahead):
                break
            for number in range(8):
                out[np.uint64(size + number)] = np.uint8(ahead >> np.uint64(56 - 8 * number))
            at += 8
            size += 8
        while at < stop and value[np.uint64(at)] != _MARKED:
            out[np.uint64(size)] = value[np.uint64(at)]
            at += 1
            size += 1
        while at < stop and value[at] == _MARKED:
            at += 1
        if at >= stop:  # fill bytes before a marker
            break
        follows = value[at]
        at += 1
        if follows == 0:
            out[size] = _MARKED
            size += 1
            continue
        if count < len(sizes):
            sizes[count] = size - starts[count]
            markers[count] = follows & 7
        count += 1
        if count < len(sizes):
            starts[count] = size
    if count < len(sizes):
        sizes[count] = size - starts[count]
    out[size : size + PADDING] = 0
    return count


@inlined
def difference(data: Any, at: int, tables: Any, table: int, used: Any) -> tuple[int, int, int]:
    """Read a DC difference; return the position after it, the difference, and what is wrong.

    Symbols are counted in `used` unless it is None.
    """
    ahead = ahead_of(data, at)
    length, size = symbol_of(tables, table, ahead)
    if length == 0:
        return at, 0, NO_CODE
    if used is not None:
        used[table, size] += 1
    if size > MOST_DC:
        return at, 0, UNDEFINED
    return at + length + size, extended(bits_after(ahead, length, size), size), SOUND


@compiled
def _one_coefficient(
    data: Any, at: int, k: int, tables: Any, table: int, max_sizes: Any, component: int, used: Any, block: Any
) -> tuple[int, int, int]:
    """Read the next coefficient, with all zeros before it, or the end of its block.

    Return the position, the index after the coefficient, which is 64 at the end, and what is wrong.
    """
    zeros = False
    while k < 64:
        ahead = ahead_of(data, at)
        length, symbol = symbol_of(tables, table, ahead)
        if length == 0:
            return at, k, NO_CODE
        if used is not None:
            used[table, symbol] += 1
        run, size = symbol >> 4, symbol & 15
        at += length + size
        if symbol == ZEROS:
            k += 16
            zeros = True
            continue
        if size == 0:
            return at, 64, UNDEFINED if run > 0 else ZEROS_LAST if zeros else SOUND
        k += run
        if k > 63:
            return at, k, RUN_PAST
        if size > max_sizes[component, k]:
            return at, k, UNDEFINED if size > MOST_AC else LARGE
        if used is not None:
            block[k] = extended(bits_after(ahead, length, size), size)
        return at, k + 1, SOUND
    return at, 64, ZEROS_LAST


@inlined
def _coefficients(
    data: Any, at: int, tables: Any, table: int, max_sizes: Any, max_sizes_before: Any, component: int, used: Any,
    block: Any,
) -> tuple[int, int]:  # fmt: skip
    """Read the AC coefficients of a sequential block; return the position after them, and what is wrong.

    Several coefficients are read at once as long as they end within the block and are certainly not too large.
    `max_sizes_before` has the largest size for which that holds, by the place after them. If symbols are counted in
    `used`, which may be None, each coefficient is read by itself and put into `block`, in zigzag order.
    """
    k = 1
    while k < 64:
        if used is None:
            ahead, bits_left = ahead_of(data, at), AHEAD
            while bits_left >= QUICK:
                entry = entry_of(tables, table, ahead)
                place = k + ((entry >> PASSED) & 127)
                if (entry >> SIZE) & 15 > max_sizes_before[np.uint64(component), np.uint64(place)]:
                    break
                at += entry & 63
                if entry & END:
                    return at, SOUND
                k = place
                bits_left -= entry & 63
                ahead = shift_past(ahead, entry)
            if bits_left < QUICK:
                continue
        at, k, error = _one_coefficient(data, at, k, tables, table, max_sizes, component, used, block)
        if error != SOUND:
            return at, error
    return at, SOUND


@compiled
def error_within(error: int, bits_left: int) -> int:
    """Return what is wrong with a block after which its interval has `bits_left` bits."""
    return TOO_FEW if bits_left < 0 or (error == NO_CODE and bits_left < 16) else error


@compiled
def check_end(data: Any, at: int, stop: int) -> tuple[int, int]:
    """Judge the end of an interval after its last block; return what is wrong, and how many bytes are left over."""
    bits_left = 8 * stop - at
    if bits_left < 0:
        return TOO_FEW, 0
    if bits_left >= 8:
        bytes_left = bits_left >> 3
        if bytes_left > 1 or data[stop - 1] != _MARKED or not _is_padding(data, stop, bits_left):
            return LEFT_OVER, bytes_left
        return SOUND, 0
    return (SOUND if _is_padding(data, stop, bits_left) else PADDED), 0


@compiled
def _is_padding(data: Any, stop: int, bits_left: int) -> bool:
    """Check whether the last bits of an interval are all ones, or all zeros as one encoder writes them."""
    ones = zeros = True
    for number in range(bits_left):
        bit = (data[stop - 1 - (number >> 3)] >> (number & 7)) & 1
        ones &= bit == 1
        zeros &= bit == 0
    return ones or (zeros and bits_left < 8)


@compiled
def interleaved(  # noqa: C901  (a function more in the innermost loops costs)
    data: Any, starts: Any, sizes: Any, intervals: int, scan: Any, units: Any, tables: Any, max_sizes: Any,
    max_sizes_before: Any, means: Any, quants: Any, waves: Any, used: Any, out: Any, dc: Any, small: Any, half: Any,
) -> tuple[int, int, int]:  # fmt: skip
    """Walk a sequential scan or a DC scan; return what is wrong, in which MCU, and a number for the message.

    * `units` are the blocks of an MCU: (component, DC table, AC table, row of the first one, number of rows of blocks
      to the MCU below, and to the one on the right).
    * `max_sizes` has the largest size of each coefficient of a component, and `max_sizes_before`, by place, the largest
      size that is allowed for all coefficients before it.
    * `means` has the bounds of DC: least and greatest, and those within which nothing is odd.
    * `out` receives the least and greatest DC of the first component, and the number of odd ones; if symbols are
      counted in `used`, also the excess of the block that is farthest out of the range of samples.
    * `dc` receives the DC of a progressive picture.
    * `small` and `half` are room for rows of words, and for the intermediate results of `excess`.
    """
    predicted, block = small[0, :4], small[1]
    sequential, refines, low = scan[LAST] > 0, scan[HIGH] > 0, scan[LOW]
    mcus_across, mcus = scan[ACROSS], scan[ACROSS] * scan[DOWN]
    mcu = line = column = 0
    for interval in range(intervals):
        predicted[:] = 0
        at, stop = 8 * starts[interval], starts[interval] + sizes[interval]
        last = min(mcus, mcu + scan[RESTART])
        while mcu < last:
            for number in range(scan[UNIT], scan[UNIT] + scan[UNITS]):
                component, error, change = units[number, 0], SOUND, 0
                if refines:
                    row = units[number, 3] + line * units[number, 4] + column * units[number, 5]
                    dc[row] |= bits_after(ahead_of(data, at), 0, 1) << low
                    at += 1
                else:
                    at, change, error = difference(data, at, tables, units[number, 1], used)
                    predicted[component] += change
                    if sequential and error == SOUND:
                        if used is not None:
                            block[:] = 0
                        at, error = _coefficients(
                            data, at, tables, units[number, 2], max_sizes, max_sizes_before, component, used, block
                        )  # fmt: skip
                if at > 8 * stop or error != SOUND:
                    return error_within(error, 8 * stop - at), mcu, 0
                value = predicted[component]
                if sequential:
                    if value < means[component, 2] or value > means[component, 3]:
                        if value < means[component, 0] or value > means[component, 1]:
                            return MEAN, mcu, 0
                        out[2] += 1
                    if component == 0:
                        out[0], out[1] = min(out[0], value), max(out[1], value)
                    if used is not None:
                        block[0] = value
                        out[3] = max(out[3], excess(block, quants[component], waves, half))
                elif not refines:
                    if abs(value) << low > LARGEST:
                        return MEAN, mcu, 0
                    row = units[number, 3] + line * units[number, 4] + column * units[number, 5]
                    dc[row] = value << low
            mcu += 1
            column += 1
            if column == mcus_across:
                line, column = line + 1, 0
        error, bytes_left = check_end(data, at, stop)
        if error != SOUND:
            return error, mcu - 1, bytes_left
    return (TOO_FEW if mcu < mcus else SOUND), max(0, mcu - 1), 0


@compiled
def excess(block: Any, quants: Any, waves: Any, half: Any) -> int:
    """Return how far the samples of a block are out of range, in thousandths of what rounding explains.

    The transform is orthonormal, so the distance between the samples and those that were coded is at most that between
    the coefficients, each of which was rounded by no more than half its quantizer (Parseval). `waves` has the cosines.
    `quants` has the quantizers in zigzag order, and after them the place of each coefficient and the allowed distance.
    """
    half[:] = 0.0
    total = 0.0
    for k in range(64):
        if block[k] != 0:
            place = quants[64 + k]
            value = float(block[k] * quants[k])
            total += abs(value)
            for x in range(8):
                half[place >> 3, x] += value * waves[place & 7, x]
    if total < 4 * 127:  # no sample can then be out of range
        return 0
    squares = 0.0
    for y in range(8):
        for x in range(8):
            sample = 0.0
            for v in range(8):
                sample += half[v, x] * waves[v, y]
            if sample > 127:
                squares += (sample - 127) ** 2
            elif sample < -128:
                squares += (sample + 128) ** 2
    return int(1000 * squares**0.5 / (quants[128] / 1000.0 + SLACK))
