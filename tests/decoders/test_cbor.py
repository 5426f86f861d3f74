"""Test that CBOR without a tag before it is called by its name, and that other bytes are not."""

import random
import struct

import pytest
from building import key, write_lmdb

from datacheck import scan
from datacheck.decoders import kind
from datacheck.decoders.foreign import known_format


def encoded(value):
    """Return what `cbor2.dumps` makes of a value: definite lengths, floats of eight bytes."""
    if isinstance(value, float):
        return b"\xfb" + struct.pack(">d", value)
    if isinstance(value, int):
        return head(0, value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value)) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(encoded, value))
    return head(5, len(value)) + b"".join(encoded(it) for pair in value.items() for it in pair)


def head(major, number):
    if number < 24:
        return bytes([major << 5 | number])
    size = next(it for it in (1, 2, 4, 8) if number < 1 << 8 * it)
    return bytes([major << 5 | {1: 24, 2: 25, 4: 26, 8: 27}[size]]) + number.to_bytes(size, "big")


def record(number):
    draw = random.Random(number)
    values = [draw.gauss(0, 1) for _ in range(30)]
    return {"x": values, "label": number % 5, "name": f"record {number}", "raw": draw.randbytes(300)}


@pytest.mark.parametrize("value", [record(1), [record(1), record(2)], {"a": record(3)}])
def test_maps_and_lists_of_maps_are_cbor(value):
    raw = encoded(value)
    assert (kind(raw), known_format(raw)) == (None, "CBOR")
    assert {known_format(raw[:at]) for at in range(2, len(raw), 7)} <= {None}
    assert known_format(raw + b"\0") is None


def test_other_bytes_are_not_cbor():
    draw = random.Random(1)
    assert known_format(encoded([1.5, 2.5, 3])) is None
    assert known_format(b"\xa1\x61x" + b"\x81" * 60 + b"\0") is None  # nested too deeply
    assert sum(known_format(draw.randbytes(60)) == "CBOR" for _ in range(2000)) == 0


def test_a_store_of_cbor_is_named_and_what_is_none_pointed_at(tmp_path):
    values = {key(at): encoded(record(at)) for at in range(20)}
    values[key(7)] = values[key(7)][:-9]
    findings = [(it.key, it.code, it.verdict) for it in scan(write_lmdb(tmp_path / "env", values), workers=1).findings]
    assert findings == [("00000007", "undecodable", "suspicious"), (None, "unknown-payload", "unverifiable")]
