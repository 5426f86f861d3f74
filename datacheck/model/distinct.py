"""Find the distinct numbers of an array."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray


def distinct_numbers(values: NDArray[Any]) -> NDArray[Any]:
    """Return the sorted distinct numbers of an array, as np.unique does.

    np.unique without `return_counts` checks for masked arrays and so loads numpy.ma; this call does not.

    >>> import numpy as np
    >>> distinct_numbers(np.array([3, 1, 3])).tolist()
    [1, 3]
    """
    import numpy as np

    distinct: NDArray[Any] = np.unique(values, return_counts=True)[0]
    return distinct
