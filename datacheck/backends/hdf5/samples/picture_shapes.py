"""Recognise the shapes of pictures: height and width with channels last or first, or bytes without channels."""

from __future__ import annotations

from collections.abc import Iterator

from datacheck.backends.hdf5.dataset import Dataset

SMALLEST = 16
"""Minimum number of pixels along an axis of a picture."""
LAST, FIRST = (1, 3, 4), (3,)
"""Numbers of channels that a picture may have along its last axis, and along its first axis."""
Extent = tuple[int, int]


def picture_extents(dataset: Dataset) -> Iterator[Extent]:
    """Yield each (height, width) that a dataset may have if it is a picture with channels."""
    if len(dataset.shape) != 3 or dataset.dtype.names is not None:
        return
    one, two, three = dataset.shape
    if three in LAST and min(one, two) >= SMALLEST:
        yield one, two
    if one in FIRST and min(two, three) >= SMALLEST:
        yield two, three


def is_picture(dataset: Dataset) -> bool:
    """Check whether a dataset may be a picture by its shape; without channels it must hold bytes (uint8)."""
    grey = len(dataset.shape) == 2 and dataset.dtype == "u1" and min(dataset.shape) >= SMALLEST
    return grey or next(picture_extents(dataset), None) is not None
