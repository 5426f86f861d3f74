"""Test values that look like another payload at first: texts with U+FFFD, raw arrays like msgpack, empty payloads."""

import json
import pickle

import msgpack
import numpy as np
import pytest
from building import key, npy, write_lmdb

from datacheck import scan

COUNT = 40


def findings(folder, values):
    report = scan(write_lmdb(folder, {key(at): it for at, it in enumerate(values)}), workers=1)
    return [(it.key, it.field, it.code, it.verdict) for it in report.findings]


def test_lines_of_json_may_hold_the_replacement_character(tmp_path):
    def lines(number, value=0.5):
        objects = {"text": "a", "score": number}, {"text": "b\ufffdc", "score": value}
        return "\n".join(json.dumps(it, ensure_ascii=False) for it in objects).encode()

    values = [lines(it) for it in range(COUNT)]
    assert findings(tmp_path / "sound", values) == []
    values[7] = lines(7, np.nan)
    assert findings(tmp_path / "bad", values) == [("00000007", "[1]/score", "nan", "bad")]


def test_raw_arrays_of_one_small_value_are_no_stream_of_msgpack(tmp_path):
    values = [np.full(64, 129 + it if it % 10 else 145, "u2").tobytes() for it in range(COUNT)]
    assert findings(tmp_path / "raw", values) == [(None, None, "unknown-payload", "unverifiable")]


def test_a_payload_that_holds_nothing_counts_in_a_stream(tmp_path):
    for name, write in (("msgpack", msgpack.packb), ("pickle", pickle.dumps)):
        for empty in ({}, None):

            def stream(number, value=0.5, write=write, empty=empty):
                return write({"x": [0.5, number, value]}) + write(empty)

            values = [stream(it) for it in range(COUNT)]
            assert findings(tmp_path / f"{name}-{empty}", values) == []
            values[3] = stream(3, np.nan)
            assert findings(tmp_path / f"{name}-{empty}-bad", values) == [("00000003", "[0]/x", "nan", "bad")]


def test_a_list_that_often_mixes_texts_and_numbers_may_do_so(tmp_path):
    def mixed(number, each):
        words = ["end"] if number % each == 0 else []
        return json.dumps({"tokens": [*range(3 + number % 5), *words], "label": number % 9}).encode()

    assert findings(tmp_path / "often", [mixed(it, 6) for it in range(96)]) == []
    assert {it[1:] for it in findings(tmp_path / "rare", [mixed(it + 1, 60) for it in range(96)])} == {
        ("tokens", "fields", "suspicious")
    }


def test_no_data_values_of_all_bands_may_be_nan(tmp_path):
    def raster(number, value=0.5):
        return pickle.dumps({"x": np.array([value, number]), "meta": {"nodatavals": (np.nan,) * 3}})

    values = [raster(it) for it in range(COUNT)]
    assert findings(tmp_path / "sound", values) == []
    values[5] = raster(5, np.nan)
    assert findings(tmp_path / "bad", values) == [("00000005", "x", "nan", "bad")]


@pytest.mark.parametrize("write", [lambda it: json.dumps(it).encode(), msgpack.packb, pickle.dumps])
def test_infinity_in_a_row_of_numbers_is_found_as_nan_is(write, tmp_path):
    def row(number, value="2.5", words="some info"):
        return write({"row": f"0.5 1.5 {value} {number:02}", "tag": words, "id": number})

    values = [row(it, words=("some info", "none is inf", "inf")[it % 3]) for it in range(COUNT)]
    assert findings(tmp_path / "sound", values) == []
    values[7], values[9] = row(7, "inf"), row(9, "nan")
    assert findings(tmp_path / "bad", values) == [
        ("00000007", "row", "inf", "bad"),
        ("00000009", "row", "nan", "bad"),
    ]


def test_bytes_in_bytes_of_npy_are_not_unpacked_without_end(tmp_path):
    value = npy(np.arange(9.0))
    for _ in range(3000):
        header = f"{{'descr': '|V{len(value)}', 'fortran_order': False, 'shape': (), }}\n".encode()
        value = b"\x93NUMPY\x01\0" + len(header).to_bytes(2, "little") + header + value
    ((_, _, code, verdict),) = findings(tmp_path, [pickle.dumps({"a": value})])
    assert (code, verdict) == ("unknown-payload", "unverifiable")
