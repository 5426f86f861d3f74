"""Test an object without containers that has a key twice, beside objects of another structure."""

import json

from building import key, write_lmdb

from datacheck import scan


def test_an_object_with_a_key_twice_is_read_beside_others(tmp_path):
    values = [json.dumps({"scores": [0.5 * at, 1.5], "name": f"n{at}"}).encode() for at in range(24)]
    for at in (5, 6):
        values[at] = b'{"score": 0.5, "name": "first", "name": "second"}'
    report = scan(write_lmdb(tmp_path / "env", {key(at): it for at, it in enumerate(values)}), workers=1)
    assert {it.key for it in report.findings} == {"00000005", "00000006"}
    assert {it.code for it in report.findings} == {"fields"}
