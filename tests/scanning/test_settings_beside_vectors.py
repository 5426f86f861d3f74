"""A record about the others has a length of its own beside raw vectors, which are under packed numbers or digests."""

import struct

import numpy as np
import pytest
from convention_stores import write

import datacheck

KEYS = {"packed": lambda at: struct.pack("<i", at), "digests": lambda at: b"%032x" % (at * 7919**8)}


def vectors(key):
    return {key(at): np.random.default_rng(at).standard_normal(16).astype("f4").tobytes() for at in range(60)}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_the_dimension_of_vectors_has_no_odd_length_and_a_short_vector_has(tmp_path, key):
    store = vectors(key) | {b"dim": b"16", b"count": b"60"}
    codes = {it.code for it in datacheck.scan(write(tmp_path / "sound", store)).findings}
    assert codes == {"unknown-payload"}
    store[key(7)] = store[key(7)][:40]
    found = datacheck.scan(write(tmp_path / "short", store)).findings
    assert [(it.code, it.message) for it in found if it.code != "unknown-payload"] == [
        ("size-mismatch", "40 bytes, nearly all others have 64")
    ]
