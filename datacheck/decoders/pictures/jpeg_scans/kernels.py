"""The loops over the bits of a sequential scan, compiled; ITU-T T.81, F.2.

A scan comes without its stuffed bytes and restart markers, followed by PADDING bytes, so that a block may be read to
its end before anybody looks whether the data has ended: positions are checked behind each block.

A state of reading is (at, bits, have): the next byte, and `have` bits that were read and not used, the last of `bits`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from datacheck.decoders.pictures.compiled import compiled

PADDING = 512
"""The longest block has 63 coefficients of 16 + 10 bits, or 64 corrections between others: fewer bytes than this."""
QUICK = 9
"""Codes up to this length are looked up at once."""
LONGEST = 1 << QUICK
"""Where in the row of a table the largest code of each length is, -1 where there is none."""
OFFSETS = LONGEST + 17
"""Where what leads from a code of some length to its symbol is."""
SYMBOLS = OFFSETS + 17
COUNT = SYMBOLS + 256
"""Where the number of all codes is."""
ROW = COUNT + 1

SOUND, NO_CODE, RUN_PAST, ZEROS_LAST, UNDEFINED, LARGE, MEAN = 0, 1, 2, 3, 4, 5, 6
TOO_FEW, LEFT_OVER, PADDED, JOINED, BAND_PAST, NOT_ONE = 7, 8, 9, 11, 12, 13
MOST_AC, MOST_DC = 10, 11
"""The categories of differences and coefficients of 8-bit samples (T.81, tables F.1 and F.2)."""


@compiled
def unstuffed(value: Any, start: int, stop: int, out: Any, starts: Any, markers: Any) -> tuple[int, int]:
    """Copy a scan without what is stuffed; return how many bytes there are, and how many restart markers.

    `starts` gets where each interval begins, `markers` the numbers of the restart markers, as far as there is room.
    """
    size, count, at = 0, 0, start
    room = len(starts) - 1
    starts[0] = 0
    while at < stop:
        byte = value[at]
        at += 1
        if byte != 0xFF:
            out[size] = byte
            size += 1
            continue
        while at < stop and value[at] == 0xFF:
            at += 1
        if at >= stop:  # fill bytes before a marker
            break
        follows = value[at]
        at += 1
        if follows == 0:
            out[size] = 0xFF
            size += 1
            continue
        count += 1
        if count < room:
            starts[count] = size
            markers[count - 1] = follows & 7
    starts[min(count + 1, room)] = size
    for place in range(size, size + PADDING):
        out[place] = 0
    return size, count


@compiled
def filled(data: Any, at: int, bits: int, have: int) -> tuple[int, int, int]:
    """Have at least 32 bits ready."""
    if have < 32:
        four = (np.int64(data[at]) << 24) | (np.int64(data[at + 1]) << 16)
        four |= (np.int64(data[at + 2]) << 8) | np.int64(data[at + 3])
        return at + 4, ((bits & 0xFFFFFFFF) << 32) | four, have + 32
    return at, bits, have


@compiled
def symbol_of(table: Any, window: int) -> int:
    """Return the code that 16 bits begin with as length * 256 + symbol, 0 where they begin with none."""
    entry = np.int64(table[window >> (16 - QUICK)])
    if entry != 0:
        return entry
    for length in range(QUICK + 1, 17):
        code = window >> (16 - length)
        if code <= table[LONGEST + length]:
            return (length << 8) | np.int64(table[SYMBOLS + ((code + np.int64(table[OFFSETS + length])) & 255)])
    return 0


@compiled
def extended(raw: int, size: int) -> int:
    """Return the number that so many bits stand for (T.81, F.2.2.1)."""
    if size == 0 or raw >> (size - 1):
        return raw
    return raw - (1 << size) + 1


@compiled
def difference(data: Any, at: int, bits: int, have: int, table: Any, used: Any) -> tuple[int, int, int, int, int]:
    """Read a DC difference; return the state, it, and what is wrong."""
    at, bits, have = filled(data, at, bits, have)
    entry = symbol_of(table, (bits >> (have - 16)) & 0xFFFF)
    if entry == 0:
        return at, bits, have, 0, NO_CODE
    size = entry & 255
    used[size] += 1
    if size > MOST_DC:
        return at, bits, have, 0, UNDEFINED
    have -= (entry >> 8) + size
    return at, bits, have, extended((bits >> have) & ((1 << size) - 1), size), SOUND


@compiled
def _coefficients(
    data: Any, at: int, bits: int, have: int, table: Any, most: Any, used: Any, keep: bool, block: Any
) -> tuple[int, int, int, int]:
    """Read the AC coefficients of a sequential block; return the state, and what is wrong. `block` is in zigzag."""
    k = 1
    zeros = False
    while k < 64:
        at, bits, have = filled(data, at, bits, have)
        entry = symbol_of(table, (bits >> (have - 16)) & 0xFFFF)
        if entry == 0:
            return at, bits, have, NO_CODE
        symbol = entry & 255
        used[symbol] += 1
        run, size = symbol >> 4, symbol & 15
        have -= (entry >> 8) + size
        if size == 0:
            if run == 15:
                k += 16
                zeros = True
                continue
            if run != 0:
                return at, bits, have, UNDEFINED
            return at, bits, have, ZEROS_LAST if zeros else SOUND
        k += run
        if k > 63:
            return at, bits, have, RUN_PAST
        if size > most[k]:
            return at, bits, have, UNDEFINED if size > MOST_AC else LARGE
        if keep:
            block[k] = extended((bits >> have) & ((1 << size) - 1), size)
        zeros = False
        k += 1
    return at, bits, have, ZEROS_LAST if zeros else SOUND


@compiled
def ended(data: Any, at: int, bits: int, have: int, stop: int) -> tuple[int, int]:
    """Judge what is left of an interval behind its last block: return what is wrong, and how many bytes are left."""
    left = 8 * stop - (8 * at - have)
    if left < 0:
        return TOO_FEW, 0
    if left >= 8:
        whole = left >> 3
        if whole > 1 or data[stop - 1] != 0xFF or not _padded(data, stop, left):
            return LEFT_OVER, whole
        return SOUND, 0
    return (SOUND if _padded(data, stop, left) else PADDED), 0


@compiled
def _padded(data: Any, stop: int, left: int) -> bool:
    """Say whether the last bits of an interval are all ones, or all zeros as one encoder has them."""
    ones = zeros = True
    for number in range(left):
        bit = (data[stop - 1 - (number >> 3)] >> (number & 7)) & 1
        ones &= bit == 1
        zeros &= bit == 0
    return ones or (zeros and left < 8)


@compiled
def sequential(
    data: Any, starts: Any, intervals: int, units: Any, mcus: int, restart: int, tables: Any, most: Any, means: Any,
    quants: Any, waves: Any, used: Any, closer: bool, out: Any,
) -> tuple[int, int, int]:  # fmt: skip
    """Walk a sequential scan; return what is wrong, in which MCU, and a number to say with it.

    `units` are the blocks of an MCU: (component, DC table, AC table, ...). `most` has the largest category of each
    coefficient, `means` the bounds of DC: least and greatest, and those within which nothing is odd. `out` gets the
    least and greatest DC of the first component, and how many were odd; with `closer`, also by how much the worst block
    is out of the range of samples, in thousandths of what rounding explains.
    """
    predicted = np.zeros(4, np.int64)
    block = np.zeros(64, np.int64)
    mcu = 0
    for interval in range(intervals):
        predicted[:] = 0
        at, bits, have = starts[interval], 0, 0
        stop = starts[interval + 1]
        last = min(mcus, mcu + restart)
        while mcu < last:
            for unit in range(len(units)):
                which = units[unit, 0]
                dc, ac = units[unit, 1], units[unit, 2]
                at, bits, have, change, wrong = difference(data, at, bits, have, tables[dc], used[dc])
                predicted[which] += change
                if wrong == SOUND:
                    if closer:
                        block[:] = 0
                    at, bits, have, wrong = _coefficients(
                        data, at, bits, have, tables[ac], most[which], used[ac], closer, block
                    )
                if 8 * at - have > 8 * stop:
                    return TOO_FEW, mcu, 0
                if wrong != SOUND:
                    return wrong, mcu, 0
                value = predicted[which]
                if value < means[which, 2] or value > means[which, 3]:
                    if value < means[which, 0] or value > means[which, 1]:
                        return MEAN, mcu, value
                    out[2] += 1
                if which == 0:
                    out[0], out[1] = min(out[0], value), max(out[1], value)
                if closer:
                    block[0] = value
                    out[3] = max(out[3], excess(block, quants[which], waves))
            mcu += 1
        wrong, number = ended(data, at, bits, have, stop)
        if wrong != SOUND:
            return wrong, mcu - 1, number
    return (TOO_FEW if mcu < mcus else SOUND), max(0, mcu - 1), 0


@compiled
def excess(block: Any, quants: Any, waves: Any) -> int:
    """Return how far the samples of a block are out of range, in thousandths of what rounding explains.

    The transform is orthonormal, so the distance of the samples from those that were coded is at most that of the
    coefficients, of which each was rounded by no more than half its quantizer (Parseval). `waves` has the cosines,
    `quants` the quantizers in zigzag, and behind them the place of each coefficient and the distance allowed.
    """
    half = np.zeros((8, 8))
    total = 0.0
    for k in range(64):
        if block[k] != 0:
            place = quants[64 + k]
            value = float(block[k] * quants[k])
            total += abs(value)
            for x in range(8):
                half[place >> 3, x] += value * waves[place & 7, x]
    if total < 4 * 127:  # no sample can be so far out
        return 0
    beyond = 0.0
    for y in range(8):
        for x in range(8):
            sample = 0.0
            for v in range(8):
                sample += half[v, x] * waves[v, y]
            if sample > 127:
                beyond += (sample - 127) ** 2
            elif sample < -128:
                beyond += (sample + 128) ** 2
    return int(1000 * beyond**0.5 / (quants[128] / 1000.0 + 4.0))


@compiled
def built(counts: Any, symbols: Any, row: Any) -> bool:
    """Fill in the row of a Huffman table (T.81, annex C); say whether its codes fit, that of all ones left out."""
    code, at = 0, 0
    row[:] = 0
    for length in range(1, 17):
        row[LONGEST + length] = -1
        row[OFFSETS + length] = at - code
        for _ in range(counts[length - 1]):
            if code >= (1 << length) - 1:
                return False
            if length <= QUICK:
                first = code << (QUICK - length)
                for place in range(first, first + (1 << (QUICK - length))):
                    row[place] = (length << 8) | symbols[at]
            row[SYMBOLS + at] = symbols[at]
            row[LONGEST + length] = code
            code, at = code + 1, at + 1
        code <<= 1
    row[COUNT] = at
    return True
