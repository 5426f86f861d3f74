"""Test texts of records that are nothing but "nan", and base64 of an array under any name beside dtype and shape."""

import base64
import json
import pickle
import time

import msgpack
import numpy as np
import pytest
from building import key, write_lmdb

from datacheck import scan
from datacheck.decoders.trees.json_text import JsonDecoder

COUNT = 40
WRITERS = {
    "pickle": pickle.dumps,
    "msgpack": msgpack.packb,
    "json": lambda it: json.dumps(it).encode(),
    "json in another": lambda it: json.dumps({"row": it, "x": [0.5]}).encode(),
}


def row(number, price="0.5", tags=("a", "b")):
    return {"price": price, "name": f"the {number:03} nan bread", "tags": list(tags), "n": number}


def findings(values, path):
    report = scan(write_lmdb(path, {key(at): it for at, it in enumerate(values)}), workers=1)
    return [(it.key, it.field, it.code, it.verdict) for it in report.findings]


@pytest.mark.parametrize("name", WRITERS)
def test_a_text_that_is_nan_is_suspicious(name, tmp_path):
    write, start = WRITERS[name], "row/" if name == "json in another" else ""
    values = [write(row(at)) for at in range(COUNT)]
    assert findings(values, tmp_path / "sound") == []
    values[7], values[9] = write(row(7, price="nan")), write(row(9, price="NaN"))
    values[11] = write(row(11, tags=("a", "nan")))
    assert findings(values, tmp_path / "nan") == [
        ("00000007", f"{start}price", "nan", "suspicious"),
        ("00000009", f"{start}price", "nan", "suspicious"),
        ("00000011", f"{start}tags[1]", "nan", "suspicious"),
    ]


def coded(number, value=0.5, **more):
    values = np.random.default_rng(number).normal(size=(4, 3)).astype("f4")
    values[1, 2] = value
    text = base64.b64encode(values.tobytes()).decode()
    return json.dumps({"pose": text, "dtype": "float32", "shape": [4, 3]} | more).encode()


def test_base64_of_an_array_may_have_any_name_if_it_is_the_only_one(tmp_path):
    values = [coded(at) for at in range(COUNT)]
    assert findings(values, tmp_path / "sound") == []
    values[5] = coded(5, np.nan)
    assert findings(values, tmp_path / "nan") == [("00000005", "pose", "nan", "bad")]


def test_of_two_such_texts_none_is_taken_for_the_array(tmp_path):
    values = [coded(at, np.nan, other="abcd" * 16) for at in range(COUNT)]
    assert findings(values, tmp_path / "two") == []


def test_a_digest_is_not_taken_for_the_array(tmp_path):
    text = base64.b64encode(np.full(12, np.nan, "f4").tobytes()).decode()
    values = [
        json.dumps({"sha384": text, "dtype": "float32", "shape": [3, 4], "n": at}).encode() for at in range(COUNT)
    ]
    assert findings(values, tmp_path / "digest") == []
    rows = [[0.25, 0.5, 0.75, 1.0]] * 3
    beside = {"thumb": text, "dtype": "float32", "shape": [3, 4], "rows": rows}
    values = [json.dumps(beside | {"n": at}).encode() for at in range(COUNT)]
    assert findings(values, tmp_path / "array") == []


def test_of_very_many_flawed_texts_the_first_are_named(tmp_path):
    values = [json.dumps({"names": ["a", "b"] * 3000, "n": at}).encode() for at in range(COUNT)]
    values[4] = json.dumps({"names": ["a", "nan"] * 3000, "n": 4}).encode()
    assert [it[1] for it in findings(values, tmp_path / "env")] == [f"names[{at}]" for at in range(1, 128, 2)]


def test_very_many_declared_arrays_take_linear_time():
    part = json.loads(coded(1))
    start = time.process_time()
    reading = JsonDecoder().read(json.dumps({"parts": [part] * 2600}).encode(), None)
    assert len(reading.fields) == 3 * 2600
    assert time.process_time() - start < 1


def posed(number, pose="0.25 -1.5 2e-3, 7", caption="a banana, 3 figs and nan bread"):
    return {"pose": pose, "caption": caption, "ids": ["a", "1,2,3"], "n": number}


@pytest.mark.parametrize("name", WRITERS)
def test_a_row_of_numbers_in_a_text_is_searched_for_nan(name, tmp_path):
    write, start = WRITERS[name], "row/" if name == "json in another" else ""
    values = [write(posed(at)) for at in range(COUNT)]
    values[3] = write(posed(3, caption="1 nan and 2 nan, 3 in all 9999"))
    assert findings(values, tmp_path / "sound") == []
    values[6] = write(posed(6, pose="0.25 -1.5 nan, 7.00"))
    values[8] = write(posed(8, pose="0.2 nan inf"))
    values[9] = write(posed(9, caption="1.5, 2.5, 3.5, nan, 4.5, 5.501"))
    assert findings(values, tmp_path / "nan") == [
        ("00000006", f"{start}pose", "nan", "bad"),
        ("00000008", f"{start}pose", "nan", "bad"),
        ("00000009", f"{start}caption", "nan", "suspicious"),
    ]


def test_long_rows_of_numbers_take_linear_time():
    values = [json.dumps({"a": text}).encode() for text in ("nan" + " 1" * 50000 + "x", "nan" + " " * 50000 + "x")]
    start = time.process_time()
    assert [JsonDecoder().read(it, None).findings for it in values] == [[], []]
    assert time.process_time() - start < 0.5


@pytest.mark.parametrize("name", ["lang", "language_code", "meta/locale"])
def test_nan_is_the_code_of_a_language(name):
    place, _, last = name.rpartition("/")
    record = {last: "nan", "text": "li ho"}
    value = json.dumps({place: record} if place else record).encode()
    assert JsonDecoder().read(value, None).findings == []
