"""Test NumPy scalars as msgpack-numpy packs them, byte by byte: a map of nd (false), type and data."""

import struct

import numpy as np
import pytest
from building import write_lmdb

import datacheck
from datacheck.decoders.trees.msgpack import parse_msgpack
from datacheck.decoders.trees.msgpack_decoder import MsgpackDecoder

BYTES_KEYS = bytes.fromhex("83 c4026e64 c2 c40474797065")
"""The head of a map of three pairs: "nd" (as bytes) is false, then the key "type" (as bytes)."""
TEXT_KEYS = bytes.fromhex("83 a26e64 c2 a474797065")
"""The same head as written with `use_bin_type=False`."""


def scalar(dtype, data, head=BYTES_KEYS):
    name = bytes([0xA0 | len(dtype)]) + dtype.encode()
    if head is TEXT_KEYS:
        return head + name + bytes.fromhex("a464617461") + bytes([0xA0 | len(data)]) + data
    return head + name + bytes.fromhex("c40464617461") + bytes([0xC4, len(data)]) + data


@pytest.mark.parametrize("head", [BYTES_KEYS, TEXT_KEYS], ids=["bytes", "texts"])
@pytest.mark.parametrize(
    ("dtype", "data", "number"),
    [
        ("<f4", "0000c03f", 1.5),
        ("<f8", "000000000000f8bf", -1.5),
        (">f4", "3fc00000", 1.5),
        ("<f2", "003c", 1.0),
        ("<i8", "feffffffffffffff", -2),
        (">i2", "0102", 258),
        ("|u1", "ff", 255),
        ("|b1", "01", True),
        ("<c8", "0000803f00000040", 1 + 2j),
    ],
)
def test_a_scalar_is_the_number_that_its_bytes_are(head, dtype, data, number):
    read = parse_msgpack(scalar(dtype, bytes.fromhex(data), head)).tree
    assert (read.shape, read.dtype) == ((), np.dtype(dtype))
    assert read.item() == number


@pytest.mark.parametrize(("data", "size"), [("0000c0", 3), ("0000c03f00", 5), ("", 0)])
def test_a_scalar_whose_bytes_are_not_as_many_as_its_dtype_has(data, size):
    value = b"\x81\xa1x" + scalar("<f4", bytes.fromhex(data))
    (finding,) = MsgpackDecoder().read(value, None).findings
    assert (finding.code, finding.field) == ("size-mismatch", "x")
    assert str(size) in finding.message


@pytest.mark.parametrize("dtype", ["|O", "no", "<f9", ""])
def test_what_is_no_dtype_of_numbers_is_a_map(dtype):
    made = parse_msgpack(scalar(dtype, b"\0\0\0\0")).tree
    assert sorted(str(key) for key, _ in made.pairs) == ["b'data'", "b'nd'", "b'type'"]


@pytest.mark.parametrize("head", [BYTES_KEYS, TEXT_KEYS], ids=["bytes", "texts"])
def test_in_a_store_the_one_that_is_nan_is_named_by_key_and_path(tmp_path, head):
    def record(number):
        loss = struct.pack("<f", float("nan") if number == 17 else number / 7)
        return (
            b"\x82\xa4loss" + scalar("<f4", loss, head) + b"\xa4step" + scalar("<i8", struct.pack("<q", number), head)
        )

    report = datacheck.scan(write_lmdb(tmp_path / "env", {b"%04d" % at: record(at) for at in range(60)}))
    assert [(it.key, it.field, it.code) for it in report.findings] == [("0017", "loss", "nan")]
    family = report.profile.families["#"]
    assert (family.decoder, family.fields["loss"].dtype, family.fields["step"].dtype) == ("msgpack", "float32", "int64")
    assert (report.statistics["step"].min, report.statistics["step"].max) == (0, 59)
