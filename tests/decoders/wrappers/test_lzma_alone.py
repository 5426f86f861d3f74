"""Test the older format of LZMA, which has no magic of letters and no checksum: it is unpacked like xz."""

import json
import lzma

import numpy as np
from building import key, write_lmdb

from datacheck import scan
from datacheck.decoders.wrappers.table import WRAPPERS


def packed(number, value=0.5):
    values = np.random.default_rng(number).normal(size=8).tolist()
    return lzma.compress(json.dumps({"x": [*values, value], "label": 1}).encode(), lzma.FORMAT_ALONE)


def test_what_it_holds_is_judged(tmp_path):
    values = {key(it): packed(it) for it in range(40)}
    values[key(7)] = packed(7, float("nan"))
    values[key(9)] = packed(9)[:-30]
    report = scan(write_lmdb(tmp_path / "env", values), workers=1)
    assert report.profile.families["#"].decoder == "xz+json"
    assert [(it.key, it.code) for it in report.findings if it.verdict == "bad"] == [
        ("00000007", "nan"),
        ("00000009", "truncated"),
    ]


def test_a_dictionary_beyond_memory_is_undecided():
    value = b"\x5d" + (1 << 31).to_bytes(4, "little") + b"\xff" * 8 + packed(1)[13:]
    assert WRAPPERS["xz"].begins(value)
    assert WRAPPERS["xz"].peel(value, 1 << 20).finding.verdict == "unverifiable"


def test_other_bytes_do_not_begin_so():
    for value in (b"]" + bytes(40), b"]\0\0\x80\0" + b"\xff" * 8 + b"\1" * 9, b"]\0\0\x81\0" + b"\xff" * 8 + bytes(9)):
        assert not WRAPPERS["xz"].begins(value)
