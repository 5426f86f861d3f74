"""What attributes of an HDF5 dataset say of its values: which of them are missing values, and how numbers are packed.

The names are those of the CF conventions (2.5.1 and 8.1). Where nothing is declared, netCDF fills floats with
9.96921e+36, and has that for the fill value of the dataset.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.trouble import TROUBLE

MISSING = (b"_FillValue", b"missing_value")
FACTOR, OFFSET = b"scale_factor", b"add_offset"
USUAL = 9.969209968386869e36
"""NC_FILL_FLOAT and NC_FILL_DOUBLE of netcdf.h."""
MOST = 16
NARROW = 2
"""Packed in so many bytes, numbers become float32 where their factor is one, as netCDF libraries have them."""


@dataclass(frozen=True)
class Declared:
    """The values that stand for missing ones, as stored, and the factor and offset of packed ones."""

    missing: tuple[float, ...] = ()
    nan: bool = False
    """Whether NaN is one of the missing values."""
    factor: float | None = None
    offset: float = 0.0
    wide: bool = True

    def meant(self, values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """Return the numbers that are meant, NaN for missing ones, and where those are; None where there are none."""
        mask: NDArray[np.bool_] | None = np.isnan(values) if self.nan and values.dtype.kind == "f" else None
        for number in self.missing:
            its = values == np.array(number).astype(values.dtype)
            mask = its if mask is None else mask | its
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
    """Return what the attributes of an open dataset, of these names, declare; None where that is nothing."""
    try:
        dtype = opened.dtype
        if dtype.kind not in "fiu":
            return None
        held = [it for name in MISSING if name in names for it in _numbers(h5, opened, name)]
        packed = {name: _numbers(h5, opened, name) for name in (FACTOR, OFFSET) if name in names}
        if not held and dtype.kind == "f" and created.fill_value_defined() == h5.h5d.FILL_VALUE_USER_DEFINED:
            value = np.zeros((), dtype.newbyteorder("="))
            created.get_fill_value(value)
            held = [USUAL] if value.itemsize > NARROW and value == np.array(USUAL).astype(value.dtype) else []
    except (*TROUBLE, MemoryError):
        return None  # an attribute that cannot be read is named by the scan
    kept = [it for it in held if it == it and _fits(it, dtype)][:MOST]
    nan = any(it != it for it in held)
    single = {name: float(its[0]) for name, its in packed.items() if len(its) == 1}
    factor, offset = single.get(FACTOR), single.get(OFFSET, 0.0)
    if factor is None and offset:
        factor = 1.0
    if not kept and not nan and factor is None:
        return None
    narrow = dtype.itemsize <= NARROW and all(its.dtype == np.float32 for its in packed.values())
    return Declared(tuple(map(_plain, dict.fromkeys(kept))), nan, factor, offset, wide=not narrow)


def _fits(number: Any, dtype: np.dtype[Any]) -> bool:
    """Say whether a stored value of this type can be the number: 1e20 is none of 16 bits, whole or not.

    A float that is too large would be taken for infinity, and one that is too small for 0: these are not declared.
    """
    if dtype.kind == "f":
        with np.errstate(over="ignore", under="ignore"):
            stored = np.array(number).astype(dtype)
        return bool(np.isinf(number) == np.isinf(stored)) and bool((number == 0) == (stored == 0))
    limits = np.iinfo(dtype)
    return float(number).is_integer() and limits.min <= int(number) <= limits.max


def _plain(number: Any) -> float:
    made: float = number.item() if isinstance(number, np.generic) else number
    return made


def _numbers(h5: Any, opened: Any, name: bytes) -> NDArray[Any]:
    """Return the numbers that an attribute holds, none where it holds anything else."""
    attribute = h5.h5a.open(opened, name)
    if attribute.shape is None or attribute.dtype.kind not in "fiu" or np.prod(attribute.shape) > MOST:
        return np.empty(0)
    value = np.empty(attribute.shape, attribute.dtype)
    attribute.read(value)
    return value.reshape(-1)
