"""How JPEGs are looked at: chosen once for a store, and the same wherever its records are judged.

Light to import: numba, which the walk over Huffman data is compiled with, is loaded where that is to be done.
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
    """Say whether there is a numba to load; whether it can be loaded only shows then."""
    return find_spec("numba") is not None


@contextlib.contextmanager
def looking(eyes: Eyes | None) -> Iterator[None]:
    """Look at JPEGs like that within the context."""
    token = _now.set(eyes)
    try:
        yield
    finally:
        _now.reset(token)


def walking() -> bool:
    """Say whether the Huffman data of JPEGs is walked here."""
    return _now.get() in ("walker", "strict")


def strict() -> bool:
    """Say whether what is odd in it is told, too."""
    return _now.get() == "strict"


def damage_of(value: bytes) -> Damage | None:
    """Return what a walk finds wrong with a JPEG; None without, and where JPEGs are not walked here."""
    if not walking():
        return None
    from datacheck.decoders.pictures.jpeg_scans import judging

    return judging.damage_of(value)


def open_wide(eyes: Eyes | None, source: Path) -> None:
    """Load what looks like that, and compile it if nobody has; nothing of it is kept within the source.

    Raises EyesFailed where that cannot be.
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
