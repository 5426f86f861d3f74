"""Decode Caffe2's TensorProtos: a list of tensors, the data first, then the label.

Source: caffe2/proto/caffe2.proto in pytorch. Small integers, booleans and float16 are stored as int32 numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datacheck.decoders.interface import Value
from datacheck.decoders.messages.wire import (
    FIXED32,
    FIXED64,
    LEN,
    VARINT,
    Broken,
    Bytes,
    Part,
    floats,
    joined,
    parts,
    signed,
    text,
    varints,
)  # fmt: skip
from datacheck.decoders.trees.decoder import TreeDecoder
from datacheck.decoders.trees.tree import Flawed, Items, Keyed, Node, Opaque, Parsed
from datacheck.model.finding import found

PROTOS, DIMS, DATA_TYPE, NAME, SEGMENT = 1, 1, 2, 7, 11
FLOATS, INT32S, BYTES, STRINGS, DOUBLES, INT64S = 3, 4, 5, 6, 9, 10
FLOAT, BYTE, STRING, FLOAT16 = 1, 3, 4, 12
VALUE_FIELDS = {
    1: (FLOATS, "<f4"), 2: (INT32S, "<i4"), 3: (BYTES, "u1"), 4: (STRINGS, ""), 5: (INT32S, "?"), 6: (INT32S, "u1"),
    7: (INT32S, "i1"), 8: (INT32S, "<u2"), 9: (INT32S, "<i2"), 10: (INT64S, "<i8"), 12: (INT32S, "<f2"),
    13: (DOUBLES, "<f8"),
}  # fmt: skip
"""The field that holds the values, and their dtype, by data type."""
TENSOR = {
    DIMS: (VARINT, LEN), DATA_TYPE: (VARINT,), FLOATS: (FIXED32, LEN), INT32S: (VARINT, LEN), BYTES: (LEN,),
    STRINGS: (LEN,), NAME: (LEN,), 8: (LEN,), DOUBLES: (FIXED64, LEN), INT64S: (VARINT, LEN), SEGMENT: (LEN,),
    12: (VARINT,),
}  # fmt: skip
LONGEST_NAME = 100


@dataclass(slots=True)
class Tensor:
    """The fields of a TensorProto."""

    name: str = ""
    kind: int = FLOAT
    dims: list[int] = field(default_factory=list)
    numbers: dict[int, list[NDArray[Any]]] = field(default_factory=dict)
    strings: list[Bytes] = field(default_factory=list)
    complete: bool = True

    @property
    def fits(self) -> bool:
        """Whether the number of values matches the dims."""
        number, _ = VALUE_FIELDS.get(self.kind, (0, ""))
        if number == STRINGS:
            return len(self.strings) == prod(self.dims)
        return number != 0 and sum(map(len, self.numbers.get(number, ()))) == prod(self.dims)


class TensorProtosDecoder(TreeDecoder):
    """Decodes TensorProtos into a field for each tensor: by name if all have names of their own, else by index."""

    name = "tensorprotos"

    def knows(self, value: Value) -> bool:
        if not len(value) or value[0] != PROTOS << 3 | LEN:
            return False
        try:
            tensors = _tensors(value)
        except Broken:
            return False
        return all(
            it.kind in VALUE_FIELDS and (it.fits or not it.complete) and (it.numbers or it.strings) for it in tensors
        )

    def parse(self, value: Value) -> Parsed:
        """Return the tensors: as a mapping if each has a name of its own, else as a list."""
        try:
            tensors = _tensors(value)
        except Broken as broken:
            return Parsed(None, [broken.finding("TensorProtos message")])
        if not tensors:
            return Parsed(None, [found("undecodable", "a TensorProtos message without a tensor")])
        nodes = [_node(it) for it in tensors]
        names = {it.name for it in tensors if it.name}
        if len(names) == len(tensors):
            return Parsed(Keyed(list(zip((it.name for it in tensors), nodes, strict=True))))
        return Parsed(Items(nodes))


def _tensors(value: Value) -> list[Tensor]:
    return [_tensor(part.raw) for part in parts(memoryview(value), {PROTOS: (LEN,)})]


def _tensor(message: Bytes) -> Tensor:
    tensor = Tensor()
    for part in parts(message, TENSOR):
        if part.number == DIMS:
            tensor.dims += [signed(part.value)] if part.wire == VARINT else varints(part.raw).tolist()
        elif part.number == DATA_TYPE:
            tensor.kind = part.value
        elif part.number == STRINGS:
            tensor.strings.append(part.raw)
        elif part.number == NAME:
            tensor.name = text(part.raw)[:LONGEST_NAME]
        elif part.number == SEGMENT:
            tensor.complete = False
        elif part.number in (FLOATS, INT32S, BYTES, DOUBLES, INT64S):
            tensor.numbers.setdefault(part.number, []).append(_numbers(part))
    if any(it < 0 for it in tensor.dims) or len(tensor.dims) > 32:
        raise Broken("undecodable", f"a tensor with the dims {tensor.dims[:8]}")
    return tensor


def _numbers(part: Part) -> NDArray[Any]:
    if part.number == FLOATS:
        return floats(part.raw, "<f4")
    if part.number == DOUBLES:
        return floats(part.raw, "<f8")
    if part.number == BYTES:
        return floats(part.raw, "u1")
    return np.array([signed(part.value)]) if part.wire == VARINT else varints(part.raw)


def _node(it: Tensor) -> Node:
    where, dtype = VALUE_FIELDS.get(it.kind, (0, ""))
    if not where:
        return Opaque(f"caffe2.TensorProto of data type {it.kind}")
    if where == STRINGS:
        strings: list[Node] = [*it.strings]
        return strings[0] if len(strings) == 1 else Items(strings)
    values = joined(it.numbers.get(where, []), dtype)
    if it.complete and len(values) != prod(it.dims):
        shown = " x ".join(map(str, it.dims)) or "no dims"
        return Flawed("size-mismatch", f"{len(values)} values, the dims are {shown}")
    if where == INT32S and it.kind == FLOAT16:
        values = values.astype(np.uint16).view(np.float16)
    elif where == INT32S:
        values = values.astype(dtype)
    return values.reshape(it.dims) if it.complete else values
