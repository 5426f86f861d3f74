"""Decode TensorFlow's Example: named features, each a list of bytes, floats or integers.

Source: tensorflow/core/example/example.proto and feature.proto.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from datacheck.decoders.interface import Value
from datacheck.decoders.messages.wire import (
    FIXED32,
    LEN,
    VARINT,
    Broken,
    Bytes,
    floats,
    joined,
    parts,
    signed,
    text,
    varints,
)
from datacheck.decoders.trees.decoder import TreeDecoder
from datacheck.decoders.trees.tree import Items, Keyed, Node, Parsed, Run

FEATURES, FEATURE = 1, 1
KEY, VALUE = 1, 2
BYTES, FLOATS, INTS = 1, 2, 3
ONLY = {1: (LEN,)}
ENTRY = {KEY: (LEN,), VALUE: (LEN,)}
KINDS = {BYTES: (LEN,), FLOATS: (LEN,), INTS: (LEN,)}
LISTS: dict[int, dict[int, tuple[int, ...]]] = {
    BYTES: {1: (LEN,)},
    FLOATS: {1: (FIXED32, LEN)},
    INTS: {1: (VARINT, LEN)},
}


class TfExampleDecoder(TreeDecoder):
    """Decodes Example messages into a field for each feature."""

    name = "tf-example"

    def knows(self, value: Value) -> bool:
        if not len(value) or value[0] != FEATURES << 3 | LEN:
            return False
        try:
            return bool(_features(value))
        except Broken:
            return False

    def parse(self, value: Value) -> Parsed:
        """Return the features by name."""
        try:
            return Parsed(Keyed(_features(value)))
        except Broken as broken:
            return Parsed(None, [broken.finding("Example")])


def _features(value: Value) -> list[tuple[Node, Node]]:
    pairs: list[tuple[Node, Node]] = []
    for features in parts(memoryview(value), ONLY):
        for entry in parts(features.raw, ONLY):
            values = {it.number: it.raw for it in parts(entry.raw, ENTRY)}
            if KEY not in values:
                raise Broken("undecodable", "a feature without a name")
            pairs.append((text(values[KEY]), _feature(values.get(VALUE, b""))))
    return pairs


def _feature(message: Bytes) -> Node:
    kinds = list(parts(message, KINDS))
    if len(kinds) > 1:
        raise Broken("undecodable", "a feature of more than one kind")
    if not kinds:
        return Items()
    kind = kinds[0]
    values = list(parts(kind.raw, LISTS[kind.number]))
    if kind.number == BYTES:
        raws: list[Node] = [it.raw for it in values]
        return raws[0] if len(raws) == 1 else Items(raws)
    arrays: list[NDArray[np.generic]] = []
    for it in values:
        if kind.number == FLOATS:
            arrays.append(floats(it.raw, "<f4"))
        else:
            arrays.append(np.array([signed(it.value)]) if it.wire == VARINT else varints(it.raw))
    numbers = joined(arrays, np.float32 if kind.number == FLOATS else np.int64)
    return Items([Run(numbers)]) if numbers.size else Items()
