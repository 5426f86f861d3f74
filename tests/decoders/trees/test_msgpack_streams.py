"""Test values of several msgpack objects behind each other, as `msgpack.Packer` writes them to one stream."""

import pickle
import zlib

import msgpack
import numpy as np
import pytest
from building import key, write_lmdb
from decoders.trees.test_msgpack import packed

from datacheck import scan
from datacheck.decoders.trees import msgpack_stream
from datacheck.decoders.trees.msgpack_decoder import MsgpackDecoder

COUNT = 40


def stream(*parts):
    return b"".join(map(packed, parts))


def sample(number, value=0.5, label=None):
    values = np.random.default_rng(number).normal(size=6).astype("f4")
    values[3] = value
    return {"x": values.tolist()}, {"label": number % 10 if label is None else label}


def findings(folder, values, **options):
    report = scan(write_lmdb(folder, {key(at): it for at, it in enumerate(values)}), workers=1, **options)
    return [(it.key, it.field, it.code, it.verdict) for it in report.findings]


@pytest.mark.parametrize(("wrap", "start"), [(zlib.compress, ""), (lambda it: pickle.dumps({"m": it}), "m")])
def test_each_value_of_a_stream_is_judged(wrap, start, tmp_path):
    values = [wrap(stream(*sample(at))) for at in range(COUNT)]
    assert findings(tmp_path / "sound", values, labels=10) == []
    values[7] = wrap(stream(*sample(7, np.nan)))
    values[9] = wrap(stream(*sample(9, label=70)))
    assert findings(tmp_path / "bad", values, labels=10) == [
        ("00000007", f"{start}[0]/x", "nan", "bad"),
        ("00000009", f"{start}[1]/label", "label", "bad"),
    ]


def test_an_array_and_its_label_are_a_stream(tmp_path):
    values = [stream(np.full(4, at, "f4"), at % 10) for at in range(1, COUNT)]
    assert findings(tmp_path / "sound", values, labels=10) == []
    values[3] = stream(np.full(4, np.inf, "f4"), 3)
    values[5] = values[5][:-1]
    assert findings(tmp_path / "bad", values, labels=10) == [
        ("00000003", "[0]", "inf", "bad"),
        ("00000005", "[1]", "label", "bad"),
    ]


def test_a_stream_that_is_cut_is_bad(tmp_path):
    values = [stream({"label": at % 10}, {"x": [0.5, at]}) for at in range(COUNT)]
    values[3] = values[3][:-4]
    assert findings(tmp_path / "bad", values) == [("00000003", "[1]", "truncated", "bad")]


def test_streams_of_one_to_three_values_are_sound(tmp_path):
    values = [stream(*[sample(at)[0]] * (1 + at % 3)) for at in range(COUNT)]
    assert findings(tmp_path / "sound", values) == []


def test_a_second_value_where_others_hold_one_is_only_said_to_be_there(tmp_path):
    values = [stream({**sample(at)[0], "label": 1}) for at in range(COUNT)]
    values[4] += stream({"y": np.nan})
    assert findings(tmp_path / "env", values) == [("00000004", None, "trailing-data", "suspicious")]


def test_bytes_that_parse_by_chance_are_no_stream():
    knows = MsgpackDecoder().knows
    assert knows(stream({"x": 1}, 2))
    assert knows(stream([1, 2], {"x": 1}))
    for value in (
        b"\x90" * 40,
        b"\x81\x05\x07" + bytes(40),
        b"\x92\1\2" + bytes(40),
        b"\x93\1\2\3\x01\2\3",
        b"\x82\1\2",
    ):
        assert not knows(value), value
    every = np.random.default_rng(1).integers(0, 256, (4000, 24)).astype("u1")
    every[:, 0] = 0x80 | every[:, 0] & 0x1F
    assert sum(knows(bytes(it)) for it in every) < 40


def test_streams_are_bounded(monkeypatch):
    monkeypatch.setattr(msgpack_stream, "CONTAINERS", 10)
    (finding,) = msgpack_stream.parse_stream(msgpack.packb([[]] * 3) * 9).findings
    assert (finding.field, finding.code, finding.verdict) == ("[3]", "too-large", "unverifiable")
