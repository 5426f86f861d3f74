"""Recognise and unpack blosc 1, with the package python-blosc or its successor blosc2, whichever is installed.

Source: the chunk header of c-blosc 1.x, README_CHUNK_FORMAT.rst.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable

from datacheck.decoders.wrappers.interface import Peeled, Value, broken, too_large, truncated
from datacheck.model.finding import found

HEADER = 16
PACKAGES = ("blosc", "blosc2")
OVERHEAD = 1 << 16


def is_blosc(value: Value) -> bool:
    """Check whether a value is a blosc chunk: the sizes in its header must fit the value and each other."""
    if len(value) < HEADER or value[0] != 2 or not 1 <= value[1] <= 2 or value[2] & 8 or not value[3]:
        return False
    size, block, packed = _sizes(value)
    return (
        packed == len(value) and 0 < size < 1 << 31 and 0 < block <= max(size, OVERHEAD) and packed <= size + OVERHEAD
    )


def peel_blosc(value: Value, limit: int) -> Peeled:
    """Unpack one chunk if a package for it is installed; blosc has no checksum."""
    if len(value) < HEADER:
        return Peeled(b"", truncated("blosc", len(value)))
    size, _, packed = _sizes(value)
    if value[0] != 2 or packed < HEADER:
        return Peeled(b"", broken("blosc", f"it begins with {bytes(value[:4]).hex(' ')}"))
    if packed > len(value):
        return Peeled(b"", truncated("blosc", len(value)))
    if size > limit:
        return Peeled(b"", too_large("blosc", limit))
    unpack = _unpack_function()
    if unpack is None:
        return Peeled(
            b"", found("unknown-payload", "compressed with blosc, which the package blosc unpacks: install it")
        )
    rest = len(value) - packed
    trailing = found("trailing-data", f"{rest} bytes after the end of the blosc data", size=rest) if rest else None
    try:
        content = unpack(bytes(value[:packed]))
    except Exception as error:  # noqa: BLE001  (which of its own errors it raises depends on the package)
        return Peeled(b"", broken("blosc", str(error) or type(error).__name__))
    if len(content) != size:
        return Peeled(b"", broken("blosc", f"it unpacks to {len(content)} bytes, and declares {size}"))
    return Peeled(content, trailing)


def _sizes(value: Value) -> tuple[int, int, int]:
    """Return the declared sizes in bytes: unpacked, of a block, packed."""
    first, second, third = (int.from_bytes(value[at : at + 4], "little") for at in (4, 8, 12))
    return first, second, third


def _unpack_function() -> Callable[[bytes], bytes] | None:
    for name in PACKAGES:
        try:
            unpack: Callable[[bytes], bytes] = importlib.import_module(name).decompress
        except ImportError:
            continue
        return unpack
    return None
