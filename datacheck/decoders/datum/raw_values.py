"""Read the values of a Datum that is not encoded: raw bytes or floats, in their shape."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.decoders.datum.message import Datum
from datacheck.decoders.interface import Field
from datacheck.decoders.pictures.picture import sniff
from datacheck.model.finding import Finding, found


def raw(datum: Datum) -> tuple[list[Field], list[Finding]]:
    """Read the values of a Datum that is not encoded: `data` if there is any, like Caffe, else `float_data`."""
    channels, height, width = datum.shape
    count = prod(datum.shape)
    has_shape = min(datum.shape) > 0
    floats = _concatenated(datum.floats)
    if datum.data:
        if not has_shape or len(datum.data) != count:
            picture = sniff(datum.data)
            hint = f", and it is a {picture} that is not marked as encoded" if picture else ""
            return [], [size_mismatch(f"data has {len(datum.data)} bytes{hint}", datum.shape, len(datum.data))]
        pixels = np.frombuffer(datum.data, np.uint8).reshape(channels, height, width)
        fields = [Field("data", pixels)]
        return (fields if floats is None else [*fields, Field("float_data", floats)]), []
    if floats is None:
        return [], [size_mismatch("there is neither data nor float_data", datum.shape, 0)]
    if not has_shape or floats.size != count:
        return [], [size_mismatch(f"float_data has {floats.size} values", datum.shape, int(floats.size))]
    return [Field("data", floats.reshape(channels, height, width), format="float_data")], []


def _concatenated(floats: list[NDArray[Any]]) -> NDArray[Any] | None:
    if not floats:
        return None
    return np.ascontiguousarray(floats[0]) if len(floats) == 1 else np.concatenate(floats)


def size_mismatch(actual: str, shape: tuple[int, int, int], size: int | list[int]) -> Finding:
    return found(
        "size-mismatch",
        f"{actual}; channels x height x width is {shape_text(shape)} = {prod(shape)}",
        field="data",
        found=size,
        expected=list(shape),
    )


def shape_text(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))
