"""Compute how many windows Caffe's pooling has, and whether the last one is empty, like the loops of pooling_layer.cpp.

Rounding up (CEIL, the default) may add a window that begins at or beyond the end of the picture. With padding, Caffe
removes such a window again. Without padding, AVE divides 0 by the size of the window, which is 0 if the window begins
exactly at the end, and MAX keeps the -FLT_MAX that it started from. Only the last window can be empty, and only if
stride > kernel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Emptiness = Literal["nan", "zero", "lowest", "unset"]
"""Result of an empty window: 0/0, 0 divided by a negative size, -FLT_MAX, or whatever was in memory."""


@dataclass(frozen=True)
class Axis:
    """Pooling along one axis, with all sizes in pixels.

    `padded` is True if any axis of the layer is padded. `ceil` is True for the round mode CEIL.
    """

    size: int
    kernel: int
    stride: int
    pad: int = 0
    padded: bool = False
    ceil: bool = True

    @property
    def windows(self) -> int:
        """The number of windows, less than 1 if the kernel is too large."""
        room = self.size + 2 * self.pad - self.kernel
        count = (-(-room // self.stride) if self.ceil else room // self.stride) + 1
        if self.padded and (count - 1) * self.stride >= self.size + self.pad:
            count -= 1
        return count

    @property
    def last(self) -> int:
        """The pixel at which the last window begins."""
        return (self.windows - 1) * self.stride - self.pad

    def emptiness(self, method: str) -> Emptiness | None:
        """Return the result of the last window if it is empty, or None; `method` is MAX, AVE or STOCHASTIC."""
        if self.windows < 1:
            return None
        if method == "AVE":
            length = min(self.last + self.kernel, self.size + self.pad) - self.last
            return "nan" if length == 0 else "zero" if length < 0 else None
        if min(self.last + self.kernel, self.size) - max(self.last, 0) > 0:
            return None
        return "lowest" if method == "MAX" else "unset"
