"""Vectors of words in a script without spaces or digits: words in Latin letters among them are words too."""

import io

import numpy as np
from convention_stores import write

import datacheck


def vector(size):
    out = io.BytesIO()
    np.save(out, np.random.default_rng(size).standard_normal(size).astype("f4"))
    return out.getvalue()


def test_a_short_vector_of_a_latin_word_is_found(tmp_path):
    words = [chr(0x4E00 + 7 * at) + chr(0x5E00 + at) * (at % 3) for at in range(60)] + ["apple", "model"]
    store = {it.encode(): vector(50) for it in words}
    assert datacheck.scan(write(tmp_path / "sound", store)).clean
    store[b"apple"] = vector(49)
    assert [(it.code, it.key) for it in datacheck.scan(write(tmp_path / "short", store)).findings] == [
        ("shape", "apple")
    ]
