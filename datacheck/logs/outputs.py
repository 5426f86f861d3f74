"""The losses among the outputs of a network."""

from __future__ import annotations

import math

from datacheck.logs.events import OUTPUT, number


def loss_of(text: bytes) -> tuple[bytes | None, float]:
    """Return the name of the loss that an output is, and its value before its weight; no name for other outputs."""
    match = OUTPUT.search(text)
    return (match[2], number(match[3])) if match is not None and match[4] else (None, math.nan)
