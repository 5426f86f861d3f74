"""Check edges of graphs against the nodes, and faces of meshes against the vertices, whose numbers they hold.

`edge_attr` has a row for each edge. Nodes are counted from 0 or from 1. Edges that only serve as padding may all lead
to one node after the last.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from datacheck.backends.hdf5.dataset import Dataset, Values
from datacheck.backends.hdf5.names import words
from datacheck.backends.hdf5.told_apart import near
from datacheck.model.cells import NUMBERS
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.replacing import replace

NODES = frozenset({b"x", b"z", b"pos", b"nodes", b"node_feat", b"node_feats", b"node_features", b"node_attr"})
NODES |= {b"positions", b"coordinates", b"numbers", b"atomic_numbers", b"atom_types", b"node_types"}
"""Names of datasets with a row for each node of a graph."""
VERTICES = frozenset({b"vertices", b"verts", b"vertex", b"points", b"nodes", b"pos", b"positions"})
FACES = frozenset({b"faces", b"face", b"triangles", b"tris", b"tetrahedra"})
CORNERS = (3, 4)
OF_EDGES = frozenset(b"attr attrs attribute attributes feat feats feature features weight weights type types".split())
INDEX = frozenset(b"index indexes indices idx list".split())
NAMED = 5


def edges(group: bytes, datasets: Sequence[Dataset], values: Values, *, sample: bool) -> Iterator[Finding]:
    """Yield findings for edges that lead to missing nodes, and for edge data whose rows are not as many as the edges.

    `sample` says whether the group is a sample; the findings then name it, so that it is dropped with them.
    """
    its = next((it for it in datasets if _are_edges(it) or _are_faces(it)), None)
    known = VERTICES if its is not None and _are_faces(its) else NODES
    nodes = [it for it in datasets if it.name.lower() in known and it.shape and it.holds == {NUMBERS}]
    if its is None or not nodes or len({it.rows for it in nodes}) > 1:
        return
    told: dict[str, Any] = {"sample": escape(group)} if sample else {}
    flat = replace(its, shape=its.shape[::-1]) if its.shape[0] == 2 and not _are_faces(its) else its
    count = nodes[0].rows
    for other in datasets:
        same = not _are_faces(its) and b"edge" in words(other.name) and words(other.name) & OF_EDGES and other.shape
        if same and other.rows != flat.rows and near(other, flat):
            rows = {escape(its.path): flat.rows, escape(other.path): other.rows}
            said = f"{escape(its.path)} has {flat.rows:,} edges, and {escape(other.path)} has {other.rows:,} rows"
            yield found("row-count", said, rows=rows, **told)
    held = values(its)
    if held is None or not held.size:
        return
    numbers = held.astype(np.int64).reshape(-1)
    beyond = np.unique(numbers[numbers >= count + (1 if numbers.min() > 0 else 0)])
    if not beyond.size or beyond.tolist() == [count]:
        return
    of, lead = escape(nodes[0].path), ", ".join(f"{it:,}" for it in beyond[:NAMED].tolist())
    more = f" and {beyond.size - NAMED:,} more" if beyond.size > NAMED else ""
    said = f"{escape(its.path)} leads to the nodes {lead}{more}, and {of} has {count:,} rows"
    yield found("dangling", said, dataset=escape(its.path), missing=beyond[:NAMED].tolist(), **told)


def _are_faces(dataset: Dataset) -> bool:
    flat = len(dataset.shape) == 2 and dataset.shape[1] in CORNERS and dataset.rows > max(CORNERS)
    return flat and dataset.name.lower() in FACES and dataset.dtype.kind in "iu" and dataset.readable


def _are_edges(dataset: Dataset) -> bool:
    its = words(dataset.name)
    pairs = len(dataset.shape) == 2 and 2 in dataset.shape and dataset.dtype.kind in "iu" and dataset.readable
    return pairs and (dataset.name.lower() == b"edges" or bool(its & {b"edge", b"edges"} and its & INDEX))
