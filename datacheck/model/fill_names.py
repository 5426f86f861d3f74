"""Recognise the fields that tell which value stands for a missing one, as `_FillValue` of netCDF does."""

from __future__ import annotations

NAMES = frozenset(
    ("fillvalue", "missingvalue", "missingvalues", "nodata", "nodatavalue", "navalue", "nanvalue", "nullvalue")
)
"""The names in small letters, without underscores: pandas, NumPy, xarray, zarr, rasterio and scikit-learn use them."""


def tells_missing(path: str) -> bool:
    """Check whether the field at this path tells which value stands for a missing one.

    >>> tells_missing("a/_dtype/_fill_value"), tells_missing("meta/nodata"), tells_missing("filled")
    (True, True, False)
    """
    return path.rpartition("/")[2].replace("_", "").lower() in NAMES
