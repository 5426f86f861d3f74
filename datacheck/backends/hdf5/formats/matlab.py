"""MATLAB 7.3 files: types of datasets, including texts and empty ones, and cells, which refer to datasets in #refs#."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.library.listing import text_of
from datacheck.model.escaping import escape

CLASS, EMPTY = b"MATLAB_class", b"MATLAB_empty"
REFERRED = b"#refs#"
DEEPEST = 8
"""Maximum nesting of cells that is spelled out."""
References = Callable[[Dataset], "Sequence[bytes]"]
"""A function that returns the paths that a dataset of references points to, in its order."""


def matlab_class(h5: Any, opened: Any, names: Collection[bytes]) -> str:
    """Return MATLAB's name for the type of a dataset with these attributes; empty if MATLAB did not write it."""
    if CLASS not in names:
        return ""
    return "empty" if EMPTY in names else text_of(h5, opened, CLASS) or "double"


def cells_of(datasets: Sequence[Dataset], references: References) -> Mapping[bytes, str]:
    """Return the cell that each dataset in #refs# is, by path, in MATLAB's notation: /frames{3}, counted from 1."""
    if not any(REFERRED in it.path.split(b"/") for it in datasets):
        return {}
    cells: dict[bytes, tuple[bytes, int]] = {}
    for dataset in datasets:
        metadata: Mapping[str, Any] = dataset.dtype.metadata or {}
        for at, path in enumerate(references(dataset) if "ref" in metadata else (), 1):
            cells.setdefault(path, (dataset.path, at))
    return {path: _cell_name(path, cells) for path in cells if path}


def _cell_name(path: bytes, cells: Mapping[bytes, tuple[bytes, int]]) -> str:
    """Return the name of a cell, which may be a cell of a cell."""
    ends: list[str] = []
    while path in cells and len(ends) < DEEPEST:
        path, at = cells[path]
        ends.append(f"{{{at}}}")
    return escape(path) + "".join(reversed(ends))


def along_last(dataset: Dataset, other: Dataset) -> bool:
    """Check whether two datasets of MATLAB have equally many columns, since its samples are on the last axis."""
    written = dataset.matlab and other.matlab and not (dataset.across or other.across)
    if not written or len(dataset.shape) < 2 or len(other.shape) < 2:
        return False
    return dataset.shape[-1] == other.shape[-1] > 1


def losses(name: str, own: Sequence[Dataset], others: Sequence[Dataset]) -> Iterator[str]:
    """Yield why a copy without some rows of a table would be inconsistent: other datasets have them on another axis."""
    rows = own[0].rows
    for other in others:
        if other in own or (rows < 2 <= len(other.shape) and other.rows == rows):
            continue
        escaped = escape(other.path)
        if len(other.shape) > 1 and other.shape[-1] == rows > 1 and (other.rows == 1 or other.matlab):
            yield f"{escaped} has a column for each row of {name}, and would keep those that go there"
        elif any(along_last(it, other) for it in own) and all(it.rows != other.rows for it in own):
            yield f"the samples of {name} lie along its last axis, as those of {escaped}: its rows are no samples"
