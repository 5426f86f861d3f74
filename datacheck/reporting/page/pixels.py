"""Draw values as pixels: thumbnails, heat maps, lines of values. Runs in a worker, in bounded memory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.reporting.samples import Curve

Mark = tuple[int, int, str]
Area = tuple[float, float, float, float]

SIDE = 160
"""Maximum length of a side of a thumbnail, in pixels."""
MARKED = 24
"""Maximum number of pixels that are marked one by one."""
STEPS = 240
"""Maximum number of steps of a line of values."""
TALLEST = 8
"""Maximum ratio of a side that is longer than SIDE to the other side; the rest is cut off."""
COLOURS = (1, 3, 4)
"""Numbers of channels of grey, RGB and CMYK pictures."""
PALETTE = np.array(
    [(68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37)],
    np.float64,
)
"""Colours from least to greatest value: dark to light for everybody's eyes (after viridis, by van der Walt, Smith)."""
NOT_A_NUMBER, INFINITE = (230, 0, 122), (255, 140, 0)
"""Colours of NaN and of infinity, which are not in the palette."""
BLOCKS = (16, 8)
"""Possible heights of a row of blocks of a JPEG, in pixels."""
FLAT_GREY, BLACK = 128, 0
"""The value with which libjpeg fills blocks without data, and the one that Pillow leaves in rows it did not decode."""


