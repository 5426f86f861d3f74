"""The blobs that layers learn: how many `param` there may be, what they share, and what the gradient may not reach."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from datacheck.caffe.geometry import Shape, differ, product, spell
from datacheck.caffe.parameters import NO_GRADIENT, Owner, blobs_of
from datacheck.caffe.schema import enums
from datacheck.linting.rule_input import LayerCase, Problem, number


def count(case: LayerCase) -> Iterator[Problem]:
    """A layer has no more param than blobs to learn, and a propagate_down for each bottom or none."""
    if not case.known or case.unsure:
        return
    blobs = blobs_of(case.layer, case.place.bottoms)
    given = len(case.message.param)
    if blobs is not None and given > len(blobs):
        yield Problem(
            "layer",
            f"{given} param for {len(blobs)} blobs that {case.layer.type} has here: Caffe aborts (Too many params)",
            f"param[{len(blobs)}]",
            "remove those that are too many",
        )
    told = len(case.message.propagate_down)
    if told not in (0, len(case.layer.bottoms)):
        yield Problem(
            "layer",
            f"propagate_down is given {told} times for {len(case.layer.bottoms)} bottoms: Caffe aborts",
            "propagate_down",
            "give it once for each bottom, or not at all",
        )


def shared(case: LayerCase) -> Iterator[Problem]:
    """Layers that share a parameter have it in the same shape, with the same factors."""
    specs = case.message.param
    if not case.known or case.unsure or not any(spec.name for spec in specs):
        return
    before = case.net.owners
    own = blobs_of(case.layer, case.place.bottoms) or []
    for at, spec in enumerate(specs):
        owner = before.get(spec.name) if spec.name else None
        if owner is not None and owner.number < case.number and at < len(own):
            yield from _against(owner, spec, own[at], at)


def _against(owner: Owner, spec: Any, shape: Shape | None, at: int) -> Iterator[Problem]:
    loose = spec.share_mode == enums()["DimCheckMode"]["PERMISSIVE"]
    if shape is not None and owner.shape is not None and _unlike(shape, owner.shape, loose):
        yield Problem(
            "weights",
            f"the param {spec.name!r} is {spell(shape)} here and {spell(owner.shape)} in the layer {owner.layer!r}: "
            "Caffe aborts (Cannot share param)",
            f"param[{at}].name",
            "give it a name of its own, or make the layers alike",
        )
        return
    for name in ("lr_mult", "decay_mult"):
        if spec.HasField(name) and owner.spec.HasField(name) and getattr(spec, name) != getattr(owner.spec, name):
            yield Problem(
                "weights",
                f"{name} of the param {spec.name!r} is {number(getattr(spec, name))} here and "
                f"{number(getattr(owner.spec, name))} in the layer {owner.layer!r}: Caffe aborts (mismatched {name})",
                f"param[{at}].{name}",
                "give both the same",
            )


def _unlike(one: Shape, other: Shape, loose: bool) -> bool:
    if loose:
        return differ(product(one), product(other))
    return len(one) != len(other) or any(map(differ, one, other))


def labels_are_not_learned(case: LayerCase) -> Iterator[Problem]:
    """What is compared with as the label does not come from layers that learn."""
    bottom = NO_GRADIENT.get(case.layer.type)
    if bottom is None or case.net.state.phase != "TRAIN" or bottom >= len(case.layer.bottoms):
        return
    told = case.message.propagate_down
    if len(told) > bottom and not told[bottom]:
        return
    if (case.number, bottom) not in case.net.learned_bottoms or case.place.misfit is not None:
        return
    first = case.producers.get(case.layer.bottoms[0])
    swapped = first is not None and not first.bottoms
    yield Problem(
        "loss",
        f"the bottom {case.layer.bottoms[bottom]!r} comes from layers that learn, and {case.layer.type} takes no "
        "gradient there: Caffe aborts in the first backward pass",
        f"bottom[{bottom}]",
        "the scores come first and the label second: swap them" if swapped else "give it the label",
    )
