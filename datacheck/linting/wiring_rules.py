"""Lint rules for how layers fit together: their types, the blobs between them, their shapes and parameters."""

from __future__ import annotations

from collections.abc import Iterator

from datacheck.caffe.forks import forks_of_type, forks_with_bottoms
from datacheck.caffe.geometry import Shape, differ, product, shape_text
from datacheck.caffe.layers import LAYER_TYPES, LOSSES
from datacheck.linting.rule_input import LayerCase, Problem


def layer_type(case: LayerCase) -> Iterator[Problem]:
    """Every layer has a type that Caffe has."""
    if case.known or case.layer.old:
        return
    if not case.layer.type:
        yield Problem("layer", "the layer has no type: Caffe aborts", "", "set type")
        return
    forks = forks_of_type(case.layer.type)
    if forks:
        yield Problem(
            "layer",
            f"a fork ({', '.join(forks)}) has the layer type {case.layer.type!r}; BVLC Caffe has not, and aborts",
            "type",
            "train with that fork",
            "suspicious",
            forks,
        )
        return
    matches = [it for it in LAYER_TYPES if it.lower() == case.layer.type.lower()]
    suggestion = matches[0] if matches else case.net.hints.nearest(case.layer.type, LAYER_TYPES)
    yield Problem(
        "layer",
        f"BVLC Caffe has no layer type {case.layer.type!r} and aborts; perhaps a fork has",
        "type",
        f'type: "{suggestion}"' if suggestion else "train with the fork that has it",
        None if matches else "suspicious",
    )


def blobs(case: LayerCase) -> Iterator[Problem]:
    """Every bottom is the top of an earlier layer, and no two layers make the same top."""
    for number, name in enumerate(case.layer.bottoms):
        if name not in case.producers:
            suggestion = case.net.hints.nearest(name, case.producers)
            yield Problem(
                "layer",
                f"no layer before it makes the bottom {name!r}: Caffe aborts (Unknown bottom blob)",
                f"bottom[{number}]",
                f'bottom: "{suggestion}"' if suggestion else "name a blob that an earlier layer of this phase makes",
            )
    bottoms, own_tops = case.layer.bottoms, set[str]()
    for number, name in enumerate(case.layer.tops):
        in_place = number < len(bottoms) and bottoms[number] == name
        is_produced = name in case.producers or name in own_tops
        own_tops.add(name)
        if is_produced and not in_place:
            yield Problem(
                "layer",
                f"the top {name!r} is made by an earlier layer too: Caffe aborts (produced by multiple sources)",
                f"top[{number}]",
                "give it a name of its own",
            )


def counts(case: LayerCase) -> Iterator[Problem]:
    """A layer has as many bottoms, tops and loss weights as its type takes."""
    if not case.known:
        return
    kind = LAYER_TYPES[case.layer.type]
    for what, names, (least, most) in (
        ("bottom", case.layer.bottoms, kind.bottoms),
        ("top", case.layer.tops, kind.tops),
    ):
        if len(names) < least or (most is not None and len(names) > most):
            allowed = f"{least}" if least == most else f"at least {least}" if most is None else f"{least} to {most}"
            forks = forks_with_bottoms(case.layer.type, len(names)) if what == "bottom" and len(names) > least else ()
            forks = forks if forks and _may_be_weights(case) else ()
            unknown = sorted(case.net.unknown_types) if len(names) > least else []
            unless = f", unless the fork that has the layer type {unknown[0]!r} takes more" if unknown else ""
            unless = f"; a fork ({', '.join(forks)}) takes more" if forks else unless
            yield Problem(
                "layer",
                f"{case.layer.type} takes {allowed} {what}{'s' * (allowed != '1')}, not {len(names)}: "
                f"Caffe aborts{unless}",
                what,
                "see its documentation",
                "suspicious" if unknown or forks else None,
                forks,
            )
    if case.layer.type in ("Convolution", "Deconvolution") and len(case.layer.bottoms) != len(case.layer.tops):
        yield Problem(
            "layer",
            f"{case.layer.type} takes a top for each bottom, not {len(case.layer.tops)} for {len(case.layer.bottoms)}",
            "top",
            "name one top for each bottom",
        )
    weights, tops = len(case.message.loss_weight), len(case.layer.tops)
    if weights and tops and weights != tops:
        yield Problem(
            "layer",
            f"loss_weight is given {weights} times for {tops} tops: Caffe aborts",
            "loss_weight",
            "give one for each top",
        )
    if case.layer.type in LOSSES and tops > 1 and not weights:
        yield Problem(
            "layer",
            f"{tops} tops and no loss_weight: a loss sets one weight by itself, and there must be one for each top: "
            "Caffe aborts",
            "top",
            "set loss_weight: 1 for the loss, and loss_weight: 0 for each other top",
        )
    if case.message.include and case.message.exclude:
        yield Problem("layer", "include and exclude are both given: Caffe aborts", "exclude", "keep one of them")


