"""Decode raw arrays: values that hold only the bytes of an array, whose dtype and shape the caller gives.

Such bytes do not describe themselves, so they are never recognised, and no dtype is ever guessed.
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
from datacheck.model.listing import counted
from datacheck.model.profile import FamilyProfile
from datacheck.model.settings import Array

if TYPE_CHECKING:
    from numpy.typing import NDArray

STACKED_BYTES = 1 << 14
"""Values up to this size in bytes are copied into one array unless they already lie in one; larger ones never are."""
BFLOAT16 = "bf16"
TEXTS = frozenset((b"<!DO", b"<!do", b"<htm", b"<HTM", b"<?xm", b"<Err", b"vers", b'{"er', b'{"me', b"HTTP"))
"""First bytes of texts stored instead of data: web pages, errors of object stores or APIs, Git LFS pointers."""
PRINTED = bytes(range(32, 127)) + b"\t\n\r"
LOOKED_AT, SHOWN = 256, 40
"""Number of bytes of a text that are inspected, and that are quoted."""
BYTES = Array("u1")
"""Array type assumed for values whose type is not known: plain bytes."""


class RawDecoder:
    """Decodes values as arrays of the dtype and shape in their family's profile, into a field "data".

    In a family of labels the field is "label". Booleans become uint8, complex numbers become pairs of floats along a
    last axis of 2, and bfloat16 becomes float32.
    """

    name = "raw"

    def knows(self, value: Value) -> bool:
        """Return False: any bytes may be an array."""
        return False

    def decode(
        self, block: Block, rows: Sequence[int], profile: FamilyProfile | None, *, pixels: bool = True
    ) -> Iterator[Batch | tuple[int, Finding]]:
        """Yield one batch per valid length of the values at `rows`, and a finding for each value of a wrong length."""
        array = (profile and profile.array) or BYTES
        item = itemsize(array.dtype)
        expected = None if array.shape is None else prod(array.shape) * item
        for size, chosen in _by_length(block.values, rows).items():
            if size != expected if expected is not None else size % item or not size:
                mismatch = _mismatch(array, size, item, expected)
                yield from ((row, _size_finding(block.values[row], mismatch)) for row in chosen)
                continue
            shape = (size // item,) if array.shape is None else array.shape
            arrays = _arrays(block.values, chosen, array.dtype, shape)
            for row in _rows_of_text(block.values, chosen, arrays):
                if (line := _first_line(block.values[row])) is not None:
                    text = f"a text that begins {line!r} where the bytes of an array are meant"
                    yield row, found("wrong-format", text, field="data")
            yield _batch(chosen, arrays, array, profile)


def itemsize(dtype: str) -> int:
    """Return the size in bytes of one item of a dtype, given its short name.

    >>> itemsize("bf16"), itemsize(">u2"), itemsize("c16")
    (2, 2, 16)
    """
    return 2 if dtype == BFLOAT16 else int(dtype.lstrip("<>|")[1:])


def array_text(array: Array) -> str:
    """Return the dtype and shape as they are given on the command line.

    >>> array_text(Array("f4", (3, 64, 64)))
    'f4:3,64,64'
    """
    return array.dtype if array.shape is None else f"{array.dtype}:{','.join(map(str, array.shape))}"


def shape_text(shape: Sequence[int]) -> str:
    """Return a shape as it is printed in reports.

    >>> shape_text((3, 64, 64))
    '3x64x64'
    """
    return "x".join(map(str, shape))


def _by_length(values: Sequence[Value], rows: Sequence[int]) -> dict[int, Sequence[int]]:
    """Group the rows by the size of their values in bytes."""
    sizes = lengths(values)
    if len(rows) < len(values):
        sizes = [sizes[row] for row in rows]
    if not sizes:
        return {}
    if sizes.count(sizes[0]) == len(sizes):
        return {sizes[0]: rows}
    result: dict[int, list[int]] = {}
    for row, size in zip(rows, sizes, strict=True):
        result.setdefault(size, []).append(row)
    return dict(result)


def _mismatch(array: Array, size: int, item: int, expected: int | None) -> Finding:
    """Return the finding for a value whose size no array of this type has."""
    if expected is None:
        bytes_are = counted(size, "byte is", "bytes are")
        text = f"{bytes_are} not a whole number of items of {array.dtype}, {item} bytes each"
        return found("size-mismatch", text, field="data", found=size, item=item)
    text = f"{counted(size, 'byte')}, an array of {array_text(array)} takes {expected:,}"
    return found("size-mismatch", text, field="data", found=size, expected=expected)


def _size_finding(value: Value, mismatch: Finding) -> Finding:
    """Return the finding for a wrong length, with the first line of the value if it is a text instead of an array."""
    line = _first_line(value)
    if line is None:
        return mismatch
    return found(
        "size-mismatch", f"{mismatch.message}: it is a text that begins {line!r}", field="data", **mismatch.details
    )


def _first_line(value: Value) -> str | None:
    """Return the start of a text stored in place of data (web page, error, LFS pointer), or None if it is not one."""
    if bytes(value[:4]) not in TEXTS or bytes(value[:LOOKED_AT]).translate(None, PRINTED):
        return None
    return bytes(value[:SHOWN]).decode("ascii").splitlines()[0]


def _rows_of_text(values: Sequence[Value], rows: Sequence[int], arrays: NDArray[Any]) -> Sequence[int]:
    """Return the rows whose values begin with one of TEXTS; there are nearly always none."""
    if isinstance(arrays, SeparateArrays):
        return [row for row in rows if bytes(values[row][:4]) in TEXTS]
    import numpy as np

    if isinstance(values, EqualLengths):
        raw = values.rows[:, :4] if len(rows) == len(values) else values.rows[list(rows), :4]
    else:
        raw = arrays.reshape(len(arrays), -1).view(np.uint8)[:, :4]
    if raw.shape[1] < 4:
        return []
    heads = np.ascontiguousarray(raw).view(np.uint32)[:, 0]
    places = np.flatnonzero(np.isin(heads, np.frombuffer(b"".join(TEXTS), np.uint32)))
    return [rows[at] for at in places.tolist()]


def _arrays(values: Sequence[Value], rows: Sequence[int], dtype: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """Return values of the right length stacked along a leading axis: as views, unless they are small."""
    import numpy as np  # here, so that looking up a decoder's name does not load it

    item_dtype = np.dtype("u2" if dtype == BFLOAT16 else dtype)
    if isinstance(values, EqualLengths):
        raw = values.rows if len(rows) == len(values) else values.rows[list(rows)]
        if raw.strides[-1] == 1:
            return _real(raw.view(item_dtype).reshape(len(rows), *shape), dtype)
    chosen = values if len(rows) == len(values) else [values[row] for row in rows]
    if len(chosen[0]) <= STACKED_BYTES:
        return _real(np.frombuffer(b"".join(chosen), item_dtype).reshape(len(rows), *shape), dtype)
    records = [_real(np.frombuffer(value, item_dtype).reshape(1, *shape), dtype)[0] for value in chosen]
    return SeparateArrays(records)  # type: ignore[return-value]  # it takes the place of an array


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
    if expected is not None and array.shape is None:  # any whole number of items is valid
        expected = msgspec.structs.replace(expected, shape=None)
    return Batch(name, rows, values, label=label, expected=expected)
