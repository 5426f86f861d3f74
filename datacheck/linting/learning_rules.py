"""Networks that a solver trains from scratch and that learn nothing: Caffe says nothing, and the loss stands still.

Nothing is said of a network that gets trained weights: where the solver names them, or where some layers are frozen
beside others that learn.
"""

from __future__ import annotations

from collections.abc import Iterator

from datacheck.caffe.layers import LAYER_TYPES, is_loss
from datacheck.caffe.network import Layer
from datacheck.caffe.parameters import LEARNED, blobs_of
from datacheck.caffe.shapes import Place
from datacheck.linting.loss_rules import classes
from datacheck.linting.rule_input import LayerCase, NetCase, Problem

WEIGHTS = {
    "Convolution": "convolution_param",
    "Deconvolution": "convolution_param",
    "InnerProduct": "inner_product_param",
    "Embed": "embed_param",
    "LSTM": "recurrent_param",
    "RNN": "recurrent_param",
}
"""The layers with a weight_filler, and where it stands."""
UNCHANGED = ("Split", "Reshape", "Flatten")
LOADED = "; if trained weights are loaded (caffe train --weights), all is well"


def _frozen(layer: Layer) -> bool:
    """Return whether none of the layer's blobs learn."""
    specs, blobs = layer.message.param, blobs_of(layer, []) or []
    return all(at < len(specs) and specs[at].lr_mult == 0 for at in range(len(blobs)))


def _from_scratch(net: NetCase) -> bool:
    """Return whether a solver trains the network, and from nothing, as far as the files tell."""
    if not net.trained or net.state.phase != "TRAIN" or net.finetuned:
        return False
    learned = [_frozen(place.layer) for place in net.places if place.layer.type in LEARNED]
    return all(learned) or not any(learned)


def _last(case: LayerCase) -> bool:
    return case.number == len(case.net.places) - 1


def _zero(place: Place) -> bool:
    """Return whether the weights begin as zeros, all of them."""
    layer = place.layer
    filler = getattr(layer.message, WEIGHTS[layer.type]).weight_filler
    return bool(filler.type == "constant" and filler.value == 0)


def no_filler(case: LayerCase) -> Iterator[Problem]:
    """Weights that are learnt from scratch do not begin as zeros, but in the last layer."""
    if case.layer.type not in WEIGHTS or case.unsure or not _zero(case.place):
        return
    param = WEIGHTS[case.layer.type]
    if case.layer.type == "Deconvolution" and _frozen(case.layer) and case.net.trained and not case.net.finetuned:
        yield Problem(
            "weights",
            "a frozen Deconvolution without weight_filler puts out zeros, unless its weights are set by net surgery, "
            "as those of FCN are",
            param,
            'set weight_filler { type: "bilinear" }',
            "suspicious",
        )
        return
    if not _from_scratch(case.net) or _frozen(case.layer):
        return
    learned = [(it, place) for it, place in enumerate(case.net.places) if place.layer.type in WEIGHTS]
    behind = [place for it, place in learned if it > case.number]
    before = [place for it, place in learned if it < case.number]
    if not behind and not any(map(_zero, before)):
        return  # the last layer learns from zeros, as a linear classifier does
    yield Problem(
        "weights",
        f"no weight_filler: all weights begin as 0, no gradient passes, and the layer learns nothing{LOADED}",
        param,
        'set weight_filler { type: "xavier" }',
        "suspicious",
    )


def no_loss(case: LayerCase) -> Iterator[Problem]:
    """A network that is trained has a loss, with a weight that is not 0."""
    net = case.net
    if not _last(case) or not net.trained or net.state.phase != "TRAIN" or net.training:
        return
    if any(place.layer.type not in LAYER_TYPES for place in net.places) or not any(map(_learns, net.places)):
        return  # a layer of a fork may be a loss
    zero = next((place for place in net.places if is_loss(place.layer.type, [])), None)
    said = f"the loss_weight of {zero.layer.name!r} is 0" if zero is not None else "there is no loss layer"
    yield Problem(
        "loss",
        f"{said} in the network that is trained: nothing is minimised, and nothing learnt",
        "",
        "add a loss layer, or set a loss_weight",
        "suspicious",
    )


