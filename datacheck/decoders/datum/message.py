"""Parse and write Caffe's Datum as a protobuf message.

Source: `Datum` in BVLC Caffe's src/caffe/proto/caffe.proto, and the protobuf encoding guide.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from datacheck.decoders.interface import Value
from datacheck.model.filling import require_finite
from datacheck.model.finding import Finding, found
from datacheck.varint import varint

VARINT, BYTES, FIXED32 = 0, 2, 5
CHANNELS, HEIGHT, WIDTH, DATA, LABEL, FLOAT_DATA, ENCODED = range(1, 8)
NAMES = {CHANNELS: "channels", HEIGHT: "height", WIDTH: "width", LABEL: "label", ENCODED: "encoded"}
"""Names of the fields that are numbers."""
FLOAT_TAG = FLOAT_DATA << 3 | FIXED32
_UNPACKED = np.dtype([("tag", "u1"), ("value", "<f4")])


class _Cut(Exception):
    """The message ends inside a field."""


class _Odd(Exception):
    """The bytes at this offset cannot be the next field of a Datum, for the reason given."""

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(offset, reason)
        self.offset, self.reason = offset, reason


class Datum(msgspec.Struct):
    """The fields of a Datum that could be read; `data` is a view into the message.

    `spans` gives the offsets where the value of each field begins and ends; for repeated float_data, those of the last.
    """

    numbers: dict[int, int] = msgspec.field(default_factory=dict)
    data: Value | None = None
    floats: list[NDArray[Any]] = msgspec.field(default_factory=list)
    spans: dict[int, tuple[int, int]] = msgspec.field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width; 0 for one that is absent, like in Caffe."""
        return self.numbers.get(CHANNELS, 0), self.numbers.get(HEIGHT, 0), self.numbers.get(WIDTH, 0)

    @property
    def encoded(self) -> bool:
        return bool(self.numbers.get(ENCODED))

    @property
    def has_payload(self) -> bool:
        return self.data is not None or bool(self.floats)


def parse(message: Value) -> tuple[Datum, Finding | None]:
    """Return the fields of a message up to the first flaw in its wire format, and the finding about it or None."""
    datum = Datum()
    offset = 0
    try:
        while offset < len(message):
            offset = _field(message, offset, datum)
    except _Cut:
        return datum, found(
            "truncated", f"the Datum ends at byte {len(message)} inside a field", field="data", size=len(message)
        )
    except _Odd as odd:
        rest = len(message) - odd.offset
        if datum.has_payload and (LABEL in datum.numbers or datum.encoded or prod(datum.shape) > 0):
            text = f"{rest} bytes after the end of the Datum: {odd.reason}"
            return datum, found("trailing-data", text, offset=odd.offset, size=rest)
        return datum, found("undecodable", f"not a Datum: {odd.reason} at byte {odd.offset}", offset=odd.offset)
    return datum, None


def _field(message: Value, offset: int, datum: Datum) -> int:
    """Read the field at `offset` into `datum`, and return the offset behind it."""
    tag, at = _varint(message, offset, offset)
    number, wire = tag >> 3, tag & 7
    if number == FLOAT_DATA and wire in (FIXED32, BYTES):
        return _floats(message, offset, at, wire, datum)
    if number in NAMES and wire == VARINT:
        start = at
        value, at = _varint(message, at, offset)
        if number in datum.numbers:
            raise _Odd(offset, f"a second {NAMES[number]}")
        datum.spans[number] = start, at
        if number == ENCODED:
            datum.numbers[number] = int(value != 0)
        else:
            datum.numbers[number] = _int32(value, NAMES[number], offset)
        return at
    if number == DATA and wire == BYTES:
        if datum.data is not None:
            raise _Odd(offset, "a second data")
        size, at = _varint(message, at, offset)
        datum.spans[DATA] = at, at + size
        if at + size > len(message):
            raise _Cut
        datum.data = message[at : at + size]
        return at + size
    if 1 <= number <= ENCODED:
        raise _Odd(offset, f"field {number} with the wire type {wire}")
    raise _Odd(offset, f"a field {number}, which a Datum does not have")


def _floats(message: Value, offset: int, at: int, wire: int, datum: Datum) -> int:
    """Read float_data: a packed run, or all adjacent (tag, float) pairs at once."""
    if wire == BYTES:
        size, at = _varint(message, at, offset)
        if size % 4:
            raise _Odd(offset, f"packed float_data of {size} bytes")
        if at + size > len(message):
            raise _Cut
        datum.floats.append(np.frombuffer(message[at : at + size], "<f4"))
        return at + size
    pairs = np.frombuffer(message, _UNPACKED, count=(len(message) - offset) // 5, offset=offset)
    if not pairs.size:
        raise _Cut
    if pairs["tag"][0] != FLOAT_TAG:  # no writer pads a tag; adjacent pairs could not be read together
        raise _Odd(offset, "a tag of float_data written with more bytes than it takes")
    others = np.flatnonzero(pairs["tag"] != FLOAT_TAG)
    run = int(others[0]) if others.size else pairs.size
    datum.floats.append(pairs["value"][:run])
    datum.spans[FLOAT_DATA] = offset, offset + 5 * run
    return offset + 5 * run


def _varint(message: Value, at: int, field_at: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 70:
        if at >= len(message):
            raise _Cut
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise _Odd(field_at, "a number of more than ten bytes")


def _int32(value: int, name: str, offset: int) -> int:
    if value >= 1 << 63:
        value -= 1 << 64
    if not -(1 << 31) <= value < 1 << 31:
        raise _Odd(offset, f"{name} {value}, which does not fit 32 bits")
    return value


def filled(message: Value, value: float) -> bytes:
    """Return a Datum with its NaN and infinite floats replaced by `value`, and all other bytes unchanged."""
    out = bytearray(message)
    at = 0
    while at < len(out):
        start = at
        try:
            at = _field(message, start, datum := Datum())
        except (_Cut, _Odd):
            break  # bytes after the end stay as they are
        if not datum.floats:
            continue
        packed = out[start] & 7 == BYTES
        size = 4 * sum(map(len, datum.floats))
        floats = (
            np.frombuffer(out, "<f4", size // 4, at - size)
            if packed
            else np.frombuffer(out, _UNPACKED, size // 4, start)["value"]
        )
        not_finite = ~np.isfinite(floats)
        if not_finite.any():
            require_finite(value, floats.dtype)
            floats[not_finite] = value
    return bytes(out)


def encode(
    values: NDArray[Any] | bytes, label: int | None, *, shape: Sequence[int] | None = None, encoded: bool = False
) -> bytes:
    """Return a Datum with these uint8 values (channels, height, width) or this picture, as Caffe's tools write it."""
    if isinstance(values, np.ndarray):
        shape = values.shape
    data = bytes(values) if isinstance(values, bytes) else values.tobytes()
    sizes = b"".join(
        _tagged(number, size) for number, size in zip((CHANNELS, HEIGHT, WIDTH), shape or (), strict=False)
    )
    message = sizes + bytes([DATA << 3 | BYTES]) + varint(len(data)) + data
    if label is not None:
        message += _tagged(LABEL, label)
    return message + _tagged(ENCODED, int(encoded))


def _tagged(number: int, value: int) -> bytes:
    return bytes([number << 3 | VARINT]) + varint(value & (1 << 64) - 1)
