"""Find encoded pictures in byte arrays, such as `cv2.imencode` and `torchvision.io.read_file` return."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.decoders.pictures.picture import FORMATS, sniff
from datacheck.model.profile import FamilyProfile


def picture_bytes(values: NDArray[Any], path: str, profile: FamilyProfile | None) -> memoryview | None:
    """Return the bytes of an array that holds an encoded picture, or None for any other array.

    An array holds one if it has a single axis, or a single axis longer than 1, and most records have a picture at this
    path. If no sampled record has the path, or while the profile is still being made, the array's first bytes decide.
    """
    if not _may_hold(values):
        return None
    usual_field = None if profile is None else profile.fields.get(path)
    if usual_field is None and sniff(values.reshape(-1)[:18].tobytes()) is None:
        return None
    if usual_field is not None and usual_field.format.partition(" ")[0] not in FORMATS:
        return None
    return np.ascontiguousarray(values).reshape(-1).data


def first_bytes_decide(values: NDArray[Any], path: str, profile: FamilyProfile | None) -> bool:
    """Check whether only the first bytes of an array at this path tell if it is a picture.

    While the profile is being made, records of one layout may all be treated like the first of them.
    """
    return profile is not None and path not in profile.fields and _may_hold(values)


def _may_hold(values: NDArray[Any]) -> bool:
    return values.dtype == np.uint8 and values.ndim > 0 and sum(size != 1 for size in values.shape) <= 1