def thumbnail(pixels: NDArray[Any]) -> NDArray[np.uint8] | None:
    """Return a picture of (channels, height, width) small enough to show, as (height, width, 3) or (height, width).

    Return None if it is empty, does not have three dimensions, or is neither grey nor RGB nor CMYK.
    """
    if pixels.ndim != 3 or not pixels.size or pixels.shape[0] not in COLOURS:
        return None
    small = _downscaled(pixels)
    if small.dtype == np.uint16:
        small = small >> 8
    elif small.dtype != np.uint8:
        finite = np.nan_to_num(small.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
        small = _scaled_to_bytes(finite, float(finite.min()), float(finite.max()))
    shown = small.astype(np.uint8)
    if shown.shape[0] == 4:  # CMYK as JPEG files have it, inverted
        shown = (shown[:3].astype(np.uint16) * shown[3] // 255).astype(np.uint8)
    return shown[0] if shown.shape[0] == 1 else np.moveaxis(shown, 0, 2)


def looks_like_picture(values: NDArray[Any]) -> NDArray[Any] | None:
    """Return values as (channels, height, width) if they may be a picture, or None if not."""
    if values.ndim == 3 and min(values.shape[1:]) >= 8 and values.shape[0] in (1, 3):
        return values
    if values.ndim == 3 and min(values.shape[:2]) >= 8 and values.shape[2] in (1, 3):
        return np.moveaxis(values, 2, 0)
    return None


@dataclass(frozen=True)
class Drawn:
    """An array as pixels, and whether their colours stand for values (`map`).

    A pixel has a special colour if any of the values behind it is NaN or infinite. `marks` are such pixels, if they are
    few: column, row, and which of the two.
    """

    pixels: NDArray[np.uint8]
    map: bool
    marks: tuple[Mark, ...] = ()


def array_picture(values: NDArray[Any]) -> Drawn | None:
    """Return an array as pixels, or None if it is empty, not numeric, or does not have two dimensions."""
    if not values.size or values.dtype.kind not in "uifb":
        return None
    picture = looks_like_picture(values)
    if picture is not None and picture.dtype.kind in "uif":
        shown = thumbnail(picture)
        assert shown is not None
        return _marked(shown, picture) if picture.dtype.kind == "f" else Drawn(shown, False)
    flat = _as_plane(values)
    return None if flat is None else _heat_map(flat)


def curve(values: NDArray[Any]) -> Curve | None:
    """Return a line of values in at most STEPS steps, or None if there are fewer than two numbers."""
    if values.dtype.kind not in "uifb" or values.size < 2:
        return None
    flat = values.reshape(-1)[: STEPS << 12].astype(np.float64)
    finite = np.isfinite(flat)
    if not finite.any():
        low = high = 0.0
    else:
        low, high = float(flat[finite].min()), float(flat[finite].max())
    edges = _piece_starts(len(flat), STEPS)
    lows = np.minimum.reduceat(np.where(finite, flat, np.inf), edges)
    highs = np.maximum.reduceat(np.where(finite, flat, -np.inf), edges)
    marked = np.flatnonzero(np.logical_or.reduceat(~finite, edges))
    return Curve(_or_none(lows), _or_none(highs), low, high, tuple(marked.tolist()), values.size)


def filled_areas(pixels: NDArray[Any], filling: int) -> tuple[Area, ...]:
    """Return the areas at the end of a picture that hold only the value with which its decoder fills gaps.

    These are all rows from one row to the end, and before them the rest of a row of blocks.
    """
    height, width = pixels.shape[1:]
    filled: NDArray[np.bool_] = np.all((pixels >= max(filling - 1, 0)) & (pixels <= filling + 1), axis=0)
    first = _last_false(filled.all(axis=1)) + 1
    if first >= height:
        return ()
    areas: list[Area] = [(0.0, first / height, 1.0, 1 - first / height)]
    for tall in BLOCKS:
        top = first - tall
        across = _last_false(filled[max(top, 0) : first].all(axis=0)) + 1 if top >= 0 else width
        if across < width:
            areas.append((across / width, top / height, 1 - across / width, tall / height))
            break
    return tuple(areas)


def _last_false(flags: Any) -> int:
    positions = np.flatnonzero(~flags)
    return int(positions[-1]) if positions.size else -1


def _or_none(values: NDArray[np.float64]) -> tuple[float | None, ...]:
    return tuple(it if math.isfinite(it) else None for it in values.tolist())


def _piece_starts(length: int, limit: int) -> NDArray[np.intp]:
    """Return where each piece begins if a length is divided into at most `limit` equal pieces."""
    return np.unique(np.linspace(0, length, min(length, limit), endpoint=False).astype(np.intp))


def _shown_size(shape: Sequence[int]) -> tuple[int, int]:
    """Return how many rows and columns of an array are shown."""
    rows, columns = shape
    return min(rows, max(TALLEST * columns, SIDE)), min(columns, max(TALLEST * rows, SIDE))


def _downscaled(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return a picture with no side longer than SIDE; each of its pixels is the mean of those it stands for."""
    rows, columns = _shown_size(pixels.shape[1:])
    pixels = pixels[:, :rows, :columns]
    step = max(1, math.ceil(max(rows, columns) / SIDE))
    if step == 1:
        return pixels
    cropped = pixels[:, : rows // step * step or rows, : columns // step * step or columns]
    if cropped.shape[1] < step or cropped.shape[2] < step:  # a strip: take single pixels of it
        return pixels[:, ::step, ::step]
    tiles = cropped.reshape(len(cropped), cropped.shape[1] // step, step, cropped.shape[2] // step, step)
    with np.errstate(all="ignore"):
        return np.asarray(tiles.mean(axis=(2, 4)), pixels.dtype)


def _scaled_to_bytes(values: NDArray[np.float64], low: float, high: float) -> NDArray[np.uint8]:
    """Return values scaled to 0 to 255, from the least to the greatest; those of pictures of 0 to 255 stay."""
    if low >= 0 and 1 < high <= 255:
        return values.astype(np.uint8)
    with np.errstate(all="ignore"):
        scaled = (values / 2 - low / 2) / ((high / 2 - low / 2) or 1.0)  # halves, since a difference may overflow
    return (np.clip(np.nan_to_num(scaled), 0, 1) * 255).astype(np.uint8)


def _as_plane(values: NDArray[Any]) -> NDArray[Any] | None:
    """Return an array of more than one dimension as rows and columns; further dimensions are stacked."""
    shape = [size for size in values.shape if size != 1]
    if len(shape) < 2 or shape[-1] < 2:
        return None
    return values.reshape(-1, shape[-1])


def _heat_map(plane: NDArray[Any]) -> Drawn:
    rows, columns = _shown_size(plane.shape)
    plane = plane[:rows, :columns].astype(np.float64)
    nan, infinite = np.isnan(plane), np.isinf(plane)
    finite = ~(nan | infinite)
    by_row, by_column = _piece_starts(plane.shape[0], SIDE), _piece_starts(plane.shape[1], SIDE)

    def pooled(values: NDArray[Any], ufunc: np.ufunc) -> NDArray[Any]:
        pools = ufunc.reduceat(ufunc.reduceat(values, by_row, axis=0), by_column, axis=1)
        return np.asarray(pools)

    count = pooled(finite.astype(np.int64), np.add)
    with np.errstate(all="ignore"):
        mean = pooled(np.where(finite, plane, 0.0), np.add) / np.maximum(count, 1)
    shown = mean[(count > 0) & np.isfinite(mean)]
    low, high = (float(shown.min()), float(shown.max())) if shown.size else (0.0, 0.0)
    with np.errstate(all="ignore"):
        scaled = (np.nan_to_num(mean) / 2 - low / 2) / ((high / 2 - low / 2) or 1.0)
    place = np.clip(np.nan_to_num(scaled), 0, 1) * (len(PALETTE) - 1)
    below = np.minimum(place.astype(np.intp), len(PALETTE) - 2)
    part = (place - below)[..., None]
    pixels: NDArray[np.uint8] = (PALETTE[below] * (1 - part) + PALETTE[below + 1] * part).astype(np.uint8)
    marks: list[Mark] = []
    for mask, colour, name in ((infinite, INFINITE, "inf"), (nan, NOT_A_NUMBER, "nan")):
        where = pooled(mask, np.logical_or)
        pixels[where] = colour
        marks += _few_marks(where, name)
    return Drawn(pixels, True, tuple(marks))


def _few_marks(where: NDArray[Any], name: str) -> list[Mark]:
    """Return the pixels to mark; none if they are many, since their colour is enough."""
    positions = np.argwhere(where)
    return [(int(x), int(y), name) for y, x in positions] if len(positions) <= MARKED else []


def _marked(shown: NDArray[np.uint8], values: NDArray[Any]) -> Drawn:
    """Return a picture of floating-point values in which pixels with NaN or infinity behind them are coloured."""
    rows, columns = _shown_size(values.shape[1:])
    cut = values[:, :rows, :columns]
    bad = [(np.isinf(cut).any(axis=0), INFINITE, "inf"), (np.isnan(cut).any(axis=0), NOT_A_NUMBER, "nan")]
    if not any(where.any() for where, *_ in bad):
        return Drawn(shown, False)
    marks: list[Mark] = []
    coloured = shown if shown.ndim == 3 else np.repeat(shown[..., None], 3, axis=2)
    coloured = np.ascontiguousarray(coloured)
    for where, colour, name in bad:
        positions = np.argwhere(where)
        targets = (positions * coloured.shape[:2]) // (rows, columns)
        mask = np.zeros(coloured.shape[:2], bool)
        mask[targets[:, 0], targets[:, 1]] = True
        coloured[mask] = colour
        marks += _few_marks(mask, name)
    return Drawn(coloured, False, tuple(marks))
