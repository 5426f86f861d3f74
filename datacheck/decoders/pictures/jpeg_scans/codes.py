"""Compiled functions that build and read Huffman tables; ITU-T T.81, annex C and F.2.2.

A position is a number of bits into data without stuffed bytes and restart markers. PADDING bytes follow the data, so
that a block can be read to its end before the check whether the data has ended.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from datacheck.decoders.pictures.compiled import compiled
from datacheck.decoders.pictures.jpeg_scans.terms import (
    COUNT,
    ENTRIES,
    LONGEST,
    MOST_AC,
    OFFSETS,
    QUICK,
    SYMBOLS,
)

BITS, PASSED, SIZE, LENGTH, SYMBOL = 0, 6, 14, 18, 23
"""Bit offsets of the fields of a table entry.

The fields are: the bits of all its codes, including the bits that follow each; the coefficients that these pass over,
including their own; the size of the largest; the length of the first code; and its symbol.
"""
END = 1 << 13
"""The bit that is set in an entry that ends its block."""
ALONE = 15
"""The size in an entry whose first symbol must be handled by itself, or whose code is longer or missing."""
ZEROS = 0xF0
"""The symbol for sixteen zeros."""
AHEAD = 57
"""Minimum number of bits read at a time: enough for several entries, each of which takes QUICK bits to look up."""

_ONE, _BYTE, _LAST = np.uint64(1), np.uint64(8), np.uint64(7)
_QUICK, _LONG, _HIGHEST = np.uint64(64 - QUICK), np.uint64(48), np.uint64(63)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_PAIRS, _FOURS = np.uint64(0x5555555555555555), np.uint64(0x3333333333333333)
_EIGHTS, _EACH = np.uint64(0x0F0F0F0F0F0F0F0F), np.uint64(0x0101010101010101)


@compiled
def eight_bytes(data: Any, at: Any) -> Any:
    """Return the eight bytes from an offset on as one number."""
    at = np.uint64(at)
    ahead = np.uint64(data[at])
    for _ in range(7):
        at += _ONE
        ahead = (ahead << _BYTE) | np.uint64(data[at])
    return ahead


@compiled
def ahead_of(data: Any, at: int) -> Any:
    """Return the bits from a position on, at least 57 of them, at the top of 64."""
    return eight_bytes(data, at >> 3) << (np.uint64(at) & _LAST)


@compiled
def bits_after(ahead: Any, skip: int, count: int) -> Any:
    """Return the `count` bits after the first `skip` bits as a number."""
    return np.int64((ahead << np.uint64(skip)) >> _ONE >> (_HIGHEST - np.uint64(count)))


@compiled
def symbol_of(tables: Any, table: int, ahead: Any) -> tuple[Any, Any]:
    """Return the length of the code that these bits begin with, and its symbol; 0 and 0 if they begin with no code."""
    entry = np.int64(tables[np.uint64(table), ahead >> _QUICK])
    length = (entry >> LENGTH) & 31
    if length > 0:
        return length, entry >> SYMBOL
    return _long_code(tables, table, np.int64(ahead >> _LONG))


@compiled
def _long_code(tables: Any, table: int, bits: Any) -> tuple[Any, Any]:
    for length in range(QUICK + 1, 17):
        code = bits >> (16 - length)
        if code <= tables[table, LONGEST + length]:
            place = (code + np.int64(tables[table, OFFSETS + length])) & 255
            return length, np.int64(tables[table, SYMBOLS + place])
    return 0, 0


@compiled
def entry_of(tables: Any, table: int, ahead: Any) -> Any:
    """Return the table entry for the first QUICK bits."""
    return np.int64(tables[np.uint64(table), ahead >> _QUICK])


@compiled
def shift_past(ahead: Any, entry: int) -> Any:
    """Return the bits after those that an entry stands for."""
    return ahead << np.uint64(entry & 63)


@compiled
def extended(raw: int, size: int) -> int:
    """Return the number that `size` bits stand for (T.81, F.2.2.1)."""
    if size == 0 or raw >> (size - 1):
        return raw
    return raw - (1 << size) + 1


@compiled
def count_ones(bits: Any) -> Any:
    """Return how many of 64 bits are set."""
    bits = bits - ((bits >> _ONE) & _PAIRS)
    bits = (bits & _FOURS) + ((bits >> np.uint64(2)) & _FOURS)
    bits = (bits + (bits >> np.uint64(4))) & _EIGHTS
    return np.int64((bits * _EACH) >> np.uint64(56))


@compiled
def lowest(bits: Any) -> Any:
    """Return the number of the lowest bit that is set; at least one must be."""
    return count_ones((bits - _ONE) & ~bits)


@compiled
def bit(number: int) -> Any:
    return _ONE << np.uint64(number)


@compiled
def bits_between(first: int, last: int) -> Any:
    """Return a set of the bits from `first` to `last`, both included."""
    return (_ALL << np.uint64(first)) & (_ALL >> (_HIGHEST - np.uint64(last)))


@compiled
def _entry(length: int, symbol: Any) -> Any:
    run, size = symbol >> 4, symbol & 15
    first = (length << LENGTH) | (symbol << SYMBOL)
    if symbol == 0:
        return first | length | END
    if size == 0 or size > MOST_AC:
        return first | (ALONE << SIZE)
    return first | (length + size) | ((run + 1) << PASSED) | (size << SIZE)


@compiled
def _join_symbols(row: Any, single: Any) -> None:
    """Make each entry stand for all symbols whose codes are among its bits, up to the end of a block.

    `single` receives the entries for one symbol each.
    """
    for place in range(ENTRIES):
        single[place] = row[place]
    for place in range(ENTRIES):
        entry = np.int64(single[place])
        bits, passed, size = entry & 63, (entry >> PASSED) & 127, (entry >> SIZE) & 15
        if size == ALONE:
            continue
        end = entry & END
        while bits < QUICK and end == 0:
            following = np.int64(single[(place << bits) & (ENTRIES - 1)])
            if (following >> SIZE) & 15 == ALONE or bits + ((following >> LENGTH) & 31) > QUICK:
                break
            bits += following & 63
            passed += (following >> PASSED) & 127
            size = max(size, (following >> SIZE) & 15)
            end = following & END
        row[place] = (entry >> LENGTH << LENGTH) | bits | (passed << PASSED) | end | (size << SIZE)


@compiled
def _build_table(value: Any, at: int, row: Any) -> bool:
    """Fill in the row of a Huffman table; return whether its codes fit without the code of all ones."""
    code, count = 0, 0
    row[:ENTRIES] = ALONE << SIZE
    for length in range(1, 17):
        row[LONGEST + length] = -1
        row[OFFSETS + length] = count - code
        for _ in range(np.int64(value[at + length - 1])):
            if code >= (1 << length) - 1:
                return False
            symbol = np.int64(value[at + 16 + count])
            if length <= QUICK:
                first = code << (QUICK - length)
                row[first : first + (1 << (QUICK - length))] = _entry(length, symbol)
            row[SYMBOLS + count] = symbol
            row[LONGEST + length] = code
            code, count = code + 1, count + 1
        code <<= 1
    row[COUNT] = count
    return True


@compiled
def build_tables(value: Any, places: Any, tables: Any, buffer: Any) -> bool:
    """Build the tables whose numbers of codes and symbols lie at `places` in the value; return whether all fit.

    Beside each place is a flag for entries that stand for more than one symbol. `buffer` has space for ENTRIES entries.
    """
    for number in range(len(tables)):
        if not _build_table(value, places[number, 0], tables[number]):
            return False
        if places[number, 1]:
            _join_symbols(tables[number], buffer)
    return True
