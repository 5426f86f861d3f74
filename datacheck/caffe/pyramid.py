"""Check whether all levels of a spatial pyramid (SPP) fit.

Caffe pads each level so that its bins cover the picture.
"""

from __future__ import annotations

from typing import Any

from datacheck.caffe.geometry import Shape, shape_text
from datacheck.caffe.schema import enums

MOST_LEVELS = 12
"""Maximum number of levels that are computed; pictures do not have enough pixels for more."""


def bins_fit(param: Any, shape: Shape) -> str:
    """Return the reason why a level of the pyramid does not fit into the shape, or "" if all levels fit."""
    if any(size == 0 for size in shape[2:4]):
        return f"{shape_text(shape)} has no pixels"
    for level in range(min(param.pyramid_height, MOST_LEVELS)):
        bins = 1 << level
        sizes = [(-(-size // bins), size) for size in shape[2:4] if size is not None]
        padded = [(kernel, (kernel * bins - size + 1) // 2) for kernel, size in sizes]
        if any(pad for _, pad in padded):
            if any(pad >= kernel for kernel, pad in padded):
                return f"the {bins} x {bins} bins of level {level} are more than {shape_text(shape)} can be padded to"
            if param.pool == enums()["PoolMethod"]["STOCHASTIC"]:
                return f"level {level} pads {shape_text(shape)}, which stochastic pooling does not take"
    return ""
