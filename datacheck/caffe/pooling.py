"""Caffe's pooling, as its loops go (pooling_layer.cpp): how many windows there are, and whether the last one is empty.

Rounding up (CEIL, the default) may add a window that begins at or behind the end of the picture. With padding Caffe
takes such a window away again; without, AVE divides 0 by the size of the window, which is 0 where it begins at the very
end, and MAX keeps the -FLT_MAX that it started from. Only the last window can be empty, and only if stride > kernel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Emptiness = Literal["nan", "zero", "lowest", "unset"]
"""What an empty window yields: 0/0, 0 divided by a negative size, -FLT_MAX, or whatever was in memory."""


@dataclass(frozen=True)
class Axis:
    """Pooling along one axis: all sizes in pixels, `padded` if any axis of the layer is, `ceil` for CEIL."""

    size: int
    kernel: int
    stride: int
    pad: int = 0
    padded: bool = False
    ceil: bool = True

    @property
    def windows(self) -> int:
        """The number of windows, which is less than 1 where the kernel is too large."""
        room = self.size + 2 * self.pad - self.kernel
        count = (-(-room // self.stride) if self.ceil else room // self.stride) + 1
        if self.padded and (count - 1) * self.stride >= self.size + self.pad:
            count -= 1
        return count

    @property
    def last(self) -> int:
        """Where the last window begins."""
        return (self.windows - 1) * self.stride - self.pad

    def emptiness(self, method: str) -> Emptiness | None:
        """Return what the last window yields if nothing is in it; `method` is MAX, AVE or STOCHASTIC."""
        if self.windows < 1:
            return None
        if method == "AVE":
            length = min(self.last + self.kernel, self.size + self.pad) - self.last
            return "nan" if length == 0 else "zero" if length < 0 else None
        if min(self.last + self.kernel, self.size) - max(self.last, 0) > 0:
            return None
        return "lowest" if method == "MAX" else "unset"
