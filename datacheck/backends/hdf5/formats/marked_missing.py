"""Tell values that a format marks as missing by NaN from broken ones.

Points of SLEAP that are not visible are NaN in both coordinates. Its analyses have NaN wherever a track has no animal.
DeepLabCut names the frame of its labels `df_with_missing`: parts of the body that were not labelled are NaN. In a
cooler, masked bins have no weight; hic2cool divides by the vectors of Juicer, which gives such bins an infinite one. A
matrix of HiCExplorer has NaN for the coverage of bins for which none was computed. A file of GWOSC has NaN for seconds
in which a detector of gravitational waves was off, and a mask that says for each second whether there are data. See
`nwb` for its tables. The places of channels are NaN for MNE-Python if they are not known, and so are the popularity of
a song and where its artist is from in the Million Song Dataset.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.declared import Declared
from datacheck.backends.hdf5.formats.cooler import coolers, divides, masks_bins
from datacheck.backends.hdf5.formats.levels_of_theory import with_levels
from datacheck.backends.hdf5.formats.masked_values import with_masks
from datacheck.backends.hdf5.formats.nwb import is_nwb, marks_missing
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
STRAIN, QUALITY, HAS_DATA = b"/strain/Strain", b"/quality/simple/DQmask", 1
"""Paths of the signal of GWOSC and of the mask of its seconds, and the bit of it that is set if there are data."""
CHANNELS = re.compile(rb"(?:/[^/]+)*/key_chs/idx_[0-9]+/key_loc")
"""Paths of the places of channels, as MNE-Python writes them with h5io."""
SONGS, POPULARITY = b"/metadata/songs", "song_hotttnesss"
"""Path of what is known of a song of the Million Song Dataset, and a member of it."""
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
    known = frozenset({STRAIN}) if paths >= {STRAIN, QUALITY} and _has_gaps(tables, look) else frozenset[bytes]()
    known |= frozenset(it for it in paths if it == SONGS or (it.endswith(b"/key_loc") and CHANNELS.fullmatch(it)))
    known |= {COVERAGE} if paths >= MATRIX else frozenset()
    nwb = is_nwb(look)
    if not (groups or is_sleap or known or nwb or paths >= ANALYSIS or any(map(LABELS.fullmatch, paths))):
        yield from tables
        return
    divided = [it for it in groups if divides(it, look.text)]
    for table in tables:
        of_table = known.union(it.path for it in table.judged if marks_missing(it, look)) if nwb else known
        judged = tuple(_marked(it, groups, of_table, tracked=paths >= ANALYSIS) for it in table.judged)
        judged = tuple(_with_divisors(it, divided) for it in judged)
        points = tuple(_columns_of_point(it) for it in judged if is_sleap and it.path in POINTS)
        yield replace(table, judged=judged, absent=(*table.absent, *filter(None, points)))


def _has_gaps(tables: Sequence[Table], look: Looking) -> bool:
    """Check whether the mask of a file of GWOSC says that there are seconds without data."""
    mask = next((it for table in tables for it in table.judged if it.path == QUALITY and it.dtype.kind in "iu"), None)
    values = None if mask is None else look.values(mask)
    return values is not None and bool((values & HAS_DATA == 0).any())


def _marked(dataset: Dataset, groups: Sequence[bytes], known: Set[bytes], *, tracked: bool) -> Dataset:
    is_known = dataset.path in known and (dataset.path != SONGS or POPULARITY in (dataset.dtype.names or ()))
    of_format = is_known or masks_bins(dataset.path, groups) or (tracked and dataset.path in TRACKS)
    if dataset.declared is None and dataset.dtype.kind in "fV" and (of_format or LABELS.fullmatch(dataset.path)):
        return replace(dataset, declared=MISSING)
    return dataset


def _with_divisors(dataset: Dataset, divided: Sequence[bytes]) -> Dataset:
    is_divisor = dataset.declared == MISSING and masks_bins(dataset.path, divided)
    return replace(dataset, declared=INFINITE) if is_divisor else dataset


def _columns_of_point(dataset: Dataset) -> tuple[str, ...]:
    """Return the columns of the coordinates of a point, or () if the dataset has no points."""
    if not set(POINT) <= set(dataset.dtype.names or ()):
        return ()
    return tuple(it.name for it in dataset.columns if it.name.rpartition(".")[2] in POINT[:2])
