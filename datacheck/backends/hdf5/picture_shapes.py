"""Which shapes are those of pictures: height, width and channels in either order, or bytes without channels."""

from __future__ import annotations

from collections.abc import Iterator

from datacheck.backends.hdf5.dataset import Dataset

SMALLEST = 16
"""The least number of pixels along an axis of a picture."""
LAST, FIRST = (1, 3, 4), (3,)
"""How many channels a picture may have as its last axis, and as its first."""
Extent = tuple[int, int]


def of_channels(dataset: Dataset) -> Iterator[Extent]:
    """Yield each height and width that a dataset may have if it is a picture with channels."""
    if len(dataset.shape) != 3 or dataset.dtype.names is not None:
        return
    one, two, three = dataset.shape
    if three in LAST and min(one, two) >= SMALLEST:
        yield one, two
    if one in FIRST and min(two, three) >= SMALLEST:
        yield two, three


def is_picture(dataset: Dataset) -> bool:
    """Say whether a dataset may be a picture by its shape; one without channels has bytes."""
    grey = len(dataset.shape) == 2 and dataset.dtype == "u1" and min(dataset.shape) >= SMALLEST
    return grey or next(of_channels(dataset), None) is not None
