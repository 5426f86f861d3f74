"""Lint rules for Log, Power, Exp and Dropout, which can produce NaN or infinity from the values they may receive.

If nothing is known about a layer's input (data, layers of a fork), no problem is reported for it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from datacheck.caffe.ranges import Interval
from datacheck.linting.rule_input import LayerCase, Problem, number
from datacheck.model.codes import Verdict

FLOAT_MAX = 3.4028234663852886e38
MOST_EXPONENT = math.log(FLOAT_MAX)
BASE_E = -1.0
"""The value of `base` that stands for e."""


def _values_clause(interval: Interval, scale: float, shift: float) -> str:
    """Return a phrase for the values that come in, after the scale and shift."""
    low, high = (number(end) for end in (interval.low, interval.high))
    transform = "" if (scale, shift) == (1, 0) else f" (after scale {number(scale)} and shift {number(shift)})"
    if math.isinf(interval.low) and math.isinf(interval.high):
        return f"values of both signs{transform}"
    return (
        f"values from {low} to {high}{transform}"
        if math.isfinite(interval.high)
        else f"values from {low} on{transform}"
    )


def _verdict(interval: Interval) -> Verdict:
    return "suspicious" if interval.rare else "bad"


def logarithm(case: LayerCase) -> Iterator[Problem]:
    """Log has a valid base, and gets no values of 0 or below."""
    if case.layer.type != "Log":
        return
    param = case.message.log_param
    if param.base != BASE_E and (param.base <= 0 or param.base == 1):
        yield Problem(
            "math-domain",
            f"base is {number(param.base)}: Caffe aborts",
            "log_param.base",
            "remove it: the base is then e",
        )
        return
    if case.interval is None:
        return
    inner = case.interval.moved(param.scale, param.shift)
    if inner.low > 0:
        return
    if inner.low == 0 and inner.rare:
        reason = "the logarithm is -inf where the layer before comes to 0"
    else:
        reason = "the logarithm is NaN below 0, -inf at 0" if inner.low < 0 else "the logarithm of 0 is -inf"
    yield Problem(
        "math-domain",
        f"{_values_clause(inner, param.scale, param.shift)} come in: {reason}",
        "log_param",
        "set log_param.shift to a small positive number" if inner.low == 0 else "let only positive values come in",
        _verdict(inner),
    )


def power(case: LayerCase) -> Iterator[Problem]:
    """Power raises no negative value to a fraction, and no 0 to a negative power."""
    if case.layer.type != "Power":
        return
    param = case.message.power_param
    is_integer = param.power == int(param.power) if math.isfinite(param.power) else True
    if param.power == 0 or param.scale == 0:  # Caffe fills the top with a constant in this case
        yield from _constant_power(param, is_integer)
        return
    if case.interval is None or (is_integer and param.power >= 0):
        return
    inner = case.interval.moved(param.scale, param.shift)
    incoming = f"{_values_clause(inner, param.scale, param.shift)} come in"
    if not is_integer and inner.low < 0:
        reason = f"a negative value to the power {number(param.power)} is NaN"
    elif param.power < 0 and inner.low <= 0 <= inner.high:
        reason = f"0 to the power {number(param.power)} is infinite"
    elif 0 < param.power < 1 and inner.low == 0:
        yield Problem(
            "math-domain",
            f"{incoming}: the gradient of 0 to the power {number(param.power)} is 0/0, which is NaN",
            "power_param.power",
            "set power_param.shift to a small positive number",
            "suspicious" if not case.net.training else _verdict(inner),
        )
        return
    else:
        return
    yield Problem(
        "math-domain",
        f"{incoming}: {reason}",
        "power_param.power",
        "let only positive values come in, or add a shift",
        _verdict(inner),
    )


def _constant_power(param: object, is_integer: bool) -> Iterator[Problem]:
    shift, exponent = float(getattr(param, "shift")), float(getattr(param, "power"))  # noqa: B009  (fields of a message)
    if exponent == 0:
        return
    if (shift == 0 and exponent < 0) or (shift < 0 and not is_integer):
        value = "infinite" if shift == 0 else "NaN"
        yield Problem(
            "math-domain",
            f"scale is 0, so that every value is {number(shift)} to the power {number(exponent)}, which is {value}",
            "power_param",
            "give another scale or shift",
        )


def exponential(case: LayerCase) -> Iterator[Problem]:
    """Exp has a positive base, and does not overflow for any value that it can get."""
    if case.layer.type != "Exp":
        return
    param = case.message.exp_param
    if param.base != BASE_E and param.base <= 0:
        yield Problem(
            "math-domain",
            f"base is {number(param.base)}: Caffe aborts",
            "exp_param.base",
            "remove it: the base is then e",
        )
        return
    factor = 1.0 if param.base == BASE_E else math.log(param.base)
    if param.shift * factor > MOST_EXPONENT:
        yield Problem(
            "math-domain",
            f"shift {number(param.shift)}: the power of it is infinite",
            "exp_param.shift",
            "lower the shift",
        )
    elif case.interval is not None:
        inner = case.interval.moved(param.scale * factor, param.shift * factor)
        if MOST_EXPONENT < inner.high < math.inf:
            yield Problem(
                "math-domain",
                f"{_values_clause(inner, param.scale, param.shift)} come in: above {MOST_EXPONENT:.4g} exp is infinite",
                "exp_param",
                "lower the scale",
                _verdict(inner),
            )


def dropout(case: LayerCase) -> Iterator[Problem]:
    """Dropout keeps some of the values."""
    ratio = case.message.dropout_param.dropout_ratio
    if case.layer.type != "Dropout" or 0 <= ratio < 1:
        return
    reason = (
        "drops everything and scales the rest by 1/0: the outputs are NaN"
        if ratio == 1
        else "is not a share of the values"
    )
    yield Problem(
        "math-domain",
        f"dropout_ratio {number(ratio)} {reason}",
        "dropout_param.dropout_ratio",
        "set it from 0 to below 1",
    )
