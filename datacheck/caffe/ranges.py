"""Derive the interval of the values that each blob can hold from the layers that made it.

The interval is None if nothing is known: data may be anything, and so is what is computed from it. The output of a
learned layer is assumed to have both signs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from datacheck.caffe.forms import Form, form_of
from datacheck.caffe.network import Layer
from datacheck.caffe.schema import enums

INF = math.inf


@dataclass(frozen=True)
class Interval:
    """The lowest and highest value.

    `rare` is True if the ends occur only when a layer saturates (a softmax of 0) or by rounding.
    """

    low: float = -INF
    high: float = INF
    rare: bool = False

    @property
    def signed(self) -> bool:
        return self.low < 0 < self.high

    def moved(self, scale: float, shift: float) -> Interval:
        """Return the interval of `shift + scale * x`."""
        ends = sorted(_product(scale, end) + shift for end in (self.low, self.high))
        return Interval(ends[0], ends[1], self.rare)

    def joined(self, other: Interval) -> Interval:
        return Interval(min(self.low, other.low), max(self.high, other.high), self.rare and other.rare)


FREE = Interval()
UNIT = Interval(0, 1, rare=True)
NOT_NEGATIVE = Interval(0, INF)


def _product(one: float, other: float) -> float:
    """Return the product, taking 0 times infinity as 0, because an infinite end is never reached."""
    return 0.0 if 0 in (one, other) else one * other


Known = Sequence[Interval]
Rule = Callable[[Any, Known], Interval | None]
"""A function from a layer's message and the intervals of all its bottoms to the interval of its tops, or None."""


def infer_intervals(layers: Sequence[Layer]) -> list[list[Interval | None]]:
    """Return the intervals of the bottoms of each layer; `layers` are those of one phase."""
    blobs: dict[str, Interval | None] = {}
    forms: dict[str, Form] = {}
    intervals = []
    for number, layer in enumerate(layers):
        bottoms = [blobs.get(name) for name in layer.bottoms]
        intervals.append(bottoms)
        form = form_of(layer, number, [forms.get(name) for name in layer.bottoms])
        interval = _bounded_below(form.least, _top_interval(layer, bottoms))
        forms.update(dict.fromkeys(layer.tops[:1], form))
        if interval is not None and (math.isnan(interval.low) or math.isnan(interval.high)):
            interval = None
        for name in layer.tops:
            blobs[name] = interval
    return intervals


def _bounded_below(bound: float, interval: Interval | None) -> Interval | None:
    """Return the interval cut off at the lower bound of the layer's form; the bound itself occurs only by rounding."""
    if bound == -INF or (interval is not None and interval.low >= bound):
        return interval
    return Interval(bound, INF if interval is None else max(interval.high, bound), rare=True)


def _top_interval(layer: Layer, bottoms: Sequence[Interval | None]) -> Interval | None:
    if layer.old or not layer.bottoms:
        return None
    if layer.type in LEARNED:
        params = layer.message.param
        return None if params and all(it.lr_mult == 0 for it in params) else FREE  # frozen: it may compute a fixed sum
    if layer.type in FIXED:
        return FIXED[layer.type]
    first = bottoms[0]
    if layer.type in THROUGH:
        return first
    rule, known = RULES.get(layer.type), [it for it in bottoms if it is not None]
    if rule is None or len(known) < len(bottoms):
        return ABSOLUTE if layer.type == "AbsVal" else _interval_of_unknown(layer)
    return rule(layer.message, known)


ABSOLUTE = NOT_NEGATIVE


def _interval_of_unknown(layer: Layer) -> Interval | None:
    """Return the interval of a layer's tops if its bottoms may hold any value."""
    if layer.type == "ReLU" and layer.message.relu_param.negative_slope == 0:
        return NOT_NEGATIVE
    if layer.type == "Exp":
        return NOT_NEGATIVE
    if layer.type == "Reduction" and layer.message.reduction_param.operation in _POSITIVE:
        return NOT_NEGATIVE if layer.message.reduction_param.coeff >= 0 else None
    if layer.type == "Clip":
        return Interval(layer.message.clip_param.min, layer.message.clip_param.max)
    return None


_POSITIVE = (enums()["ReductionOp"]["ASUM"], enums()["ReductionOp"]["SUMSQ"])


def _relu(message: Any, bottoms: Known) -> Interval | None:
    slope, bottom = message.relu_param.negative_slope, bottoms[0]
    ends = [end if end > 0 else _product(slope, end) for end in (bottom.low, bottom.high)]
    return Interval(min(ends), max(ends), bottom.rare)


def _power(message: Any, bottoms: Known) -> Interval | None:
    param, bottom = message.power_param, bottoms[0]
    inner = bottom.moved(param.scale, param.shift)
    if param.power == 1:
        return inner
    if param.power > 0 and param.power % 2 == 0:
        return NOT_NEGATIVE if inner.low <= 0 else Interval(inner.low**2, INF)
    return NOT_NEGATIVE if inner.low >= 0 else None


