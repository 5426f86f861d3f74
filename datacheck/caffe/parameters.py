"""The parameter blobs of layers (learned weights or statistics): their number, shapes, owners and gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from datacheck.caffe.geometry import Dim, Shape, Shapes, product, size_along
from datacheck.caffe.network import Layer
from datacheck.caffe.shapes import Place

Blobs = list[Shape | None]
"""The shape of each blob, or None for one of unknown shape."""


def blobs_of(layer: Layer, bottoms: Shapes) -> Blobs | None:
    """Return the blobs of a layer of BVLC Caffe in their order, or None if their number is unknown."""
    if layer.old:
        return None
    if layer.type in RULES:
        return RULES[layer.type](layer.message, bottoms, len(layer.bottoms))
    return None if layer.type in OPEN else []


OPEN = frozenset(("Python",))
"""Layer types whose blobs are defined by user code."""


def _first_bottom(bottoms: Shapes) -> Shape | None:
    return bottoms[0] if bottoms else None


def _convolution(message: Any, bottoms: Shapes, count: int, *, transposed: bool = False) -> Blobs:
    param, shape = message.convolution_param, _first_bottom(bottoms)
    channels, outputs = size_along(shape, param.axis), param.num_output or None
    spatial = None if shape is None else len(shape) - param.axis % (len(shape) or 1) - 1
    kernel: list[Dim] | None
    if param.HasField("kernel_h") or param.HasField("kernel_w"):
        kernel = [param.kernel_h, param.kernel_w]
    elif len(param.kernel_size) == 1 and spatial is not None:
        kernel = [param.kernel_size[0]] * spatial
    else:
        kernel = list(param.kernel_size) if len(param.kernel_size) == spatial else None
    ends = (channels, outputs) if transposed else (outputs, channels)
    inner = None if ends[1] is None else ends[1] // max(param.group, 1)
    weights = None if kernel is None else (ends[0], inner, *kernel)
    return [weights, *_bias(param, (outputs,))]


def _deconvolution(message: Any, bottoms: Shapes, count: int) -> Blobs:
    return _convolution(message, bottoms, count, transposed=True)


def _bias(param: Any, shape: Shape) -> Blobs:
    return [shape] if param.bias_term else []


def _inner_product(message: Any, bottoms: Shapes, count: int) -> Blobs:
    param, shape = message.inner_product_param, _first_bottom(bottoms)
    known = shape is not None and -len(shape) <= param.axis < len(shape)
    inputs = product(shape[param.axis :]) if shape is not None and known else None
    outputs = param.num_output or None
    return [(inputs, outputs) if param.transpose else (outputs, inputs), *_bias(param, (outputs,))]


def _embed(message: Any, bottoms: Shapes, count: int) -> Blobs:
    param = message.embed_param
    return [(param.input_dim, param.num_output), *_bias(param, (param.num_output,))]


def _applied_shape(param: Any, bottoms: Shapes) -> Shape | None:
    shape = _first_bottom(bottoms)
    if shape is None or not -len(shape) <= param.axis < len(shape):
        return None
    start = param.axis % len(shape)
    return shape[start:] if param.num_axes == -1 else shape[start : start + param.num_axes]


def _scale(message: Any, bottoms: Shapes, count: int) -> Blobs:
    param = message.scale_param
    learned = [_applied_shape(param, bottoms)] if count == 1 else []
    shape = bottoms[1] if count > 1 and len(bottoms) > 1 else _applied_shape(param, bottoms)
    return [*learned, *([shape] if param.bias_term else [])]


def _shift(message: Any, bottoms: Shapes, count: int) -> Blobs:
    return [_applied_shape(message.bias_param, bottoms)] if count == 1 else []


def _batch_norm(message: Any, bottoms: Shapes, count: int) -> Blobs:
    channels = (size_along(_first_bottom(bottoms), 1),)
    return [channels, channels, (1,)]


def _prelu(message: Any, bottoms: Shapes, count: int) -> Blobs:
    return [() if message.prelu_param.channel_shared else (size_along(_first_bottom(bottoms), 1),)]


def _lstm(message: Any, bottoms: Shapes, count: int) -> Blobs:
    outputs = message.recurrent_param.num_output
    fixed = count > 2 + 2 * message.recurrent_param.expose_hidden
    return [(4 * outputs, _features(bottoms)), (4 * outputs,), *([None] if fixed else []), (4 * outputs, outputs)]


def _rnn(message: Any, bottoms: Shapes, count: int) -> Blobs:
    outputs = message.recurrent_param.num_output
    fixed = count > 2 + message.recurrent_param.expose_hidden
    square = (outputs, outputs)
    return [(outputs, _features(bottoms)), (outputs,), *([None] if fixed else []), square, square, (outputs,)]


def _features(bottoms: Shapes) -> Dim:
    shape = _first_bottom(bottoms)
    return None if shape is None else product(shape[2:])


def _parameter(message: Any, bottoms: Shapes, count: int) -> Blobs:
    return [tuple(message.parameter_param.shape.dim)]


RULES: dict[str, Callable[[Any, Shapes, int], Blobs]] = {
    "BatchNorm": _batch_norm,
    "Bias": _shift,
    "Convolution": _convolution,
    "Deconvolution": _deconvolution,
    "Embed": _embed,
    "InnerProduct": _inner_product,
    "LSTM": _lstm,
    "PReLU": _prelu,
    "Parameter": _parameter,
    "RNN": _rnn,
    "Scale": _scale,
}
LEARNED = frozenset(("Convolution", "Deconvolution", "InnerProduct", "Embed", "LSTM", "RNN"))
"""Layer types with weight matrices or kernels; the blobs of other types are a scale, a shift or statistics."""


@dataclass(frozen=True)
class Owner:
    """The first param of a name: its layer's number and name, its shape, and its ParamSpec, with the rate and decay."""

    number: int
    layer: str
    shape: Shape | None
    spec: Any


def owners(places: Sequence[Place]) -> dict[str, Owner]:
    """Return the owner of each named param, that is, the first layer that has it."""
    result: dict[str, Owner] = {}
    for number, place in enumerate(places):
        if not any(spec.name for spec in place.layer.message.param):
            continue
        blobs = blobs_of(place.layer, place.bottoms) or []
        for index, spec in enumerate(place.layer.message.param):
            if spec.name and index < len(blobs):
                result.setdefault(spec.name, Owner(number, place.layer.name, blobs[index], spec))
    return result
