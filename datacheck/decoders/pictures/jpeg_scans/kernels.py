"""The loops over the bits of a sequential scan, compiled; ITU-T T.81, F.2.

A scan comes without its stuffed bytes and restart markers, followed by PADDING bytes, so that a block may be read to
its end before anybody looks whether the data has ended: positions are checked behind each block.

`words` are its bytes in fours. A state of reading is (at, bits, have): the next word, and `have` bits that were read
and not used, the last of `bits`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from datacheck.decoders.pictures.compiled import compiled

PADDING = 512
"""The longest block has 63 coefficients of 16 + 10 bits, or 64 corrections between others: fewer bytes than this."""
QUICK = 11
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
SLACK = 40.0
"""How far the fast transform of libjpeg leaves the exact one, at quality 100 where nothing else is rounded."""
MOST_AC, MOST_DC = 10, 11
"""The categories of differences and coefficients of 8-bit samples (T.81, tables F.1 and F.2)."""


@compiled
def unstuffed(value: Any, start: int, stop: int, out: Any, starts: Any, sizes: Any, markers: Any) -> tuple[int, int]:
    """Copy a scan without what is stuffed; return how many bytes that makes, and how many restart markers there are.

    `starts` and `sizes` get where each interval begins, at a multiple of four, and how many bytes it has; `markers` the
    numbers of the restart markers. What lies behind more intervals than there is room for is left out.
    """
    size, count, at = 0, 0, start
    starts[0] = 0
    while at < stop:
        byte = value[np.uint64(at)]
        at += 1
        if byte != 0xFF:
            out[np.uint64(size)] = byte
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
        if count < len(sizes):
            sizes[count] = size - starts[count]
            markers[count] = follows & 7
        count += 1
        if count < len(sizes):
            while size & 3:
                out[size] = 0
                size += 1
            starts[count] = size
    if count < len(sizes):
        sizes[count] = size - starts[count]
    for place in range(size, size + PADDING):
        out[place] = 0
    return size, count


@compiled
def filled(words: Any, at: int, bits: int, have: int) -> tuple[int, Any, int]:
    """Have at least 32 bits ready."""
    if have < 32:
        return at + 1, ((bits & 0xFFFFFFFF) << 32) | np.int64(words[np.uint64(at)]), have + 32
    return at, bits, have


@compiled
def _entry(length: int, symbol: Any) -> Any:
    return ((length + (symbol & 15)) << 16) | (length << 8) | symbol


@compiled
def symbol_of(tables: Any, which: int, bits: int, have: int) -> Any:
    """Return the code that at least QUICK bits begin with, 0 where they begin with none.

    That is its symbol, its length in the next eight bits, and behind these its length with the bits that follow it in a
    sequential scan.
    """
    entry = np.int64(tables[np.uint64(which), np.uint64((bits >> (have - QUICK)) & (LONGEST - 1))])
    return entry if entry != 0 else _long_code(tables, which, (bits >> (have - 16)) & 0xFFFF)


@compiled
def _long_code(tables: Any, which: int, window: int) -> Any:
    for length in range(QUICK + 1, 17):
        code = window >> (16 - length)
        if code <= tables[which, LONGEST + length]:
            place = (code + np.int64(tables[which, OFFSETS + length])) & 255
            return _entry(length, np.int64(tables[which, SYMBOLS + place]))
    return 0


@compiled
def extended(raw: int, size: int) -> int:
    """Return the number that so many bits stand for (T.81, F.2.2.1)."""
    if size == 0 or raw >> (size - 1):
        return raw
    return raw - (1 << size) + 1


@compiled
def difference(
    words: Any, at: int, bits: int, have: int, tables: Any, which: int, used: Any
) -> tuple[int, int, int, int, int]:
    """Read a DC difference; return the state, it, and what is wrong. `used` counts symbols, None does not."""
    at, bits, have = filled(words, at, bits, have)
    entry = symbol_of(tables, which, bits, have)
    if entry == 0:
        return at, bits, have, 0, NO_CODE
    size = entry & 255
    if used is not None:
        used[which, size] += 1
    if size > MOST_DC:
        return at, bits, have, 0, UNDEFINED
    have -= entry >> 16
    return at, bits, have, extended((bits >> have) & ((1 << size) - 1), size), SOUND


@compiled
def _coefficients(
    words: Any, at: int, bits: int, have: int, tables: Any, table: int, most: Any, which: int, used: Any, block: Any
) -> tuple[int, int, int, int]:
    """Read the AC coefficients of a sequential block; return the state, and what is wrong.

    Where symbols are counted in `used` (None to do without), the coefficients are put into `block`, in zigzag.
    """
    k = 1
    zeros = False
    while k < 64:
        at, bits, have = filled(words, at, bits, have)
        entry = symbol_of(tables, table, bits, have)
        if entry == 0:
            return at, bits, have, NO_CODE
        have -= entry >> 16
        size = entry & 15
        if used is not None:
            used[table, entry & 255] += 1
        if size == 0:
            if entry & 0xF0 == 0xF0:
                k += 16
                zeros = True
                continue
            if entry & 0xF0:
                return at, bits, have, UNDEFINED
            return at, bits, have, ZEROS_LAST if zeros else SOUND
        k += (entry >> 4) & 15
        if k > 63:
            return at, bits, have, RUN_PAST
        if size > most[np.uint64(which), np.uint64(k)]:
            return at, bits, have, UNDEFINED if size > MOST_AC else LARGE
        if used is not None:
            block[k] = extended((bits >> have) & ((1 << size) - 1), size)
        zeros = False
        k += 1
    return at, bits, have, ZEROS_LAST if zeros else SOUND


@compiled
def used_up(at: int, have: int, start: int) -> int:
    """Return how many bits of an interval that starts at a byte were used."""
    return 32 * at - have - 8 * start


@compiled
def wrong_within(wrong: int, left: int) -> int:
    """Return what is wrong with a block behind which so many bits are left of its interval."""
    return TOO_FEW if left < 0 or (wrong == NO_CODE and left < 16) else wrong


@compiled
def ended(data: Any, start: int, size: int, used: int) -> tuple[int, int]:
    """Judge what is left of an interval behind its last block: return what is wrong, and how many bytes are left."""
    left = 8 * size - used
    stop = start + size
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
    data: Any, words: Any, starts: Any, sizes: Any, intervals: int, units: Any, mcus: int, restart: int,
    tables: Any, most: Any, means: Any, quants: Any, waves: Any, used: Any, out: Any,
) -> tuple[int, int, int]:  # fmt: skip
    """Walk a sequential scan; return what is wrong, in which MCU, and a number to say with it.

    `units` are the blocks of an MCU: (component, DC table, AC table, ...). `most` has the largest category of each
    coefficient, `means` the bounds of DC: least and greatest, and those within which nothing is odd. `out` gets the
    least and greatest DC of the first component, and how many were odd; where symbols are counted in `used`, also by
    how much the worst block is out of the range of samples, in thousandths of what rounding explains.
    """
    predicted = np.zeros(4, np.int64)
    block = np.zeros(64, np.int64)
    mcu = 0
    for interval in range(intervals):
        predicted[:] = 0
        at, bits, have = starts[interval] >> 2, 0, 0
        last = min(mcus, mcu + restart)
        while mcu < last:
            for unit in range(len(units)):
                which = units[unit, 0]
                dc, ac = units[unit, 1], units[unit, 2]
                at, bits, have, change, wrong = difference(words, at, bits, have, tables, dc, used)
                predicted[which] += change
                if wrong == SOUND:
                    if used is not None:
                        block[:] = 0
                    at, bits, have, wrong = _coefficients(words, at, bits, have, tables, ac, most, which, used, block)
                left = 8 * sizes[interval] - used_up(at, have, starts[interval])
                if left < 0 or wrong != SOUND:
                    return wrong_within(wrong, left), mcu, 0
                value = predicted[which]
                if value < means[which, 2] or value > means[which, 3]:
                    if value < means[which, 0] or value > means[which, 1]:
                        return MEAN, mcu, value
                    out[2] += 1
                if which == 0:
                    out[0], out[1] = min(out[0], value), max(out[1], value)
                if used is not None:
                    block[0] = value
                    out[3] = max(out[3], excess(block, quants[which], waves))
            mcu += 1
        wrong, number = ended(data, starts[interval], sizes[interval], used_up(at, have, starts[interval]))
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
    return int(1000 * beyond**0.5 / (quants[128] / 1000.0 + SLACK))


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
                    row[place] = _entry(length, np.int64(symbols[at]))
            row[SYMBOLS + at] = symbols[at]
            row[LONGEST + length] = code
            code, at = code + 1, at + 1
        code <<= 1
    row[COUNT] = at
    return True
