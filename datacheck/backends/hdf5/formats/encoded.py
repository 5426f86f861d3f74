"""Check the parts and lengths that anndata's encoding attributes promise against what a file holds.

Each group has an attribute encoding-type, which determines the names of its parts: a dataframe has its index and the
columns in column-order, a categorical its codes and categories, a sparse matrix its three datasets. The rows of obs are
cells, the rows of var are genes, and X has a row for each cell and a column for each gene.
See https://anndata.readthedocs.io/en/stable/fileformat-prose.html.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

import msgspec

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.formats.sparse import Sparse
from datacheck.model.escaping import escape
from datacheck.model.finding import Finding, found
from datacheck.model.listing import and_more, counted

ENCODING, INDEX, COLUMNS = b"encoding-type", b"_index", b"column-order"
PARTS = {
    "csr_matrix": (b"data", b"indices", b"indptr"),
    "csc_matrix": (b"data", b"indices", b"indptr"),
    "categorical": (b"codes", b"categories"),
    "nullable-integer": (b"values", b"mask"),
    "nullable-boolean": (b"values", b"mask"),
    "nullable-string-array": (b"values", b"mask"),
}
"""Names of the parts of a group, by its encoding. In all but matrices, the first part has one row per value."""
AXES: Mapping[bytes, tuple[str, ...]] = {
    b"layers": ("cells", "genes"),
    b"obsm": ("cells",),
    b"varm": ("genes",),
    b"obsp": ("cells", "cells"),
    b"varp": ("genes", "genes"),
}
"""What the first axes of the members of these groups stand for."""
ALIKE = frozenset({"nullable-integer", "nullable-boolean", "nullable-string-array"})
"""Encodings whose parts have equally many rows."""
OF_ANNDATA = re.compile(rb"(/mod/[^/]+)?/(obs|var)")
"""Paths of the obs or var of a file, or of one of several kinds of measurements in it (MuData)."""
Texts = Callable[[bytes, bytes], "tuple[str, ...]"]
"""A function that returns the texts of an attribute, given a path and a name; empty if there is no such attribute."""


class _File(msgspec.Struct, frozen=True):
    """The parts of a file: datasets by path, groups, sparse matrices by group, and a reader of text attributes.

    `linked` has the paths of links and of objects without values.
    """

    datasets: Mapping[bytes, Dataset]
    groups: Collection[bytes]
    linked: Collection[bytes]
    matrices: Mapping[bytes, Sparse]
    texts: Texts

    def has(self, path: bytes) -> bool:
        return path in self.datasets or path in self.groups or path in self.linked

    def are_tables(self) -> bool:
        """Check whether obs and var are tables, as in anndata; in other files obs may hold plain observations."""
        tables = {path for path, it in self.datasets.items() if it.dtype.names} | set(self.groups)
        return {b"/obs", b"/var"} <= tables

    def kind(self, group: bytes) -> str:
        return next(iter(self.texts(group, ENCODING)), "") if group in self.groups else ""

    def members(self, group: bytes) -> list[bytes]:
        """Return the sorted paths of the datasets and groups directly in a group."""
        paths = {*self.datasets, *self.groups}
        return sorted(it for it in paths if it and it.rpartition(b"/")[0] == group)

    def index(self, group: bytes) -> Dataset | None:
        """Return the index of a dataframe, or None if it is not there."""
        name = next(iter(self.texts(group, INDEX)), "").encode("utf-8", "surrogateescape")
        return self.datasets.get(group + b"/" + name)

    def shape(self, path: bytes) -> tuple[int, ...] | None:
        """Return the shape of a dataset or matrix, or the row count of an encoded group, or None if it is unknown."""
        if path in self.datasets:
            shape = self.datasets[path].shape
            return shape or None
        kind = self.kind(path)
        if path in self.matrices:
            return self.matrices[path].extent
        first = self.index(path) if kind == "dataframe" else None
        if kind in PARTS and not kind.endswith("matrix"):
            first = self.datasets.get(path + b"/" + PARTS[kind][0])
        return None if first is None or not first.shape else (first.rows,)


def encoded(
    groups: Sequence[tuple[bytes, Sequence[Dataset]]],
    linked: Collection[bytes],
    matrices: Sequence[Sparse],
    texts: Texts,
) -> list[Finding]:
    """Return findings for missing parts of anndata's encodings and for parts of the wrong length."""
    paths = {path for path, _ in groups}
    datasets = {it.path: it for _, some in groups for it in some}
    if not any(map(OF_ANNDATA.fullmatch, (*paths, b"/obs" if b"/obs" in datasets else b""))):
        return []
    file = _File(datasets, paths, linked, {it.group: it for it in matrices}, texts)
    findings: list[Finding] = []
    for group in sorted(paths):
        kind = file.kind(group)
        if kind == "dataframe":
            findings += _frame_findings(file, group)
        elif kind in PARTS:
            findings += _part_findings(file, group, kind)
        raw = kind == "raw" or (not kind and group == b"/raw")
        if raw or kind == "anndata" or (not kind and not group and file.are_tables()):  # anndata before 0.8 has no kind
            findings += _axis_findings(file, group, raw=raw)
    return findings


