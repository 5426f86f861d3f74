"""Detect groups and files that hold one picture with its mask, depth or the like, rather than a table of its lines.

`image` of 240 x 240 x 4 beside `mask` of 240 x 240 x 3 is not a table of 240 rows: a fault in one line makes the whole
picture faulty. A picture is recognised by its name, a singular word or a number, and by an axis of channels. No flat
dataset beside it may be as long as one of its axes, as the labels of many pictures would be. `rgb` beside `xyz` may be
the colours of many point clouds.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from datacheck.backends.hdf5.dataset import Dataset
from datacheck.backends.hdf5.names import DIGITS, words
from datacheck.backends.hdf5.samples.each import LARGEST
from datacheck.backends.hdf5.samples.picture_shapes import LAST, Extent, picture_extents
from datacheck.backends.hdf5.shard_parts import EACH
from datacheck.backends.hdf5.tables import Table
from datacheck.model.cells import NUMBERS
from datacheck.model.escaping import escape

PICTURE = frozenset(b"image img picture photo rgb rgba rgbd bgr color colour slice frame".split())
"""Words in the names of datasets that are one picture."""
COLOURS = frozenset(b"rgb rgba bgr color colour".split())
VIEWS, GEOMETRY = frozenset(b"colors colours".split()), frozenset(b"depth normals distance".split())
"""Names of the colours of one rendered view, and words in the names of what is beside them then."""
POINTS = frozenset(b"xyz points point pointcloud pointclouds pc pcd cloud clouds coord coords".split())
"""Words in the names of datasets that may be the colours, and the coordinates, of many point clouds."""
LONGEST = 4
"""Maximum ratio of the sides of a picture in bytes that has coordinates for its pixels; others are point clouds."""


def one_picture(datasets: Sequence[Dataset]) -> tuple[list[Table], list[Dataset]]:
    """Return a table for each part of the picture that a group holds, if any, and the other datasets."""
    candidates = [it for it in datasets if it.shape and it.readable and it.holds == {NUMBERS} and it.bytes <= LARGEST]
    clouds = {it.shape[:2] for it in candidates if len(it.shape) == 3 and POINTS & words(it.name)}
    named = (it for it in candidates if _is_named(it, candidates) and not (it.shape[:2] in clouds and _are_colours(it)))
    extent = next((found for it in named for found in picture_extents(it)), None)
    if extent is None:
        return [], list(datasets)
    parts = [it for it in candidates if extent in (it.shape, *picture_extents(it))]
    own = {it.path for it in parts}
    axes = {axis for it in parts for axis in it.shape if axis > 1}
    if any(it.shape and it.path not in own and _counts_pixels(it, axes, extent) for it in datasets):
        return [], list(datasets)
    tables = [Table(EACH + escape(it.path), 1, (it,), each=True) for it in parts]
    return tables, [it for it in datasets if it.path not in own]


def _is_named(dataset: Dataset, candidates: Sequence[Dataset]) -> bool:
    """Check whether a dataset is a picture by its name."""
    return bool(PICTURE & words(dataset.name)) or dataset.name.isdigit() or _are_of_a_view(dataset, candidates)


def _are_of_a_view(colours: Dataset, candidates: Sequence[Dataset]) -> bool:
    """Check whether `colors` lie beside the depth or the normals of the same pixels, as BlenderProc writes them."""
    named = words(colours.name) <= VIEWS and len(colours.shape) == 3
    return named and any(GEOMETRY & words(it.name) and it.shape[:2] == colours.shape[:2] for it in candidates)


def _are_colours(dataset: Dataset) -> bool:
    """Check whether a dataset with coordinates beside it has the colours of point clouds: floats, or long rows."""
    height, width = sorted(dataset.shape[:2])
    return bool(COLOURS & words(dataset.name)) and (dataset.dtype != "u1" or width > LONGEST * height)


def _counts_pixels(dataset: Dataset, axes: Collection[int], extent: Extent) -> bool:
    """Check whether a dataset has one row per line or pixel, or one value for each of several pictures.

    A dataset with a row of several values per channel, such as a camera matrix, is neither.
    """
    flat = len(dataset.shape) == 1
    return dataset.rows == extent[0] * extent[1] or (dataset.rows in axes and (flat or dataset.rows > max(LAST)))


def is_part(table: Table) -> bool:
    """Check whether a table is a part of one picture."""
    return table.each and table.rows == 1 and table.name == EACH + escape(table.judged[0].path)


def at_top(table: Table) -> bool:
    """Return whether a table is a part of a picture, and the file is that picture."""
    return is_part(table) and table.group in ("", "/")


def numbered_pictures(tables: Collection[Table], paths: Collection[bytes]) -> bool:
    """Check whether these tables are all of a file's datasets (`paths`), named alike: image_0 and image_1 alone.

    These are pictures of their own. Views of one picture have other names or something beside them.
    """
    names = [it.judged[0].path for it in tables]
    return len(names) > 1 and {*names} == {*paths} and len({DIGITS.sub(b"#", it) for it in names}) == 1
