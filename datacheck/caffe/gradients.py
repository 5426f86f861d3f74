"""Trace where Caffe propagates gradients in the backward pass, and find the bottoms that accept none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from datacheck.caffe.layers import LAYER_TYPES, is_loss
from datacheck.caffe.network import Layer
from datacheck.caffe.parameters import blobs_of
from datacheck.caffe.shapes import Place

NO_GRADIENT: dict[str, tuple[int, ...]] = {
    "BatchReindex": (1,),
    "Embed": (0,),
    "Filter": (-1,),
    "HingeLoss": (1,),
    "InfogainLoss": (1, 2),
    "LSTM": (1,),
    "LSTMUnit": (2,),
    "MultinomialLogisticLoss": (1,),
    "RNN": (1,),
    "SigmoidCrossEntropyLoss": (1,),
    "SoftmaxWithLoss": (1,),
}
"""Layer types that abort if a gradient is propagated to certain bottoms, and the numbers of these; -1 is the last."""


NO_BACKWARD = frozenset({"Accuracy", "ArgMax", "Threshold"})
"""Layer types without a backward pass: NOT_IMPLEMENTED in their headers."""
ALWAYS = frozenset({"ArgMax", "Threshold"})
"""The layer types among these that abort even if no gradient is to be propagated to their bottoms."""
NEVER_FORCED = {
    "HingeLoss": 1,
    "InfogainLoss": 1,
    "LSTM": 1,
    "LSTMUnit": 2,
    "MultinomialLogisticLoss": 1,
    "RNN": 1,
    "SigmoidCrossEntropyLoss": 1,
    "SoftmaxWithLoss": 1,
}
"""The bottom that force_backward leaves as it is, of the types in NO_GRADIENT that have one (AllowForceBackward)."""

Cause = Literal["learned", "told", "forced"]
"""Why a gradient is sent to a bottom: what is learned below it, its propagate_down, or the network's force_backward."""


def refused_bottoms(layer: Layer) -> list[int]:
    """Return the numbers of the bottoms to which a layer propagates no gradient."""
    count = len(layer.bottoms)
    if layer.type in NO_BACKWARD:
        return list(range(count))
    numbers = (count - 1 if number < 0 else number for number in NO_GRADIENT.get(layer.type, ()))
    return [number for number in numbers if number < count]


@dataclass
class _Blob:
    """A blob as one layer makes it; a layer in place makes another one of the same name.

    `learned` is set if layers up to this one learn. `uses` has, for each layer that reads it, whether a loss follows
    there and whether the gradient comes back.
    """

    learned: bool = False
    uses: list[tuple[bool, bool]] = field(default_factory=list)


def refused_gradients(places: Sequence[Place], *, forced: bool = False) -> dict[tuple[int, int], Cause]:
    """Return where a gradient would reach a bottom that accepts none, by layer number and bottom number, and why.

    This follows Net::Init of BVLC Caffe: a gradient goes from a loss down to the layers that learn, unless
    propagate_down stops it; propagate_down: true sends it to a bottom that needs none. What a layer computes from
    learned bottoms counts as learned whatever its propagate_down is. With `forced` (force_backward), it goes through
    every layer. A gradient is assumed to stop at the layer types of forks, whose behaviour is unknown.
    """
    current: dict[str, _Blob] = {}
    steps: list[tuple[Layer, list[_Blob], list[bool], list[_Blob], bool]] = []
    for place in places:
        layer = place.layer
        bottoms = [current.setdefault(name, _Blob()) for name in layer.bottoms]
        flags = layer.message.propagate_down
        wanted = [flags[at] if at < len(flags) else blob.learned for at, blob in enumerate(bottoms)]
        learns = layer.type in LAYER_TYPES and (any(blob.learned for blob in bottoms) or _has_learned_blobs(place))
        tops = [_Blob(learns) for _ in layer.tops]
        current.update(zip(layer.tops, tops, strict=True))
        steps.append((layer, bottoms, wanted, tops, learns))
    result: dict[tuple[int, int], Cause] = {}
    for number, (layer, bottoms, wanted, tops, learns) in reversed([*enumerate(steps)]):
        ends = is_loss(layer.type, list(layer.message.loss_weight))
        before_loss = ends or any(leads for top in tops for leads, _ in top.uses)
        reached = ends or any(not top.uses or any(comes for _, comes in top.uses) for top in tops)
        passes = before_loss and reached and learns
        for blob, goes in zip(bottoms, wanted, strict=True):
            blob.uses.append((before_loss, passes and goes))
        for at in refused_bottoms(layer):
            if passes and (wanted[at] or layer.type in ALWAYS):
                told = layer.message.propagate_down and wanted[at]
                result[number, at] = "told" if told else "learned"
            elif forced and NEVER_FORCED.get(layer.type) != at:
                result[number, at] = "forced"
    return result


def _has_learned_blobs(place: Place) -> bool:
    blobs = blobs_of(place.layer, place.bottoms)
    count = 0 if blobs is None or place.layer.type == "BatchNorm" else len(blobs)
    specs = place.layer.message.param
    return any(index >= len(specs) or specs[index].lr_mult != 0 for index in range(count))
