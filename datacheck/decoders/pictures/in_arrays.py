"""Encoded pictures that lie in arrays of bytes, as `cv2.imencode` returns them and `torchvision.io.read_file` does."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.decoders.pictures.picture import FORMATS, sniff
from datacheck.model.profile import FamilyProfile


def picture_bytes(values: NDArray[Any], path: str, profile: FamilyProfile | None) -> memoryview | None:
    """Return the bytes of an array that is a picture as it is stored, None for any other array.

    It is one along its only axis, or beside axes of 1, if most records have a picture at this path. Where no sampled
    record has the path, and while it is being found out what they have, its first bytes decide.
    """
    if not _may_hold(values):
        return None
    meant = None if profile is None else profile.fields.get(path)
    if meant is None and sniff(values.reshape(-1)[:18].tobytes()) is None:
        return None
    if meant is not None and meant.format.partition(" ")[0] not in FORMATS:
        return None
    return np.ascontiguousarray(values).reshape(-1).data


def first_bytes_decide(values: NDArray[Any], path: str, profile: FamilyProfile | None) -> bool:
    """Say whether it depends on the first bytes of an array at this path if it is a picture.

    While it is being found out what most records have, those of one layout may go by the first of them.
    """
    return profile is not None and path not in profile.fields and _may_hold(values)


def _may_hold(values: NDArray[Any]) -> bool:
    return values.dtype == np.uint8 and values.ndim > 0 and sum(size != 1 for size in values.shape) <= 1
