"""Recognise the fields that tell which value stands for a missing one, as `_FillValue` of netCDF does."""

from __future__ import annotations

OF_BANDS = frozenset(("nodata", "nodatavals", "nodatavalues"))
"""The names of such fields that may have a value for each band of a picture, as rasterio's have."""
NAMES = OF_BANDS | {"fillvalue", "missingvalue", "missingvalues", "nodatavalue", "navalue", "nanvalue", "nullvalue"}
"""The names in small letters, without underscores: pandas, NumPy, xarray, zarr, rasterio and scikit-learn use them."""


def tells_missing(path: str, shape: tuple[int, ...] = ()) -> bool:
    """Check whether the field at this path, of this shape, tells which value stands for a missing one.

    >>> tells_missing("a/_dtype/_fill_value"), tells_missing("meta/nodata"), tells_missing("filled")
    (True, True, False)
    >>> tells_missing("fill_value", (6,)), tells_missing("meta/nodatavals", (3,)), tells_missing("nodata", (8, 8))
    (False, True, False)
    """
    name = path.rpartition("/")[2].replace("_", "").lower()
    return name in (NAMES if shape in ((), (1,)) else OF_BANDS if len(shape) == 1 else ())