def _may_be_weights(case: LayerCase) -> bool:
    """Check whether the second bottom may hold weights, as far as shapes are known: rows of the size of a sample."""
    (first, second), axis = case.place.bottoms[:2], case.message.inner_product_param.axis
    if first is None or second is None:
        return True
    size, count = product(first[axis:]), product(second)
    return len(second) > 1 and (not size or count is None or count % size == 0)


def shapes(case: LayerCase) -> Iterator[Problem]:
    """The layer can work with the shapes of its bottoms."""
    misfit = case.place.misfit
    if misfit is not None:
        consequence = (
            f"BVLC Caffe aborts; a fork ({', '.join(misfit.forks)}) does not" if misfit.forks else "Caffe aborts"
        )
        yield Problem(
            "layer", f"{misfit.reason}: {consequence}", misfit.field, "make the shapes fit", forks=misfit.forks
        )
        return
    if case.layer.type in ("SoftmaxWithLoss", "InfogainLoss", "Accuracy") and len(case.place.bottoms) >= 2:
        yield from _label_misfits(case)
    elif case.layer.type == "EuclideanLoss" and len(case.place.bottoms) == 2:
        yield from _target_misfits(case)


def class_axis(case: LayerCase) -> int:
    """Return the axis along which a classifier's bottom has its classes."""
    message = case.message
    return int(
        {
            "SoftmaxWithLoss": message.softmax_param.axis,
            "InfogainLoss": message.infogain_loss_param.axis,
            "Accuracy": message.accuracy_param.axis,
        }.get(case.layer.type, 1)
    )


def _label_misfits(case: LayerCase) -> Iterator[Problem]:
    scores, labels = case.place.bottoms[:2]
    axis = class_axis(case)
    if scores is None or labels is None or not -len(scores) <= axis < len(scores):
        return
    axis %= len(scores)
    expected = product((*scores[:axis], *scores[axis + 1 :]))
    if differ(expected, product(labels)):
        yield Problem(
            "layer",
            f"{shape_text(scores)} takes {expected} labels, but the blob {shape_text(labels)} has {product(labels)}: "
            "Caffe aborts",
            "bottom[1]",
            "give it one label for each prediction",
        )


def _target_misfits(case: LayerCase) -> Iterator[Problem]:
    one, other = case.place.bottoms
    if one is None or other is None:
        return
    if differ(_row_count(one), _row_count(other)) or differ(product(one[1:]), product(other[1:])):
        yield Problem(
            "layer",
            f"the bottoms {shape_text(one)} and {shape_text(other)} must have the same sizes: Caffe aborts",
            "bottom",
            "make the prediction as large as the target",
        )


def _row_count(shape: Shape) -> int | None:
    return shape[0] if shape else 1


def strange_parameters(case: LayerCase) -> Iterator[Problem]:
    """A layer has no parameters of another layer type, which Caffe silently ignores."""
    if not case.known or case.layer.old:
        return
    allowed = LAYER_TYPES[case.layer.type].params
    for descriptor, _ in case.message.ListFields():
        name = descriptor.name
        if name.endswith("_param") and name not in allowed and name != "permute_param":
            if case.layer.type == "HDF5Data" and name == "transform_param":
                continue  # the transformation rule reports it
            yield Problem(
                "layer",
                f"{name} has no effect on a layer of type {case.layer.type}",
                name,
                f"{case.layer.type} reads {' and '.join(allowed) or 'no parameters'}",
                "suspicious",
            )
