"""Test .npy bytes: written by NumPy, and then each broken in one way."""

from __future__ import annotations

import io
import warnings

import numpy as np
import pytest

from datacheck.decoders.npy import NpyDecoder
from datacheck.model.blocks import Block

RNG = np.random.default_rng(0)


def save(values, **options) -> bytes:
    out = io.BytesIO()
    np.save(out, values, **options)
    return out.getvalue()


def read(value: bytes):
    return NpyDecoder().read(memoryview(value), None)


def head(literal: str, version: int = 1) -> bytes:
    raw = literal.encode("utf-8" if version == 3 else "latin-1")
    return b"\x93NUMPY" + bytes([version, 0]) + len(raw).to_bytes(2 if version == 1 else 4, "little") + raw


DTYPES = ["u1", "i1", "<u2", ">i4", "<i8", "<f2", ">f4", "<f8", "longdouble"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (1,), (3, 4), (2, 3, 4)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_numbers_come_back(dtype, shape, order):
    values = np.asarray(RNG.normal(size=shape) * 100).astype(dtype, order=order)
    reading = read(save(values))
    [field] = reading.fields
    assert reading.findings == []
    assert (field.name, field.format, field.encoded, field.label) == ("data", "npy", False, False)
    assert field.values.shape == shape
    assert (field.values == values.astype(field.values.dtype)).all()
    assert field.values.dtype.itemsize <= 8


def test_truth_and_complex_values():
    [field] = read(save(np.array([True, False]))).fields
    assert (field.values.dtype, field.values.tolist()) == (np.uint8, [1, 0])
    [field] = read(save(np.array([[1 + 2j], [3j]], ">c8"))).fields
    assert field.values.tolist() == [[[1, 2]], [[0, 3]]]


def test_members_of_a_structured_array_are_fields():
    dtype = np.dtype([("x", "<f4", (2,)), ("name", "S3"), ("in", [("y", "?"), ("z", ">i2")])])
    values = np.zeros(3, dtype)
    values["x"][1] = np.nan
    fields = {field.name: field.values for field in read(save(values)).fields}
    assert {name: (it.shape, it.dtype.kind) for name, it in fields.items()} == {
        "x": ((3, 2), "f"), "in.y": ((3,), "u"), "in.z": ((3,), "i"),
    }  # fmt: skip
    assert np.isnan(fields["x"][1]).all()


@pytest.mark.parametrize("values", [np.array(["a", "b"]), np.array([b"ab"]), np.array(["2020-01-01"], "M8[D]")])
def test_what_is_not_numbers_is_not_judged(values):
    reading = read(save(values))
    assert (list(reading.fields), list(reading.findings)) == ([], [])


@pytest.mark.parametrize("shape", [(0,), (0, 8), (3, 0, 2)])
def test_an_array_without_values_keeps_its_shape(shape):
    reading = read(save(np.empty(shape, np.float32)))
    assert ([it.values.shape for it in reading.fields], list(reading.findings)) == ([shape], [])


def test_a_shape_without_values_that_numpy_cannot_have_is_bounded():
    literal = f"{{'descr': '<f4', 'fortran_order': False, 'shape': (0, {1 << 62}, {1 << 62})}}"
    assert [it.values.shape for it in read(head(literal, 1)).fields] == [(0,)]


@pytest.mark.parametrize("version", [1, 2, 3])
def test_versions(version):
    literal = "{'descr': '<i4', 'fortran_order': False, 'shape': (2L,)}"
    value = head(literal if version < 3 else literal.replace("L", ""), version) + bytes(8)
    assert read(value).fields[0].values.tolist() == [0, 0]


WHOLE = save(np.arange(12, dtype="<i4").reshape(3, 4))
GOOD = "{'descr': '<i4', 'fortran_order': False, 'shape': (3,)}"
BROKEN = {
    "a byte less": (WHOLE[:-1], "truncated"),
    "no values": (WHOLE[:128], "truncated"),
    "half the header": (WHOLE[:60], "truncated"),
    "half the magic's version": (WHOLE[:7], "truncated"),
    "huge": (head(GOOD.replace("3,", "10**9,").replace("10**9", "1000000000000000000")) + bytes(4), "truncated"),
    "a huge item": (head(GOOD.replace("<i4", "V2000000000")), "truncated"),
    "bytes behind": (WHOLE + b"abc", "trailing-data"),
    "magic broken": (b"\x94" + WHOLE[1:], "undecodable"),
    "no literal": (head("{'descr': '<i4', "), "undecodable"),
    "a call": (head(GOOD.replace("(3,)", "exit(1)")), "undecodable"),
    "no shape": (head("{'descr': '<i4', 'fortran_order': False}"), "undecodable"),
    "not a dictionary": (head("7"), "undecodable"),
    "a negative shape": (head(GOOD.replace("3", "-3")), "undecodable"),
    "a shape of floats": (head(GOOD.replace("3", "3.0")), "undecodable"),
    "no such dtype": (head(GOOD.replace("<i4", "<q99")), "undecodable"),
    "deeply nested": (head("(" * 5000 + ")" * 5000), "undecodable"),
    "a long header": (head(GOOD + " " * (1 << 17), 2) + bytes(12), "too-large"),
    "version 9": (b"\x93NUMPY\x09\0" + bytes(50), "unknown-payload"),
    "pickled objects": (save(np.array([{}, None]), allow_pickle=True), "unknown-payload"),
    "an object among the members": (head(GOOD.replace("'<i4'", "[('a','O')]")) + bytes(24), "unknown-payload"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_arrays_have_one_finding(name):
    value, expected = BROKEN[name]
    reading = read(value)
    assert [finding.code for finding in reading.findings] == [expected]
    assert bool(reading.fields) == (expected == "trailing-data")


def test_messages_give_found_and_expected():
    [finding] = read(WHOLE[:-1]).findings
    assert finding.message == "47 bytes of values, 3 x 4 int32 takes 48"
    assert finding.details == {"found": 47, "expected": 48}


def test_random_damage_is_a_finding_and_never_an_error():
    rng = np.random.default_rng(0)
    sound = [WHOLE, save(np.zeros(5, [("a", "f4"), ("b", "S2")])), save(np.ones((2, 2), "c16"))]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for trial in range(500):
            value = bytearray(sound[trial % 3])
            for _ in range(int(rng.integers(1, 4))):
                value[int(rng.integers(len(value)))] = int(rng.integers(256))
            reading = read(bytes(value[: int(rng.integers(len(value) // 2, len(value) + 1))]))
            assert len(reading.findings) <= 1
            assert all(finding.message.isprintable() for finding in reading.findings)


def test_arrays_are_stacked():
    decoder = NpyDecoder()
    assert decoder.knows(WHOLE)
    assert not decoder.knows(b"PK\x03\x04")
    [batch] = decoder.decode(Block([b"a", b"b"], [WHOLE, memoryview(WHOLE)]), [0, 1], None)
    assert batch.values.shape == (2, 3, 4)
