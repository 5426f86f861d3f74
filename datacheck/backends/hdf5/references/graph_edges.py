"""Check edges of graphs against the nodes, and faces of meshes against the vertices, whose numbers they hold.

`edge_attr` has a row for each edge. Nodes are counted from 0 or from 1. Edges that only serve as padding may all lead
to one node after the last. If one end of the edges leads mostly beyond the nodes, these are something else (boxes of
faces, edges of bins, users and items), unless edges of the same name in most other groups lead to nodes. Names with a
further word, such as `line_graph_edge_index` and `edge_index_user_item`, may be those of edges between other things;
then only few of the edges, in few groups, may lead beyond the nodes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.library.looking import LARGEST, MOST, Looking
from datacheck.backends.hdf5.names import words
from datacheck.backends.hdf5.references.row_numbers import too_large
from datacheck.backends.hdf5.samples.told_apart import near
from datacheck.model.cells import NUMBERS
from datacheck.model.codes import Verdict
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.listing import counted
from datacheck.model.replacing import replace
from datacheck.model.sample_sets import SETS

NODES = frozenset({b"x", b"z", b"pos", b"nodes", b"node_feat", b"node_feats", b"node_features", b"node_attr"})
NODES |= {b"positions", b"coordinates", b"numbers", b"atomic_numbers", b"atom_types", b"node_types"}
"""Names of datasets with a row for each node of a graph."""
VERTICES = frozenset({b"vertices", b"verts", b"vertex"})
POINTS = VERTICES | {b"points", b"nodes", b"pos", b"positions"}
"""Names of datasets with a row for each corner of a face: those in VERTICES, or others if none of these is there."""
FACES = frozenset({b"faces", b"face", b"triangles", b"tris", b"tetrahedra"})
CELLS = {b"cells": frozenset({b"mesh_pos"}), b"elements": frozenset({b"mesh_pos", b"nodes"})}
"""Names of datasets of faces if one of these is beside them, as otherwise they are boxes, places, atoms or counts."""
CORNERS, AXES = (3, 4), (2, 3)
OF_EDGES = frozenset(b"attr attrs attribute attributes feat feats feature features weight weights type types".split())
INDEX = frozenset(b"index indexes indices idx list".split())
EDGE = frozenset({b"edge", b"edges"})
OWN = INDEX | FACES | SETS | frozenset(b"edge edges bond bonds label pos neg positive negative".split())
"""Words in the names of edges that lead to the nodes beside them."""
FEW = 0.1
"""Maximum share of edges that may lead beyond the nodes, and of groups with such edges, if the name has other words."""
ALIKE = 4
"""Minimum number of groups that show that their edges have no padding, so that one with a missing node is bad."""
NAMED, KEPT = 5, 1 << 16
"""Maximum number of missing nodes that are named, and that are counted."""


class Ends(msgspec.Struct, frozen=True):
    """A dataset of edges or faces, the nodes that it leads to, and the numbers that lead `beyond` the last node."""

    dataset: Dataset
    nodes: Dataset
    beyond: NDArray[np.int64]
    mostly: bool
    """Whether one end leads mostly beyond the nodes."""
    often: bool
    """Whether more than FEW of the ends of one side lead beyond the nodes."""
    may_be_padding: bool
    """Whether all numbers beyond are that after the last node, as the missing neighbours of some nodes may be."""
    details: dict[str, Any]

    def finding(self, verdict: Verdict | None = None) -> Finding:
        path, nodes = escape(self.dataset.path), escape(self.nodes.path)
        at_least = "at least " if self.beyond.size >= KEPT else ""
        more = f" and {at_least}{self.beyond.size - NAMED:,} more" if self.beyond.size > NAMED else ""
        lead = ", ".join(f"{it:,}" for it in self.beyond[:NAMED].tolist()) + more
        shape = self.nodes.shape
        extent = (
            f"{nodes} has {counted(self.nodes.rows, 'row')}" if len(shape) < 3 else f"{nodes} has the shape {shape}"
        )
        missing = self.beyond[:NAMED].tolist()
        return found("dangling", f"{path} leads to the nodes {lead}, and {extent}", verdict=verdict, dataset=path,
                     missing=missing, **self.details)  # fmt: skip


def edges(
    groups: Sequence[tuple[bytes, Sequence[Dataset]]], look: Looking, samples: Collection[bytes]
) -> Iterator[Finding]:
    """Yield findings for edges that lead to missing nodes, and for edge data whose rows are not as many as the edges.

    Findings in one of the `samples` name it, so that it is dropped with them.
    """
    by_name: dict[tuple[bytes, bytes], list[Ends]] = defaultdict(list)
    of_group = dict(groups)
    for group, datasets in groups:
        sample = next((it for it in (group, group.rpartition(b"/")[0]) if it in samples), None)
        details: dict[str, Any] = {} if sample is None else {"sample": escape(sample)}
        for dataset in datasets:
            nodes = _nodes_of(dataset, group, of_group)
            if not nodes:
                continue
            if are_edges(dataset):
                yield from _edge_data_findings(dataset, datasets, details)
            ends = _ends_of(dataset, nodes, look, details)
            if ends is not None:
                by_name[dataset.name, ends.nodes.name].append(ends)
            elif dataset.bytes > LARGEST:
                yield too_large(dataset, MOST if dataset.bytes > MOST else LARGEST)
    for alike in by_name.values():
        yield from _beyond_findings(alike)


def _nodes_of(dataset: Dataset, group: bytes, of_group: Mapping[bytes, Sequence[Dataset]]) -> list[Dataset]:
    """Return the datasets that may have a row for each node or corner, if a dataset holds edges or faces of these."""
    datasets = of_group[group]
    if are_edges(dataset) and (nodes := _node_datasets(datasets, NODES)):
        return nodes
    if _are_of_group(dataset):
        return _nodes_beside(group, of_group)
    if are_faces(dataset) and (of_cells := CELLS.get(dataset.name.lower())):
        return [] if _have_own_numbers(datasets) else _node_datasets(datasets, of_cells)
    if are_faces(dataset):
        return _node_datasets(datasets, VERTICES) or _node_datasets(datasets, POINTS)
    return []


def _have_own_numbers(datasets: Sequence[Dataset]) -> bool:
    """Check whether nodes may be numbered with gaps: they have numbers beside them, or in the first of four columns."""
    nodes = [it for it in datasets if it.name.lower() == b"nodes" and it.shape]
    beside = any(it.is_integer_vector and it.rows == one.rows for one in nodes for it in datasets)
    return beside or any(len(it.shape) == 2 and it.shape[1] > max(AXES) for it in nodes)


def _beyond_findings(alike: Sequence[Ends]) -> Iterator[Finding]:
    """Yield a finding for each of the edges of one name that lead beyond the nodes, unless they may do so by design."""
    sure = 2 * sum(not it.mostly for it in alike) > len(alike)
    odd = [it for it in alike if it.beyond.size]
    if not words(alike[0].dataset.name) <= OWN and not _are_few(odd, len(alike)):
        return
    padding = [it for it in odd if it.may_be_padding]
    if 2 * len(padding) > len(alike) > 1:
        odd = [it for it in odd if not it.may_be_padding]
    verdict: Verdict | None = None if _are_few(padding, len(alike)) and len(alike) >= ALIKE else "suspicious"
    for it in (it for it in odd if sure or not it.mostly):
        yield it.finding(verdict if it.may_be_padding else None)


def _are_of_group(dataset: Dataset) -> bool:
    """Check whether a dataset has the numbers of the nodes of edges, as its group is called: `edge_features/_index`."""
    group, _, name = dataset.path.rpartition(b"/")
    pairs = len(dataset.shape) == 2 and 2 in dataset.shape and dataset.dtype.kind in "iu" and dataset.readable
    return pairs and bool(words(name)) and words(name) <= INDEX and bool(EDGE & words(group.rpartition(b"/")[2]))


def _nodes_beside(group: bytes, of_group: Mapping[bytes, Sequence[Dataset]]) -> list[Dataset]:
    """Return the datasets with a row for each node in the group of nodes beside a group of edges."""
    above, _, name = group.rpartition(b"/")
    beside = {above + b"/" + name.replace(edge, node) for edge, node in ((b"edges", b"nodes"), (b"edge", b"node"))}
    datasets = next((of_group[it] for it in sorted(beside - {group}) if it in of_group), ())
    rows = Counter(it.rows for it in datasets if it.shape and it.holds == {NUMBERS} and len(it.shape) < 3)
    usual = max(rows, key=lambda it: (rows[it], it), default=0)
    return [it for it in datasets if it.shape and it.rows == usual and it.holds == {NUMBERS} and len(it.shape) < 3]


def _are_few(odd: Sequence[Ends], count: int) -> bool:
    """Check whether few of `count` groups have edges that lead beyond the nodes, and only few such edges."""
    return len(odd) <= max(1, FEW * count) and not any(it.often for it in odd)


def _node_datasets(datasets: Sequence[Dataset], names: Collection[bytes]) -> list[Dataset]:
    """Return the datasets with a row for each node, or else those with an axis of nodes: positions at several times."""
    named = [it for it in datasets if it.name.lower() in names and it.shape and it.rows and it.holds == {NUMBERS}]
    return [it for it in named if len(it.shape) < 3] or named


def _ends_of(dataset: Dataset, nodes: Sequence[Dataset], look: Looking, details: dict[str, Any]) -> Ends | None:
    """Return where the edges lead, or None if there are none or not all of them can be read."""
    node_dataset = max(nodes, key=_node_count)
    count = _node_count(node_dataset)
    across = dataset.shape[0] == 2 and not are_faces(dataset)
    read, lowest = 0, 0
    out_of_range = np.zeros((2, dataset.shape[0 if across else 1]), np.int64)
    beyond = np.empty(0, np.int64)
    single = 0
    for band in look.bands(dataset):
        numbers = band.astype(np.int64)
        ends = numbers if across else numbers.T
        lowest = min(lowest, int(ends.min())) if read else int(ends.min())
        read += ends.shape[1]
        out_of_range += [(ends >= count).sum(axis=1), (ends > count).sum(axis=1)]
        beyond = np.union1d(beyond, ends[ends >= count])[: KEPT + 1]
        single += int(((ends == count).any(axis=0) & ~(ends == count).all(axis=0)).sum())
    if not read or read < dataset.shape[1 if across else 0]:
        return None
    from_one = int(lowest > 0)
    beyond = beyond[beyond >= count + from_one][:KEPT]
    last = beyond.tolist() == [count]
    if from_one and dataset.name.lower() in CELLS:
        return None  # nodes that are counted from 1 may be numbered with gaps
    padded = last and (not single or single > FEW * read)  # an edge of padding has both ends there, as a rule
    mostly, often = (bool((out_of_range[from_one] > share * read).any()) for share in (1 / 2, FEW))
    return Ends(dataset, node_dataset, beyond[:0] if padded else beyond, mostly and not padded, often, last, details)


def _node_count(nodes: Dataset) -> int:
    """Return the number of nodes, or the largest one if several axes may have them."""
    return nodes.rows if len(nodes.shape) < 3 else max(nodes.shape[:-1])


def _edge_data_findings(dataset: Dataset, datasets: Sequence[Dataset], details: dict[str, Any]) -> Iterator[Finding]:
    """Yield findings for datasets with nearly as many rows as there are edges, unless they belong to other edges."""
    counts = {it.path: _edge_count(it) for it in datasets if are_edges(it)}
    count = counts[dataset.path]
    for other in datasets:
        name_words = words(other.name)
        if not (b"edge" in name_words and name_words & OF_EDGES and other.shape) or other.path in counts:
            continue
        belongs = len(counts) == 1 or (
            name_words - OF_EDGES == words(dataset.name) - INDEX and other.rows not in counts.values()
        )
        if belongs and other.rows != count and near(other, replace(dataset, shape=(count, 2))):
            rows = {escape(dataset.path): count, escape(other.path): other.rows}
            text = (
                f"{escape(dataset.path)} has {counted(count, 'edge')}, and {escape(other.path)} has "
                f"{counted(other.rows, 'row')}"
            )
            yield found("row-count", text, rows=rows, **details)


def _edge_count(dataset: Dataset) -> int:
    return dataset.shape[1] if dataset.shape[0] == 2 else dataset.rows


def are_faces(dataset: Dataset) -> bool:
    """Check whether a dataset has the numbers of the vertices of faces, by its name, shape and type."""
    flat = len(dataset.shape) == 2 and dataset.shape[1] in CORNERS and dataset.rows > max(CORNERS)
    return flat and dataset.name.lower() in FACES | CELLS.keys() and dataset.dtype.kind in "iu" and dataset.readable


def are_edges(dataset: Dataset) -> bool:
    """Check whether a dataset has the numbers of the nodes of edges, by its name, shape and type."""
    name_words = words(dataset.name)
    pairs = len(dataset.shape) == 2 and 2 in dataset.shape and dataset.dtype.kind in "iu" and dataset.readable
    return pairs and (dataset.name.lower() == b"edges" or bool(name_words & {b"edge", b"edges"} and name_words & INDEX))
