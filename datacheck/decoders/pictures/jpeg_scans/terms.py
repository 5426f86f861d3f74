"""The meaning of the numbers that the compiled loops and their callers exchange."""

from __future__ import annotations

PADDING = 512
"""Number of bytes that follow the data of a scan.

The longest block has 64 coefficients of 16 + 11 bits, and 8 bytes are read at once, which is less than this.
"""

QUICK = 10
"""Longest code that is looked up directly, in bits."""
ENTRIES = 1 << QUICK
LONGEST = ENTRIES
"""Offset in the row of a table of the largest code of each length, which is -1 if there is none."""
OFFSETS = LONGEST + 17
"""Offset in the row of a table of the numbers that lead from a code of some length to its symbol."""
SYMBOLS = OFFSETS + 17
COUNT = SYMBOLS + 256
"""Offset in the row of a table of the number of all codes."""
ROW = COUNT + 1
MOST_AC, MOST_DC = 10, 11
"""Largest categories of coefficients and DC differences of 8-bit samples (T.81, tables F.1 and F.2)."""

SOUND, NO_CODE, RUN_PAST, ZEROS_LAST, UNDEFINED, LARGE, MEAN = 0, 1, 2, 3, 4, 5, 6
TOO_FEW, LEFT_OVER, PADDED, RESTARTS, JOINED, BAND_PAST, NOT_ONE = 7, 8, 9, 10, 11, 12, 13
FINAL_MEAN = 14
"""Like MEAN, for the sum of all DC scans; it comes with a row of MCUs."""

FIRST, LAST, LOW, HIGH, RESTART, ACROSS, DOWN, UNIT, UNITS, TABLE, COMPONENT = range(11)
"""The columns of a scan.

They are the first and last coefficient of its band, the low and high bit that it sends, the MCUs from restart to
restart, across and down, its first unit, their number, and its AC table and component if it has only one.
"""
ROW_OF, STRIDE, WIDE, TALL, LINES, MCU_LINES = range(6)
"""The columns of a component.

They are the row of its first block, the rows of blocks from line to line, the number of blocks that are coded across
and down if it is alone in a scan, the lines of blocks including those that fill up MCUs, and their number in an MCU.
"""
SCAN_COLUMNS, UNIT_COLUMNS, COMPONENT_COLUMNS = 11, 6, 6

SIDE, BLOCK, VALUES = 8, 64, 256
"""Coefficients of a side of a block and of a whole block, and values of a byte."""
PLACES = 256
"""Larger than any place in a block plus all that a table entry can pass over."""
MEANS, QUANTS = 4, 2 * BLOCK + 1
"""Numbers of columns for each component: the bounds of DC; quantizers, the places of coefficients, and a distance."""
SMALL = 3
"""Number of rows of a block's words that a walk needs for itself."""
OUT = 8
"""Number of results of a walk: those of `kernels.interleaved`, and after them those of `scans.walk_scans`."""
WRONG, SCAN, MCU, NUMBER = range(4, OUT)
