"""Choose how closely JPEGs are checked: once for a store, and the same wherever its records are judged.

The module is light to import: numba, which compiles the walk over Huffman data, is loaded only when that is needed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from datacheck.errors import EyesFailed
from datacheck.model.settings import Eyes

if TYPE_CHECKING:
    from datacheck.decoders.pictures.jpeg_scans.walker import Damage

NEEDED = "numba: pip install 'datacheck-ml[strict]'"
_now: ContextVar[Eyes | None] = ContextVar("eyes", default=None)


def installed() -> bool:
    """Check whether numba is installed; whether it can be imported only shows when it is loaded."""
    return find_spec("numba") is not None


@contextlib.contextmanager
def using(eyes: Eyes | None) -> Iterator[None]:
    """Check JPEGs with these eyes within the context."""
    token = _now.set(eyes)
    try:
        yield
    finally:
        _now.reset(token)


def is_walking() -> bool:
    """Check whether the Huffman data of JPEGs is walked in this context."""
    return _now.get() in ("walker", "strict")


def is_strict() -> bool:
    """Check whether oddities in the Huffman data are reported, too."""
    return _now.get() == "strict"


def damage_of(value: bytes) -> Damage | None:
    """Return the damage that a walk finds in a JPEG; None if there is none or JPEGs are not walked in this context."""
    if not is_walking():
        return None
    from datacheck.decoders.pictures.jpeg_scans import judging

    return judging.damage_of(value)


def prepare(eyes: Eyes | None, source: Path) -> None:
    """Load what these eyes need, and compile it unless that was done before; nothing is kept within the source.

    Raises EyesFailed if that is impossible.
    """
    if eyes in (None, "decoder"):
        return
    if not installed():
        raise EyesFailed(f"it needs {NEEDED}")
    try:
        from datacheck.decoders.pictures import kept

        kept.keep_out_of(source)
        from datacheck.decoders.pictures.jpeg_scans import judging

        judging.warm(strict=eyes == "strict")
    except Exception as exc:
        raise EyesFailed(f"numba cannot be used ({type(exc).__name__}: {exc})") from exc
