"""Arrays that were measured along one axis for as long as it took: k-space, echoes."""

from __future__ import annotations

SHORTEST = 16
"""Fewer values along an axis are no measurement: channels, joints."""


def measured_longer(shape: tuple[int, ...], usual: tuple[int, ...]) -> bool:
    """Say whether two shapes differ along one axis of several, in a length of which neither is twice the other.

    >>> measured_longer((640, 368), (640, 372)), measured_longer((14,), (7,)), measured_longer((480, 640), (240, 320))
    (True, False, False)
    """
    if len(shape) != len(usual) or len(shape) < 2:
        return False
    differing = [sorted(both) for both in zip(shape, usual, strict=True) if both[0] != both[1]]
    return len(differing) == 1 and SHORTEST < differing[0][0] <= differing[0][1] < 2 * differing[0][0]
