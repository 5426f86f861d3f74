"""Turn arrays into pictures: recognize which arrays are pictures, and draw small ones in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHANNELS = (1, 3, 4)
LARGEST = 1 << 16
"""Largest side of a picture, in pixels; a JPEG has up to 65,535."""
SMALLEST = 8
"""Smallest side of an array that is taken for a picture although it was not asked for as one."""


def as_pixels(values: NDArray[Any]) -> NDArray[Any] | None:
    """Return an array as a picture of (height, width, channels) uint8, or None if it does not have the shape of one.

    If both (channels, height, width) and (height, width, channels) are possible, the former is assumed. Unsigned 16-bit
    integers keep only their high byte. Other numbers are scaled, so that the least finite one is black and the greatest
    white.
    """
    import numpy as np

    if values.ndim == 2:
        picture = values[:, :, None]
    elif values.ndim == 3 and values.shape[0] in CHANNELS:
        picture = values.transpose(1, 2, 0)
    elif values.ndim == 3 and values.shape[2] in CHANNELS:
        picture = values
    else:
        return None
    if not 0 < min(picture.shape) <= max(picture.shape) <= LARGEST or picture.dtype.kind not in "biuf":
        return None
    if picture.dtype == np.uint8:
        return picture
    if picture.dtype == np.uint16:
        return (picture >> 8).astype(np.uint8)
    return _scaled(picture)


def _scaled(values: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    numbers = values.astype(np.float64)
    finite = numbers[np.isfinite(numbers)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    spread = high - low
    if not np.isfinite(spread) or spread <= 0:
        spread = 1.0
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = np.nan_to_num((np.clip(numbers, low, high) - low) * (255 / spread), nan=0.0)
    return np.asarray(np.round(np.clip(scaled, 0, 255)).astype(np.uint8))


def is_picture(values: NDArray[Any]) -> bool:
    """Check whether an array is likely to be a picture: bytes in the shape of one."""
    picture = as_pixels(values) if values.dtype.str == "|u1" and values.ndim == 3 else None
    return picture is not None and min(picture.shape[:2]) >= SMALLEST


def likely_shape(shape: tuple[int, ...]) -> bool:
    """Check whether arrays of this shape are likely to be pictures, whatever their numbers are."""
    if len(shape) != 3:
        return False
    sides = shape[1:] if shape[0] in CHANNELS else shape[:2] if shape[2] in CHANNELS else (0,)
    return SMALLEST <= min(sides) <= max(sides) <= LARGEST


def smaller(pixels: NDArray[Any], width: int, height: int) -> NDArray[Any]:
    """Return the picture reduced to at most this size; each pixel is the mean of several."""
    import numpy as np

    factor = max(1, -(-pixels.shape[1] // width), -(-pixels.shape[0] // height))
    if factor == 1:
        return np.ascontiguousarray(pixels)
    rows = np.add.reduceat(pixels.astype(np.uint32), range(0, pixels.shape[0], factor), axis=0)
    sums = np.add.reduceat(rows, range(0, pixels.shape[1], factor), axis=1)
    high = np.minimum(factor, pixels.shape[0] - np.arange(0, pixels.shape[0], factor))
    wide = np.minimum(factor, pixels.shape[1] - np.arange(0, pixels.shape[1], factor))
    return np.asarray(sums // (high[:, None, None] * wide[None, :, None]), np.uint8)


def half_blocks(pixels: NDArray[Any], *, true_colour: bool) -> list[str]:
    """Return the lines that draw a picture on a terminal; each character stands for two pixels, one above the other."""
    import numpy as np

    height, width, channels = pixels.shape
    colour = np.repeat(pixels, 3, axis=2) if channels == 1 else pixels[:, :, :3]
    if channels == 4:  # on black, so that only opaque parts look as they do to a loader that drops alpha
        colour = (colour.astype(np.uint16) * pixels[:, :, 3:] // 255).astype(np.uint8)
    colour_code = _true_colour if true_colour else _colour_of_256
    lines = []
    for top in range(0, height, 2):
        line = []
        for column in range(width):
            upper = colour_code(38, colour[top, column].tolist())
            lower = colour_code(48, colour[top + 1, column].tolist()) if top + 1 < height else "49"
            line.append(f"\x1b[{upper};{lower}m\u2580")
        lines.append("".join(line) + "\x1b[0m")
    return lines


def _true_colour(ground: int, rgb: list[int]) -> str:
    return f"{ground};2;{rgb[0]};{rgb[1]};{rgb[2]}"


def _colour_of_256(ground: int, rgb: list[int]) -> str:
    red, green, blue = ((it * 5 + 127) // 255 for it in rgb)
    return f"{ground};5;{16 + 36 * red + 6 * green + blue}"
