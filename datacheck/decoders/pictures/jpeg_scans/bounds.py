"""Derive from the quantizers of a JPEG the limits of its coefficients, and how far its samples may be out of range."""

from __future__ import annotations

from functools import lru_cache
from math import ceil, floor, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datacheck.decoders.pictures.jpeg_scans.terms import MOST_AC, PLACES

ZIGZAG = tuple(
    row * 8 + column
    for row, column in sorted(
        ((y, x) for y in range(8) for x in range(8)),
        key=lambda it: (sum(it), it[0] if sum(it) % 2 else it[1]),
    )
)
"""The place (row * 8 + column) of each coefficient in the order in which they are coded."""
WAVES: NDArray[np.float64] = np.array(
    [[sqrt((2 if u else 1) / 8) * np.cos((2 * x + 1) * u * np.pi / 16) for x in range(8)] for u in range(8)]
)
REACH: tuple[float, ...] = tuple(float(it) for it in np.abs(WAVES).sum(axis=1))
"""Largest coefficient of samples between -1 and 1, along one side of a block, by frequency."""
OVERSHOT = 32
"""Number of grey levels that samples may go beyond white.

mozjpeg lets the samples of white areas do so, since a decoder cuts them off together with their ringing.
"""
TOLERATED = 61
"""DC that is out of its range by less than this is odd, but not impossible. The unit is an eighth of a grey level."""


class Bounds(NamedTuple):
    """Limits of the coefficients, one row for each component; see `kernels.interleaved`."""

    most: NDArray[np.int64]
    within: NDArray[np.int64]
    means: NDArray[np.int64]
    quants: NDArray[np.int64]


@lru_cache(maxsize=64)
def bounds(table: bytes) -> Bounds | None:
    """Return the limits that quantizers in zigzag order, of 8 or 16 bits, set to coefficients of 8-bit samples.

    None if a quantizer is zero.
    """
    quants = np.frombuffer(table, np.uint8 if len(table) == 64 else ">u2").astype(np.int64)
    if not quants.all():
        return None
    max_sizes = np.zeros(64, np.int64)
    for k in range(64):
        reach = (128 + OVERSHOT) * REACH[ZIGZAG[k] >> 3] * REACH[ZIGZAG[k] & 7]
        largest = floor((reach + quants[k] / 2) / quants[k] + 1e-6)
        max_sizes[k] = min(MOST_AC, largest.bit_length())
    max_sizes_before = np.full(PLACES, -1, np.int64)
    max_sizes_before[1:64] = np.minimum.accumulate([MOST_AC, *max_sizes[1:63]])
    q = int(quants[0])
    least, greatest = -1024 - q / 2, 1016 + q / 2
    means = np.array(
        [
            ceil((least - TOLERATED) / q), floor((greatest + TOLERATED) / q), ceil(least / q), floor(greatest / q)
        ]
    )  # fmt: skip
    allowed = round(1000 * sqrt(float((quants**2).sum()) / 4))
    return Bounds(max_sizes, max_sizes_before, means, np.array([*quants, *ZIGZAG, allowed], np.int64))
