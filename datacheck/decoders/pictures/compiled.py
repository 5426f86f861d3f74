"""Compile functions with numba if it is installed, and keep the compiled code in numba's cache.

numba keys its cache by the function's file, or by that file's time and size. But the functions that it calls and the
constants that it takes from other modules are compiled into the code too. So the names of the cache files here include
a digest of all these modules.
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
"""Whether numba compiles functions; it leaves them as they are if it is told not to."""
ERRORS: Literal["numpy"] = "numpy"
"""The numba error model in which nothing raises, not even a division by zero: nothing would see the error."""
F = TypeVar("F", bound=Callable[..., Any])


if _config.CACHE_DIR and kept.within_a_source(_config.CACHE_DIR):
    _config.CACHE_DIR = ""  # numba then keeps its cache beside this package, or in the user's cache directory


def compiled(function: F) -> F:
    """Compile a function when it is first called, and keep the code for other processes if the cache is writable.

    The function may use functions and constants of the modules of its own package, but of no other datacheck package.
    """
    return _compiled(function, inline=False)


def inlined(function: F) -> F:
    """Compile a function into its callers: passing an array in a call costs seven words or more."""
    return _compiled(function, inline=True)


def _compiled(function: F, *, inline: bool) -> F:
    result: F = _compile(numba.njit, function, nogil=True, forceinline=inline)
    return result


def entry(function: Callable[..., Any], signature: str) -> tuple[int, object]:
    """Compile a function for calls from C; return its address and an object that must outlive all calls.

    The code is kept for processes that do not load numba. If that is impossible, numba caches it like any other
    function.
    """
    if not kept.possible():
        cached = _compile(functools.partial(numba.cfunc, signature), function)
        return cached.address, cached
    compiled_function: Any = numba.cfunc(signature, error_model=ERRORS)(function)
    address = kept.keep(
        function.__module__, function.__name__, compiled_function.inspect_llvm(), compiled_function.native_name
    )
    return (compiled_function.address if address is None else address), compiled_function


def _compile(compiler: Callable[..., Any], function: Callable[..., Any], **options: Any) -> Any:
    """Compile a function; numba keeps the code if some cache directory is writable."""
    digest = digest_of(function.__module__, __name__)
    if digest is not None:
        named: Any = function
        named.__qualname__ = f"{named.__qualname__}_{digest}"  # numba puts this name into the names of its cache files
        try:
            return _tolerate_cache_errors(compiler(cache=True, error_model=ERRORS, **options)(function))
        except (RuntimeError, OSError):  # no cache directory is writable
            pass
    return compiler(error_model=ERRORS, **options)(function)


def _tolerate_cache_errors(compiled_function: Any) -> Any:
    """Make a function compile even if its cache cannot be read or written: a disk may be full, a file damaged."""
    cache = getattr(compiled_function, "_cache", None)  # plain functions, if numba is told not to compile, have none
    for name in ("load_overload", "save_overload") if cache is not None else ():
        setattr(cache, name, _none_on_error(getattr(cache, name)))
    return compiled_function


def _none_on_error(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*arguments: Any) -> Any:
        with contextlib.suppress(Exception):
            return function(*arguments)
        return None

    return call
