"""Test texts in place of numbers, in fields that only some records have and in lists whose length varies."""

import json
import pickle

import msgpack
import numpy as np
import pytest
from building import key, write_lmdb

from datacheck import scan

COUNT = 96
WRITERS = {"json": lambda it: json.dumps(it).encode(), "msgpack": msgpack.packb, "pickle": pickle.dumps}


def record(number, score=0.5, width=2.5, value=1.5, tags=("a", "b")):
    draw = np.random.default_rng(number)
    objects = [{"score": 0.5 + number, "box": [1.5, 2.5]} for _ in range(number % 4)]
    if number % 4 > 1:
        objects[1] = {"score": score, "box": [1.5, width]}
    optional = {"temperature": value} if number % 3 else {}
    lengths = draw.normal(size=5 + number % 7).tolist()
    return {
        "objects": objects,
        "lengths": lengths,
        "tags": list(tags)[: 1 + number % 2],
        "label": number % 10,
    } | optional


def findings(folder, values):
    report = scan(write_lmdb(folder, {key(at): it for at, it in enumerate(values)}), workers=1)
    return [(it.key, it.field, it.code, it.verdict) for it in report.findings]


@pytest.mark.parametrize("name", WRITERS)
def test_a_text_among_numbers_is_suspicious(name, tmp_path):
    write = WRITERS[name]
    values = [write(record(it)) for it in range(COUNT)]
    assert findings(tmp_path / "sound", values) == []
    values[2], values[7] = write(record(2, score="0.9")), write(record(7, width="abc"))
    values[11] = write(record(11, value="1.5"))
    values[13] = write(record(13) | {"lengths": [0.5, "abc", 1.5, 2.5, 0.25]})
    assert findings(tmp_path / "bad", values) == [
        ("00000002", "objects[1]/score", "fields", "suspicious"),
        ("00000007", "objects[1]/box", "fields", "suspicious"),
        ("00000011", "temperature", "fields", "suspicious"),
        ("00000013", "lengths", "fields", "suspicious"),
    ]


def test_fields_with_texts_in_some_records_and_numbers_in_others_are_sound(tmp_path):
    def mixed(number):
        value = [number, str(number), 0.5][number % 3]
        return json.dumps({"value": value, "row": [1.5, value, *[2] * (number % 4)], "label": number % 10}).encode()

    assert findings(tmp_path / "sound", [mixed(it) for it in range(COUNT)]) == []
