"""Compare shapes of arrays whose length along one axis depends on the record: k-space, echoes, boxes of things."""

from __future__ import annotations

from math import prod

SHORTEST = 16
"""An axis of at most this length is taken for channels or joints, not for measurements."""
SIGNAL = 1000
"""A flat array of at least this length is taken for a signal, not for features."""
OF_A_THING = 64
"""Maximum number of values that describe a thing, such as the corners of a box or the points of a pose."""


def measured_longer(shape: tuple[int, ...], usual: tuple[int, ...]) -> bool:
    """Check whether two shapes of several axes differ along one axis only, and there by less than a factor of two.

    >>> measured_longer((640, 368), (640, 372)), measured_longer((14,), (7,)), measured_longer((480, 640), (240, 320))
    (True, False, False)
    """
    if len(shape) != len(usual) or len(shape) < 2:
        return False
    differing = [sorted(both) for both in zip(shape, usual, strict=True) if both[0] != both[1]]
    return len(differing) == 1 and SHORTEST < differing[0][0] <= differing[0][1] < 2 * differing[0][0]


def is_signal(shape: tuple[int, ...], usual: tuple[int, ...]) -> bool:
    """Check whether arrays are usually flat and so long that one of another length may be a shorter or longer signal.

    >>> is_signal((14000,), (16000,)), is_signal((60,), (64,))
    (True, False)
    """
    return len(shape) == len(usual) == 1 and usual[0] >= SIGNAL


def has_more_things(shape: tuple[int, ...], usual: tuple[int, ...]) -> bool:
    """Check whether an array has rows for more things, such as boxes or classes, where most have one row.

    >>> has_more_things((3, 4), (1, 4)), has_more_things((3, 4), (2, 4)), has_more_things((3, 64, 64), (1, 64, 64))
    (True, False, False)
    """
    return usual[:1] == (1,) and of_more_rows(shape, usual)


def of_more_rows(shape: tuple[int, ...], usual: tuple[int, ...]) -> bool:
    """Check whether an array differs only in having more rows than is usual, with few values in each row."""
    if len(shape) != len(usual) or not usual or prod(usual[1:]) > OF_A_THING:
        return False
    return shape[1:] == usual[1:] and shape[0] > usual[0]
