"""Check that the layers can work with the sizes of the records, and that there is one label for each prediction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from datacheck.caffe.geometry import Shape, differ, product, shape_text
from datacheck.caffe.net_flow import Use, flow
from datacheck.caffe.net_sources import NetSource
from datacheck.caffe.shapes import Place, infer_shapes
from datacheck.model.finding import Finding, found

CHECKED_IN = {
    "SoftmaxWithLoss": "softmax_loss_layer.cpp:47",
    "InfogainLoss": "infogain_loss_layer.cpp:60",
    "Accuracy": "accuracy_layer.cpp:31",
}
"""The layers that take one label for each prediction, and where Caffe checks that."""


def size_misfits(
    source: NetSource, records: Mapping[str, Shape], rows: Mapping[str, Shape] | None = None
) -> Iterator[Finding]:
    """Yield the misfits in the sizes of records and labels: those of the labels, or else that of the first layer.

    `records` and `rows` are as for `label_misfits`.
    """
    label_findings = list(label_misfits(source, records, rows))
    yield from label_findings
    if not label_findings:
        yield from _layer_misfits(source, records, rows or {})


def _layer_misfits(source: NetSource, records: Mapping[str, Shape], rows: Mapping[str, Shape]) -> Iterator[Finding]:
    """Yield a finding for the first layer that cannot work with the sizes of these records, but could with others."""
    top_shapes = {(source.name, top): shape for top, shape in rows.items()}
    always_unfit = {it.layer.path for it in infer_shapes(source.layers) if it.misfit is not None}
    for place in infer_shapes(source.layers, records, rows=top_shapes):
        if place.layer.path in always_unfit or place.layer.path == source.path_in_net:
            continue  # lint reports the former, and the layer that reads the records the latter
        reason, forks = (
            (place.misfit.reason, place.misfit.forks) if place.misfit is not None else (_size_difference(place), ())
        )
        if reason:
            text = f"the {place.layer.type} layer {place.layer.name!r} cannot work with what it is given: {reason}"
            caffe = f"aborts at set-up; a fork ({', '.join(forks)}) does not" if forks else "aborts at set-up"
            yield found("layer", text, verdict="suspicious" if forks else "bad", caffe=caffe)
            return
        if place.layer.type == "Convolution" and place.bottoms[0] is not None and len(place.bottoms[0]) == 2:
            size = shape_text(place.bottoms[0])
            text = f"the Convolution layer {place.layer.name!r} is given {size}, without height and width to slide over"
            caffe = "takes each value for a channel of one pixel and ignores kernel_size; older versions abort"
            yield found("layer", text, verdict="suspicious", caffe=caffe)
            return


def _size_difference(place: Place) -> str:
    """Return how the prediction and the target of a EuclideanLoss differ in size, or an empty text."""
    if place.layer.type != "EuclideanLoss" or len(place.bottoms) != 2:
        return ""
    one, other = place.bottoms
    if not one or not other or not differ(product(one[1:]), product(other[1:])):
        return ""
    return f"its bottoms are {shape_text(one)} and {shape_text(other)}, which must have as many values as each other"


def label_misfits(
    source: NetSource, records: Mapping[str, Shape], rows: Mapping[str, Shape] | None
) -> Iterator[Finding]:
    """Yield a finding for each top that does not have one label for each prediction, if both numbers are known.

    `records` are the shapes of the records that Data layers read, by the layer's name, and `rows` the shapes of the
    rows of HDF5Data tops.
    """
    top_shapes = {(source.name, top): shape for top, shape in (rows or {}).items()}
    uses = flow(infer_shapes(source.layers, records, rows=top_shapes)).uses
    for top in source.tops:
        for use in uses.get((source.path_in_net, top), ()):
            text = _label_misfit(use)
            if text is not None:
                caffe = f"aborts in {CHECKED_IN[use.type]}, Number of labels must match number of predictions"
                yield found("label", text, field=top, verdict="bad", caffe=caffe)
                break


def _label_misfit(use: Use) -> str | None:
    if use.type not in CHECKED_IN or use.scores is None or use.labels is None:
        return None
    if not -len(use.scores) <= use.axis < len(use.scores):
        return None
    axis = use.axis % len(use.scores)
    expected, actual = product((*use.scores[:axis], *use.scores[axis + 1 :])), product(use.labels)
    if not differ(expected, actual):
        return None
    return (
        f"{actual:,} labels for {expected:,} predictions a batch: labels {shape_text(use.labels)}, scores "
        f"{shape_text(use.scores)} of {use.layer!r}, classes along axis {axis}"
    )
