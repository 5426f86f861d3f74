"""Recognise and unpack chunks of blosc 1 and of Blosc2, with the packages python-blosc and python-blosc2.

The package blosc2 unpacks both, blosc only its own. Sources: README_CHUNK_FORMAT.rst of c-blosc 1.x and of c-blosc2.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable

from datacheck.decoders.wrappers.interface import Peeled, Value, broken, too_large, truncated
from datacheck.model.finding import found

SIZES = 16
"""Number of bytes that give the versions, flags and sizes of a chunk; the whole header of blosc 1."""
HEADER_2 = 32
VERSIONS_2 = (3, 4, 5)
"""The versions of the chunk format that Blosc2 writes, in the first byte."""
PACKAGES = ("blosc", "blosc2")
PACKAGES_2 = ("blosc2",)
OVERHEAD = 1 << 16


def is_blosc(value: Value) -> bool:
    """Check whether a value is a blosc chunk: the sizes in its header must fit the value and each other."""
    if len(value) < SIZES or value[0] != 2 or not 1 <= value[1] <= 2 or value[2] & 8 or not value[3]:
        return False
    return _sizes_fit(value)


def is_blosc2(value: Value) -> bool:
    """Check whether a value is a Blosc2 chunk: the sizes in its header must fit the value and each other."""
    return len(value) >= HEADER_2 and value[0] in VERSIONS_2 and value[3] > 0 and _sizes_fit(value)


def peel_blosc(value: Value, limit: int) -> Peeled:
    """Unpack one chunk if a package for it is installed; blosc has no checksum."""
    return _peel("blosc", value, limit, SIZES, (2,), PACKAGES)


def peel_blosc2(value: Value, limit: int) -> Peeled:
    """Unpack one Blosc2 chunk if the package for it is installed; it has no checksum."""
    return _peel("blosc2", value, limit, HEADER_2, VERSIONS_2, PACKAGES_2)


def _peel(
    name: str, value: Value, limit: int, header: int, versions: tuple[int, ...], packages: tuple[str, ...]
) -> Peeled:
    if len(value) < header:
        return Peeled(b"", truncated(name, len(value)))
    size, _, packed = _sizes(value)
    if value[0] not in versions or packed < header:
        return Peeled(b"", broken(name, f"it begins with {bytes(value[:4]).hex(' ')}"))
    if packed > len(value):
        return Peeled(b"", truncated(name, len(value)))
    if size > limit:
        return Peeled(b"", too_large(name, limit))
    unpack = _unpack_function(packages)
    if unpack is None:
        message = f"compressed with {name}, which the package {name} unpacks: install it"
        return Peeled(b"", found("unknown-payload", message))
    rest = len(value) - packed
    trailing = found("trailing-data", f"{rest} bytes after the end of the {name} data", size=rest) if rest else None
    try:
        content = unpack(bytes(value[:packed]))
    except Exception as error:  # noqa: BLE001  (which of its own errors it raises depends on the package)
        return Peeled(b"", broken(name, str(error) or type(error).__name__))
    if len(content) != size:
        return Peeled(b"", broken(name, f"it unpacks to {len(content)} bytes, and declares {size}"))
    return Peeled(content, trailing)


def _sizes(value: Value) -> tuple[int, int, int]:
    """Return the declared sizes in bytes: unpacked, of a block, packed."""
    first, second, third = (int.from_bytes(value[at : at + 4], "little") for at in (4, 8, 12))
    return first, second, third


def _sizes_fit(value: Value) -> bool:
    size, block, packed = _sizes(value)
    return (
        packed == len(value) and 0 < size < 1 << 31 and 0 < block <= max(size, OVERHEAD) and packed <= size + OVERHEAD
    )


def _unpack_function(packages: tuple[str, ...]) -> Callable[[bytes], bytes] | None:
    for name in packages:
        try:
            unpack: Callable[[bytes], bytes] = importlib.import_module(name).decompress
        except ImportError:
            continue
        return unpack
    return None
