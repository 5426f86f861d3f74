"""Unpickle with garbage collection off, since it would visit all of a large object and free nothing."""

from __future__ import annotations

import gc
import pickle
from typing import Any


def unpickled(raw: bytes) -> Any:
    """Return the object that one of our own processes pickled. Never use it for data from outside."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        return pickle.loads(raw)  # noqa: S301
    finally:
        if collecting:
            gc.enable()
