"""Infer the shape of every blob of a network as Caffe would; unknown sizes remain unknown.

If Caffe's own checks would abort at a layer, its `Place` has a `Misfit`, and the shapes of its tops are unknown.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from datacheck.caffe.geometry import Misfit, Shape, Shapes, product, shape_text
from datacheck.caffe.layers import LAYER_TYPES, LOSSES
from datacheck.caffe.network import Layer
from datacheck.caffe.setup_checks import set_up
from datacheck.caffe.shape_rules import PARTIAL, RULES, SAME
from datacheck.caffe.shape_sources import SOURCES

MAX_AXES = 32
MAX_COUNT = (1 << 31) - 1
"""The limits of a blob (blob.hpp, blob.cpp)."""


@dataclass(frozen=True)
class Place:
    """A layer with the shapes of its bottoms and tops, and the reason why it does not fit, or None."""

    layer: Layer
    bottoms: Shapes
    tops: Shapes
    misfit: Misfit | None = None


def infer_shapes(
    layers: Sequence[Layer],
    records: Mapping[str, Shape] | None = None,
    unsure: Collection[str] = (),
    rows: Mapping[tuple[str, str], Shape] | None = None,
) -> list[Place]:
    """Return each layer of one phase with its shapes, in order.

    `records` are the shapes (channels, height, width) of the records that data layers read, by layer name. `unsure` are
    the paths of layers with unknown fields, which may change the shapes of their tops. `rows` are the shapes of one row
    of the datasets that HDF5Data layers read, by the names of the layer and the top.
    """
    blobs: dict[str, Shape | None] = {}
    places = []
    for layer in layers:
        bottoms = [blobs.get(name) for name in layer.bottoms]
        misfit = None
        try:
            tops = [] if layer.path in unsure else _infer_tops(layer, bottoms, (records or {}).get(layer.name))
            if layer.type == "HDF5Data" and rows:
                tops = _hdf5_tops(layer, rows)
            _check_blob_limits(tops)
        except Misfit as exc:
            misfit, tops = exc, []
        tops = [*tops, *[None] * (len(layer.tops) - len(tops))][: len(layer.tops)]
        blobs.update(zip(layer.tops, tops, strict=True))
        places.append(Place(layer, bottoms, tops, misfit))
    return places


def _infer_tops(layer: Layer, bottoms: Shapes, record: Shape | None) -> list[Shape | None]:
    if layer.old:
        return []
    message, count = layer.message, len(layer.tops)
    if layer.type in LAYER_TYPES:
        if len(bottoms) < LAYER_TYPES[layer.type].bottoms[0]:
            return []  # a rule reports the missing bottoms
        set_up(layer, bottoms)
    if layer.type in SOURCES:
        return SOURCES[layer.type](message, count, record)
    if layer.type in LOSSES:
        return [(), *bottoms[:1]]
    if layer.type in SAME:
        return list(bottoms[:1]) * count
    if layer.type not in RULES or not bottoms:
        return []
    rule = RULES[layer.type]
    if layer.type in PARTIAL:
        return rule(message, bottoms, count)
    if any(shape is None for shape in bottoms):
        return []
    return rule(message, bottoms, count)


def _hdf5_tops(layer: Layer, rows: Mapping[tuple[str, str], Shape]) -> list[Shape | None]:
    """Return the shapes of the tops of HDF5Data, which are batches of rows."""
    size = layer.message.hdf5_data_param.batch_size or None
    row_shapes = [rows.get((layer.name, top)) for top in layer.tops]
    return [None if row is None else (size, *row) for row in row_shapes]


def _check_blob_limits(tops: Shapes) -> None:
    """Raise Misfit for shapes that Blob::Reshape refuses."""
    for shape in tops:
        if shape is None:
            continue
        if any(size is not None and size < 0 for size in shape):
            raise Misfit(f"the top would be {shape_text(shape)}, with a size below 0")
        count = product(shape)
        if len(shape) > MAX_AXES or (count is not None and count > MAX_COUNT):
            raise Misfit(f"the top would be {shape_text(shape)}, more than a blob of Caffe can hold")
