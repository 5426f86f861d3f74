"""Raw arrays: values that are the bytes of an array and nothing else, whose dtype and shape the caller gives.

Nothing in such bytes says what they are, so nothing recognises them, and no dtype is ever guessed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

import msgspec

from datacheck.decoders.interface import Value
from datacheck.model.batch import Batch, SeparateArrays
from datacheck.model.blocks import Block
from datacheck.model.equal_lengths import EqualLengths, lengths
from datacheck.model.finding import Finding, found
from datacheck.model.profile import FamilyProfile
from datacheck.model.settings import Array

if TYPE_CHECKING:
    from numpy.typing import NDArray

STACKED_BYTES = 1 << 14
"""Values of at most this size are copied together into one array, unless they lie so; larger ones are never copied."""
BFLOAT16 = "bf16"
BYTES = Array("u1")
"""What is to be said of values while nobody says what they are: they have bytes."""


class RawDecoder:
    """Takes values for arrays of the dtype and shape that their family's profile has, into a field "data".

    In a family of labels it is the field "label". Truth values become uint8, complex numbers pairs of floats along a
    last axis of 2, and bfloat16 becomes float32.
    """

    name = "raw"

    def knows(self, value: Value) -> bool:
        """Say no: any bytes may be an array."""
        return False

    def decode(
        self, block: Block, rows: Sequence[int], profile: FamilyProfile | None, *, pixels: bool = True
    ) -> Iterator[Batch | tuple[int, Finding]]:
        """Yield one batch for each length of the values at `rows`, and a finding for each wrong length."""
        array = (profile and profile.array) or BYTES
        item = itemsize(array.dtype)
        wanted = None if array.shape is None else prod(array.shape) * item
        for size, of in _by_length(block.values, rows).items():
            if size != wanted if wanted is not None else size % item or not size:
                said = _mismatch(array, size, item, wanted)
                yield from ((row, said) for row in of)
                continue
            shape = (size // item,) if array.shape is None else array.shape
            yield _batch(of, _arrays(block.values, of, array.dtype, shape), array, profile)


def itemsize(dtype: str) -> int:
    """Return the number of bytes of one item of a dtype by its short name.

    >>> itemsize("bf16"), itemsize(">u2"), itemsize("c16")
    (2, 2, 16)
    """
    return 2 if dtype == BFLOAT16 else int(dtype.lstrip("<>|")[1:])


def spelled(array: Array) -> str:
    """Return the dtype and shape as the command line has them.

    >>> spelled(Array("f4", (3, 64, 64)))
    'f4:3,64,64'
    """
    return array.dtype if array.shape is None else f"{array.dtype}:{','.join(map(str, array.shape))}"


def spelled_shape(shape: Sequence[int]) -> str:
    """Return a shape as the report prints it.

    >>> spelled_shape((3, 64, 64))
    '3x64x64'
    """
    return "x".join(map(str, shape))


def _by_length(values: Sequence[Value], rows: Sequence[int]) -> dict[int, Sequence[int]]:
    """Return the rows by the number of bytes of their values."""
    sizes = lengths(values)
    if len(rows) < len(values):
        sizes = [sizes[row] for row in rows]
    if not sizes:
        return {}
    if sizes.count(sizes[0]) == len(sizes):
        return {sizes[0]: rows}
    made: dict[int, list[int]] = {}
    for row, size in zip(rows, sizes, strict=True):
        made.setdefault(size, []).append(row)
    return dict(made)


def _mismatch(array: Array, size: int, item: int, wanted: int | None) -> Finding:
    """Return the finding for values of so many bytes, which no such array has."""
    if wanted is None:
        text = f"{size:,} bytes are no whole number of items of {array.dtype}, {item} bytes each"
        return found("size-mismatch", text, field="data", found=size, item=item)
    text = f"{size:,} bytes, an array of {spelled(array)} takes {wanted:,}"
    return found("size-mismatch", text, field="data", found=size, expected=wanted)


def _arrays(values: Sequence[Value], rows: Sequence[int], dtype: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """Return values of the right length as arrays of this shape along a leading axis: views, unless they are small."""
    import numpy as np  # here, so that looking a decoder's name up does not load it

    of = np.dtype("u2" if dtype == BFLOAT16 else dtype)
    if isinstance(values, EqualLengths):
        raw = values.rows if len(rows) == len(values) else values.rows[list(rows)]
        if raw.strides[-1] == 1:
            return _real(raw.view(of).reshape(len(rows), *shape), dtype)
    chosen = values if len(rows) == len(values) else [values[row] for row in rows]
    if len(chosen[0]) <= STACKED_BYTES:
        return _real(np.frombuffer(b"".join(chosen), of).reshape(len(rows), *shape), dtype)
    records = [_real(np.frombuffer(value, of).reshape(1, *shape), dtype)[0] for value in chosen]
    return SeparateArrays(records)  # type: ignore[return-value]  # it stands for an array


def _real(values: NDArray[Any], dtype: str) -> NDArray[Any]:
    if dtype == BFLOAT16:
        from datacheck.decoders.trees.storages import widened

        return widened(values, "bfloat16").values
    from datacheck.decoders.rows import real

    return real(values)


def _batch(rows: Sequence[int], values: NDArray[Any], array: Array, profile: FamilyProfile | None) -> Batch:
    label = profile is not None and profile.label
    name = "label" if label else "data"
    expected = None if profile is None else profile.fields.get(name)
    if expected is not None and array.shape is None:  # any whole number of items is right
        expected = msgspec.structs.replace(expected, shape=None)
    return Batch(name, rows, values, label=label, expected=expected)
