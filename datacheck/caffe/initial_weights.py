"""Which layers of a network are frozen, and which begin with weights of 0 before others that learn."""

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
"""The layers with a weight_filler, and where it stands."""


def frozen(layer: Layer) -> bool:
    """Return whether none of the layer's blobs learn."""
    specs, blobs = layer.message.param, blobs_of(layer, []) or []
    return all(at < len(specs) and specs[at].lr_mult == 0 for at in range(len(blobs)))


def partly_frozen(places: Sequence[Place]) -> bool:
    """Return whether some layers are frozen beside others that learn, as in fine-tuning."""
    found = [frozen(place.layer) for place in places if place.layer.type in LEARNED]
    return any(found) and not all(found)


def zero(layer: Layer) -> bool:
    """Return whether the weights begin as zeros, all of them."""
    filler = getattr(layer.message, WEIGHTS[layer.type]).weight_filler
    return bool(filler.type == "constant" and filler.value == 0)


def _shifted(layer: Layer) -> bool:
    """Return whether the weights are set to zeros on purpose, with a bias that is none, as for a transformation."""
    param = getattr(layer.message, WEIGHTS[layer.type])
    bias = param.bias_filler
    return bool(param.HasField("weight_filler") and (bias.type != "constant" or bias.value != 0))


def zeros_before_others(places: Sequence[Place]) -> list[int]:
    """Return the numbers of the layers that begin as zeros and whose tops reach another layer with weights.

    The last layer of a branch learns from zeros, as a linear classifier does.
    """
    leading: set[str] = set()
    found = []
    for number in range(len(places) - 1, -1, -1):
        layer = places[number].layer
        leads, learns = not leading.isdisjoint(layer.tops), layer.type in WEIGHTS
        if learns and leads and zero(layer) and not frozen(layer) and not _shifted(layer):
            found.append(number)
        leading.difference_update(layer.tops)
        if leads or learns:
            leading.update(layer.bottoms)
    return found[::-1]
