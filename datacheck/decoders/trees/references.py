"""Find numbers in a record that lead to parts of it that are not there: of sparse matrices, graphs and meshes.

SciPy's compressed matrices (CSR, CSC, BSR) have `indptr`, `indices` and `data`, COO ones `row` and `col` or `coords`,
beside their `shape` (scipy/sparse/_compressed.py, `check_format`; _matrix_io.py, `save_npz`). A graph of PyTorch
Geometric has `edge_index` beside its nodes, a mesh `faces` beside its `vertices`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from datacheck.decoders.interface import LEADS_FROM, Field
from datacheck.decoders.trees.lists import NOTHING
from datacheck.model.codes import Verdict
from datacheck.model.finding import Finding, found

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from datacheck.model.profile import FamilyProfile

POINTERS, COLUMNS, COORDS, EDGES, FACES = "indptr", "col", "coords[1]", "edge_index", "faces"
LEADING = (POINTERS, COLUMNS, COORDS, EDGES, FACES)
"""Names of the fields by which a part with such numbers is recognised."""
_ENDS = frozenset(it[-3:] for it in LEADING)
SHAPES = ("shape", "_shape")
MARKS = ("_shape", "format")
"""Names of fields that only the matrices have that SciPy pickles and saves: their numbers lead nowhere else."""
NODES = ("x", "z", "pos", "node_feat", "node_features", "atomic_numbers", "numbers")
"""Names of the fields that have a row for each node of a graph."""
VERTICES = ("vertices", "verts")
FEW, FEWEST = 0.1, 2
"""Maximum share and number of edges that may lead beyond the nodes; more of them lead to something else."""


def may_lead(fields: Sequence[Field]) -> bool:
    """Check whether a record with these fields may have numbers that lead to other parts of it."""
    ends = [it.name for it in fields if it.name[-3:] in _ENDS]  # which is faster than to compare the whole names
    return bool(ends) and any(it.rpartition("/")[2] in LEADING for it in ends)


def leading_parts(fields: Sequence[Field]) -> list[int]:
    """Return the positions of the fields that lead to other parts of the record, and of those beside them."""
    if not may_lead(fields):
        return []
    starts = {it.name.rpartition("/")[0] for it in fields if it.name.rpartition("/")[2] in LEADING}
    return [at for at, it in enumerate(fields) if it.name.rpartition("/")[0] in starts and it.values is not NOTHING]


def reference_findings(fields: Sequence[Field], profile: FamilyProfile | None) -> Iterator[Finding]:
    """Yield the findings about numbers that lead to nothing in the record.

    In sampled records, without a profile, those that are too many to be faults are unverifiable: they show that numbers
    of this field lead to something else, as do flaws of most records.
    """
    parts_at: dict[str, dict[str, NDArray[Any]]] = defaultdict(dict)
    marked: set[str] = set()
    for field in fields:
        start, slash, name = field.name.rpartition("/")
        if field.values is not NOTHING:
            parts_at[start + slash][name] = field.values
        if name in MARKS:
            marked.add(start + slash)
    for start, parts in parts_at.items():
        for name in LEADING:
            place = f"{start}{name}"
            if name not in parts or (profile is not None and place in profile.elsewhere):
                continue
            details = {LEADS_FROM: place} if profile is None and start not in marked else {}
            for part, code, message, verdict in _FLAWS[name](parts):
                if profile is None or verdict != "unverifiable":
                    yield found(code, message, field=f"{start}{part}", verdict=verdict, **details)


Flaw = tuple[str, str, str, "Verdict | None"]
"""The field, code, message and verdict of a finding."""
Parts = Mapping[str, "NDArray[Any]"]


def _compressed(parts: Parts) -> Iterator[Flaw]:
    """Yield the flaws of a matrix by its rows or columns, whichever its shape says."""
    pointers, indices, data = (parts.get(it) for it in (POINTERS, "indices", "data"))
    if pointers is None or indices is None or data is None or not (_are_numbers(pointers) and _are_numbers(indices)):
        return
    if data.ndim not in (1, 3):
        return
    sizes = _shape(parts)
    axis, size = "columns", None
    if sizes is not None and len(sizes) == 2:
        blocks = data.shape[1:] if data.ndim == 3 else (1, 1)
        rows, columns = (size // max(1, block) for size, block in zip(sizes, blocks, strict=True))
        by_row = len(pointers) == rows + 1
        if not by_row and (data.ndim == 3 or len(pointers) != columns + 1):
            text = f"{len(pointers)} pointers, a matrix of {sizes[0]} x {sizes[1]} takes one more than it has rows"
            yield POINTERS, "size-mismatch", f"{text} or columns", None
        else:
            axis, size = ("columns", columns) if by_row else ("rows", rows)
    yield from compressed_flaws(pointers, indices, len(data), size, (POINTERS, "indices"), axis)


def compressed_flaws(
    pointers: NDArray[Any],
    indices: NDArray[Any],
    count: int,
    size: int | None,
    names: tuple[str, str],
    axis: str,
) -> Iterator[Flaw]:
    """Yield the flaws of the pointers and indices of `count` values; `size` is the length of the indices' axis."""
    if len(indices) != count:
        yield names[1], "size-mismatch", f"{len(indices)} indices for {count} values", None
    if size is not None:
        yield from index_flaws(names[1], indices, size, axis)
    if not len(pointers):
        return
    steps = np.flatnonzero(pointers[1:] < pointers[:-1])
    first, last = int(pointers[0]), int(pointers[-1])
    if first:
        yield names[0], "dangling", f"the first pointer is {first}, not 0", None
    elif len(steps):
        at = int(steps[0]) + 1
        message = f"the pointer at [{at}] is {int(pointers[at])}, less than {int(pointers[at - 1])} before it"
        yield names[0], "dangling", message, None
    elif len(indices) != count:
        return
    elif last > count:
        yield names[0], "dangling", f"the last pointer is {last}, there are {count} values", None
    elif last < count:  # legal in SciPy, which drops the rest
        yield names[0], "size-mismatch", f"the last pointer is {last}, there are {count} values", "suspicious"


