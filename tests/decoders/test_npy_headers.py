"""Test the headers of .npy bytes: their three versions, how each encodes names, and what is not a header."""

import numpy as np
import pytest

from datacheck.decoders import npy_bytes
from datacheck.decoders.npy import NpyDecoder


def head(literal, version=1):
    raw = literal.encode("utf-8" if version == 3 else "latin-1")
    return b"\x93NUMPY" + bytes([version, 0]) + len(raw).to_bytes(2 if version == 1 else 4, "little") + raw


def read(value):
    return NpyDecoder().read(memoryview(value), None)


def of(name, version):
    literal = f"{{'descr': [('{name}', '<f4')], 'fortran_order': False, 'shape': (2,), }}\n"
    return head(literal, version) + np.array([1, 2], "<f4").tobytes()


@pytest.mark.parametrize(("name", "version"), [("é", 1), ("é", 2), ("é", 3), ("ж", 3), ("plain", 1)])
def test_the_names_of_members_are_latin_1_up_to_version_2_and_utf_8_from_3_on(name, version):
    reading = read(of(name, version))
    assert reading.findings == []
    assert [(field.name, field.values.tolist()) for field in reading.fields] == [(name, [1, 2])]


def test_version_3_that_is_not_utf_8_is_broken():
    literal = "{'descr': [('é', '<f4')], 'fortran_order': False, 'shape': (2,), }".encode("latin-1")
    value = b"\x93NUMPY\x03\0" + len(literal).to_bytes(4, "little") + literal + bytes(8)
    (finding,) = read(value).findings
    assert finding.code == "undecodable"
    assert finding.message.startswith("the .npy header is broken: 'utf-8' codec can't decode byte 0xe9")


@pytest.mark.parametrize(
    ("value", "code", "message"),
    [
        (b"\x93NUMPX\x01\0\0\0", "undecodable", "not .npy bytes: begins with 93 4e 55 4d 50 58"),
        (b"\x93NUMPY\x04\0\0\0\0\0", "unknown-payload", ".npy of version 4, known are 1 to 3"),
        (b"\x93NUMPY\x00\0\0\0\0\0", "unknown-payload", ".npy of version 0, known are 1 to 3"),
        (b"\x93NUMPY", "truncated", "ends at byte 6 inside the .npy header"),
        (b"\x93NUMPY\x01\0\x05", "truncated", "ends at byte 9 inside the .npy header"),
        (b"\x93NUMPY\x02\0\x05\0\0", "truncated", "ends at byte 11 inside the .npy header"),
        (head("{'descr'")[:-1], "truncated", "ends at byte 17 inside the .npy header"),
        (head("{'descr'"), "undecodable", "the .npy header is broken: '{' was never closed (<unknown>, line 1)"),
        (
            head("{'descr': '<f4', 'fortran_order': False, 'shape': [2]}"),
            "undecodable",
            "the .npy header gives the shape [2]",
        ),
        (
            head("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}"),
            "undecodable",
            "the .npy header gives the shape (-2,)",
        ),
        (
            head("{'descr': '<f4', 'fortran_order': False, 'shape': (True,)}"),
            "undecodable",
            "the .npy header gives the shape (True,)",
        ),
        (
            head("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}") + bytes(8),
            "unknown-payload",
            "an array of pickled Python objects, which are never loaded",
        ),
        (head("{'descr': '<f4', 'fortran_order': False}"), "undecodable", "the .npy header is broken: 'shape'"),
        (
            head("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}") + bytes(20),
            "truncated",
            "20 bytes of values, 2 x 3 float32 takes 24",
        ),
        (
            head("{'descr': '<f4', 'fortran_order': False, 'shape': ()}") + bytes(9),
            "trailing-data",
            "5 bytes after the end of the array of one float32",
        ),
    ],
)
def test_what_is_wrong_with_a_header_is_said(value, code, message):
    (finding,) = read(value).findings
    assert (finding.code, finding.message) == (code, message)


def test_a_shape_has_at_most_32_axes():
    def of_axes(count):
        return head(f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({'1, ' * count})}}", 2) + bytes(4)

    assert read(of_axes(32)).findings == []
    assert [it.code for it in read(of_axes(33)).findings] == ["undecodable"]


def test_a_header_longer_than_any_is_not_parsed(monkeypatch):
    literal = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}"
    value = head(literal.ljust(npy_bytes.LITERAL_BYTES), 2) + bytes(4)
    assert read(value).findings == []
    longer = head(literal.ljust(npy_bytes.LITERAL_BYTES + 1), 2) + bytes(4)
    (finding,) = read(longer).findings
    assert (finding.code, finding.message) == ("too-large", f"a .npy header of {npy_bytes.LITERAL_BYTES + 1} bytes")


@pytest.mark.parametrize(("version", "known"), [(1, True), (2, True), (3, False)])
def test_the_long_integers_of_python_2_are_read_up_to_version_2(version, known):
    value = head("{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 3L)}", version) + bytes(24)
    reading = read(value)
    assert [field.values.shape for field in reading.fields] == ([(2, 3)] if known else [])
    assert [finding.code for finding in reading.findings] == ([] if known else ["undecodable"])
