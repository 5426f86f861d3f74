"""Rebuild PyTorch's tensors: a storage of bytes, and the offset, size and strides of a tensor in it.

Offsets and strides count elements (torch/_utils.py, `_rebuild_tensor_v2`). Dtypes that NumPy lacks are widened to
float32, which can represent all of their values.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import cache, lru_cache
from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from datacheck.decoders.trees.number_lists import empty
from datacheck.decoders.trees.tree import Bytes, Flawed, Node, Opaque, Widened

WIDENED = {"bfloat16": "u2", "float8_e4m3fn": "u1", "float8_e5m2": "u1"}
"""The dtypes that NumPy does not have, and the integer dtypes that hold their bits."""
DTYPES = {
    "float64": "f8",
    "float32": "f4",
    "float16": "f2",
    "int64": "i8",
    "int32": "i4",
    "int16": "i2",
    "int8": "i1",
    "uint8": "u1",
    "uint16": "u2",
    "uint32": "u4",
    "uint64": "u8",
    "bool": "b1",
    "complex64": "c8",
    "complex128": "c16",
    **WIDENED,
}
"""The dtypes of torch by name, and the NumPy dtypes of their bits."""
LONGEST_NAME = 40
"""Maximum length of the name of a dtype."""
STORAGES = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
    "UntypedStorage": "uint8",
    "QInt8Storage": "int8",
    "QUInt8Storage": "uint8",
    "QInt32Storage": "int32",
}
"""The classes of storages, and the dtypes of their elements."""
AXES = 64
"""Maximum number of axes of a tensor: more than real ones have, and as many as NumPy supports."""
REPEATED = 1 << 20
"""Number of elements that a tensor may have however small its storage is; beyond it, repeated elements are left out."""


class Storage(Opaque, eq=False):
    """The bytes of a storage and the name of its dtype; `raw` is None if they are not known."""

    dtype: str = "uint8"
    raw: Bytes | None = None
    big_endian: bool = False


def tensor(storage: Storage, offset: int, size: Sequence[int], stride: Sequence[int], dtype: str = "") -> Node:
    """Return the values of a tensor as a view of its storage, or Flawed if the storage has too few.

    Of a tensor that repeats elements of its storage very often (`expand`), only the elements that it repeats are
    returned.
    """
    name = dtype or storage.dtype
    if storage.raw is None or name not in DTYPES:
        return Flawed("unknown-payload", f"a tensor of {name}, which datacheck does not read")
    bits = np.dtype(DTYPES[name]).newbyteorder(">" if storage.big_endian else "<")
    if len(size) != len(stride) or len(size) > AXES or offset < 0 or any(it < 0 for it in (*size, *stride)):
        return Flawed("undecodable", f"a tensor of size {[*size][:8]}, strides {[*stride][:8]}, from {offset} on")
    if not prod(size):
        return _widened_if_needed(np.empty([min(it, 1 << 16) for it in size] if 0 in size else 0, bits), name)
    last = offset + sum((count - 1) * step for count, step in zip(size, stride, strict=True))
    stored = len(storage.raw) // bits.itemsize
    if last >= stored:
        text = f"the storage has {stored} elements of {name}, a tensor of {' x '.join(map(str, size))} needs {last + 1}"
        return Flawed("size-mismatch", text)
    flat = np.frombuffer(storage.raw, bits, last + 1 - offset, offset * bits.itemsize)
    if prod(size) > max(flat.size, REPEATED):
        size = [1 if step == 0 else count for count, step in zip(size, stride, strict=True)]
        if prod(size) > max(flat.size, REPEATED):
            return _widened_if_needed(flat, name)
    strides = [step * bits.itemsize for step in stride]
    return _widened_if_needed(as_strided(flat, tuple(size), tuple(strides), writeable=False), name)


def array_of(dtype: str, sizes: Sequence[int], raw: Bytes) -> NDArray[Any] | Widened | None:
    """Return the array of this dtype and shape, or None if the bytes are not as many as it takes."""
    if len(dtype) > LONGEST_NAME:
        return None
    plain = np.dtype(WIDENED[dtype]) if dtype in WIDENED else numeric_dtype(dtype)
    if plain is None or prod(sizes) * plain.itemsize != len(raw):
        return None
    values = np.frombuffer(raw, plain).reshape(sizes) if len(raw) else empty(sizes, plain)
    return widened(values, dtype) if dtype in WIDENED else values


@lru_cache(maxsize=64)
def numeric_dtype(name: str) -> np.dtype[Any] | None:
    """Return the numeric dtype of this name, or None for any other name."""
    try:
        with warnings.catch_warnings(action="ignore"):  # of old names of texts, such as "a5"
            dtype = np.dtype(name)
    except (TypeError, ValueError, SyntaxError):
        return None
    return dtype if dtype.kind in "biufc" else None


def widened(bits: NDArray[Any], name: str) -> Widened:
    """Return the values of a dtype that NumPy does not have, given the integers that hold their bits.

    >>> widened(np.array([0x3F80, 0x7FC0], "u2"), "bfloat16").values.tolist()
    [1.0, nan]
    """
    if name == "bfloat16":
        return Widened((bits.astype("u4") << 16).view("f4"), name)
    return Widened(_float8(name)[bits], name)


@cache
def _float8(name: str) -> NDArray[np.float32]:
    """Return the values of all 256 8-bit floats: "OCP 8-bit Floating Point Specification", 1.0.

    >>> _float8("float8_e4m3fn")[[0x38, 0x7E, 0x7F]].tolist(), _float8("float8_e5m2")[[0x3C, 0x7B, 0x7C]].tolist()
    ([1.0, 448.0, nan], [1.0, 57344.0, inf])
    """
    codes = np.arange(256)
    if name == "float8_e5m2":  # the upper half of a float16
        return (codes.astype("u2") << 8).view("f2").astype("f4")
    exponent, mantissa = codes >> 3 & 15, codes & 7
    sizes = np.where(exponent == 0, mantissa / 8 * 2.0**-6, (1 + mantissa / 8) * 2.0 ** (exponent - 7.0))
    values = np.where(codes & 127 == 127, np.nan, sizes)
    return np.where(codes & 128, -values, values).astype("f4")


def _widened_if_needed(values: NDArray[Any], name: str) -> Node:
    return widened(values, name) if name in WIDENED else values
