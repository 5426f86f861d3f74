"""Test texts of numbers in wrappers: they lie beside nothing, and a number that is not finite is found in them."""

import gzip
import lzma

import numpy as np
import pytest
from building import key, write_lmdb

from datacheck import scan

COUNT = 40


def rows(number, value=0.5):
    values = np.random.default_rng(number).normal(size=(5, 3))
    values[1, 2] = value
    return "\n".join(",".join(f"{it:.4f}" for it in row) for row in values).encode()


def findings(values, path):
    report = scan(write_lmdb(path, {key(at): it for at, it in enumerate(values)}), workers=1)
    return [(it.key, it.code, it.verdict) for it in report.findings]


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_a_number_that_is_not_finite_is_found_in_wrapped_rows(pack, tmp_path):
    values = [pack(rows(at)) for at in range(COUNT)]
    assert findings(values, tmp_path / "sound") == []
    values[5], values[8] = pack(rows(5, np.nan)), pack(rows(8, np.inf))
    values[11] = values[11][:-9]
    assert findings(values, tmp_path / "bad") == [
        ("00000005", "nan", "bad"),
        ("00000008", "inf", "bad"),
        ("00000011", "truncated", "bad"),
    ]


def test_wrapped_captions_that_speak_of_nan_are_sound(tmp_path):
    values = [gzip.compress(b"my nan bakes %d loaves of bread" % at) for at in range(COUNT)]
    assert findings(values, tmp_path / "captions") == []


def test_a_word_column_of_wrapped_rows_may_hold_the_word_nan(tmp_path):
    values = [gzip.compress(b"%s,%d,0.5,3" % (b"naan" if at % 2 else b"bread", at)) for at in range(COUNT)]
    values[5] = gzip.compress(b"nan,5,0.5,3")
    assert findings(values, tmp_path / "words") == [("00000005", "nan", "suspicious")]
