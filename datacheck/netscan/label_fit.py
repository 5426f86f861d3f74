"""Whether there is one label for each prediction that a loss compares, the sizes of the records being known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from datacheck.caffe.geometry import Shape, differ, product, spell
from datacheck.caffe.net_flow import Use, flow
from datacheck.caffe.net_sources import NetSource
from datacheck.caffe.shapes import infer
from datacheck.model.finding import Finding, found

CHECKED_IN = {
    "SoftmaxWithLoss": "softmax_loss_layer.cpp:47",
    "InfogainLoss": "infogain_loss_layer.cpp:60",
    "Accuracy": "accuracy_layer.cpp:31",
}
"""The layers that take one label for each prediction, and where they make sure of it."""


def labels_fit(
    source: NetSource, records: Mapping[str, Shape], rows: Mapping[str, Shape] | None = None
) -> Iterator[Finding]:
    """Yield for each top of a layer that it has not one label for each prediction, where both are known.

    `records` are the shapes of what Data layers read, by the layer's name, and `rows` those of the tops of HDF5Data.
    """
    of_tops = {(source.name, top): shape for top, shape in (rows or {}).items()}
    uses = flow(infer(source.layers, records, rows=of_tops)).uses
    for top in source.tops:
        for use in uses.get((source.path_in_net, top), ()):
            text = _misfit(use)
            if text is not None:
                caffe = f"aborts in {CHECKED_IN[use.type]}, Number of labels must match number of predictions"
                yield found("label", text, field=top, verdict="bad", caffe=caffe)
                break


def _misfit(use: Use) -> str | None:
    if use.type not in CHECKED_IN or use.scores is None or use.labels is None:
        return None
    if not -len(use.scores) <= use.axis < len(use.scores):
        return None
    axis = use.axis % len(use.scores)
    wanted, have = product((*use.scores[:axis], *use.scores[axis + 1 :])), product(use.labels)
    if not differ(wanted, have):
        return None
    return (
        f"{have:,} labels for {wanted:,} predictions a batch: labels {spell(use.labels)}, scores {spell(use.scores)} "
        f"of {use.layer!r}, classes along axis {axis}"
    )
