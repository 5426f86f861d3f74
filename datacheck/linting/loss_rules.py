"""Lint rules for losses: their weights, the infogain matrix, and whether the labels match the classifier's classes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from datacheck.caffe.blobs import read_blob
from datacheck.caffe.geometry import Dim
from datacheck.caffe.layers import CLASSIFIERS
from datacheck.errors import DatacheckError
from datacheck.linting.rule_input import LayerCase, Problem, number
from datacheck.linting.wiring_rules import class_axis

if TYPE_CHECKING:
    from numpy.typing import NDArray

HUGE = 1e4
"""Loss weights above this are suspicious; published networks stay below 100."""


def loss_weights(case: LayerCase) -> Iterator[Problem]:
    """Loss weights have a size that gradients can have, and do not reverse a loss."""
    for index, weight in enumerate(case.message.loss_weight):
        if abs(weight) > HUGE and abs(weight) != float("inf"):
            yield Problem(
                "loss",
                f"loss_weight {number(weight)}: every gradient is multiplied by it, and soon overflows",
                f"loss_weight[{index}]",
                "lower it; published networks stay below 100",
                "suspicious",
            )
        elif weight < 0 and weight != -float("inf"):
            yield Problem(
                "loss",
                f"loss_weight {number(weight)} is negative: training climbs this loss, which has no upper end",
                f"loss_weight[{index}]",
                "make it positive",
                "suspicious",
            )


def classes(case: LayerCase) -> Dim:
    """Return the number of classes in the first bottom of a loss or accuracy layer, or None if it is unknown."""
    scores = case.place.bottoms[0] if case.place.bottoms else None
    axis = class_axis(case)
    if scores is None or not -len(scores) <= axis < len(scores):
        return None
    return scores[axis]


def label_range(case: LayerCase) -> Iterator[Problem]:
    """Every label, if the labels are known, is the number of one of the classifier's classes."""
    if case.layer.type not in CLASSIFIERS or case.net.labels is None:
        return
    count, (low, high) = classes(case), case.net.labels
    if count is None or (low >= 0 and high < count):
        return
    ignored = case.message.loss_param.ignore_label if case.message.loss_param.HasField("ignore_label") else None
    if ignored is not None and (low in (ignored, 0) or low > 0) and high < count:
        return
    maker = case.producers.get(case.layer.bottoms[0])
    maker_clause = f" of {maker.name!r}" if maker is not None else ""
    yield Problem(
        "label",
        f"the labels go from {low} to {high}, but the classes{maker_clause} are 0 to {count - 1}: "
        "Caffe reads beyond the blob",
        "bottom[0]",
        f"set num_output to at least {high + 1}" if high >= count else "renumber the labels from 0",
    )


def infogain(case: LayerCase) -> Iterator[Problem]:
    """InfogainLoss has a matrix of finite numbers, with a row and a column for each class."""
    if case.layer.type != "InfogainLoss":
        return
    name = case.message.infogain_loss_param.source
    if case.message.loss_param.HasField("normalize"):
        yield Problem(
            "loss", "InfogainLoss takes no normalize: Caffe aborts", "loss_param.normalize", "set normalization instead"
        )
    if len(case.layer.bottoms) < 3:
        yield from _matrix_file_problems(case, name)
    maker = case.producers.get(case.layer.bottoms[0]) if case.layer.bottoms else None
    if maker is not None and maker.type != "Softmax":
        yield Problem(
            "loss",
            "a Caffe from before this layer applied the softmax itself takes probabilities here, and the logarithm of "
            f"what {maker.name!r} puts out may be NaN",
            "bottom[0]",
            "with an old Caffe, put a Softmax layer before it; with BVLC Caffe 1.0 or later, leave it",
            "suspicious",
        )


def _matrix_file_problems(case: LayerCase, name: str) -> Iterator[Problem]:
    path = "infogain_loss_param.source"
    if not name:
        yield Problem(
            "loss",
            "the infogain matrix has no source: Caffe aborts",
            "infogain_loss_param",
            "set source, or give a third bottom",
        )
        return
    file = case.net.folders.find(name)
    if file is None:
        yield Problem(
            "missing", f"the infogain matrix {name} is not there: Caffe aborts", path, "write the file, or see --root"
        )
        return
    try:
        matrix = read_blob(file)
    except DatacheckError as exc:
        yield Problem("loss", f"the infogain matrix {exc}", path, "write it again as a BlobProto")
        return
    yield from judge_matrix(matrix, name, classes(case), path)


def judge_matrix(matrix: NDArray[Any], name: str, count: Dim, path: str) -> Iterator[Problem]:
    """Yield the problems of an infogain matrix H for `count` classes (None: unknown)."""
    import numpy as np

    side = round(matrix.size**0.5) if count is None else count
    if matrix.size != side * side:
        expected = "a square" if count is None else f"{count} x {count} for {count} classes"
        yield Problem(
            "loss",
            f"the infogain matrix {name} has {matrix.size} values, not {expected}: Caffe aborts",
            path,
            "give it a row and a column for each class",
        )
        return
    rows = matrix.reshape(side, side)
    bad_mask = ~np.isfinite(rows)
    if bad_mask.any():
        row, column = (int(it) for it in np.argwhere(bad_mask)[0])
        bad_count = int(bad_mask.sum())
        count_text = "a value that is" if bad_count == 1 else f"{bad_count} values that are"
        yield Problem(
            "loss",
            f"the infogain matrix {name} has {count_text} not finite, the first {rows[row, column]} at [{row}, "
            f"{column}]: the loss is not finite once class {row} comes up",
            path,
            "give it finite values",
        )
        return
    empty = np.flatnonzero(~rows.any(axis=1))
    if empty.size:
        yield Problem(
            "loss",
            f"row {int(empty[0])} of the infogain matrix {name} is all zeros ({empty.size} such rows): the class "
            "adds nothing to the loss, and is not learned",
            path,
            "put something on the diagonal",
            "suspicious",
        )
