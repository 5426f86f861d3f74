"""What the numbers mean that pass between the compiled loops and those who call them."""

from __future__ import annotations

PADDING = 512
"""So many bytes follow the data of a scan. The longest block has 64 coefficients of 16 + 11 bits, and 8 bytes are read
at once: fewer bytes than this."""

QUICK = 10
"""Codes up to this length are looked up at once."""
ENTRIES = 1 << QUICK
LONGEST = ENTRIES
"""Where in the row of a table the largest code of each length is, -1 where there is none."""
OFFSETS = LONGEST + 17
"""Where what leads from a code of some length to its symbol is."""
SYMBOLS = OFFSETS + 17
COUNT = SYMBOLS + 256
"""Where the number of all codes is."""
ROW = COUNT + 1
MOST_AC, MOST_DC = 10, 11
"""The categories of differences and coefficients of 8-bit samples (T.81, tables F.1 and F.2)."""

SOUND, NO_CODE, RUN_PAST, ZEROS_LAST, UNDEFINED, LARGE, MEAN = 0, 1, 2, 3, 4, 5, 6
TOO_FEW, LEFT_OVER, PADDED, RESTARTS, JOINED, BAND_PAST, NOT_ONE = 7, 8, 9, 10, 11, 12, 13
FINAL_MEAN = 14
"""The MEAN of what all scans of DC add up to; it comes with a row of MCUs."""

FIRST, LAST, LOW, HIGH, RESTART, ACROSS, DOWN, UNIT, UNITS, TABLE, COMPONENT = range(11)
"""What a scan is, by column: the band and the bits of it that it has, MCUs from restart to restart, across and down,
its first unit, their number, and its AC table and component where it is of one."""
ROW_OF, STRIDE, WIDE, TALL, LINES, MCU_LINES = range(6)
"""What a component is, by column: the row of its first block, rows of blocks from line to line, how many blocks are
coded if it is alone in a scan, lines of blocks with those that fill up MCUs, and how many of them an MCU has."""
SCAN_COLUMNS, UNIT_COLUMNS, COMPONENT_COLUMNS = 11, 6, 6

SIDE, BLOCK, VALUES = 8, 64, 256
"""Coefficients of a side of a block, and of all of it; values of a byte."""
PLACES = 256
"""More than a place in a block and all that an entry of a table passes over."""
MEANS, QUANTS = 4, 2 * BLOCK + 1
"""What `interleaved` takes of each component: bounds of DC; quantizers, the places of coefficients, and a distance."""
SMALL = 3
"""Rows of a block's words that a walk needs for itself."""
OUT = 8
"""What a walk fills in: see `kernels.interleaved`, and behind that what `scans.walked` comes to."""
WRONG, SCAN, MCU, NUMBER = range(4, OUT)
