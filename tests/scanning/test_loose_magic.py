"""Test bytes that nothing decodes, of which a few happen to begin like a text or a tree."""

import json
import random

from building import key, pictures, write_lmdb

import datacheck


def unknown(count=400, size=134):
    draw = random.Random(7)
    return {key(at): b"\xc1" + draw.randbytes(size + at % 3) for at in range(count)}


def scanned(path, records):
    return datacheck.scan(write_lmdb(path, records), workers=1)


def test_one_value_that_begins_as_json_does_is_not_broken_json(tmp_path):
    records = unknown() | {key(133): b'["d\xc0\x98' + unknown()[key(133)]}
    report = scanned(tmp_path / "it", records)
    assert (report.status, report.bad, dict(report.counts)) == (3, 0, {"unknown-payload": 1})


def test_many_values_of_json_are_judged_though_most_are_unknown(tmp_path):
    texts = {key(at): json.dumps({"a": [at] * 30}).encode() for at in range(0, 400, 5)}
    texts[key(5)] = texts[key(5)][:40]
    report = scanned(tmp_path / "it", unknown() | texts)
    assert [(it.key, it.code) for it in report.findings if it.verdict == "bad"] == [("00000005", "truncated")]


def test_one_picture_is_judged_by_its_magic(tmp_path):
    picture = pictures()[0]
    report = scanned(tmp_path / "it", unknown() | {key(9): picture[: len(picture) // 2]})
    assert [it.key for it in report.findings if it.verdict == "bad"] == ["00000009"]
