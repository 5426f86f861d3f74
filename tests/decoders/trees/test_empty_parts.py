"""Test arrays without values beside their dtype and shape, and bytes that are empty in nearly all records."""

import base64
import io
import json
import pickle

import msgpack
import numpy as np
import pytest
from building import key, write_lmdb

from datacheck import scan


def boxes(number):
    count = 0 if number == 7 else 1 + number % 3
    return np.random.default_rng(number).random((count, 4), "f4")


def nested(number):
    values = boxes(number)
    return msgpack.packb({"boxes": {"data": values.tobytes(), "dtype": "float32", "shape": [*values.shape]}})


def flat(number):
    values = boxes(number)
    return msgpack.packb({"boxes": values.tobytes(), "boxes_dtype": "float32", "boxes_shape": [*values.shape]})


def in_json(number):
    values = boxes(number)
    text = base64.b64encode(values.tobytes()).decode()
    return json.dumps({"boxes": {"data": text, "dtype": "float32", "shape": [*values.shape]}}).encode()


@pytest.mark.parametrize("made", [nested, flat, in_json])
def test_a_declared_array_without_values_is_clean(made, tmp_path):
    report = scan(write_lmdb(tmp_path / "env", {key(it): made(it) for it in range(40)}), workers=1)
    assert (report.status, list(report.findings)) == (0, [])


def test_no_bytes_where_the_record_declares_some_are_bad(tmp_path):
    values = {key(it): nested(it + 8) for it in range(40)}
    values[key(7)] = msgpack.packb({"boxes": {"data": b"", "dtype": "float32", "shape": [2, 4]}})
    report = scan(write_lmdb(tmp_path / "env", values), workers=1)
    assert [(it.key, it.field, it.code) for it in report.findings] == [("00000007", "boxes/data", "size-mismatch")]


def test_bytes_that_nearly_all_records_leave_empty_are_clean(tmp_path):
    values = {key(it): pickle.dumps({"extra": b"", "y": it % 3}) for it in range(40)}
    values[key(7)] = pickle.dumps({"extra": bytes(range(200, 220)), "y": 1})
    report = scan(write_lmdb(tmp_path / "env", values), workers=1)
    assert not [it for it in report.findings if it.verdict == "bad"]


def test_an_array_among_bytes_that_are_empty_has_no_wrong_shape(tmp_path):
    array = io.BytesIO()
    np.save(array, np.arange(3))
    values = {key(it): pickle.dumps({"extra": b"", "y": it % 3}) for it in range(40)}
    values[key(7)] = pickle.dumps({"extra": array.getvalue(), "y": 1})
    report = scan(write_lmdb(tmp_path / "env", values), workers=1)
    assert not [it for it in report.findings if it.verdict == "bad"]


def test_empty_bytes_where_nearly_all_others_hold_some_are_bad(tmp_path):
    values = {key(it): pickle.dumps({"extra": bytes(range(200, 220)), "y": it % 3}) for it in range(40)}
    values[key(7)] = pickle.dumps({"extra": b"", "y": 1})
    report = scan(write_lmdb(tmp_path / "env", values), workers=1)
    assert [(it.key, it.field, it.code) for it in report.findings] == [("00000007", "extra", "empty")]
