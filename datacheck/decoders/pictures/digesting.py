"""Compute a digest of the code of a module and its package, to tell whether anything made from it is still valid."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import pkgutil
from collections.abc import Iterator
from types import CodeType
from typing import Any


@functools.cache
def digest_of(module: str, *others: str) -> str | None:
    """Return a digest of the code of a module, of its whole package and of `others`, as Python loads it.

    None if the code of one of them is not available. If Python uses a .pyc in place of the source, the digest is of the
    .pyc.
    """
    package = module.rpartition(".")[0]
    spec = importlib.util.find_spec(package) if package else None
    siblings = pkgutil.iter_modules(None if spec is None else spec.submodule_search_locations) if package else ()
    names = {module, *others, *(f"{package}.{it.name}" for it in siblings)}
    hasher = hashlib.sha256()
    for name in sorted(names):
        module_spec = importlib.util.find_spec(name)
        loader: Any = None if module_spec is None else module_spec.loader
        code = loader.get_code(name) if hasattr(loader, "get_code") else None
        if code is None:
            return None
        for part in (name, *_parts(code)):
            hasher.update(f"{len(part)}:{part}".encode())
    return hasher.hexdigest()[:16]


def _parts(code: CodeType) -> Iterator[str]:
    """Yield the parts of a code object as texts that are the same in every process and do not contain line numbers."""
    yield code.co_name
    yield code.co_code.hex()
    for names in (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars):
        yield repr(names)
    for it in code.co_consts:
        if isinstance(it, CodeType):
            yield from _parts(it)
        else:
            yield repr(sorted(it, key=repr) if isinstance(it, frozenset) else it)
