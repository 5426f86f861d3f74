"""Bound expressions of one blob from below, such as `x + sqrt(x * x + 1)`, which is always positive.

Intervals of the separate terms cannot show that. A form is `a x^2 + b x + c` or `m sqrt(a x^2 + b x + c) + l x + k`,
where x is a blob whose values may be any number. The blob is identified by the number of the layer that made it, not by
its name, because an in-place layer reuses the name.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from datacheck.caffe.network import Layer
from datacheck.caffe.schema import enums

Three = tuple[float, float, float]


@dataclass(frozen=True)
class Form:
    """The sum of `polynomial` and `factor` times the square root of `under`, as functions of the blob `x`.

    `polynomial` and `under` are the coefficients of x^2, x and 1. `factor` is not negative. `x` is the number of the
    layer that made the blob.
    """

    x: int
    polynomial: Three
    factor: float = 0.0
    under: Three = (0.0, 0.0, 0.0)

    @property
    def least(self) -> float:
        """A lower bound of the form, or -inf if none is known."""
        if self.factor == 0:
            return _lower_bound(self.polynomial)
        square, linear, constant = self.polynomial
        if square != 0:
            return -math.inf
        a, b, c = (self.factor**2 * it for it in self.under)
        rest = (a - linear**2, b - 2 * linear * constant, c - constant**2)
        return 0.0 if _lower_bound(rest) >= 0 else -math.inf


def _lower_bound(polynomial: Three) -> float:
    a, b, c = polynomial
    if a == 0:
        return c if b == 0 else -math.inf
    return c - b * b / (4 * a) if a > 0 else -math.inf


def form_of(layer: Layer, number: int, bottoms: Sequence[Form | None]) -> Form:
    """Return the form of a layer's output; if nothing is known about it, it is a new blob called `number`."""
    form = None
    if bottoms and all(it is not None for it in bottoms):
        known = [it for it in bottoms if it is not None]
        if layer.type in THROUGH:
            form = known[0]
        elif layer.type in RULES:
            form = RULES[layer.type](layer.message, known)
    if form is None or not all(map(math.isfinite, (*form.polynomial, form.factor, *form.under))):
        return Form(number, (0.0, 1.0, 0.0))
    return form


def _scaled_and_shifted(form: Form, scale: float, shift: float) -> Form | None:
    if scale < 0 and form.factor:
        return None
    a, b, c = (scale * term for term in form.polynomial)
    return Form(form.x, (a, b, c + shift), scale * form.factor, form.under)


def _power(message: Any, bottoms: Sequence[Form]) -> Form | None:
    param = message.power_param
    inner = _scaled_and_shifted(bottoms[0], param.scale, param.shift)
    if inner is None or param.power == 1:
        return inner
    if param.power == 2:
        return _product(inner, inner)
    if param.power == 0.5 and inner.factor == 0 and _lower_bound(inner.polynomial) >= 0:
        return Form(inner.x, (0.0, 0.0, 0.0), 1.0, inner.polynomial)
    return None


def _product(one: Form, other: Form) -> Form | None:
    """Return the product of two linear forms, or None if they are not linear or not of the same blob."""
    if one.factor or other.factor or one.polynomial[0] or other.polynomial[0] or one.x != other.x:
        return None
    (_, a, b), (_, c, d) = one.polynomial, other.polynomial
    return Form(one.x, (a * c, a * d + b * c, b * d))


def _absolute(message: Any, bottoms: Sequence[Form]) -> Form | None:
    square = _product(bottoms[0], bottoms[0])
    return None if square is None else Form(square.x, (0.0, 0.0, 0.0), 1.0, square.polynomial)


def _eltwise(message: Any, bottoms: Sequence[Form]) -> Form | None:
    param = message.eltwise_param
    if any(it.x != bottoms[0].x for it in bottoms):
        return None
    if param.operation == enums()["EltwiseOp"]["PROD"]:
        return _product(*bottoms) if len(bottoms) == 2 else None
    if param.operation != enums()["EltwiseOp"]["SUM"]:
        return None
    scaled = [
        _scaled_and_shifted(it, factor, 0.0)
        for it, factor in zip(bottoms, list(param.coeff) or [1.0] * 99, strict=False)
    ]
    known = [it for it in scaled if it is not None]
    roots = [it for it in known if it.factor]
    if len(known) < len(bottoms) or len(roots) > 1:
        return None
    a, b, c = (sum(terms) for terms in zip(*(it.polynomial for it in known), strict=True))
    root = roots[0] if roots else known[0]
    return Form(root.x, (a, b, c), root.factor, root.under)


THROUGH = frozenset(("Split", "Flatten", "Reshape"))
RULES = {"Power": _power, "AbsVal": _absolute, "Eltwise": _eltwise}
