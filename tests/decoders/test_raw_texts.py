"""Test texts in place of raw arrays: a page or an error message that a program stored instead of the array."""

import numpy as np
import pytest

from datacheck.decoders.raw import STACKED_BYTES, RawDecoder
from datacheck.model.batch import Batch
from datacheck.model.blocks import Block
from datacheck.model.equal_lengths import EqualLengths
from datacheck.model.profile import FamilyProfile
from datacheck.model.settings import Array

PAGE = b"<!DOCTYPE html>\n<html><body>503 Service Unavailable</body></html>\n"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12345\n"


def decoded(values, dtype="f4", shape=None, rows=None):
    """Return the findings by row, and the rows of the batches."""
    profile = FamilyProfile("raw", 3, array=Array(dtype, shape))
    block = Block([b"%d" % at for at in range(len(values))], values)
    findings, judged = {}, []
    for it in RawDecoder().decode(block, range(len(values)) if rows is None else rows, profile):
        if isinstance(it, Batch):
            judged += list(it.rows)
        else:
            findings[it[0]] = it[1]
    return findings, sorted(judged)


def padded(text, size):
    return (text * (1 + size // len(text)))[:size]


def floats(size, seed=0):
    return np.random.default_rng(seed).normal(size=size // 4).astype("f4").tobytes()


@pytest.mark.parametrize("size", [400, STACKED_BYTES + 400])
@pytest.mark.parametrize(
    "text", [PAGE, POINTER, b'{"error": "not found", "code": 404}', b'<?xml version="1.0"?><Error/>']
)
def test_a_text_of_the_right_length_is_suspicious(size, text):
    values = [floats(size, 1), padded(text, size), floats(size, 2)]
    findings, judged = decoded(values)
    assert judged == [0, 1, 2]
    assert [(row, it.code, it.verdict) for row, it in findings.items()] == [(1, "wrong-format", "suspicious")]
    first = padded(text, size)[:40].decode().splitlines()[0]
    assert findings[1].message == f"a text that begins {first!r} where the bytes of an array are meant"


def test_values_of_one_length_that_lie_in_one_array():
    rows = np.stack([np.frombuffer(it, np.uint8) for it in (floats(400, 1), padded(PAGE, 400), floats(400, 2))])
    apart = np.zeros((3, 500), np.uint8)
    apart[:, 10:410] = rows
    for values in (EqualLengths(rows), EqualLengths(apart[:, 10:410])):
        assert list(decoded(values)[0]) == [1]
        assert list(decoded(values, rows=[0, 2])[0]) == []
        assert list(decoded(values, rows=[1, 2])[0]) == [1]


def test_a_text_of_another_length_is_told_beside_the_length():
    findings, judged = decoded([floats(400), PAGE, bytes(13)], shape=(100,))
    assert judged == [0]
    assert findings[1].message.endswith("takes 400: it is a text that begins '<!DOCTYPE html>'")
    assert findings[2].message.endswith("takes 400")
    assert [it.code for it in findings.values()] == ["size-mismatch"] * 2


@pytest.mark.parametrize(
    "value",
    [
        b"<!DO" + bytes(396),  # only the first four bytes
        b"<htm" + floats(396),
        padded(b"plain text is what some arrays of bytes are ", 400),
        bytes(400),
    ],
)
def test_what_only_begins_so_is_none(value):
    assert decoded([floats(400), value], "u1")[0] == {}


@pytest.mark.parametrize(
    ("dtype", "size"), [("u1", 3), ("u1", 1), ("f2", 2), ("c16", 32), ("b1", 8), ("bf16", 8), ("u1", 4)]
)
def test_values_of_any_size_are_looked_at(dtype, size):
    assert decoded([bytes(size), bytes(size)], dtype) == ({}, [0, 1])
