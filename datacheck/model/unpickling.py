"""Unpickle what is large without a look for garbage: none of it is, and each look goes through all of it."""

from __future__ import annotations

import gc
import pickle
from typing import Any


def unpickled(raw: bytes) -> Any:
    """Return what was pickled by a process of our own."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        return pickle.loads(raw)  # noqa: S301
    finally:
        if collecting:
            gc.enable()