def _absolute(message: Any, bottoms: Known) -> Interval | None:
    bottom = bottoms[0]
    least = 0.0 if bottom.low <= 0 <= bottom.high else min(abs(bottom.low), abs(bottom.high))
    return Interval(least, max(abs(bottom.low), abs(bottom.high)), bottom.rare)


def _exp(message: Any, bottoms: Known) -> Interval | None:
    return NOT_NEGATIVE


def _elu(message: Any, bottoms: Known) -> Interval | None:
    bottom = bottoms[0]
    return (
        Interval(max(bottom.low, -abs(message.elu_param.alpha)), bottom.high, bottom.rare) if bottom.low < 0 else bottom
    )


def _clip(message: Any, bottoms: Known) -> Interval | None:
    param, bottom = message.clip_param, bottoms[0]
    return Interval(
        min(max(bottom.low, param.min), param.max), min(max(bottom.high, param.min), param.max), bottom.rare
    )


def _dropout(message: Any, bottoms: Known) -> Interval | None:
    bottom = bottoms[0]
    ratio = message.dropout_param.dropout_ratio
    factor = 1 / (1 - ratio) if 0 <= ratio < 1 else 1.0
    return Interval(min(0.0, _product(bottom.low, factor)), max(0.0, _product(bottom.high, factor)))


def _pooling(message: Any, bottoms: Known) -> Interval | None:
    bottom = bottoms[0]
    if message.pooling_param.pool == enums()["PoolMethod"]["AVE"]:
        return bottom.joined(Interval(0, 0, bottom.rare))
    return bottom


def _join(message: Any, bottoms: Known) -> Interval | None:
    union = bottoms[0]
    for bottom in bottoms[1:]:
        union = union.joined(bottom)
    return union


def _if_signed(message: Any, bottoms: Known) -> Interval | None:
    """Return FREE if the layer learns a factor or shift and its bottom has both signs; otherwise None."""
    return FREE if len(bottoms) == 1 and bottoms[0].signed else None


def _eltwise(message: Any, bottoms: Known) -> Interval | None:
    param = message.eltwise_param
    if param.operation == enums()["EltwiseOp"]["MAX"]:
        return Interval(max(it.low for it in bottoms), max(it.high for it in bottoms), all(it.rare for it in bottoms))
    if param.operation == enums()["EltwiseOp"]["PROD"]:
        return NOT_NEGATIVE if all(it.low >= 0 for it in bottoms) else FREE
    coefficients = list(param.coeff) or [1.0] * len(bottoms)
    low = high = 0.0
    for factor, it in zip(coefficients, bottoms, strict=False):
        scaled = it.moved(factor, 0)
        low, high = low + scaled.low, high + scaled.high
    return None if math.isnan(low) or math.isnan(high) else Interval(low, high)


def _reduction(message: Any, bottoms: Known) -> Interval | None:
    param, it = message.reduction_param, bottoms[0]
    if param.operation in _POSITIVE:
        return NOT_NEGATIVE if param.coeff >= 0 else Interval(-INF, 0)
    if param.operation == enums()["ReductionOp"]["MEAN"]:
        return it.moved(param.coeff, 0)
    ends = sorted(_product(param.coeff, _product(end, INF)) for end in (it.low, it.high))
    return Interval(ends[0], ends[1])


LEARNED = frozenset(("Convolution", "Deconvolution", "InnerProduct", "BatchNorm", "MVN", "Embed"))
"""Layer types whose outputs have both signs, whatever the input."""
FIXED: Mapping[str, Interval] = {
    "Sigmoid": UNIT,
    "Softmax": UNIT,
    "TanH": Interval(-1, 1, rare=True),
    "LSTM": Interval(-1, 1, rare=True),
    "RNN": Interval(-1, 1, rare=True),
    "BNLL": Interval(0, INF, rare=True),
    "Threshold": Interval(0, 1),
}
THROUGH = frozenset(
    ("LRN", "Split", "Flatten", "Reshape", "Slice", "Tile", "Crop", "Permute", "BatchReindex", "Filter", "Im2col")
)
"""Layer types that pass values through unchanged, or divide them by something positive."""
RULES: Mapping[str, Rule] = {
    "AbsVal": _absolute,
    "Bias": _if_signed,
    "Clip": _clip,
    "Concat": _join,
    "Dropout": _dropout,
    "ELU": _elu,
    "Eltwise": _eltwise,
    "Exp": _exp,
    "PReLU": _if_signed,
    "Pooling": _pooling,
    "Power": _power,
    "ReLU": _relu,
    "Reduction": _reduction,
    "Scale": _if_signed,
    "Swish": _if_signed,
}