def _part_findings(file: _File, group: bytes, kind: str) -> Iterator[Finding]:
    missing = [it for it in PARTS[kind] if not file.has(group + b"/" + it)]
    if missing:
        yield _missing_finding(group, f"is a {kind}", missing)
    parts = [file.datasets.get(group + b"/" + it) for it in PARTS[kind]]
    if (
        kind in ALIKE
        and parts[0] is not None
        and parts[1] is not None
        and parts[1].shape
        and parts[0].rows != parts[1].rows
    ):
        yield _unequal_finding(parts[0].path, parts[0].rows, parts[1].path, parts[1].rows)


def _frame_findings(file: _File, group: bytes) -> Iterator[Finding]:
    named = [*file.texts(group, INDEX), *file.texts(group, COLUMNS)]
    names = [it.encode("utf-8", "surrogateescape") for it in named]
    missing = [it for it in dict.fromkeys(names) if not file.has(group + b"/" + it)]
    if missing:
        yield _missing_finding(group, "names columns that are not there", missing)
    index = file.index(group)
    for name in dict.fromkeys(names) if index is not None else ():
        shape = file.shape(group + b"/" + name)
        if index is not None and shape is not None and shape[0] != index.rows:
            yield _unequal_finding(index.path, index.rows, group + b"/" + name, shape[0])


def _axis_findings(file: _File, group: bytes, *, raw: bool) -> Iterator[Finding]:
    """Yield findings for members whose number of rows or columns differs from the number of cells or genes."""
    above = group.rpartition(b"/")[0] if raw else group
    cells, genes = (file.shape(it) for it in (above + b"/obs", group + b"/var"))
    sides = {"cells": (above + b"/obs", cells), "genes": (group + b"/var", genes)}
    expected: dict[bytes, tuple[str, ...]] = {group + b"/X": ("cells", "genes")}
    for name, axes in AXES.items():
        expected |= dict.fromkeys(file.members(group + b"/" + name), axes)
    for path, axes in expected.items():
        shape = file.shape(path)
        for at, what in enumerate(axes if shape is not None else ()):
            axis_path, count = sides[what]
            if shape is not None and count is not None and at < len(shape) and shape[at] != count[0]:
                unit = "rows" if at == 0 else "columns"
                text = f"{escape(path)} has {shape[at]:,} {unit}, and {escape(axis_path)} has {count[0]:,} {what}"
                yield found("row-count", text, rows={escape(path): shape[at], escape(axis_path): count[0]})


def _missing_finding(group: bytes, what: str, missing: Sequence[bytes]) -> Finding:
    names = and_more(map(escape, missing[:5]), len(missing))
    message = f"{escape(group)} {what}: {names}" if "names" in what else f"{escape(group)} {what} and has no {names}"
    return found("missing", message, object=escape(group), missing=[escape(it) for it in missing[:5]])


def _unequal_finding(path: bytes, rows: int, other: bytes, others: int) -> Finding:
    text = f"{escape(path)} has {counted(rows, 'row')}, {escape(other)} has {others:,}; they belong together"
    return found("row-count", text, rows={escape(path): rows, escape(other): others})
