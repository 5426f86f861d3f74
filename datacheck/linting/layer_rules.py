"""Lint rules for data layers, pooling, normalisation, constants and fillers that spoil the values in a network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from datacheck.caffe.forks import forks_of_filler
from datacheck.caffe.geometry import Misfit, product, shape_text
from datacheck.caffe.pooling import Axis, Emptiness
from datacheck.caffe.schema import enums
from datacheck.caffe.shape_windows import pooling_axes
from datacheck.linting.rule_input import LayerCase, Problem, not_finite, number

BATCHED = {
    "Data": "data_param",
    "HDF5Data": "hdf5_data_param",
    "ImageData": "image_data_param",
    "WindowData": "window_data_param",
}
"""Data layer types that read a source in batches, and the parameter that holds the source and batch size."""
TRANSFORMING = ("Data", "ImageData", "WindowData", "MemoryData")


def source(case: LayerCase) -> Iterator[Problem]:
    """A data layer has a source and a batch size."""
    name = BATCHED.get(case.layer.type)
    if name is None:
        return
    param = getattr(case.message, name)
    if not param.source:
        yield Problem("layer", "the layer has no source: Caffe aborts", name, f"set {name}.source")
    if param.batch_size < 1:
        message = "batch_size is 0" if param.HasField("batch_size") else "batch_size is not set and counts as 0"
        yield Problem("layer", f"{message}: Caffe aborts", f"{name}.batch_size", "set batch_size to 1 or more")


def transformation(case: LayerCase) -> Iterator[Problem]:
    """The input transformation is one that Caffe accepts, and it does not erase the input."""
    param = case.message.transform_param
    if case.layer.type == "HDF5Data" and case.message.HasField("transform_param"):
        yield Problem(
            "layer",
            "HDF5Data takes no transform_param: Caffe aborts",
            "transform_param",
            "transform the data beforehand",
        )
    if case.layer.type not in TRANSFORMING:
        return
    if param.scale == 0:
        yield Problem(
            "layer",
            "scale is 0: every value becomes 0",
            "transform_param.scale",
            "set scale, such as 0.00390625",
            "suspicious",
        )
    if param.HasField("mean_file") and not param.mean_file:
        message = "mean_file is an empty name, which is no file: Caffe aborts"
        yield Problem("mean", message, "transform_param.mean_file", "name the file of the mean, or remove mean_file")
    if param.HasField("mean_file") and param.mean_value:
        yield Problem(
            "mean",
            "mean_file and mean_value are both given: Caffe aborts",
            "transform_param.mean_value",
            "keep one of them",
        )
    if param.force_color and param.force_gray:
        yield Problem(
            "layer",
            "force_color and force_gray are both set: Caffe aborts",
            "transform_param.force_gray",
            "keep one of them",
        )
    shape = case.place.tops[0] if case.place.tops else None
    channels = shape[1] if shape is not None and len(shape) == 4 else None
    means = len(param.mean_value)
    if means > 1 and channels is not None and means != channels:
        yield Problem(
            "mean",
            f"{means} mean values for {channels} channels: Caffe aborts",
            "transform_param.mean_value",
            "give one for all channels, or one for each",
        )


EFFECTS: dict[Emptiness, str] = {
    "nan": "AVE divides 0 by 0, so the outputs there are NaN",
    "zero": "AVE divides 0 by a negative area, so the outputs there are always 0",
    "lowest": "MAX leaves -FLT_MAX (-3.4e38) there",
    "unset": "what is there is left unset",
}


def empty_windows(case: LayerCase) -> Iterator[Problem]:
    """Every window of a pooling layer holds at least one pixel."""
    shape = case.place.bottoms[0] if case.place.bottoms else None
    if case.layer.type != "Pooling" or shape is None or case.place.misfit is not None or case.unsure:
        return
    try:
        axes = pooling_axes(case.message, shape)
    except Misfit:
        return
    methods = {value: name for name, value in enums()["PoolMethod"].items()}
    method = methods[case.message.pooling_param.pool]
    last_windows = [
        (name, axis, axis.emptiness(method)) for name, axis in zip(("height", "width"), axes, strict=True) if axis
    ]
    empty = [(name, axis, emptiness) for name, axis, emptiness in last_windows if emptiness is not None]
    for name, axis, emptiness in empty[:1]:
        both = " and width" if len(empty) == 2 and empty[1][1] == axis else ""
        yield Problem(
            "empty-window",
            f"over the {name}{both} of {axis.size}, kernel {axis.kernel} and stride {axis.stride} make {axis.windows} "
            f"windows, the last of which begins at {axis.last}, behind the end: {EFFECTS[emptiness]}",
            _stride_path(case),
            _smaller_stride(axis),
            "suspicious" if emptiness in ("zero", "unset") else None,
        )


def _stride_path(case: LayerCase) -> str:
    param = case.message.pooling_param
    return "pooling_param.stride_h" if param.HasField("stride_h") else "pooling_param.stride"


def _smaller_stride(axis: Axis) -> str:
    return f"set round_mode: FLOOR, or a stride of at most the kernel ({axis.kernel})"


def batch_norm(case: LayerCase) -> Iterator[Problem]:
    """BatchNorm has a positive eps, collects its statistics in training, and its blobs are not learned."""
    if case.layer.type != "BatchNorm":
        return
    param = case.message.batch_norm_param
    if param.eps <= 0:
        yield Problem(
            "normalisation",
            f"eps is {number(param.eps)}: a channel that is constant over the batch becomes NaN",
            "batch_norm_param.eps",
            "leave eps at its default of 1e-5",
        )
    if not 0 <= param.moving_average_fraction <= 1:
        yield Problem(
            "normalisation",
            f"moving_average_fraction is {number(param.moving_average_fraction)}: the statistics grow without end",
            "batch_norm_param.moving_average_fraction",
            "set it between 0 and 1, such as 0.999",
        )
    for index, spec in enumerate(case.message.param):
        if spec.lr_mult != 0 and index < 3 and not case.unsure:  # a fork's BatchNorm may learn a scale
            yield Problem(
                "normalisation",
                f"lr_mult of its blob {index} is {number(spec.lr_mult)}: Caffe aborts (statistics are not learned)",
                f"param[{index}].lr_mult" if spec.HasField("lr_mult") else f"param[{index}]",
                "set lr_mult: 0, or remove param",
            )
    if not case.net.training:
        return
    layer_numbers: list[int] = []
    if case.message.batch_norm_param.use_global_stats and not case.net.finetuned and not case.net.partly_frozen:
        layer_numbers = case.net.keeping_statistics
    if layer_numbers[:1] == [case.number]:
        others = f" (and {len(layer_numbers) - 1} other layers)" if len(layer_numbers) > 1 else ""
        yield Problem(
            "normalisation",
            f"use_global_stats in training{others}: the statistics stay what they are, and without trained weights "
            "they are 0, so that values are divided by sqrt(eps)",
            "batch_norm_param.use_global_stats",
            "leave use_global_stats unset: Caffe then sets it by the phase",
            "suspicious",
        )
    yield from _single_values(case)


def _single_values(case: LayerCase) -> Iterator[Problem]:
    """Yield a problem if BatchNorm has a single value per channel, which it turns into 0."""
    shape, param = case.place.bottoms[0] if case.place.bottoms else None, case.message.batch_norm_param
    if shape is None or len(shape) < 2 or (param.HasField("use_global_stats") and param.use_global_stats):
        return
    if product((shape[0], *shape[2:])) == 1:
        yield Problem(
            "normalisation",
            f"{shape_text(shape)} has a single value in each channel, which BatchNorm turns into 0",
            "batch_norm_param",
            "raise batch_size",
            "suspicious",
        )


def other_normalisation(case: LayerCase) -> Iterator[Problem]:
    """MVN has a positive eps, and LRN an odd size and divisors that stay positive."""
    if case.layer.type == "MVN" and case.message.mvn_param.normalize_variance and case.message.mvn_param.eps <= 0:
        yield Problem(
            "normalisation",
            f"eps is {number(case.message.mvn_param.eps)}: constant values are divided by 0 and become NaN",
            "mvn_param.eps",
            "leave eps at its default of 1e-9",
        )
    if case.layer.type != "LRN":
        return
    param = case.message.lrn_param
    if param.local_size % 2 == 0:
        yield Problem(
            "normalisation",
            f"local_size {param.local_size} is even: Caffe aborts",
            "lrn_param.local_size",
            "make it odd",
        )
    if param.k <= 0 or param.alpha < 0:
        name = "k" if param.k <= 0 else "alpha"
        yield Problem(
            "normalisation",
            f"{name} is {number(getattr(param, name))}: the divisor k + alpha * sum of squares can come to 0 or below",
            f"lrn_param.{name}",
            "make k and alpha positive",
        )


HOME_CODES = {
    "transform_param": "layer",
    "batch_norm_param": "normalisation",
    "mvn_param": "normalisation",
    "lrn_param": "normalisation",
    "loss_weight": "loss",
    "param": "learning-rate",
    "blobs": "weights",
}
"""The finding code for a constant that is not finite, by its field; for other fields it is `math-domain`.

