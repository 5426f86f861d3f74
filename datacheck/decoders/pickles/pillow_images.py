"""Read the pixels of Pillow's images in pickles: their state is [info, mode, size, palette, pixels] (PIL/Image.py)."""

from __future__ import annotations

from math import prod

import numpy as np

from datacheck.decoders.trees.tree import Flawed, Items, Node

MODES: dict[str, tuple[str, int]] = {
    **dict.fromkeys(("L", "P"), ("u1", 1)),
    **dict.fromkeys(("LA", "La", "PA"), ("u1", 2)),
    **dict.fromkeys(("RGB", "YCbCr", "LAB", "HSV"), ("u1", 3)),
    **dict.fromkeys(("RGBA", "RGBa", "RGBX", "CMYK"), ("u1", 4)),
    **dict.fromkeys(("I;16", "I;16L"), ("<u2", 1)),
    "I;16B": (">u2", 1),
    "I": ("<i4", 1),
    "F": ("<f4", 1),
}
"""The dtype and number of channels by mode. Images of 1 bit a pixel are not read."""
FEWEST = 5
"""Minimum number of parts of a state; those of opened files have more, such as the name and the layers of a JPEG."""


def pixels(kind: str, state: Node) -> Node:
    """Return the pixels of an image of this class, Flawed if they do not match its size; None for anything else."""
    if not kind.startswith("PIL.") or not isinstance(state, Items) or len(state.items) < FEWEST:
        return None
    _, mode, size, _, raw = state.items[:5]
    if not isinstance(mode, str) or mode not in MODES or not isinstance(size, Items) or len(size.items) != 2:
        return None
    width, height = size.items
    if type(width) is not int or type(height) is not int or min(width, height) < 0:
        return None
    if not isinstance(raw, (bytes, memoryview)):
        return None
    dtype, channels = MODES[mode]
    shape = (height, width, channels)[: 2 + (channels > 1)]
    expected = prod(shape) * np.dtype(dtype).itemsize
    if expected != len(raw):
        return Flawed("size-mismatch", f"{len(raw)} bytes of pixels, {width} x {height} {mode} takes {expected}")
    return np.frombuffer(raw, dtype).reshape(shape) if raw else None
