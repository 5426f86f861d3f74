"""Lint rules for learned blobs: the number of `param`, sharing, fillers, and bottoms that accept no gradient."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from datacheck.caffe.geometry import Shape, differ, product, shape_text
from datacheck.caffe.gradients import ALWAYS, NO_BACKWARD, Cause, refused_bottoms
from datacheck.caffe.layers import LOSSES
from datacheck.caffe.parameters import Owner, blobs_of
from datacheck.caffe.schema import enums
from datacheck.linting.rule_input import LayerCase, Problem, number


def count(case: LayerCase) -> Iterator[Problem]:
    """A layer has no more param than learned blobs, and one propagate_down for each bottom or none."""
    if not case.known or case.unsure:
        return
    blobs = blobs_of(case.layer, case.place.bottoms)
    param_count = len(case.message.param)
    if blobs is not None and param_count > len(blobs):
        yield Problem(
            "layer",
            f"{param_count} param for {len(blobs)} blobs that {case.layer.type} has here: "
            "Caffe aborts (Too many params)",
            f"param[{len(blobs)}]",
            "remove those that are too many",
        )
    flag_count = len(case.message.propagate_down)
    if flag_count not in (0, len(case.layer.bottoms)):
        yield Problem(
            "layer",
            f"propagate_down is given {flag_count} times for {len(case.layer.bottoms)} bottoms: Caffe aborts",
            "propagate_down",
            "give it once for each bottom, or not at all",
        )


def shared(case: LayerCase) -> Iterator[Problem]:
    """Layers that share a parameter have it in the same shape, with the same factors."""
    specs = case.message.param
    if not case.known or case.unsure or not any(spec.name for spec in specs):
        return
    owners = case.net.owners
    blobs = blobs_of(case.layer, case.place.bottoms) or []
    for index, spec in enumerate(specs):
        owner = owners.get(spec.name) if spec.name else None
        if owner is not None and owner.number < case.number and index < len(blobs):
            yield from _owner_mismatches(owner, spec, blobs[index], index)


def _owner_mismatches(owner: Owner, spec: Any, shape: Shape | None, index: int) -> Iterator[Problem]:
    permissive = spec.share_mode == enums()["DimCheckMode"]["PERMISSIVE"]
    if shape is not None and owner.shape is not None and _shapes_differ(shape, owner.shape, permissive):
        yield Problem(
            "weights",
            f"the param {spec.name!r} is {shape_text(shape)} here and {shape_text(owner.shape)} in the layer "
            f"{owner.layer!r}: Caffe aborts (Cannot share param)",
            f"param[{index}].name",
            "give it a name of its own, or make the layers alike",
        )
        return
    for name in ("lr_mult", "decay_mult"):
        if spec.HasField(name) and owner.spec.HasField(name) and getattr(spec, name) != getattr(owner.spec, name):
            yield Problem(
                "weights",
                f"{name} of the param {spec.name!r} is {number(getattr(spec, name))} here and "
                f"{number(getattr(owner.spec, name))} in the layer {owner.layer!r}: Caffe aborts (mismatched {name})",
                f"param[{index}].{name}",
                "give both the same",
            )


def _shapes_differ(one: Shape, other: Shape, permissive: bool) -> bool:
    if permissive:
        return differ(product(one), product(other))
    return len(one) != len(other) or any(map(differ, one, other))


FILLED = {"weight_filler": 0, "filler": 0, "bias_filler": 1}
"""The filler fields of a parameter, and the number of the blob that each fills."""
FILLING = ("Convolution", "Deconvolution", "InnerProduct", "Embed", "Scale", "Bias", "PReLU")
"""Layer types that fill their blobs during setup."""
BY_OUTPUT = ("xavier", "msra", "positive_unitball")
"""Fillers that divide by the size of the first axis and therefore need one."""
LARGEST = (1 << 31) - 1


def blobs_can_be_filled(case: LayerCase) -> Iterator[Problem]:
    """Learned blobs have a size that Caffe can hold, and fillers that fit their shape."""
    if not case.known or case.unsure or case.place.misfit is not None:
        return
    blobs = blobs_of(case.layer, case.place.bottoms) or []
    for shape in blobs:
        size = None if shape is None else product(shape)
        if shape is not None and size is not None and size > LARGEST:
            message = f"its weights would be {shape_text(shape)}, more than a blob of Caffe can hold: Caffe aborts"
            yield Problem("layer", message, "", "make the layer smaller")
            return
        if size == 0 and case.layer.type in FILLING:
            message = f"its weights would be {shape_text(shape)}, with nothing to fill: Caffe aborts"
            yield Problem("layer", message, "", "let no size be 0")
            return
    for descriptor, param in case.message.ListFields():
        if descriptor.name == "dummy_data_param":
            for index, filler in enumerate(param.data_filler):
                yield from _filler_misfits(
                    filler, case.place.tops[index : index + 1], f"dummy_data_param.data_filler[{index}]"
                )
        elif descriptor.name.endswith("_param") and blobs:
            for name, index in FILLED.items():
                if name in param.DESCRIPTOR.fields_by_name and param.HasField(name):
                    yield from _filler_misfits(
                        getattr(param, name), blobs[index : index + 1], f"{descriptor.name}.{name}"
                    )


def _filler_misfits(filler: Any, blobs: Sequence[Shape | None], path: str) -> Iterator[Problem]:
    """Yield the reasons why a filler cannot fill the first of `blobs`; nothing if `blobs` is empty."""
    if not blobs:
        return
    shape = blobs[0]
    if filler.sparse != -1 and filler.type != "gaussian":
        message = f"the filler {filler.type!r} takes no sparse: Caffe aborts"
        yield Problem("weights", message, f"{path}.sparse", 'remove it, or set type: "gaussian"')
    elif filler.sparse < -1:
        message = f"sparse is {filler.sparse}: Caffe aborts"
        yield Problem("weights", message, f"{path}.sparse", "set it to how many weights of each output are not 0")
    elif filler.sparse > 0 and shape and shape[0] is not None and filler.sparse > shape[0]:
        message = f"sparse is {filler.sparse}, more than the {shape[0]} outputs of {shape_text(shape)}: Caffe aborts"
        yield Problem("weights", message, f"{path}.sparse", "set it to how many weights of each output are not 0")
    if shape == () and (filler.type in BY_OUTPUT or filler.sparse >= 0):
        message = f"the filler {filler.type!r} is for more than a single value: Caffe aborts"
        yield Problem("weights", message, f"{path}.type", 'take type: "constant"')
    if filler.type == "bilinear" and shape is not None and (len(shape) != 4 or differ(shape[2], shape[3])):
        message = f"the filler 'bilinear' is for square kernels, not for {shape_text(shape)}: Caffe aborts"
        yield Problem("weights", message, f"{path}.type", "take another filler, such as xavier")


def no_gradient_where_none_is_accepted(case: LayerCase) -> Iterator[Problem]:
    """No gradient is propagated to a label, or to another bottom that accepts none."""
    if case.net.state.phase != "TRAIN" or case.place.misfit is not None:
        return
    for bottom in refused_bottoms(case.layer):
        cause = case.net.refused_gradients.get((case.number, bottom))
        if cause is None:
            continue
        name = case.layer.bottoms[bottom]
        reason = {
            "learned": f"the bottom {name!r} comes from layers that learn",
            "told": f"propagate_down is true for the bottom {name!r}",
            "forced": "force_backward sends a gradient to every layer",
        }[cause]
        where = "" if case.layer.type in NO_BACKWARD else f" for {name!r}" if cause == "forced" else " there"
        yield Problem(
            "loss" if case.layer.type in LOSSES else "layer",
            f"{reason}, and {case.layer.type} takes no gradient{where}: Caffe aborts in the first backward pass",
            f"propagate_down[{bottom}]" if cause == "told" else f"bottom[{bottom}]",
            _fix_of_refused(case, bottom, cause),
        )
        if case.layer.type in NO_BACKWARD:
            return


def _fix_of_refused(case: LayerCase, bottom: int, cause: Cause) -> str:
    if cause == "told" and case.layer.type not in ALWAYS:
        return "set it to false"
    if case.layer.type in NO_BACKWARD:
        instead = "remove force_backward" if cause == "forced" else "give no loss what it computes"
        return f"give the layer include {{ phase: TEST }}, or {instead}"
    if cause == "forced":
        return "remove force_backward"
    if case.layer.type in LOSSES and bottom == 1:
        first = case.producers.get(case.layer.bottoms[0])
        swapped = first is not None and not first.bottoms
        return "the scores come first and the label second: swap them" if swapped else "give it the label"
    return "give it a blob that no learned layer computes, or set its propagate_down to false"
