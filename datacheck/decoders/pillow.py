"""Pillow, which decodes what has no stricter decoder here: WebP, GIF, BMP, TIFF, PNG and rare kinds of JPEG."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def decode(value: bytes, name: str) -> NDArray[Any]:
    """Return the pixels of the first frame, shape (height, width) or (height, width, channels)."""
    with Image.open(io.BytesIO(value), formats=[name]) as image:
        return np.asarray(image)
