"""Decode RAVE's AudioExample: named buffers of sound as numbers.

Source: udls's audio_example.proto and RAVE's preprocessing. The latter stores as shape the number of channels and of
bytes per channel, not of samples.
"""

from __future__ import annotations

from math import prod

from datacheck.decoders.interface import Value
from datacheck.decoders.messages.wire import FIXED32, LEN, VARINT, Broken, Bytes, floats, parts, signed, text, varints
from datacheck.decoders.trees.decoder import TreeDecoder
from datacheck.decoders.trees.tree import Flawed, Keyed, Node, Opaque, Parsed

BUFFERS, METADATA = 1, 2
KEY, VALUE = 1, 2
SHAPE, RATE, DATA, PRECISION, FORMAT = 1, 2, 3, 4, 6
PRECISIONS = {0: "<f2", 1: "<f4", 2: "<f8", 3: "<i2", 4: "<i4", 5: "<i8"}
RAW = 6
EXAMPLE = {BUFFERS: (LEN,), METADATA: (LEN,)}
ENTRY = {KEY: (LEN,), VALUE: (LEN,)}
BUFFER = {
    SHAPE: (VARINT, LEN),
    RATE: (VARINT, FIXED32),
    DATA: (LEN,),
    PRECISION: (VARINT,),
    5: (LEN,),
    FORMAT: (VARINT, LEN),
}


class AudioExampleDecoder(TreeDecoder):
    """Decodes AudioExample messages into a field for each buffer and each text of its metadata."""

    name = "audio-example"

    def knows(self, value: Value) -> bool:
        if not len(value) or value[0] not in (BUFFERS << 3 | LEN, METADATA << 3 | LEN):
            return False
        try:
            pairs = _pairs(value)
        except Broken:
            return False
        return bool(pairs) and not any(isinstance(it, Flawed) for _, it in pairs)

    def parse(self, value: Value) -> Parsed:
        """Return the buffers and the metadata by name."""
        try:
            return Parsed(Keyed(_pairs(value)))
        except Broken as broken:
            return Parsed(None, [broken.finding("AudioExample")])


def _pairs(value: Value) -> list[tuple[Node, Node]]:
    pairs: list[tuple[Node, Node]] = []
    metadata: list[tuple[Node, Node]] = []
    for part in parts(memoryview(value), EXAMPLE):
        entry = {it.number: it.raw for it in parts(part.raw, ENTRY)}
        if KEY not in entry or VALUE not in entry:
            raise Broken("undecodable", "an entry without a name or a value")
        name = text(entry[KEY])
        if part.number == METADATA:
            metadata.append((name, text(entry[VALUE])))
        else:
            pairs.append((name, _buffer(entry[VALUE])))
    return [*pairs, ("metadata", Keyed(metadata))] if metadata else pairs


def _buffer(message: Bytes) -> Node:
    shape: list[int] = []
    data: Bytes | None = None
    precision, encoded = 0, False
    for part in parts(message, BUFFER):
        if part.number == SHAPE:
            shape += [signed(part.value)] if part.wire == VARINT else varints(part.raw).tolist()
        elif part.number == DATA:
            data = part.raw
        elif part.number == PRECISION:
            precision = part.value
        elif part.number == FORMAT:
            encoded = bool(part.value or len(part.raw))
    if data is None:
        raise Broken("undecodable", "a buffer without data")
    if precision > RAW or any(it < 0 for it in shape) or len(shape) > 8:
        raise Broken("undecodable", f"a buffer of precision {precision} and the shape {shape[:8]}")
    if encoded or precision == RAW:
        return Opaque("udls.AudioBuffer of encoded sound")
    width = int(PRECISIONS[precision][2:])
    if shape and prod(shape) not in (len(data), len(data) // width):
        mismatch = (
            f"{len(data)} bytes of {PRECISIONS[precision][1:]}, the shape {' x '.join(map(str, shape))} fits neither "
        )
        return Flawed("size-mismatch", f"{mismatch}as bytes nor as samples")
    if len(data) % (width * max(1, shape[0] if len(shape) > 1 else 1)):
        return Flawed(
            "size-mismatch", f"{len(data)} bytes are not a whole number of samples of {width} bytes a channel"
        )
    values = floats(data, PRECISIONS[precision])
    return values.reshape(shape[0], -1) if len(shape) > 1 and shape[0] and values.size else values
