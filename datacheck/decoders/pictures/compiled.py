"""Functions that are compiled where numba is installed; what compiling made is kept in a cache of numba's."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core import config

_config: Any = config
F = TypeVar("F", bound=Callable[..., Any])


def keep_out_of(source: Path) -> None:
    """Let nothing that is compiled from here on be kept within a source, where NUMBA_CACHE_DIR may lead.

    numba then keeps it beside this package, or in the user's own cache where that may not be written.
    """
    asked = _config.CACHE_DIR
    if asked and Path(os.path.realpath(asked)).is_relative_to(os.path.realpath(source)):
        _config.CACHE_DIR = ""


def compiled(function: F) -> F:
    """Compile a function when it is first called, and keep that for other processes if there is a place to keep it."""
    return _compiled(function, inline=False)


def inlined(function: F) -> F:
    """Compile a function into those that call it: a call hands over each array in seven words or more."""
    return _compiled(function, inline=True)


def _compiled(function: F, *, inline: bool) -> F:
    try:
        return numba.njit(function, cache=True, nogil=True, forceinline=inline)  # type: ignore[no-any-return]
    except RuntimeError:  # no place to keep it can be written
        return numba.njit(function, nogil=True, forceinline=inline)  # type: ignore[no-any-return]