def index_flaws(name: str, indices: NDArray[Any], size: int, axis: str, base: int = 0) -> Iterator[Flaw]:
    """Yield the flaw of indices that are below `base`, from which they count, or beyond an axis of this size."""
    if not indices.size or (indices.min() >= base and indices.max() < size + base):
        return
    flat = indices.reshape(-1)
    beyond = np.flatnonzero((flat < base) | (flat >= size + base))
    at = [int(it) for it in np.unravel_index(int(beyond[0]), indices.shape)]
    verb = "index leads" if len(beyond) == 1 else "indices lead"
    message = f"{len(beyond)} {verb} beyond the {size} {axis}, first at {at}: {int(flat[beyond[0]])}"
    yield name, "dangling", message, None


def _coordinates(parts: Parts) -> Iterator[Flaw]:
    """Yield the flaws of a matrix of coordinates."""
    names = ("row", "col") if COLUMNS in parts else ("coords[0]", COORDS)
    rows, columns, data, sizes = parts.get(names[0]), parts.get(names[1]), parts.get("data"), _shape(parts)
    if rows is None or columns is None or data is None or sizes is None or len(sizes) != 2 or data.ndim != 1:
        return
    for name, indices, size, axis in ((names[0], rows, sizes[0], "rows"), (names[1], columns, sizes[1], "columns")):
        if not _are_numbers(indices):
            return
        if len(indices) != len(data):
            yield name, "size-mismatch", f"{len(indices)} indices for {len(data)} values", None
        yield from index_flaws(name, indices, size, axis)


