"""Functions that numba compiles if it is installed; the compiled code is kept in a cache of numba's.

numba keeps it by the file, or by the time and size of the file, that a function is in. But what it calls, and the
constants that it takes from other modules, are compiled into it too: so files of the cache are named by all of these.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import pkgutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType
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
    """Compile a function when it is first called, and keep the code for other processes if the cache is writable.

    It may take functions and constants from the modules of its own package, and from no other of ours.
    """
    return _compiled(function, inline=False)


def inlined(function: F) -> F:
    """Compile a function into its callers: passing an array in a call costs seven words or more."""
    return _compiled(function, inline=True)


def _compiled(function: F, *, inline: bool) -> F:
    digest = _digest(function.__module__)
    if digest is not None:
        named: Any = function
        named.__qualname__ = f"{named.__qualname__}_{digest}"  # which numba's files have in their names
        try:
            return numba.njit(function, cache=True, nogil=True, forceinline=inline)  # type: ignore[no-any-return]
        except RuntimeError:  # no place to keep it can be written
            pass
    return numba.njit(function, nogil=True, forceinline=inline)  # type: ignore[no-any-return]


@functools.cache
def _digest(module: str) -> str | None:
    """Return a digest of the code of a module and of its whole package, as Python loads it; None if it is not known.

    Where Python takes a .pyc for that of the source, this is of what is in the .pyc.
    """
    package = module.rpartition(".")[0]
    spec = importlib.util.find_spec(package) if package else None
    beside = pkgutil.iter_modules(None if spec is None else spec.submodule_search_locations) if package else ()
    names = {module, __name__, *(f"{package}.{it.name}" for it in beside)}
    made = hashlib.sha256()
    for name in sorted(names):
        of = importlib.util.find_spec(name)
        loader: Any = None if of is None else of.loader
        code = loader.get_code(name) if hasattr(loader, "get_code") else None
        if code is None:
            return None
        for part in (name, *_parts(code)):
            made.update(f"{len(part)}:{part}".encode())
    return made.hexdigest()[:16]


def _parts(code: CodeType) -> Iterator[str]:
    """Yield a code object as texts that are the same in every process, without line numbers."""
    yield code.co_name
    yield code.co_code.hex()
    for names in (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars):
        yield repr(names)
    for it in code.co_consts:
        if isinstance(it, CodeType):
            yield from _parts(it)
        else:
            yield repr(sorted(it, key=repr) if isinstance(it, frozenset) else it)
