"""Compute prints of pictures: perceptual hashes of 256 bits.

The bits are the signs of the lowest frequencies of the picture's cosine transform. Pictures of one motif have nearly
the same bits, whatever their format, size and quality. This is the `phash` that many programs have, with 16 frequencies
each way. The libraries that offer it depend on SciPy and PyWavelets.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.model.batch import Batch, SeparateArrays

BITS = 256
USUAL_BITS, MOST_BITS = 14, 31
"""Maximum number of bits in which pictures that look the same may differ: by default, and the largest value allowed.

Of 6,000 digits of MNIST the two most similar ones differ in 20 bits; pictures of different things differ in more than
100.
"""
SIDE, FREQUENCIES = 32, 16
LEAST_SIDE = 8
"""Smallest side of a picture that has a print, in pixels."""
FLAT = 0.004
"""Pictures whose standard deviation is at most this share of their value range count as flat and have no print."""
CHANNELS = (1, 3, 4)
AT_ONCE = 1 << 22
"""Bytes of pictures that are processed at once."""

Prints = NDArray[np.uint8]
"""Prints of shape (pictures, 32)."""


def is_picture(shape: tuple[int, ...]) -> bool:
    """Return whether arrays of a shape may be pictures."""
    height, width = _sides(shape)
    return min(height, width) >= LEAST_SIDE


def _sides(shape: tuple[int, ...]) -> tuple[int, int]:
    if len(shape) == 2:
        return shape[0], shape[1]
    if len(shape) != 3:
        return 0, 0
    if shape[0] in CHANNELS:
        return shape[1], shape[2]
    return (shape[0], shape[1]) if shape[2] in CHANNELS else (0, 0)


def prints_of(batch: Batch) -> Iterator[tuple[NDArray[np.int64], Prints]]:
    """Yield the rows and the prints of the pictures of a batch; flat ones and those with NaN have no print."""
    if not len(batch.rows) or not is_picture(batch.shape):
        return
    rows = np.asarray(batch.rows, np.int64)
    step = 1 if isinstance(batch.values, SeparateArrays) else max(1, AT_ONCE // max(1, 4 * batch.width))
    for start in range(0, len(rows), step):
        piece = batch.values[start][None] if step == 1 else batch.values[start : start + step]
        small, lively = _small(piece)
        if lively.any():
            yield rows[start : start + step][lively], _prints(small[lively])


def _small(pictures: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return pictures in grey with 32 by 32 pixels, and which of them are not flat."""
    shape = pictures.shape[1:]
    if len(shape) == 2:
        grey = pictures.astype(np.float32)
    elif shape[0] in CHANNELS:
        grey = pictures[:, : min(3, shape[0])].mean(axis=1, dtype=np.float32)
    else:
        grey = pictures[..., : min(3, shape[2])].mean(axis=3, dtype=np.float32)
    with np.errstate(all="ignore"):
        small = _shrunk(_shrunk(grey, 1), 2)
        if pictures.dtype.kind == "f":
            size = np.abs(small).max(axis=(1, 2)) * 2
        else:
            size = np.full(len(small), float(np.iinfo(pictures.dtype).max) if pictures.dtype.kind in "ui" else 1.0)
        lively = np.isfinite(small).all(axis=(1, 2)) & (small.std(axis=(1, 2)) > FLAT * size)
    return small, lively


def _shrunk(grey: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """Return pictures with 32 pixels along an axis.

    These are means of neighbouring pixels, or repeated pixels if the pictures are smaller.
    """
    size = grey.shape[axis]
    if size < SIDE:
        repeated: NDArray[np.float32] = np.take(grey, np.arange(SIDE) * size // SIDE, axis=axis)
        return repeated
    edges = np.arange(SIDE) * size // SIDE
    counts = np.diff(np.append(edges, size)).astype(np.float32)
    sums = np.add.reduceat(grey, edges, axis=axis)
    return np.asarray(sums / counts.reshape((-1, 1) if axis == 1 else (-1,)), np.float32)


@cache
def _cosines() -> NDArray[np.float32]:
    frequencies, places = np.arange(FREQUENCIES)[:, None], np.arange(SIDE)[None]
    waves: NDArray[np.float32] = np.cos(np.pi * frequencies * (2 * places + 1) / (2 * SIDE)).astype(np.float32)
    return waves


@cache
def _order() -> NDArray[np.int64]:
    """Return the order of frequencies from low to high, so that noise and compression change mostly the last bits."""
    across, down = np.meshgrid(np.arange(FREQUENCIES), np.arange(FREQUENCIES))
    return np.lexsort((across.ravel(), (across + down).ravel()))


def _prints(small: NDArray[np.float32]) -> Prints:
    waves = (_cosines() @ small @ _cosines().T).reshape(len(small), -1)[:, _order()]
    bits = waves > np.median(waves[:, 1:], axis=1, keepdims=True)
    bits[:, 0] = False  # the mean brightness does not distinguish pictures
    return np.packbits(bits, axis=1)
