"""Parse protobuf's wire format strictly: the fields in order, or an error where the message breaks off.

Source: protobuf's encoding guide. Groups, which are no longer used, are treated as broken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from datacheck.model.finding import Finding, found
from datacheck.varint import LONGEST, decoded

VARINT, FIXED64, LEN, FIXED32 = 0, 1, 2, 5
Bytes: TypeAlias = "bytes | memoryview"


class Broken(Exception):
    """A message that is cut or not valid, with the code and the text of its finding."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(code, reason)
        self.code, self.reason = code, reason

    def finding(self, name: str) -> Finding:
        """Return the finding; `name` names the type that the message should have."""
        message = f"the {name} ends early: {self.reason}" if self.code == "truncated" else f"not {name}: {self.reason}"
        return found(self.code, message)


@dataclass(frozen=True, slots=True)
class Part:
    """A field of a message: its number, wire type and value; `raw` holds the content of all types but varints."""

    number: int
    wire: int
    value: int = 0
    raw: Bytes = b""


def parts(message: Bytes, wire_types: Mapping[int, tuple[int, ...]]) -> Iterator[Part]:
    """Yield the fields of a message; raises Broken if one is cut, unknown, or of a wrong wire type."""
    at, size = 0, len(message)
    while at < size:
        start = at
        tag, at = _varint(message, at)
        number, wire = tag >> 3, tag & 7
        if wire not in wire_types.get(number, ()):
            raise Broken("undecodable", f"field {number} with the wire type {wire} at byte {start}")
        if wire == VARINT:
            value, at = _varint(message, at)
            yield Part(number, wire, value)
            continue
        if wire == LEN:
            length, at = _varint(message, at)
        else:
            length = 8 if wire == FIXED64 else 4
        if at + length > size:
            raise Broken(
                "truncated", f"{length} bytes of field {number} at byte {start}, of which {size - at} are there"
            )
        yield Part(number, wire, raw=message[at : at + length])
        at += length


def _varint(message: Bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 7 * LONGEST, 7):
        if at >= len(message):
            raise Broken("truncated", f"byte {at} is inside a number")
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise Broken("undecodable", f"a number of more than {LONGEST} bytes before byte {at}")


def signed(value: int) -> int:
    """Return a varint as the signed 64-bit number that int32 and int64 fields hold."""
    return value - (1 << 64) if value >= 1 << 63 else value


def varints(packed: Bytes) -> NDArray[np.int64]:
    """Return the numbers of a packed varint field; raises Broken if one is cut or longer than LONGEST."""
    raw = np.frombuffer(packed, np.uint8)
    if not raw.size or raw.max() < 0x80:
        return raw.astype(np.int64)
    if raw[-1] >= 0x80:
        raise Broken("truncated", "a list of numbers ends inside one")
    values, lengths = decoded(raw)
    if lengths.max() > LONGEST:
        raise Broken("undecodable", f"a number of more than {LONGEST} bytes")
    return values.view(np.int64)


def floats(packed: Bytes, dtype: str) -> NDArray[Any]:
    """Return the numbers of a packed field of fixed width; raises Broken if the size is not a multiple of the width."""
    kind = np.dtype(dtype)
    if len(packed) % kind.itemsize:
        raise Broken("size-mismatch", f"{len(packed)} bytes of numbers of {kind.itemsize} bytes each")
    return np.frombuffer(packed, kind)


def text(raw: Bytes) -> str:
    """Return a text field as a string; raises Broken if it is not UTF-8."""
    try:
        return str(raw, "utf-8")
    except UnicodeDecodeError as error:
        raise Broken("undecodable", "a text that is not UTF-8") from error


def joined(pieces: list[NDArray[Any]], dtype: Any) -> NDArray[Any]:
    """Concatenate the values of several fields that have the same number."""
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces) if pieces else np.empty(0, dtype)
