"""Find the losses among the outputs of a network."""

from __future__ import annotations

import math

from datacheck.logs.events import OUTPUT, number


def loss_of(text: bytes) -> tuple[bytes | None, float]:
    """Return the name of an output that is a loss and its value without the weight, or None and NaN for others."""
    match = OUTPUT.search(text)
    return (match[2], number(match[3])) if match is not None and match[4] else (None, math.nan)
