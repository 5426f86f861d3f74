"""Find the frozen layers of a network, and those with all-zero initial weights in front of other learning layers."""

from __future__ import annotations

from collections.abc import Sequence

from datacheck.caffe.network import Layer
from datacheck.caffe.parameters import LEARNED, blobs_of
from datacheck.caffe.shapes import Place

WEIGHTS = {
    "Convolution": "convolution_param",
    "Deconvolution": "convolution_param",
    "InnerProduct": "inner_product_param",
    "Embed": "embed_param",
    "LSTM": "recurrent_param",
    "RNN": "recurrent_param",
}
"""Layer types with a weight_filler, and the parameter that holds it."""


def is_frozen(layer: Layer) -> bool:
    """Return whether none of the layer's blobs learn."""
    specs, blobs = layer.message.param, blobs_of(layer, []) or []
    return all(index < len(specs) and specs[index].lr_mult == 0 for index in range(len(blobs)))


def partly_frozen(places: Sequence[Place]) -> bool:
    """Return whether some layers are frozen while others learn, as in fine-tuning."""
    flags = [is_frozen(place.layer) for place in places if place.layer.type in LEARNED]
    return any(flags) and not all(flags)


def has_zero_weights(layer: Layer) -> bool:
    """Return whether all initial weights are 0."""
    filler = getattr(layer.message, WEIGHTS[layer.type]).weight_filler
    return bool(filler.type == "constant" and filler.value == 0)


def _is_deliberate(layer: Layer) -> bool:
    """Return whether the zero weights are deliberate: set explicitly, with a nonzero bias, as for a transformation."""
    param = getattr(layer.message, WEIGHTS[layer.type])
    bias = param.bias_filler
    return bool(param.HasField("weight_filler") and (bias.type != "constant" or bias.value != 0))


def zeros_before_others(places: Sequence[Place]) -> list[int]:
    """Return the numbers of the layers with all-zero initial weights whose tops reach another layer with weights.

    The last layer of a branch is not among them: it can learn from zeros, as a linear classifier does.
    """
    leading: set[str] = set()
    numbers = []
    for number in range(len(places) - 1, -1, -1):
        layer = places[number].layer
        leads, learns = not leading.isdisjoint(layer.tops), layer.type in WEIGHTS
        if learns and leads and has_zero_weights(layer) and not is_frozen(layer) and not _is_deliberate(layer):
            numbers.append(number)
        leading.difference_update(layer.tops)
        if leads or learns:
            leading.update(layer.bottoms)
    return numbers[::-1]
