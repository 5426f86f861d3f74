"""Functions that numba compiles if it is installed; the compiled code is kept in a cache of numba's.

numba keeps it by the file, or by the time and size of the file, that a function is in. But what it calls, and the
constants that it takes from other modules, are compiled into it too: so files of the cache are named by all of these.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from typing import Any, Literal, TypeVar

import numba
from numba.core import config

from datacheck.decoders.pictures import kept
from datacheck.decoders.pictures.digesting import digest_of

_config: Any = config
carray: Any = numba.carray  # type: ignore[attr-defined]  # (which its types leave out)
COMPILES = not _config.DISABLE_JIT
"""numba leaves functions as they are if it is told so."""
ERRORS: Literal["numpy"] = "numpy"
"""Nothing raises an error, a division by zero neither: there is nobody who would see it."""
F = TypeVar("F", bound=Callable[..., Any])


if _config.CACHE_DIR and kept.within_a_source(_config.CACHE_DIR):
    _config.CACHE_DIR = ""  # numba then keeps it beside this package, or in the user's own cache


def compiled(function: F) -> F:
    """Compile a function when it is first called, and keep the code for other processes if the cache is writable.

    It may take functions and constants from the modules of its own package, and from no other of ours.
    """
    return _compiled(function, inline=False)


def inlined(function: F) -> F:
    """Compile a function into its callers: passing an array in a call costs seven words or more."""
    return _compiled(function, inline=True)


def _compiled(function: F, *, inline: bool) -> F:
    made: F = _made(numba.njit, function, nogil=True, forceinline=inline)
    return made


def entry(function: Callable[..., Any], signature: str) -> tuple[int, object]:
    """Compile a function so that C can call it; return its address, and what has to live as long as it is called.

    Its code is kept for processes that load no numba; where that cannot be, numba keeps it as it keeps any other.
    """
    if not kept.possible():
        cached = _made(functools.partial(numba.cfunc, signature), function)
        return cached.address, cached
    made: Any = numba.cfunc(signature, error_model=ERRORS)(function)
    address = kept.keep(function.__module__, function.__name__, made.inspect_llvm(), made.native_name)
    return (made.address if address is None else address), made


def _made(compiler: Callable[..., Any], function: Callable[..., Any], **options: Any) -> Any:
    """Have a function compiled, and the code kept by numba if there is a place that can be written."""
    digest = digest_of(function.__module__, __name__)
    if digest is not None:
        named: Any = function
        named.__qualname__ = f"{named.__qualname__}_{digest}"  # which numba's files have in their names
        try:
            return _whatever_is_kept(compiler(cache=True, error_model=ERRORS, **options)(function))
        except (RuntimeError, OSError):  # no place to keep it can be written
            pass
    return compiler(error_model=ERRORS, **options)(function)


def _whatever_is_kept(made: Any) -> Any:
    """Have a function compiled whether or not its cache can be read and written: a disk may be full, a file damaged."""
    cache = getattr(made, "_cache", None)  # a plain function, where numba is told to compile nothing, has none
    for name in ("load_overload", "save_overload") if cache is not None else ():
        setattr(cache, name, _or_nothing(getattr(cache, name)))
    return made


def _or_nothing(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def tried(*given: Any) -> Any:
        with contextlib.suppress(Exception):
            return function(*given)
        return None

    return tried
