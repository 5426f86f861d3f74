"""Lint rules for networks that learn nothing when a solver trains them from scratch.

Caffe reports nothing in this case, and the loss stays constant. Networks with pretrained weights are exempt: those for
which the solver names weights, or in which some layers are frozen while others learn.
"""

from __future__ import annotations

from collections.abc import Iterator

from datacheck.caffe.initial_weights import WEIGHTS, has_zero_weights, is_frozen
from datacheck.caffe.layers import LAYER_TYPES, is_loss
from datacheck.caffe.network import Layer
from datacheck.caffe.parameters import blobs_of
from datacheck.caffe.shapes import Place
from datacheck.linting.loss_rules import classes
from datacheck.linting.rule_input import LayerCase, NetCase, Problem

UNCHANGED = ("Split", "Reshape", "Flatten")
FAR = 100
"""Maximum number of UNCHANGED layers that are skipped to find the layer that makes the scores."""
LOADED = "; if trained weights are loaded (caffe train --weights), all is well"


def _trains_from_scratch(net: NetCase) -> bool:
    """Return whether a solver trains the network from scratch, as far as the files tell."""
    return net.trained and net.state.phase == "TRAIN" and not net.finetuned and not net.partly_frozen


def _is_last_layer(case: LayerCase) -> bool:
    return case.number == len(case.net.places) - 1


def no_filler(case: LayerCase) -> Iterator[Problem]:
    """Weights that are learned from scratch do not start as zeros, except in the last layer of a branch."""
    if case.layer.type not in WEIGHTS or case.unsure or not has_zero_weights(case.layer):
        return
    param = WEIGHTS[case.layer.type]
    if case.layer.type == "Deconvolution" and is_frozen(case.layer) and case.net.trained and not case.net.finetuned:
        yield Problem(
            "weights",
            "a frozen Deconvolution without weight_filler puts out zeros, unless its weights are set by net surgery, "
            "as those of FCN are",
            param,
            'set weight_filler { type: "bilinear" }',
            "suspicious",
        )
        return
    if not _trains_from_scratch(case.net) or is_frozen(case.layer):
        return
    zeros = case.net.zeros_before_others
    if zeros[:1] != [case.number]:
        return
    others = f" (and in {len(zeros) - 1} other layers)" if len(zeros) > 1 else ""
    yield Problem(
        "weights",
        f"no weight_filler{others}: all weights begin as 0, no gradient passes, and the layer learns nothing{LOADED}",
        param,
        'set weight_filler { type: "xavier" }',
        "suspicious",
    )


def no_loss(case: LayerCase) -> Iterator[Problem]:
    """A network that is trained has a loss with a weight other than 0."""
    net = case.net
    if not _is_last_layer(case) or not net.trained or net.state.phase != "TRAIN" or net.training:
        return
    if any(place.layer.type not in LAYER_TYPES for place in net.places) or not any(map(_has_learned_blobs, net.places)):
        return  # a layer of a fork may be a loss
    unweighted = next((place for place in net.places if is_loss(place.layer.type, [])), None)
    reason = (
        f"the loss_weight of {unweighted.layer.name!r} is 0" if unweighted is not None else "there is no loss layer"
    )
    yield Problem(
        "loss",
        f"{reason} in the network that is trained: nothing is minimised, and nothing learnt",
        "",
        "add a loss layer, or set a loss_weight",
        "suspicious",
    )


def all_frozen(case: LayerCase) -> Iterator[Problem]:
    """At least one layer of a network that is trained learns."""
    if not _is_last_layer(case) or not _trains_from_scratch(case.net):
        return
    learning = [place.layer for place in case.net.places if _has_learned_blobs(place)]
    if learning and all(map(is_frozen, learning)):
        yield Problem(
            "learning-rate",
            f"every lr_mult is 0 in the {len(learning)} layers with weights: nothing is learnt",
            "",
            "set lr_mult: 1 where something is to be learnt",
            "suspicious",
        )


def _has_learned_blobs(place: Place) -> bool:
    return place.layer.type != "BatchNorm" and bool(blobs_of(place.layer, place.bottoms))


def _score_layer(case: LayerCase) -> Layer | None:
    """Return the layer that makes the scores of a loss, skipping UNCHANGED layers, or None if no layer makes them."""
    name = case.layer.bottoms[0] if case.layer.bottoms else ""
    maker = case.producers.get(name)
    skipped = 0
    while maker is not None and maker.type in UNCHANGED and maker.bottoms and skipped < FAR:
        maker, skipped = case.producers.get(maker.bottoms[0]), skipped + 1
    return maker


TWICE = {
    ("SoftmaxWithLoss", "Softmax"): "SoftmaxWithLoss applies a softmax itself",
    ("SigmoidCrossEntropyLoss", "Sigmoid"): "SigmoidCrossEntropyLoss applies a sigmoid itself",
    ("SoftmaxWithLoss", "Sigmoid"): "scores between 0 and 1 tell classes apart hardly at all",
    ("SigmoidCrossEntropyLoss", "Softmax"): "SigmoidCrossEntropyLoss applies a sigmoid itself",
}
RAW = ("InnerProduct", "Convolution", "Deconvolution", "Scale", "BatchNorm", "ReLU")
"""Layer types whose outputs are not probabilities."""


def scores(case: LayerCase) -> Iterator[Problem]:
    """A loss gets the input that it is made for: scores, or probabilities, of several classes."""
    kind, maker = case.layer.type, _score_layer(case)
    if not is_loss(kind, list(case.message.loss_weight)) or not _trains_from_scratch(case.net) or maker is None:
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
