"""Check the lengths of netCDF variables against their dimensions, HDF5 datasets that define the length of an axis.

An unlimited dimension is as long as the longest of its variables. The library does not extend the other variables; they
read as the fill value beyond their end. If an axis has another length than its fixed dimension, it cannot be read.
See "Dimensions" in https://docs.unidata.ucar.edu/netcdf-c/current/file_format_specifications.html.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from datacheck.backends.hdf5.declared import BARE
from datacheck.backends.hdf5.trouble import TROUBLE
from datacheck.model.escaping import escape, plain
from datacheck.model.finding import Finding, found
from datacheck.model.listing import counted

ATTACHED, NETCDF = b"DIMENSION_LIST", b"_Netcdf4Dimid"
"""The attribute of datasets that have dimensions, and the attribute of dimensions that netCDF has made."""


class Dimensions:
    """Collects the lengths of the axes of datasets by their dimensions."""

    def __init__(self, h5: Any) -> None:
        self._h5 = h5
        self._axes: dict[bytes, list[tuple[bytes, int, int]]] = defaultdict(list)
        self._scales: dict[bytes, tuple[int, bool, bool]] = {}
        """The length of each dimension itself, whether it is unlimited, and whether it is a variable."""
        self._paths: dict[Any, bytes] = {}
        """The path of each dimension, by file and address: to find one, the library walks all links of the file."""

    def add(self, opened: Any, path: bytes, names: Collection[bytes]) -> None:
        """Add an open dataset that has attributes with these names."""
        if ATTACHED not in names:
            return
        try:
            for axis, extent in enumerate(opened.shape):
                scales: list[bytes] = []
                self._h5.h5ds.iterate(opened, axis, lambda scale, scales=scales: scales.append(self._path(scale)))
                for name in filter(None, scales):
                    self._axes[name].append((path, axis, int(extent)))
        except TROUBLE:  # the attribute is damaged, which is reported when it is read
            return

    def _path(self, scale: Any) -> bytes:
        info = self._h5.h5g.get_objinfo(scale)
        at = info.fileno, info.objno
        if at not in self._paths:
            self._paths[at] = self._dimension_path(scale)
        return self._paths[at]

    def _dimension_path(self, scale: Any) -> bytes:
        """Return the path of a dimension that netCDF has made, or an empty path for any other scale."""
        h5 = self._h5
        name: bytes = h5.h5i.get_name(scale) or b""
        if name in self._scales or not h5.h5a.exists(scale, NETCDF) or len(scale.shape) != 1:
            return name if name in self._scales else b""
        grows = scale.get_space().get_simple_extent_dims(True)[0] in (h5.h5s.UNLIMITED, None)
        self._scales[name] = int(scale.shape[0]), grows, not h5.h5ds.get_scale_name(scale).startswith(BARE)
        return name

    def findings(self) -> Iterator[Finding]:
        """Yield a finding for each axis that is not as long as its dimension."""
        for name, axes in self._axes.items():
            count, grows, is_variable = self._scales[name]
            if not grows:
                yield from (_unequal_finding(*it, name, count) for it in axes if it[2] != count)
                continue
            longest = max(count, *(extent for _, _, extent in axes))
            all_axes = [*axes, (name, 0, count)] if is_variable else axes
            rows = sorted({path for path, axis, _ in all_axes if not axis})
            yield from (
                _unwritten_finding(path, extent, name, longest, rows)
                for path, _, extent in all_axes
                if extent < longest
            )


def losses(findings: Iterable[Finding], table: str, own: Collection[bytes]) -> Iterator[str]:
    """Yield a sentence for each dataset that would be out of step if rows of a table were removed.

    By the findings of `Dimensions`, it shares a dimension with a dataset of the table (`own`) and has fewer rows.
    """
    paths = {*map(escape, own)}
    for it in findings:
        if it.code == "unwritten" and it.details.get("dataset") not in paths and paths.intersection(_paths_along(it)):
            yield f"{it.details['dataset']} has fewer rows than {table}, along the same dimension"


def _paths_along(finding: Finding) -> list[str]:
    along: list[str] = finding.details.get("along", [])
    return along


def _unwritten_finding(path: bytes, extent: int, name: bytes, longest: int, rows: Sequence[bytes]) -> Finding:
    text = (
        f"{escape(path)} has {extent:,} of the {longest:,} values along {escape(name)}: "
        "the others were never written, and netCDF reads the fill value there"
    )
    along = [*map(escape, rows)]
    return found("unwritten", text, field=_field_name(path), dataset=escape(path), count=longest - extent, along=along)


def _unequal_finding(path: bytes, axis: int, extent: int, name: bytes, count: int) -> Finding:
    dataset, scale = escape(path), escape(name)
    text = f"axis {axis} of {dataset} has {counted(extent, 'value')}, and its dimension {scale} has {count:,}"
    return found("row-count", text, field=_field_name(path), rows={dataset: extent, scale: count})


def _field_name(path: bytes) -> str:
    return plain(path.rpartition(b"/")[2].decode("utf-8", "surrogateescape"))
