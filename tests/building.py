"""Build small stores in code, for tests to damage in one specific way."""

from __future__ import annotations

import functools
import hashlib
import io
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path

import lmdb
import numpy as np

SHARED = Path(__file__).parents[2] / "shared"
PICTURES = Path(__file__).parents[1] / "datacheck" / "demo" / "pictures"
MADE = 1024
"""Maximum number of cached values of each kind; many tests write the same values."""


def varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def datum(
    values: np.ndarray | bytes | None = None,
    label: int | None = 0,
    *,
    shape: tuple[int, int, int] | None = None,
    encoded: bool = False,
    packed: bool = False,
) -> bytes:
    """Return a Datum as Caffe writes it, with a picture's bytes, uint8 values or float_data."""
    if isinstance(values, np.ndarray) and shape is None:
        shape = values.shape
    out = b"".join(varint(number << 3) + varint(size) for number, size in enumerate(shape or (), 1))
    if isinstance(values, bytes):
        out += b"\x22" + varint(len(values)) + values
    elif values is not None and values.dtype == np.uint8:
        out += b"\x22" + varint(values.size) + values.tobytes()
    if label is not None:
        out += b"\x28" + varint(label)
    if isinstance(values, np.ndarray) and values.dtype != np.uint8:
        floats = values.astype("<f4").ravel()
        if packed:
            out += b"\x32" + varint(floats.size * 4) + floats.tobytes()
        else:
            out += b"".join(b"\x35" + struct.pack("<f", value) for value in floats)
    return out + (b"\x38\x01" if encoded else b"\x38\x00")


def pixels(number: int, shape: tuple[int, ...] = (3, 8, 8)) -> np.ndarray:
    """Return uint8 pixels that differ from picture to picture."""
    return _pixels(number, shape).copy()


@functools.lru_cache(MADE)
def _pixels(number: int, shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, shape, dtype=np.uint8)


def floats(number: int, shape: tuple[int, ...] = (2, 4, 4)) -> np.ndarray:
    """Return float32 values that differ from record to record."""
    return _floats(number, shape).copy()


@functools.lru_cache(MADE)
def _floats(number: int, shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(number).normal(size=shape).astype(np.float32)


def npy(values: np.ndarray) -> bytes:
    """Return the bytes of an .npy file."""
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


def pictures() -> list[bytes]:
    """Return the bytes of the demo's JPEG pictures."""
    return list(_pictures())


@functools.cache
def _pictures() -> tuple[bytes, ...]:
    return tuple(file.read_bytes() for file in sorted(PICTURES.glob("*.jpg")))


def key(number: int) -> bytes:
    return b"%08d" % number


Records = Mapping[bytes, bytes] | Iterable[tuple[bytes, bytes]]


def write_lmdb(path: Path, records: Records, *, name: bytes | None = None, **options: object) -> Path:
    """Write an LMDB environment; `name` selects a named database, and `options` are passed to `open_db`.

    The writes are not synced to disk, which does not change the contents of the file.
    """
    version = {"lib_version": options.pop("lib_version")} if "lib_version" in options else {}
    with lmdb.open(str(path), map_size=1 << 28, max_dbs=8, sync=False, **version) as environment:
        database = environment.open_db(name, **options)
        with environment.begin(write=True, db=database) as transaction:
            for at, value in records.items() if isinstance(records, Mapping) else records:
                transaction.put(at, value)
    return path


def raw_records(count: int = 60, shape: tuple[int, ...] = (3, 8, 8)) -> dict[bytes, bytes]:
    """Return raw Datum records with labels 0 to 9."""
    return {key(number): _raw(number, shape) for number in range(count)}


@functools.lru_cache(MADE)
def _raw(number: int, shape: tuple[int, ...]) -> bytes:
    return datum(pixels(number, shape), number % 10)


def fingerprint(path: Path) -> dict[str, tuple[str, int, int]]:
    """Return the SHA-256, size and modification time of every file in `path`; folders have an empty hash."""
    files = [path, *path.rglob("*")] if path.is_dir() else [path]
    return {
        str(file): (
            hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else "",
            file.stat().st_size,
            file.stat().st_mtime_ns,
        )
        for file in files
    }
