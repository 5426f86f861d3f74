"""Check that the number that replaces NaN and infinity in a copy is finite there, too."""

from __future__ import annotations

from typing import Any

import numpy as np

from datacheck.errors import RebuildFailed


def require_finite(value: float, dtype: np.dtype[Any]) -> None:
    """Raise RebuildFailed if a number is infinite in this dtype."""
    with np.errstate(over="ignore"):
        if not np.isfinite(np.float64(value).astype(dtype)):
            raise RebuildFailed("", f"--fill {value:g} is beyond the largest {dtype.name}; choose a smaller number")