def _edges(parts: Parts) -> Iterator[Flaw]:
    """Yield the flaw of edges that lead beyond the nodes of their graph.

    Edges at the end that lead from nothing to nothing are padding. Both rows of `edge_index` may have the numbers of a
    larger graph, and in some graphs the second row has those of hyperedges, so that it is only suspicious.
    """
    edges = parts[EDGES]
    counts = _count(parts["num_nodes"]) if "num_nodes" in parts else set[int]()
    counts |= {len(parts[it]) if parts[it].ndim in (1, 2) else -1 for it in NODES if it in parts}
    if edges.ndim != 2 or edges.shape[0] != 2 or edges.dtype.kind not in "iu" or len(counts) != 1 or not edges.size:
        return
    size = counts.pop()
    if size < 0:
        return
    beyond = (edges < 0) | (edges >= size)
    if not beyond.any():
        return
    kept = _without_padding(edges, beyond)
    edges, beyond = edges[:, :kept], beyond[:, :kept]
    few = beyond.sum(axis=1).max() <= max(FEWEST, FEW * kept) if kept else False
    verdict: Verdict | None = "unverifiable" if not few else None if beyond[0].any() else "suspicious"
    for name, code, message, _ in index_flaws(EDGES, edges, size, "nodes"):
        yield name, code, message, verdict


def _count(values: NDArray[Any]) -> set[int]:
    """Return the number that is the only one of these values, or nothing if it is not an integer.

    >>> _count(np.array([[3]])), _count(np.array(np.nan)), _count(np.array([2, 3]))
    ({3}, set(), set())
    """
    if values.size != 1 or values.dtype.kind not in "biuf":
        return set()
    number = values.item()
    return {int(number)} if float(number).is_integer() else set()


def _without_padding(edges: NDArray[Any], beyond: NDArray[np.bool_]) -> int:
    """Return the number of edges before those at the end that are all one number, which is no node's."""
    padding = beyond.all(axis=0) & (edges == edges[0, -1]).all(axis=0)
    return 0 if padding.all() else int(np.flatnonzero(~padding)[-1]) + 1


def _faces(parts: Parts) -> Iterator[Flaw]:
    """Yield the flaw of faces that lead beyond the vertices of their mesh; they may count from 1.

    A triangle among faces of more corners has -1 or, where they count from 1, 0 in place of the others.
    """
    faces = parts[FACES]
    vertices = next((parts[it] for it in VERTICES if it in parts), None)
    if vertices is None or vertices.ndim != 2 or faces.ndim != 2 or faces.dtype.kind not in "iu" or not faces.size:
        return
    size = len(vertices)
    if faces.min() >= 0 and faces.max() < size:
        return
    corners = faces[:, :3]
    base = int(np.count_nonzero(corners == size) > np.count_nonzero(corners == 0))
    faces = np.where((faces == base - 1) & (np.arange(faces.shape[1]) >= 3), base, faces)
    beyond = (faces < base) | (faces >= size + base)
    kept = _without_padding(faces.T, beyond.T) if beyond.any() else 0
    verdict: Verdict | None = None if beyond[:kept].sum() <= max(FEWEST, FEW * 3 * kept) else "unverifiable"
    for name, code, message, _ in index_flaws(FACES, faces[:kept], size, "vertices", base):
        yield name, code, message, verdict


def _shape(parts: Parts) -> list[int] | None:
    """Return the shape that a matrix has by its own account, or None if it has none."""
    values = next((parts[it] for it in SHAPES if it in parts), None)
    if values is None or values.ndim != 1 or values.dtype.kind not in "iu" or len(values) > 2:
        return None
    return [int(it) for it in values]


def _are_numbers(values: NDArray[Any]) -> bool:
    """Check whether these are integers in a row; empty lists have no type."""
    return values.ndim == 1 and (values.dtype.kind in "iu" or not values.size)


_FLAWS = {POINTERS: _compressed, COLUMNS: _coordinates, COORDS: _coordinates, EDGES: _edges, FACES: _faces}
"""The functions that yield the flaws of the numbers beside a field of such a name."""
