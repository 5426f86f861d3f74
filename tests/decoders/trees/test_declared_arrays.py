"""Test arrays that a record keeps as bytes beside their dtype and shape, as `tobytes` leaves them."""

import base64
import json
import pickle
import zlib

import decoding_together
import msgpack
import numpy as np
import pytest
from building import key, pictures, write_lmdb

from datacheck import scan
from datacheck.decoders.pickles.decoder import PickleDecoder
from datacheck.decoders.trees.json_text import JsonDecoder
from datacheck.decoders.trees.msgpack_decoder import MsgpackDecoder

COUNT = 40


def array(number, value=0.5, rows=9):
    values = np.random.default_rng(number).normal(size=(rows, 3)).astype("f4")
    values[1, 2] = value
    return values


def letters(raw):
    return base64.b64encode(raw).decode()


def flax(x):
    """Return what `flax.serialization` packs an array to: an extension with a list of shape, dtype and bytes."""
    return msgpack.ExtType(1, msgpack.packb((x.shape, x.dtype.name, x.tobytes())))


WRITERS = {
    "pickle": (lambda x: pickle.dumps({"data": x.tobytes(), "shape": x.shape, "dtype": str(x.dtype)}), "data"),
    "pickle with NumPy's dtype": (lambda x: pickle.dumps({"a": x.tobytes(), "shape": x.shape, "dtype": x.dtype}), "a"),
    "pickle with torch's name": (
        lambda x: pickle.dumps({"data": x.tobytes(), "shape": [*x.shape], "dtype": "torch.float32"}),
        "data",
    ),
    "pickle, compressed": (
        lambda x: pickle.dumps({"data": zlib.compress(x.tobytes()), "shape": x.shape, "dtype": "float32"}),
        "data",
    ),
    "msgpack": (
        lambda x: msgpack.packb({b"__ndarray__": True, b"data": x.tobytes(), b"dtype": x.dtype.str, b"shape": x.shape}),
        "data",
    ),
    "msgpack by prefixes": (
        lambda x: msgpack.packb(
            {"obs": {"x": x.tobytes(), "x_dtype": "float32", "x_shape": x.shape, "id": b"\x01\xff" * 9}}
        ),
        "obs/x",
    ),
    "json": (lambda x: json.dumps({"data": letters(x.tobytes()), "shape": x.shape, "dtype": "<f4"}).encode(), "data"),
    "json, nested": (
        lambda x: json.dumps({"x": {"values": letters(x.tobytes()), "shape": x.shape, "dtype": "float32"}}).encode(),
        "x/values",
    ),
    "flax": (lambda x: msgpack.packb({"params": {"w": flax(x)}}), "params/w"),
}


def write(path, pack, odd):
    records = {it: array(it) for it in range(COUNT)} | odd
    return scan(write_lmdb(path / "env", {key(it): pack(x) for it, x in records.items()}), workers=1)


@pytest.mark.parametrize("name", WRITERS)
def test_their_values_and_shapes_are_judged(name, tmp_path):
    pack, path = WRITERS[name]
    report = write(tmp_path, pack, {7: array(7, np.nan), 9: array(9, rows=8)})
    assert [(it.key, it.field, it.code) for it in report.findings] == [
        ("00000007", path, "nan"),
        ("00000009", path, "shape"),
    ]


@pytest.mark.parametrize("name", ["pickle", "pickle with NumPy's dtype", "json, nested"])
def test_bytes_of_another_length_are_named(name, tmp_path):
    pack, path = WRITERS[name]
    values = {key(it): pack(array(it)) for it in range(COUNT)}

    class Cut(np.ndarray):
        def tobytes(self):
            return super().tobytes()[:-4]

    values[key(7)] = pack(array(7).view(Cut))
    report = scan(write_lmdb(tmp_path / "env", values), workers=1)
    assert [(it.key, it.field, it.code) for it in report.findings] == [("00000007", path, "size-mismatch")]


def test_the_shape_beside_an_encoded_picture_is_that_of_its_pixels(tmp_path):
    def record(number):
        return {"data": pictures()[number % len(pictures())], "shape": (3, 64, 64), "dtype": "uint8", "n": number}

    values = {key(it): pickle.dumps(record(it)) for it in range(COUNT)}
    assert scan(write_lmdb(tmp_path / "env", values), workers=1).status == 0


def test_bytes_of_another_length_are_undecided_where_nothing_says_that_they_are_an_array(tmp_path):
    def record(number):
        return {"data": np.random.default_rng(number).bytes(90 + number), "shape": (3, 64), "dtype": "uint8"}

    values = {key(it): pickle.dumps(record(it)) for it in range(COUNT)}
    report = scan(write_lmdb(tmp_path / "env", values), workers=1)
    assert {it.verdict for it in report.findings} == {"unverifiable"}
    assert len(report.findings) == COUNT


def test_names_of_files_beside_a_dtype_and_a_shape_are_texts(tmp_path):
    values = {
        key(it): json.dumps({"file": f"shard{it:04}AAAA", "shape": [3, 4], "dtype": "uint8", "n": it}).encode()
        for it in range(COUNT)
    }
    report = scan(write_lmdb(tmp_path / "env", values), workers=1)
    assert report.status == 0
    assert report.profile.families["#"].fields["file"].format == "text"


@pytest.mark.parametrize(
    ("decoder", "name"),
    [(PickleDecoder(), "pickle"), (MsgpackDecoder(), "msgpack"), (MsgpackDecoder(), "flax"), (JsonDecoder(), "json")],
)
def test_records_decoded_together_give_what_each_gives(decoder, name):
    pack, _ = WRITERS[name]
    decoding_together.compared(decoder, [pack(array(it)) for it in range(12)])


def test_a_dtype_that_differs_in_equal_bytes_is_seen():
    same = bytes(24)
    values = [pickle.dumps({"data": same, "shape": (6,), "dtype": dtype}) for dtype in ["<f4", "<i4"] * 6]
    decoding_together.compared(PickleDecoder(), values)


@pytest.mark.parametrize(
    "content", [b"\x93" * 40000, b"\xc9\xff\xff\xff\xff\x01" * 9, b"\x93\xdd\xff\xff\xff\xff\xa0\xc4\0"]
)
def test_hostile_extensions_are_bytes(content):
    reading = MsgpackDecoder().read(msgpack.packb({"x": msgpack.ExtType(1, content)}), None)
    assert {it.verdict for it in reading.findings} <= {"unverifiable"}


def test_extensions_in_extensions_take_no_stack():
    inner = b"\xc0"
    for _ in range(3000):
        inner = msgpack.packb([1, "f4", msgpack.ExtType(1, inner)])
    reading = MsgpackDecoder().read(msgpack.packb({"x": msgpack.ExtType(1, inner)}), None)
    assert [it.code for it in reading.findings] == ["unknown-payload"]


def test_a_shape_beyond_memory_takes_none():
    record = {"data": zlib.compress(bytes(100)), "shape": (1 << 40, 1 << 20), "dtype": "float64"}
    reading = PickleDecoder().read(pickle.dumps(record), None)
    assert {it.verdict for it in reading.findings} <= {"unverifiable"}
