"""Decode TensorFlow's Example: named features, each a list of bytes, floats or integers; and its SequenceExample.

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

FEATURES, FEATURE_LISTS = 1, 2
KEY, VALUE = 1, 2
BYTES, FLOATS, INTS = 1, 2, 3
ONLY = {1: (LEN,)}
SEQUENCE = {FEATURES: (LEN,), FEATURE_LISTS: (LEN,)}
ENTRY = {KEY: (LEN,), VALUE: (LEN,)}
KINDS = {BYTES: (LEN,), FLOATS: (LEN,), INTS: (LEN,)}
LISTS: dict[int, dict[int, tuple[int, ...]]] = {
    BYTES: {1: (LEN,)},
    FLOATS: {1: (FIXED32, LEN)},
    INTS: {1: (VARINT, LEN)},
}


class TfExampleDecoder(TreeDecoder):
    """Decodes Example messages into a field for each feature, and those of SequenceExample by where they are."""

    name = "tf-example"

    def knows(self, value: Value) -> bool:
        if not len(value) or value[0] >> 3 not in SEQUENCE or value[0] & 7 != LEN:
            return False
        try:
            return bool(_record(value).pairs)
        except Broken:
            return False

    def parse(self, value: Value) -> Parsed:
        """Return the features by name."""
        try:
            return Parsed(_record(value))
        except Broken as broken:
            return Parsed(None, [broken.finding("Example")])


def _record(value: Value) -> Keyed:
    """Return the features of an Example by name, or those of the context and of each step of a SequenceExample."""
    context: list[tuple[Node, Node]] = []
    sequences: list[tuple[Node, Node]] = []
    for part in parts(memoryview(value), SEQUENCE):
        for name, raw in _entries(part.raw):
            if part.number == FEATURES:
                context.append((name, _feature(raw)))
            else:
                sequences.append((name, Items([_feature(it.raw) for it in parts(raw, ONLY)])))
    if not sequences:
        return Keyed(context)
    return Keyed([("context", Keyed(context)), ("feature_lists", Keyed(sequences))])


def _entries(message: Bytes) -> list[tuple[Node, Bytes]]:
    """Return the names and the values of a map from names to messages."""
    entries: list[tuple[Node, Bytes]] = []
    for entry in parts(message, ONLY):
        values = {it.number: it.raw for it in parts(entry.raw, ENTRY)}
        if KEY not in values:
            raise Broken("undecodable", "a feature without a name")
        entries.append((text(values[KEY]), values.get(VALUE, b"")))
    return entries


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