Constants of fillers have the code `weights`, and mean values `mean`.
"""


def finite_constants(case: LayerCase) -> Iterator[Problem]:
    """No constant of a layer is NaN or infinite; Clip may have infinite bounds."""
    reported: set[str] = set()
    for path, value in not_finite(case.message):
        head = path.partition(".")[0].partition("[")[0]
        if head in reported or (head == "clip_param" and value == value):
            continue
        reported.add(head)
        code = (
            "weights" if "filler" in path else "mean" if "mean_value" in path else HOME_CODES.get(head, "math-domain")
        )
        yield Problem(code, f"{path} is {number(value)}", path, "set it to a finite number")


FILLERS = ("constant", "gaussian", "positive_unitball", "uniform", "xavier", "msra", "bilinear")


def fillers(case: LayerCase) -> Iterator[Problem]:
    """Initial weights come from a filler that Caffe has, with valid limits."""
    for descriptor, param in case.message.ListFields():
        if not descriptor.name.endswith("_param"):
            continue
        for field, filler in param.ListFields():
            if field.message_type is None or field.message_type.name != "FillerParameter":
                continue
            path = f"{descriptor.name}.{field.name}"
            if hasattr(filler, "type"):
                yield from _filler_problems(filler, path)
            else:  # the repeated fillers of DummyData
                for number, it in enumerate(filler):
                    yield from _filler_problems(it, f"{path}[{number}]")


def _filler_problems(filler: Any, path: str) -> Iterator[Problem]:
    forks = forks_of_filler(filler.type)
    if forks:
        yield Problem(
            "weights",
            f"a fork ({', '.join(forks)}) has the filler {filler.type!r}; BVLC Caffe has not, and aborts",
            f"{path}.type",
            "train with that fork",
            "suspicious",
            forks,
        )
    elif filler.type not in FILLERS:
        yield Problem(
            "weights",
            f"there is no filler {filler.type!r}: Caffe aborts",
            f"{path}.type",
            f"take one of {', '.join(FILLERS)}",
        )
    elif filler.type == "uniform" and filler.min > filler.max:
        yield Problem(
            "weights",
            f"min {number(filler.min)} is above max {number(filler.max)}: Caffe aborts",
            f"{path}.min",
            "swap them",
        )
    elif filler.type == "gaussian" and filler.std <= 0:
        yield Problem(
            "weights",
            f"std is {number(filler.std)}: Caffe aborts",
            f"{path}.std",
            "set std above 0, such as 0.01",
        )


def learning_factors(case: LayerCase) -> Iterator[Problem]:
    """No lr_mult is negative, which would climb the loss."""
    for index, spec in enumerate(case.message.param):
        if spec.lr_mult < 0 and case.layer.type != "BatchNorm":
            yield Problem(
                "learning-rate",
                f"lr_mult {number(spec.lr_mult)} is negative: the layer climbs the loss",
                f"param[{index}].lr_mult",
                "make it positive",
                "suspicious",
            )