def all_frozen(case: LayerCase) -> Iterator[Problem]:
    """At least one layer of a network that is trained learns."""
    if not _last(case) or not _from_scratch(case.net):
        return
    learning = [place.layer for place in case.net.places if _learns(place)]
    if learning and all(map(_frozen, learning)):
        yield Problem(
            "learning-rate",
            f"every lr_mult is 0 in the {len(learning)} layers with weights: nothing is learnt",
            "",
            "set lr_mult: 1 where something is to be learnt",
            "suspicious",
        )


def _learns(place: Place) -> bool:
    return place.layer.type != "BatchNorm" and bool(blobs_of(place.layer, place.bottoms))


def _maker(case: LayerCase) -> Layer | None:
    """Return the layer that makes the scores of a loss, past those that leave values what they are."""
    name = case.layer.bottoms[0] if case.layer.bottoms else ""
    maker = case.producers.get(name)
    seen = 0
    while maker is not None and maker.type in UNCHANGED and maker.bottoms and seen < len(case.net.places):
        maker, seen = case.producers.get(maker.bottoms[0]), seen + 1
    return maker


TWICE = {
    ("SoftmaxWithLoss", "Softmax"): "SoftmaxWithLoss applies a softmax itself",
    ("InfogainLoss", "Softmax"): "InfogainLoss applies a softmax itself",
    ("SigmoidCrossEntropyLoss", "Sigmoid"): "SigmoidCrossEntropyLoss applies a sigmoid itself",
    ("SoftmaxWithLoss", "Sigmoid"): "scores between 0 and 1 tell classes apart hardly at all",
    ("SigmoidCrossEntropyLoss", "Softmax"): "SigmoidCrossEntropyLoss applies a sigmoid itself",
}
RAW = ("InnerProduct", "Convolution", "Deconvolution", "Scale", "BatchNorm", "ReLU")
"""Layers whose outputs are no probabilities."""


def scores(case: LayerCase) -> Iterator[Problem]:
    """A loss is given what it is made for: scores, or probabilities, of several classes."""
    kind, maker = case.layer.type, _maker(case)
    if not is_loss(kind, list(case.message.loss_weight)) or not _from_scratch(case.net) or maker is None:
        return
    if (kind, maker.type) in TWICE:
        yield Problem(
            "loss",
            f"the scores of {case.layer.name!r} come from the {maker.type} {maker.name!r}, and "
            f"{TWICE[kind, maker.type]}: gradients become small, and little is learnt",
            "bottom[0]",
            f"give it the bottom of {maker.name!r}",
            "suspicious",
        )
    elif kind == "MultinomialLogisticLoss" and maker.type in RAW:
        yield Problem(
            "loss",
            f"MultinomialLogisticLoss takes probabilities, and {maker.name!r} ({maker.type}) puts out scores",
            "bottom[0]",
            "put a Softmax before it, or take SoftmaxWithLoss",
            "suspicious",
        )
    elif kind in ("SoftmaxWithLoss", "SigmoidCrossEntropyLoss") and maker.type == "ReLU":
        yield Problem(
            "loss",
            f"the ReLU {maker.name!r} stands on the scores: those below 0 become 0 and get no gradient",
            "bottom[0]",
            f"remove {maker.name!r}",
            "suspicious",
        )
    if kind == "SoftmaxWithLoss" and classes(case) == 1:
        yield Problem(
            "loss",
            "the softmax is over a single class: its probability is 1 and the loss 0, whatever is learnt",
            "bottom[0]",
            "set num_output to the number of classes, or take SigmoidCrossEntropyLoss",
            "suspicious",
        )
