"""Lint rule for fields that Caffe does not have, with suggestions of what was most likely meant."""

from __future__ import annotations

from collections.abc import Iterator

from datacheck.caffe.forks import Forks, forks_of_type, forks_of_value, forks_repeating, forks_with
from datacheck.caffe.layers import LAYER_TYPES
from datacheck.caffe.prototxt import Prototxt, UnknownField
from datacheck.caffe.schema import messages
from datacheck.linting.rule_input import Hints, Problem
from datacheck.reporting.advice import shell

INTENDED = {
    ("ConvolutionParameter", "kernel"): "kernel_size",
    ("PoolingParameter", "kernel"): "kernel_size",
    ("ConvolutionParameter", "padding"): "pad",
    ("PoolingParameter", "padding"): "pad",
    ("ConvolutionParameter", "strides"): "stride",
    ("ConvolutionParameter", "groups"): "group",
    ("ConvolutionParameter", "channels"): "num_output",
    ("ConvolutionParameter", "dilate"): "dilation",
    ("SolverParameter", "learning_rate"): "base_lr",
    ("SolverParameter", "lr"): "base_lr",
    ("SolverParameter", "policy"): "lr_policy",
    ("SolverParameter", "max_iterations"): "max_iter",
    ("SolverParameter", "batch_size"): "iter_size",
    ("DataParameter", "batch"): "batch_size",
    ("DropoutParameter", "ratio"): "dropout_ratio",
    ("TransformationParameter", "crop"): "crop_size",
    ("TransformationParameter", "mean"): "mean_value",
}
"""The intended field for wrong names that are too different from it to be found by similarity."""


def unknown_fields(prototxt: Prototxt) -> Iterator[Problem]:
    """Every field is one that Caffe has: it aborts at the first it does not know."""
    hints = Hints()
    fork_types = dict(_fork_types(prototxt))
    for field in prototxt.unknown:
        forks = _forks_having(field)
        kind = fork_types.get(field.path.partition(".")[0])
        if field.again and not any(
            set(forks).intersection(_forks_having(it)) for it in prototxt.unknown if it is not field
        ):
            yield Problem(
                "malformed-prototxt",
                f"{field.name} is given twice, and {field.owner} takes it once (in the fork {', '.join(forks)} more "
                "than once): Caffe does not parse it",
                field.path,
                "keep one of them, or train with that fork",
                None,
                forks,
            )
        elif forks:
            yield _fork_problem(field, forks)
        elif kind is not None and field.owner in LAYERS:
            yield Problem(
                "unknown-field",
                f"{field.owner} has no field {field.name!r}, which a layer of the type {kind!r} may have in the fork "
                "that it comes from; BVLC Caffe aborts when it parses the file",
                field.path,
                "train with that fork",
                "suspicious",
                forks_of_type(kind),
            )
        else:
            yield Problem(
                "unknown-field",
                f"{field.owner} has no field {field.name!r}: Caffe aborts when it parses the file",
                field.path,
                _suggested_fix(field, hints),
            )
    if prototxt.kind == "network":
        for number, layer in enumerate(prototxt.message.layer):
            if layer.HasField("permute_param"):
                path = f"layer[{number}].permute_param"
                it = UnknownField("permute_param", path, "LayerParameter", prototxt.line(path))
                yield _fork_problem(it, forks_of_type("Permute"))


def first_generation(prototxt: Prototxt) -> Iterator[Problem]:
    """No layer is of the first generation (`layers { layer { } }`), which datacheck does not judge."""
    if prototxt.kind != "network":
        return
    numbers = [number for number, layer in enumerate(prototxt.message.layers) if layer.HasField("layer")]
    if numbers:
        count = "a layer is" if len(numbers) == 1 else f"{len(numbers):,} layers are"
        yield Problem(
            "unsupported",
            f"{count} of the first generation, which datacheck does not judge",
            f"layers[{numbers[0]}]",
            f"upgrade it with a tool of Caffe: upgrade_net_proto_text {shell(prototxt.path)} new.prototxt",
        )


LAYERS = ("LayerParameter", "V1LayerParameter")


def _fork_types(prototxt: Prototxt) -> Iterator[tuple[str, str]]:
    """Yield the paths and types of the layers whose type BVLC Caffe does not have, ignoring case."""
    known_types = {it.lower() for it in LAYER_TYPES}
    if prototxt.kind == "network":
        for number, layer in enumerate(prototxt.message.layer):
            if layer.type and layer.type.lower() not in known_types:
                yield f"layer[{number}]", layer.type


def _enum_of(field: UnknownField) -> str:
    return messages()[field.owner][field.name].type


def _forks_having(field: UnknownField) -> Forks:
    """Return the forks that have the field or its value, or in which the field is repeated."""
    if field.again:
        return forks_repeating(field.name, field.owner)
    return forks_of_value(_enum_of(field), field.value) if field.value else forks_with(field.name, field.owner)


def _fork_problem(field: UnknownField, forks: Forks) -> Problem:
    reason = f"{field.name} takes {field.value!r}" if field.value else f"{field.owner} has the field {field.name!r}"
    if field.again:
        reason = f"{field.owner} takes {field.name} more than once"
    return Problem(
        "unknown-field",
        f"{reason} in a fork ({', '.join(forks)}) only; BVLC Caffe aborts when it parses the file",
        field.path,
        "train with that fork",
        "suspicious",
        forks,
    )


def _suggested_fix(field: UnknownField, hints: Hints) -> str:
    known = messages()[field.owner]
    suggestion = INTENDED.get((field.owner, field.name))
    if suggestion is None:
        suggestion = hints.nearest(field.name, known)
    if suggestion is not None:
        return f"the field is {suggestion}"
    containers = [name for name, it in known.items() if field.name in messages().get(it.type, {})]
    if len(containers) == 1:
        return f"it belongs inside {containers[0]} {{ }}"
    if containers and len(containers) <= 8:
        return f"it belongs inside one of {', '.join(containers)}"
    return "remove it, or see caffe.proto for the name"
