"""The entry points of the compiled loops: functions of C, whose code can be kept and run without numba.

They make no arrays and raise nothing: they work on memory of the caller's, given by address and size.
"""

from __future__ import annotations

from typing import Any

from datacheck.decoders.pictures.compiled import carray
from datacheck.decoders.pictures.jpeg_scans import codes, scans
from datacheck.decoders.pictures.jpeg_scans.terms import (
    BLOCK,
    COMPONENT_COLUMNS,
    ENTRIES,
    MEANS,
    OUT,
    PLACES,
    QUANTS,
    ROW,
    SCAN_COLUMNS,
    SIDE,
    SMALL,
    UNIT_COLUMNS,
    VALUES,
)


def build(value: Any, size: int, places: Any, count: int, tables: Any, buffer: Any) -> int:
    """Build Huffman tables as `codes.build_tables` does."""
    return codes.build_tables(
        carray(value, (size,)), carray(places, (count, 2)), carray(tables, (count, ROW)), carray(buffer, (ENTRIES,))
    )


def walk(
    value: Any, size: int, places: Any, lines: Any, scan_count: int, units: Any, unit_count: int, components: Any,
    component_count: int, max_sizes: Any, max_sizes_before: Any, means: Any, quants: Any, progressive: int, waves: Any,
    tables: Any, table_count: int, used: Any, out: Any, data: Any, data_size: int, marks: Any, max_intervals: int,
    small: Any, half: Any, dc: Any, nonzero: Any, coefficients: Any, rows: int,
) -> int:  # fmt: skip
    """Walk all scans of a picture as `scans.walk_scans` does, without counting symbols."""
    return scans.walk_scans(
        carray(value, (size,)), carray(places, (scan_count, 2)), carray(lines, (scan_count, SCAN_COLUMNS)),
        carray(units, (unit_count, UNIT_COLUMNS)), carray(components, (component_count, COMPONENT_COLUMNS)),
        carray(tables, (table_count, ROW)), carray(max_sizes, (component_count, BLOCK)),
        carray(max_sizes_before, (component_count, PLACES)), carray(means, (component_count, MEANS)),
        carray(quants, (component_count, QUANTS)), carray(waves, (SIDE, SIDE)), None, carray(out, (OUT,)), progressive,
        carray(data, (data_size,)), carray(marks, (3, max_intervals)), carray(small, (SMALL, BLOCK)),
        carray(half, (SIDE, SIDE)), carray(dc, (rows,)), carray(nonzero, (rows,)), carray(coefficients, (0, BLOCK)),
    )  # fmt: skip


def count(
    value: Any, size: int, places: Any, lines: Any, scan_count: int, units: Any, unit_count: int, components: Any,
    component_count: int, max_sizes: Any, max_sizes_before: Any, means: Any, quants: Any, progressive: int, waves: Any,
    tables: Any, table_count: int, used: Any, out: Any, data: Any, data_size: int, marks: Any, max_intervals: int,
    small: Any, half: Any, dc: Any, nonzero: Any, coefficients: Any, rows: int,
) -> int:  # fmt: skip
    """Walk all scans of a picture as `scans.walk_scans` does, and count symbols."""
    return scans.walk_scans(
        carray(value, (size,)), carray(places, (scan_count, 2)), carray(lines, (scan_count, SCAN_COLUMNS)),
        carray(units, (unit_count, UNIT_COLUMNS)), carray(components, (component_count, COMPONENT_COLUMNS)),
        carray(tables, (table_count, ROW)), carray(max_sizes, (component_count, BLOCK)),
        carray(max_sizes_before, (component_count, PLACES)), carray(means, (component_count, MEANS)),
        carray(quants, (component_count, QUANTS)), carray(waves, (SIDE, SIDE)),
        carray(used, (table_count, VALUES)), carray(out, (OUT,)), progressive,
        carray(data, (data_size,)), carray(marks, (3, max_intervals)), carray(small, (SMALL, BLOCK)),
        carray(half, (SIDE, SIDE)), carray(dc, (rows,)), carray(nonzero, (rows,)), carray(coefficients, (rows, BLOCK)),
    )  # fmt: skip
