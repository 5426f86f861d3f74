"""Missing values and packing (scale and offset) that the attributes of an HDF5 dataset declare.

The attribute names are those of the CF conventions (2.5.1 and 8.1). If no fill value is declared, netCDF fills floats
with 9.96921e+36 and stores that as the dataset's fill value.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.trouble import TROUBLE

MISSING = (b"_FillValue", b"missing_value")
FACTOR, OFFSET = b"scale_factor", b"add_offset"
SCALE, BARE = b"NAME", b"This is a netCDF dimension but not a netCDF variable"
"""The attribute with the name of a dimension scale, and how it begins for a netCDF dimension that holds no values."""
USUAL = 9.969209968386869e36
"""Default fill value of floats: NC_FILL_FLOAT and NC_FILL_DOUBLE of netcdf.h."""
MOST = 16
"""Maximum number of missing values of a dataset, and of numbers in an attribute that is read."""
NARROW = 2
"""Largest packed type, in bytes, that is unpacked to float32 if the factor and offset are float32, as netCDF libraries
do. A float type of at most this size does not use the default fill value."""


class Declared(msgspec.Struct, frozen=True):
    """The stored values that mark missing values, and the factor and offset of packed values."""

    missing: tuple[float, ...] = ()
    nan: bool = False
    """Whether NaN is one of the missing values."""
    factor: float | None = None
    offset: float = 0.0
    wide: bool = True
    """Whether packed values are unpacked to float64 instead of float32."""

    def unpacked(self, values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """Return the unpacked values with NaN for missing ones, and the mask of those or None if none is missing."""
        mask: NDArray[np.bool_] | None = np.isnan(values) if self.nan and values.dtype.kind == "f" else None
        for number in self.missing:
            matches = values == np.array(number).astype(values.dtype)
            mask = matches if mask is None else mask | matches
        if mask is not None and not mask.any():
            mask = None
        if self.factor is not None:
            kind = np.dtype(np.float64 if self.wide else np.float32)
            values = values.astype(kind) * kind.type(self.factor) + kind.type(self.offset)
        elif values.dtype.kind in "iu":
            values = values.astype(np.float64)
        elif mask is not None:
            values = values.copy()
        if mask is not None:
            values[mask] = np.nan
        return values, mask


def declared(h5: Any, opened: Any, created: Any, names: Collection[bytes]) -> Declared | None:
    """Return what an open dataset's attributes, which have these names, declare, or None if they declare nothing."""
    try:
        dtype = opened.dtype
        if dtype.kind not in "fiu":
            return None
        if dtype.kind == "f" and SCALE in names and _is_bare(h5, opened):
            return Declared(missing=(math.inf, -math.inf), nan=True)  # never written, so anything may be there
        markers = [it for name in MISSING if name in names for it in _numbers(h5, opened, name)]
        packed = {name: _numbers(h5, opened, name) for name in (FACTOR, OFFSET) if name in names}
        if not markers and dtype.kind == "f" and created.fill_value_defined() == h5.h5d.FILL_VALUE_USER_DEFINED:
            value = np.zeros((), dtype.newbyteorder("="))
            created.get_fill_value(value)
            markers = [USUAL] if value.itemsize > NARROW and value == np.array(USUAL).astype(value.dtype) else []
    except (*TROUBLE, MemoryError):
        return None  # the scan reports an attribute that cannot be read
    missing = [it for it in markers if it == it and _is_representable(it, dtype)][:MOST]
    nan = any(it != it for it in markers)
    single = {name: float(numbers[0]) for name, numbers in packed.items() if len(numbers) == 1}
    factor, offset = single.get(FACTOR), single.get(OFFSET, 0.0)
    if factor is None and offset:
        factor = 1.0
    if not missing and not nan and factor is None:
        return None
    narrow = dtype.itemsize <= NARROW and all(numbers.dtype == np.float32 for numbers in packed.values())
    return Declared(tuple(map(_python_number, dict.fromkeys(missing))), nan, factor, offset, wide=not narrow)


def _is_representable(number: Any, dtype: np.dtype[Any]) -> bool:
    """Check whether a value of this type can represent the number; 1e20, for example, fits no 16-bit type.

    A float that is too large would become infinity, and one that is too small would become 0. Neither was declared.
    """
    if dtype.kind == "f":
        with np.errstate(over="ignore", under="ignore"):
            stored = np.array(number).astype(dtype)
        return bool(np.isinf(number) == np.isinf(stored)) and bool((number == 0) == (stored == 0))
    limits = np.iinfo(dtype)
    return float(number).is_integer() and limits.min <= int(number) <= limits.max


def _python_number(number: Any) -> float:
    result: float = number.item() if isinstance(number, np.generic) else number
    return result


def _numbers(h5: Any, opened: Any, name: bytes) -> NDArray[Any]:
    """Return the numbers of an attribute; empty if it holds anything else or more than MOST numbers."""
    attribute = h5.h5a.open(opened, name)
    if attribute.shape is None or attribute.dtype.kind not in "fiu" or np.prod(attribute.shape) > MOST:
        return np.empty(0)
    value = np.empty(attribute.shape, attribute.dtype)
    attribute.read(value)
    return value.reshape(-1)


def _is_bare(h5: Any, opened: Any) -> bool:
    return bool(h5.h5ds.is_scale(opened)) and h5.h5ds.get_scale_name(opened).startswith(BARE)
