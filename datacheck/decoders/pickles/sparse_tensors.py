"""Name the parts of PyTorch's sparse tensors, and find indices in them that lead to nothing.

`torch._utils._rebuild_sparse_tensor` gets (layout, (indices, values, size)), compressed layouts have pointers too
(torch/_tensor.py, `_reduce_ex_internal`). Unpickling does not check them, and a dense copy reads or writes elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from datacheck.decoders.pickles.arrays import shape_of
from datacheck.decoders.trees.leaves import unboxed
from datacheck.decoders.trees.references import Flaw, compressed_flaws, index_flaws
from datacheck.decoders.trees.tree import Flawed, Node, Widened

if TYPE_CHECKING:
    from numpy.typing import NDArray

COMPRESSED = {
    **dict.fromkeys(("torch.sparse_csr", "torch.sparse_bsr"), ("crow_indices", "col_indices", "values")),
    **dict.fromkeys(("torch.sparse_csc", "torch.sparse_bsc"), ("ccol_indices", "row_indices", "values")),
}
"""The parts of compressed sparse tensors by layout."""


def named_parts(layout: str, parts: Sequence[Node]) -> dict[Node, Node] | None:
    """Return the parts of a sparse tensor by name, or None if there are too few.

    A part that leads to nothing is Flawed; of compressed tensors only plain matrices are checked.
    """
    names = COMPRESSED.get(layout, ("indices", "values"))
    if len(parts) < len(names):
        return None
    named: dict[Node, Node] = dict(zip(names, parts, strict=False))
    size = shape_of(parts[len(names)]) if len(parts) > len(names) else None
    for name, code, message, _ in () if size is None else _flaws(names, [unboxed(it) for it in named.values()], size):
        named[name] = Flawed(code, message)
    return named


def _flaws(names: Sequence[str], parts: Sequence[Node], size: tuple[int, ...]) -> Iterator[Flaw]:
    values: Any = parts[-1].values if isinstance(parts[-1], Widened) else parts[-1]
    indices: list[NDArray[Any]] = [it for it in parts[:-1] if isinstance(it, np.ndarray) and it.dtype.kind in "iu"]
    if not isinstance(values, np.ndarray) or len(indices) != len(parts) - 1 or not values.ndim:
        return
    if len(names) == 2 and indices[0].ndim == 2 and len(indices[0]) <= len(size):
        if indices[0].shape[1] != len(values):
            yield names[0], "size-mismatch", f"{indices[0].shape[1]} indices for {len(values)} values", None
        for axis, row in enumerate(indices[0]):
            yield from index_flaws(names[0], row, size[axis], f"places of axis {axis}")
    elif len(names) == 3 and len(size) == 2 and values.ndim == 1 and all(it.ndim == 1 for it in indices):
        pointers, by_row = indices[0], names[0].startswith("crow")
        if len(pointers) != size[not by_row] + 1:
            text = f"{len(pointers)} pointers, a tensor of {size[0]} x {size[1]} takes {size[not by_row] + 1}"
            yield names[0], "size-mismatch", text, None
        axis_name = "columns" if by_row else "rows"
        yield from compressed_flaws(pointers, indices[1], len(values), size[by_row], (names[0], names[1]), axis_name)
