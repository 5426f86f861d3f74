"""Tell values that a format marks as missing by NaN from broken ones.

Points of SLEAP that are not visible are NaN in both coordinates. Its analyses have NaN wherever a track has no animal.
DeepLabCut names the frame of its labels `df_with_missing`: parts of the body that were not labelled are NaN. In a
cooler, masked bins have no weight; hic2cool divides by the vectors of Juicer, which gives such bins an infinite one. A
matrix of HiCExplorer has NaN for the coverage of bins for which none was computed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.declared import Declared
from datacheck.backends.hdf5.formats.cooler import coolers, divides, masks_bins
from datacheck.backends.hdf5.formats.levels_of_theory import with_levels
from datacheck.backends.hdf5.formats.masked_values import with_masks
from datacheck.backends.hdf5.library.looking import Looking
from datacheck.backends.hdf5.tables import Table
from datacheck.model.replacing import replace

POINTS, POINT = frozenset({b"/points", b"/pred_points"}), ("x", "y", "visible")
"""Paths of the points of SLEAP, and names of members of each."""
SLEAP, VERSION = b"/metadata", b"format_id"
ANALYSIS = frozenset({b"/tracks", b"/track_occupancy", b"/node_names"})
"""Datasets of an analysis of SLEAP."""
TRACKS = frozenset({b"/tracks", b"/point_scores", b"/instance_scores", b"/tracking_scores"})
LABELS = re.compile(rb"(?:/[^/]+)*/df_with_missing/(block[0-9]+_values|table)")
"""Paths of the values of labels of DeepLabCut."""
MATRIX = frozenset({b"/matrix/indptr", *(b"/intervals/" + it for it in (b"chr_list", b"start_list", b"end_list"))})
COVERAGE = b"/intervals/extra_list"
"""Datasets of a matrix of HiCExplorer, and the dataset with the coverage of each of its bins."""
MISSING, INFINITE = Declared(nan=True), Declared(missing=(float("inf"),), nan=True)


def with_all_missing(tables: Sequence[Table], paths: Set[bytes], look: Looking) -> list[Table]:
    """Return the tables, with the columns with missing values: by a format, a level of theory or a mask."""
    return list(with_masks(with_missing(with_levels(tables, look), paths, look), look))


def with_missing(tables: Sequence[Table], paths: Set[bytes], look: Looking) -> Iterator[Table]:
    """Yield the tables, with the datasets and columns in which NaN marks missing values.

    `paths` are those of all datasets of the file.
    """
    groups = coolers(paths, look.text)
    is_sleap = bool(POINTS & paths) and VERSION in look.names(SLEAP)
    known = TRACKS if paths >= ANALYSIS else frozenset({COVERAGE}) if paths >= MATRIX else frozenset()
    if not groups and not is_sleap and not known and not any(map(LABELS.fullmatch, paths)):
        yield from tables
        return
    divided = [it for it in groups if divides(it, look.text)]
    for table in tables:
        judged = tuple(_marked(it, groups, divided, known) for it in table.judged)
        points = tuple(_columns_of_point(it) for it in judged if is_sleap and it.path in POINTS)
        yield replace(table, judged=judged, absent=(*table.absent, *filter(None, points)))


def _marked(dataset: Dataset, groups: Sequence[bytes], divided: Sequence[bytes], known: Set[bytes]) -> Dataset:
    path = dataset.path
    if dataset.declared is not None or dataset.dtype.kind not in "fV":
        return dataset
    if masks_bins(path, divided):
        return replace(dataset, declared=INFINITE)
    if masks_bins(path, groups) or path in known or LABELS.fullmatch(path):
        return replace(dataset, declared=MISSING)
    return dataset


def _columns_of_point(dataset: Dataset) -> tuple[str, ...]:
    """Return the columns of the coordinates of a point, or () if the dataset has no points."""
    if not set(POINT) <= set(dataset.dtype.names or ()):
        return ()
    return tuple(it.name for it in dataset.columns if it.name.rpartition(".")[2] in POINT[:2])
